"""What a picture may cost is known before a decoder sees it."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageChops, ImageStat

from vitrina.errors import BusyError, PictureError
from vitrina.pictures import avif
from vitrina.pictures import decode as images
from vitrina.pictures.decode import DECODING, decode
from vitrina.pictures.limits import Limits
from vitrina.pictures.memory import MemoryBudget
from vitrina.pictures.survey import survey
from vitrina.pictures.tiff import orientation


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def scene(mode: str = "RGB", size: tuple[int, int] = (120, 1600)) -> Image.Image:
    """A picture in which every row takes as many bytes as any other."""
    noise = Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1]))  # noqa: S311
    return Image.merge(mode, [noise.rotate(180 * n) for n in range(len(mode))])


def refused(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data, limits=limits)
    return str(caught.value)


def chunk(name: bytes, body: bytes) -> bytes:
    check = struct.pack(">L", zlib.crc32(name + body))
    return struct.pack(">L", len(body)) + name + body + check


def png(width: int, height: int, extra: bytes = b"") -> bytes:
    packed = zlib.compress((b"\0" + b"\x80" * width) * height)
    head = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(1, 65_536), (65_536, 1)])
def test_a_side_is_bounded(size: tuple[int, int]) -> None:
    assert "over the limit of 65,535 pixels" in refused(png(*size))


@pytest.mark.parametrize("size", [(1, 65_535), (65_535, 1), (65_535, 20)])
def test_the_longest_side_there_may_be(size: tuple[int, int]) -> None:
    picture = decode(png(*size))
    assert (picture.width, picture.height) == size
    assert max(picture.open().size) == 1024
    assert picture.open().getpixel((0, 0)) == (128, 128, 128)


def scans(count: int, size: tuple[int, int] = (64, 64)) -> bytes:
    whole = encoded(Image.new("L", size), "JPEG", progressive=True)
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + b"\x00" * 8
    return whole[:-2] + scan * count + whole[-2:]


def test_scans_are_bounded() -> None:
    assert decode(scans(100)).width == 64
    assert "more than the limit of 200 scans" in refused(scans(200))


def test_the_work_of_scans_is_bounded() -> None:
    data = scans(150, (512, 512))
    assert decode(data).width == 512
    assert "its scans cover" in refused(data, Limits(work=30_000_000))


def test_honest_progressive_pictures_pass() -> None:
    found = survey(encoded(scene(size=(1200, 1600)), "JPEG", progressive=True), Limits())
    assert found is not None
    assert found.work < 20 * 1200 * 1600


@pytest.mark.parametrize("kind", [0xC3, 0xC9, 0xCA])
def test_rare_kinds_of_jpeg_are_refused(kind: int) -> None:
    data = encoded(scene(), "JPEG")
    at = data.index(b"\xff\xc0")
    assert "rare kind" in refused(data[: at + 1] + bytes((kind,)) + data[at + 2 :])


def gif(before: bytes = b"", frames: int = 1) -> bytes:
    whole = encoded(scene("L", (64, 64)), "GIF")
    start = whole.index(b",", 13 + 3 * (2 << (whole[10] & 7)))
    return whole[:start] + before + whole[start:-1] * frames + b";"


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        pytest.param(
            png(9, 9, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(900_000)))), png(9, 9), id="png"
        ),
        pytest.param(
            png(9, 9, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000))) * 90),
            png(9, 9),
            id="zTXt over what Pillow takes",
        ),
        pytest.param(gif(b"!\xfe" + (b"\xff" + b"x" * 255) * 90 + b"\0"), gif(), id="gif"),
        pytest.param(
            encoded(scene(), "JPEG", comment=b"x" * 60_000, icc_profile=b"y" * 200_000),
            encoded(scene(), "JPEG"),
            id="jpeg",
        ),
    ],
)
def test_only_what_holds_pixels_goes_to_the_decoder(data: bytes, plain: bytes) -> None:
    found, bare = survey(data, Limits()), survey(plain, Limits())
    assert found is not None
    assert bare is not None
    assert found.data == bare.data
    assert decode(data).jpeg == decode(plain).jpeg


def test_only_the_first_frame_goes_to_the_decoder() -> None:
    found, alone = survey(gif(frames=50), Limits()), survey(gif(), Limits())
    assert found is not None
    assert alone is not None
    assert found.data == alone.data
    assert decode(gif(frames=50)).width == 64


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(9, 9, chunk(b"teSt", b"") * 300), id="png"),
        pytest.param(gif(b"!\xfe" + b"\x01x" * 300 + b"\0"), id="gif"),
        pytest.param(
            encoded(scene(), "JPEG")[:2] + b"\xff\xe5\0\2" * 300 + encoded(scene(), "JPEG")[2:],
            id="jpeg",
        ),
        pytest.param(
            encoded(scene("L"), "TIFF", strip_size=120, compression="packbits"), id="tiff"
        ),
        pytest.param(
            b"RIFF\xff\xff\0\0WEBP" + b"teSt\0\0\0\0" * 300 + encoded(scene(), "WEBP")[12:],
            id="webp",
        ),
    ],
)
def test_parts_are_bounded(data: bytes) -> None:
    assert "more than the limit of 200 parts" in refused(data, Limits(parts=200))


def test_metadata_is_not_copied_for_every_entry_that_points_to_it() -> None:
    """50 MB for 60 kB, where each entry of the EXIF is read."""
    count, size = 2000, 30_000
    entries = b"".join(struct.pack("<HHLL", 0x9000 + n, 7, size, 8) for n in range(count))
    turned = struct.pack("<HHLL", 0x0112, 3, 1, 6)
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", count + 1) + turned + entries + bytes(size)
    assert orientation(exif) == 6
    import tracemalloc

    data = encoded(scene(), "JPEG", exif=b"Exif\0\0" + exif)
    tracemalloc.start()
    try:
        picture = decode(data)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert (picture.width, picture.height) == (1600, 120)


def test_tags_that_claim_more_than_there_is_are_refused() -> None:
    data = encoded(scene(), "TIFF")
    (at,) = struct.unpack_from("<L", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    many = b"".join(struct.pack("<HHLL", 0x9000 + n, 7, 1_000_000, 8) for n in range(9))
    directory = data[at + 2 : at + 2 + 12 * count] + many + bytes(4)
    moved = data[:4] + struct.pack("<L", len(data)) + data[8:]
    assert "tags claim more bytes" in refused(moved + struct.pack("<H", count + 9) + directory)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"II+\0\x08\0\0\0" + bytes(90), "is expected"),
        (encoded(Image.new("P", (9, 9)), "BMP"), None),
        (
            encoded(Image.new("P", (9, 9)), "BMP")[:30]
            + struct.pack("<L", 1)
            + encoded(Image.new("P", (9, 9)), "BMP")[34:],
            "a compressed BMP",
        ),
    ],
)
def test_kinds_that_are_not_needed_are_refused(data: bytes, said: str | None) -> None:
    if said is None:
        assert decode(data).width == 9
    else:
        assert said in refused(data)


def test_a_picture_over_the_memory_of_all_is_refused_before_it_is_opened() -> None:
    canvas = struct.pack("<LL", 0x10, 0)[:4] + (16_000).to_bytes(3, "little")
    data = b"VP8X\x0a\0\0\0" + canvas + (2000).to_bytes(3, "little")
    webp = b"RIFF" + struct.pack("<L", 4 + len(data)) + b"WEBP" + data
    assert "MB of memory, over the limit of 400 MB" in refused(webp)


def test_memory_is_shared_by_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures fit; whoever decodes holds its share, and gives it back on every path."""
    data = png(2000, 1000)
    found = survey(data, Limits())
    assert found is not None
    budget = MemoryBudget(2 * found.memory)
    monkeypatch.setattr(images, "DECODING", budget)
    inside, most, lock = 0, 0, threading.Lock()
    small = images.small

    def counted(image: Image.Image, edge: int) -> Image.Image:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return small(image, edge)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(images, "small", counted)
    with ThreadPoolExecutor(8) as pool:
        assert {p.width for p in pool.map(decode, [data] * 16)} == {2000}
    assert most <= 2
    refused(data[: len(data) // 2])
    with budget.hold(budget.size):  # all of it was given back
        pass


def test_a_large_share_is_not_overtaken_for_ever() -> None:
    budget = MemoryBudget(10)
    order: list[str] = []
    waiting = threading.Event()

    def take(name: str, amount: int) -> None:
        waiting.set()
        with budget.hold(amount):
            order.append(name)

    with budget.hold(5):
        large = threading.Thread(target=take, args=("large", 10))
        large.start()
        waiting.wait()
        while not budget.waiting:
            pass
        small = threading.Thread(target=take, args=("small", 1))
        small.start()
    large.join()
    small.join()
    assert order == ["large", "small"]
    with pytest.raises(PictureError, match="over the limit"), budget.hold(11):
        pass


def test_whoever_waits_in_vain_says_so_and_lets_others_go_on() -> None:
    budget = MemoryBudget(10, patience=0.2)
    with budget.hold(4):
        with pytest.raises(BusyError, match="no memory to decode it became free"), budget.hold(7):
            pass
        with budget.hold(6):
            pass
    with budget.hold(10):
        pass


def test_whoever_waits_is_told_to_stop() -> None:
    budget, stop = MemoryBudget(10), threading.Event()

    def wait() -> None:
        with budget.hold(10, stop):
            raise AssertionError

    with ThreadPoolExecutor(1) as pool, budget.hold(1):
        waiter = pool.submit(wait)
        while not budget.waiting:
            pass
        stop.set()
        with pytest.raises(BusyError, match="stopped before there was memory"):
            waiter.result()
    with budget.hold(10):
        pass


def test_a_cut_jpeg_is_decoded_no_more_often_than_its_work_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With restart markers it is tried with twice as many ends."""
    opened: list[object] = []
    really = images._opened
    monkeypatch.setattr(images, "_opened", lambda found: opened.append(found) or really(found))
    for options in ({}, {"restart_marker_rows": 1}):
        whole = encoded(scene(), "JPEG", **options)
        found = survey(whole, Limits())
        assert found is not None
        opened.clear()
        decode(whole[:-2])
        decodes = len(opened)
        decode(whole[:-2], limits=Limits(work=decodes * found.work))
        assert "cut short, and too large" in refused(
            whole[:-2], Limits(work=decodes * found.work - 1)
        )


KINDS = {
    "4:2:0": ("RGB", {"subsampling": 2}),
    "4:4:4": ("RGB", {"subsampling": 0}),
    "grey": ("L", {}),
    "cmyk": ("CMYK", {}),
    "restarts": ("RGB", {"restart_marker_rows": 1}),
    "restarts, few": ("RGB", {"restart_marker_rows": 20}),
}


@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
@pytest.mark.parametrize("kind", KINDS)
class TestCutJPEG:
    """A JPEG is a picture where at least 95 % of its rows are there."""

    def _made(self, kind: str, progressive: bool) -> bytes:
        mode, options = KINDS[kind]
        return encoded(scene(mode), "JPEG", progressive=progressive, **options)

    @pytest.mark.parametrize("end", [b"", b"\xff", bytes(500)])
    def test_without_its_end_marker_it_is_whole(
        self, kind: str, progressive: bool, end: bytes
    ) -> None:
        data = self._made(kind, progressive)
        assert decode(data[:-2] + end).jpeg == decode(data).jpeg

    @pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.94])
    def test_of_less_it_is_refused(self, kind: str, progressive: bool, share: float) -> None:
        data = self._made(kind, progressive)
        said = refused(data[: int(len(data) * share)])
        assert "less than 95 % of its rows" in said or "lacks whole scans" in said

    def test_of_whole_scans_it_is_refused(self, kind: str, progressive: bool) -> None:
        data = self._made(kind, progressive)
        said = refused(data[: data.rindex(b"\xff\xda")])
        assert "lacks whole scans" in said if progressive else "cut short or damaged" in said

    @pytest.mark.parametrize("share", [0.965, 0.99, 0.999])
    def test_of_more_it_is_a_picture(self, kind: str, progressive: bool, share: float) -> None:
        data = self._made(kind, progressive)
        picture = decode(data[: int(len(data) * share)])
        assert (picture.width, picture.height) == (120, 1600)
        top = (0, 0, 76, 960)
        apart = ImageChops.difference(picture.open().crop(top), decode(data).open().crop(top))
        assert max(ImageStat.Stat(apart).mean) < 5


@pytest.mark.parametrize("color", ["white", "black", (128, 128, 128)])
def test_plain_rows_are_told_from_missing_ones(color: object) -> None:
    """The decoder fills up with grey; a plain picture may be white, or that grey."""
    image = Image.new("RGB", (120, 1600), color)  # type: ignore[arg-type]
    image.paste(scene(size=(120, 200)), (0, 0))
    data = encoded(image, "JPEG")
    assert decode(data[:-2]).jpeg == decode(data).jpeg
    assert "less than 95 %" in refused(data[: len(data) // 2])


def test_nothing_is_set_for_other_threads() -> None:
    from PIL import ImageFile

    decode(encoded(scene(), "JPEG")[:-2])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_the_decoder_holds_nothing_after_a_refusal() -> None:
    for data in (png(90, 90)[:50], encoded(scene(), "JPEG")[:9000], encoded(scene(), "WEBP")[:900]):
        refused(data)
    with DECODING.hold(DECODING.size):
        pass


# -- what a header says is not what the picture is -----------------------------------------------


def decoded_or_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> str | tuple[int, int]:
    """What came of it. No picture that Pillow makes has more pixels than were surveyed."""
    found: list[int] = []
    try:
        surveyed = survey(data, Limits())
    except PictureError as error:
        return str(error)
    assert surveyed is not None
    limit = max(surveyed.width * surveyed.height, 1)
    opened = images._opened

    def watched(of: object) -> Image.Image:
        image = opened(of)  # type: ignore[arg-type]
        found.append(image.width * image.height)
        image.load()
        found.append(image.width * image.height)
        return image

    monkeypatch.setattr(images, "_opened", watched)
    try:
        picture = decode(data)
    except PictureError as error:
        return str(error)
    finally:
        assert all(pixels <= limit for pixels in found)
    return picture.width, picture.height


def claiming(data: bytes, size: tuple[int, int]) -> bytes:
    """An AVIF whose container says another size than what is coded."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">LL", *size) + data[at + 8 :]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_avif_codes_no_more_than_its_container_says(mode: str) -> None:
    whole = encoded(Image.new(mode, (3000, 2000)), "AVIF")
    assert decode(whole).width == 3000
    assert "with a larger coded picture" in refused(claiming(whole, (64, 64)))
    assert "with a larger coded picture" in refused(claiming(whole, (3000, 1000)))


def test_the_first_frame_of_an_avif_is_looked_at_too() -> None:
    frames = [Image.new("RGB", (600, 400), color) for color in ("red", "blue")]
    whole = encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert decode(whole).width == 600
    found = survey(whole, Limits())
    assert found is not None
    at = whole.index(b"moov")
    sizes = avif.track_sizes(whole, at + 4, at - 4 + struct.unpack_from(">L", whole, at - 4)[0])
    assert sizes == [(600, 400)]


@pytest.mark.parametrize("extra", [b"", bytes(5)])
def test_an_avif_that_is_cut_up_anyhow_is_refused_or_read(extra: bytes) -> None:
    whole = encoded(Image.new("RGB", (60, 40)), "AVIF")
    for at in range(0, len(whole) - 40, 7):
        broken = whole[:at] + extra + whole[at + 3 :]
        with contextlib.suppress(PictureError):
            assert decode(broken).width <= 64


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<L", len(data)) + data + b"\0" * (len(data) & 1)
        for name, data in chunks
    )
    return b"RIFF" + struct.pack("<L", 4 + len(body)) + b"WEBP" + body


def of24(*values: int) -> bytes:
    return b"".join(value.to_bytes(3, "little") for value in values)


@pytest.mark.parametrize("lossless", [False, True], ids=["VP8", "VP8L"])
@pytest.mark.parametrize("canvas", [(64, 64), (4000, 64), (6000, 6000)])
def test_a_webp_frame_and_its_canvas_both_count(
    monkeypatch: pytest.MonkeyPatch, canvas: tuple[int, int], lossless: bool
) -> None:
    whole = encoded(Image.new("RGB", (1200, 900)), "WEBP", lossless=lossless)
    frame = (whole[12:16], whole[20:])
    still = riff((b"VP8X", bytes(4) + of24(canvas[0] - 1, canvas[1] - 1)), frame)
    head = of24(0, 0, 1199, 899, 40) + b"\0"
    inner = frame[0] + struct.pack("<L", len(frame[1])) + frame[1]
    moving = riff(
        (b"VP8X", b"\2" + bytes(3) + of24(canvas[0] - 1, canvas[1] - 1)),
        (b"ANIM", bytes(6)),
        (b"ANMF", head + inner),
    )
    for data in (still, moving):
        came = decoded_or_refused(data, monkeypatch)
        assert isinstance(came, str)
    found = survey(moving, Limits(pixels=50_000_000))
    assert found is not None
    assert (found.width, found.height) == tuple(map(max, canvas, (1200, 900)))


def test_a_frame_inside_of_an_animation_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame says 9x9, what is coded in it 5000x5000."""
    bits = 4999 | 4999 << 14
    inner = b"VP8L" + struct.pack("<LBL", 14, 0x2F, bits) + bytes(9)
    data = riff(
        (b"VP8X", b"\2" + bytes(3) + of24(8, 8)),
        (b"ANIM", bytes(6)),
        (b"ANMF", of24(0, 0, 8, 8, 40) + b"\0" + inner),
    )
    found = survey(data, Limits())
    assert found is not None
    assert (found.width, found.height) == (5000, 5000)
    assert "MB of memory, over the limit" in refused(data)


def test_a_gif_frame_may_be_larger_than_its_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoded(Image.new("P", (900, 700)), "GIF")
    small = whole[:6] + struct.pack("<HH", 9, 9) + whole[10:]
    assert decoded_or_refused(small, monkeypatch) == (900, 700)
    start = whole.index(b",", 13 + 3 * (2 << (whole[10] & 7)))
    far = whole[: start + 1] + struct.pack("<HH", 65_000, 65_000) + whole[start + 5 :]
    assert "over the limit of 40 megapixels" in refused(far)


def test_a_jpeg_has_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoded(scene("L", (64, 64)), "JPEG")
    at = whole.index(b"\xff\xc0")
    head = whole[at : at + 2 + struct.unpack_from(">H", whole, at + 2)[0]]
    large = head[:5] + struct.pack(">HH", 60_000, 600) + head[9:]
    for data in (
        whole[:at] + large + whole[at:],
        whole[: at + len(head)] + large + whole[at + len(head) :],
        whole[:-2] + large + whole[-2:],
    ):
        assert "of a rare kind" in decoded_or_refused(data, monkeypatch)
    hidden = whole[:2] + b"\xff\xee" + struct.pack(">H", 2 + len(large)) + large + whole[2:]
    assert decoded_or_refused(hidden, monkeypatch) == (64, 64)
    assert decoded_or_refused(whole + whole[:at] + large, monkeypatch) == (64, 64)


def tiff(width: int, height: int, *more: tuple[int, int, int, int], pixels: bytes = b"") -> bytes:
    """A grey TIFF in which (tag, type, count, value) are added to, or replace, the usual entries."""
    usual = {
        256: (256, 3, 1, width), 257: (257, 3, 1, height), 258: (258, 3, 1, 8),
        259: (259, 3, 1, 1), 262: (262, 3, 1, 1), 273: (273, 4, 1, 8), 277: (277, 3, 1, 1),
        278: (278, 3, 1, height), 279: (279, 4, 1, width * height),
    }  # fmt: skip
    body = pixels or bytes(width * height)
    added = {entry[0] for entry in more}
    entries = [e for tag, e in usual.items() if tag not in added] + list(more)
    entries.sort(key=lambda entry: entry[0])
    table = b"".join(
        struct.pack("<HHLHH" if kind == 3 else "<HHLL", tag, kind, count, value, *[0] * (kind == 3))
        for tag, kind, count, value in entries
    )
    at = 8 + len(body)
    return (
        b"II*\0" + struct.pack("<L", at) + body + struct.pack("<H", len(entries)) + table + bytes(4)
    )


class TestTIFF:
    def test_of_several_pictures_the_first_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pages = [Image.new("L", (90, 60), n) for n in range(50)]
        data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
        assert decoded_or_refused(data, monkeypatch) == (90, 60)

    @pytest.mark.parametrize("tag", [256, 257, 258, 259, 277, 278, 279])
    def test_what_is_said_twice_is_refused(self, tag: int) -> None:
        whole = tiff(90, 60)
        assert decode(whole).width == 90
        value = {256: 60_000, 257: 60_000, 258: 16, 259: 8, 277: 4, 278: 1, 279: 1}[tag]
        usual = {256: 90, 257: 60, 258: 8, 259: 1, 277: 1, 278: 60, 279: 5400}[tag]
        for pair in ((value, usual), (usual, value)):
            twice = [(tag, 4 if n > 65_535 else 3, 1, n) for n in pair]
            assert "damaged" in refused(tiff(90, 60, *twice))

    @pytest.mark.parametrize("kind", [2, 5, 6, 7, 8, 9, 10, 11, 12])
    def test_sides_of_tiles_are_plain_numbers(self, kind: int) -> None:
        """A library that takes them from other types would take memory for them."""
        width = (322, kind, 1, 30_000)
        assert "damaged" in refused(tiff(90, 60, width, (323, 4, 1, 30_000)))

    def test_large_tiles_count(self) -> None:
        assert "over the limit" in refused(tiff(90, 60, (322, 4, 1, 30_000), (323, 4, 1, 30_000)))

    def test_strips_do_not_share_their_bytes(self) -> None:
        """Each of 200 strips has all of the file: 200 times the file would be read."""
        size = 200 * 90
        offsets = struct.pack("<200L", *[8] * 200)
        lengths = struct.pack("<200L", *[size] * 200)
        body = bytes(size) + offsets + lengths
        data = tiff(
            90, 200, (278, 3, 1, 1), (259, 3, 1, 32773),
            (273, 4, 200, 8 + size), (279, 4, 200, 8 + size + 800), pixels=body,
        )  # fmt: skip
        assert "its parts claim more bytes" in refused(data)

    def test_a_bomb_unfolds_to_no_more_than_its_strip(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        packed = zlib.compress(bytes(50_000_000))
        data = tiff(90, 60, (259, 3, 1, 8), (279, 4, 1, len(packed)), pixels=packed)
        came = decoded_or_refused(data, monkeypatch)
        assert came == (90, 60) or "damaged" in str(came)


def bmp(width: int, height: int, compression: int = 0, bits: int = 24) -> bytes:
    row = (abs(width) * bits + 31) // 32 * 4
    body = bytes(min(row * abs(height), 100_000))
    info = struct.pack(
        "<LllHHLLllLL", 40, width, height, 1, bits, compression, len(body), 0, 0, 0, 0
    )
    return b"BM" + struct.pack("<LLL", 54 + len(body), 0, 54) + info + body


class TestBMP:
    def test_of_a_negative_height_is_the_right_way_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert decoded_or_refused(bmp(90, -60), monkeypatch) == (90, 60)

    def test_of_os2_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        head = struct.pack("<LHHHH", 12, 90, 60, 1, 24)
        data = b"BM" + struct.pack("<LLL", 26 + 272 * 60, 0, 26) + head + bytes(272 * 60)
        assert decoded_or_refused(data, monkeypatch) == (90, 60)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (bmp(90, 60, 1, 8), "a compressed BMP"),
            (bmp(90, 60, 2, 4), "a compressed BMP"),
            (bmp(90, 60, 4), "a compressed BMP"),
            (bmp(-90, 60), "damaged"),
            (bmp(30_000, -30_000), "over the limit of 40 megapixels"),
            (bmp(90, -(2**31)), "over the limit of 40 megapixels"),
            (bmp(90, -(2**28)), "over the limit of 40 megapixels"),
            (bmp(0, 60), "damaged"),
        ],
    )
    def test_else_is_refused(self, monkeypatch: pytest.MonkeyPatch, data: bytes, said: str) -> None:
        came = decoded_or_refused(data, monkeypatch)
        assert isinstance(came, str)
        assert said in came


class TestPNG:
    def test_of_more_data_than_its_header_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """50 MB in the data, 60x60 in the header: no more than those are unfolded."""
        head = chunk(b"IHDR", struct.pack(">LLBBBBB", 60, 60, 8, 0, 0, 0, 0))
        packed = zlib.compress(bytes(50_000_000))
        data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
        came = decoded_or_refused(data, monkeypatch)
        assert came == (60, 60) or "damaged" in str(came)

    def test_with_two_headers_has_the_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        second = chunk(b"IHDR", struct.pack(">LLBBBBB", 60_000, 600, 8, 0, 0, 0, 0))
        assert decoded_or_refused(png(60, 60, second), monkeypatch) == (60, 60)

    def test_of_many_frames_is_the_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        frames = [Image.new("L", (60, 60), n) for n in range(30)]
        data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
        assert b"fdAT" in data
        found = survey(data, Limits())
        assert found is not None
        assert b"fdAT" not in found.data
        assert b"acTL" not in found.data
        assert decoded_or_refused(data, monkeypatch) == (60, 60)


def test_other_formats_never_reach_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    made: list[bytes] = []
    for kind in sorted(
        set(Image.SAVE) - {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "MPO"}
    ):
        for mode in ("RGB", "L", "1", "P"):
            try:
                made.append(encoded(Image.new(mode, (64, 64)), kind))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, DeprecationWarning):
                continue
            break
    assert len(made) > 8

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it reached Pillow")

    monkeypatch.setattr(Image, "open", never)
    for data in made:
        if not data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"BM", b"GIF8")):
            assert refused(data)
