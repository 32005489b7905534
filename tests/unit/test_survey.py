"""What a picture may cost is known before a decoder sees it."""

from __future__ import annotations

import io
import random
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageChops, ImageStat

from vitrina.errors import PictureError
from vitrina.pictures import decode as images
from vitrina.pictures.decode import DECODING, decode
from vitrina.pictures.limits import Limits
from vitrina.pictures.memory import MemoryBudget
from vitrina.pictures.survey import orientation, survey


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
    assert "its scans go over" in refused(data, Limits(work=30_000_000))


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
    small = images._small

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

    monkeypatch.setattr(images, "_small", counted)
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
        while not budget._turn.locked():
            pass
        small = threading.Thread(target=take, args=("small", 1))
        small.start()
    large.join()
    small.join()
    assert order == ["large", "small"]
    with pytest.raises(PictureError, match="over the limit"), budget.hold(11):
        pass


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
