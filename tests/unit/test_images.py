"""Pictures: every kind comes out the same way, and what is no picture says why."""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageOps

from vitrina.errors import PictureError
from vitrina.pictures.decode import Picture, decode, load
from vitrina.pictures.kinds import looks_like_picture, stranger
from vitrina.pictures.limits import Limits

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0),
    (0, 128, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def scene(size: tuple[int, int] = (120, 80)) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    width, height = size
    for color, box in (
        (RED, (0, 0, width // 2 - 1, height // 2 - 1)),
        (GREEN, (width // 2, 0, width, height // 2 - 1)),
        (BLUE, (0, height // 2, width // 2 - 1, height)),
    ):
        draw.rectangle(box, fill=color)
    return image


def corners(picture: Picture) -> list[tuple[int, int, int]]:
    image = picture.open()
    width, height = image.size
    spots = [(x * width // 4, y * height // 4) for y in (1, 3) for x in (1, 3)]
    return [image.getpixel(spot) for spot in spots]  # type: ignore[misc]


def near(found: object, expected: object, tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))  # type: ignore[call-overload]


def refused(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data, limits=limits)
    assert not caught.value.transient
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "mime"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("AVIF", "image/avif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
    ],
)
def test_formats(kind: str, mime: str) -> None:
    data = encoded(scene(), kind)
    picture = decode(data)
    assert picture.mime == mime
    assert (picture.width, picture.height, picture.size) == (120, 80, len(data))
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert looks_like_picture(data)
    for found, expected in zip(corners(picture), (RED, GREEN, BLUE, WHITE), strict=True):
        assert near(found, expected, 30)


def test_normal_form() -> None:
    picture = decode(encoded(scene((3000, 1500)), "JPEG"))
    assert (picture.width, picture.height) == (3000, 1500)
    normal = Image.open(io.BytesIO(picture.jpeg))
    assert (normal.format, normal.mode, normal.size) == ("JPEG", "RGB", (1024, 512))
    small = Image.open(io.BytesIO(picture.thumbnail))
    assert (small.format, small.mode, small.size) == ("WEBP", "RGB", (320, 160))
    assert picture.open().size == (1024, 512)
    assert picture.open(edge=100).size == (100, 50)
    assert picture.open(edge=5000).size == (1024, 512)
    assert 0 <= picture.dhash < 2**64


def test_small_pictures_are_not_enlarged() -> None:
    picture = decode(encoded(scene((60, 80))))
    assert picture.open().size == (60, 80)
    assert Image.open(io.BytesIO(picture.thumbnail)).size == (60, 80)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_extreme_shapes(size: tuple[int, int]) -> None:
    picture = decode(encoded(Image.new("RGB", size, "red")))
    assert (picture.width, picture.height) == size
    assert max(picture.open().size) == min(max(size), 1024)
    assert min(picture.open().size) == min(size)


def test_is_repeatable_also_from_many_threads() -> None:
    data = [encoded(scene((300 + n, 200)), "PNG") for n in range(8)]
    alone = [decode(one) for one in data]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(decode, data * 5))
    assert together == alone * 5


def test_metadata_is_stripped() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    noted = encoded(
        scene(), "JPEG", exif=exif, icc_profile=b"profile" * 50, comment=b"secret", dpi=(300, 300)
    )
    picture = decode(noted)
    for data in (picture.jpeg, picture.thumbnail):
        image = Image.open(io.BytesIO(data))
        assert not {"exif", "icc_profile", "comment"} & set(image.info)
        assert b"secret" not in data
    assert picture.jpeg == decode(encoded(scene(), "JPEG")).jpeg


TURNED_BACK = {
    1: lambda im: im,
    2: ImageOps.mirror,
    3: lambda im: im.rotate(180),
    4: ImageOps.flip,
    5: lambda im: im.transpose(Image.Transpose.TRANSPOSE),
    6: lambda im: im.transpose(Image.Transpose.ROTATE_90),
    7: lambda im: im.transpose(Image.Transpose.TRANSVERSE),
    8: lambda im: im.transpose(Image.Transpose.ROTATE_270),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", TURNED_BACK)
def test_orientation(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = TURNED_BACK[orientation](scene())
    picture = decode(encoded(stored, kind, exif=exif))
    assert (picture.width, picture.height) == (120, 80) == picture.open().size
    for found, expected in zip(corners(picture), (RED, GREEN, BLUE, WHITE), strict=True):
        assert near(found, expected, 30)


def test_orientation_of_a_large_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = TURNED_BACK[6](scene((2400, 1600)))
    picture = decode(encoded(stored, "JPEG", exif=exif))
    assert (picture.width, picture.height) == (2400, 1600)
    assert picture.open().size == (1024, 683)
    assert near(corners(picture)[0], RED)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0garbage",
        b"Exif\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abcd\0\0\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0\0\0\0\0",
    ],
)
@pytest.mark.parametrize("action", ["error", "always"])
def test_corrupt_exif_is_ignored(
    exif: bytes, action: str, recwarn: pytest.WarningsRecorder
) -> None:
    warnings.simplefilter(action)  # type: ignore[arg-type]
    picture = decode(encoded(scene(), "JPEG", exif=exif))
    assert near(corners(picture)[0], RED)
    assert not list(recwarn)


@pytest.mark.parametrize("action", ["error", "always"])
def test_odd_metadata_of_a_tiff_is_ignored(action: str, recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter(action)  # type: ignore[arg-type]
    data = encoded(scene(), "TIFF")
    tag = struct.pack("<HHL", 0x0115, 3, 1)  # samples per pixel: one number, said to be two
    at = data.index(tag)
    odd = data[: at + 4] + struct.pack("<L", 2) + data[at + 8 :]
    before = list(warnings.filters)
    assert (decode(odd).width, list(recwarn)) == (120, [])
    assert warnings.filters == before, "those of the whole process are not ours"


def test_pillow_logs_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(scene(), "TIFF")
    tag = struct.pack("<HHLH", 0x0115, 3, 1, 3)
    assert tag in data
    refused(data.replace(tag, struct.pack("<HHLH", 0x0115, 3, 1, 2048)))
    assert capfd.readouterr() == ("", "")


def test_animations_give_their_first_frame() -> None:
    frames = [Image.new("RGB", (40, 40), color) for color in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert near(corners(decode(data))[0], RED, 20), kind


def png16(kind: int, rows: list[list[int]]) -> bytes:
    """A PNG with 16 bits a channel, which Pillow does not write for colours."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">L", zlib.crc32(name + body))
        return struct.pack(">L", len(body)) + name + body + check

    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    width = len(rows[0]) // channels
    raw = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in rows)
    head = struct.pack(">LLBBBBB", width, len(rows), 16, kind, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gradient(mode: str, scale: float) -> Image.Image:
    """Grey from 0 on the left to 255 * `scale` on the right."""
    image = Image.new(mode, (256, 16))
    for x in range(256):
        for y in range(16):
            value = x * scale
            image.putpixel((x, y), value if mode == "F" else round(value))
    return image


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(gradient("L", 1)), id="8-bit"),
        pytest.param(encoded(gradient("I;16", 257)), id="16-bit png"),
        pytest.param(encoded(gradient("I;16", 257), transparency=9), id="16-bit png, trns"),
        pytest.param(encoded(gradient("I;16", 257), "TIFF"), id="16-bit tiff"),
        pytest.param(encoded(gradient("I;16B", 257), "TIFF"), id="16-bit tiff, big-endian"),
        pytest.param(encoded(gradient("I", 257), "TIFF"), id="32-bit, 16 used"),
        pytest.param(encoded(gradient("I", 1), "TIFF"), id="32-bit, 8 used"),
        pytest.param(encoded(gradient("I", 2**23 - 1), "TIFF"), id="32-bit, all used"),
        pytest.param(encoded(gradient("F", 1 / 255), "TIFF"), id="float to 1"),
        pytest.param(encoded(gradient("F", 1), "TIFF"), id="float to 255"),
        pytest.param(encoded(gradient("F", 1000), "TIFF"), id="float to more"),
        pytest.param(
            png16(2, [[x * 257 for x in range(256) for _ in "rgb"]] * 16), id="16-bit colour"
        ),
        pytest.param(png16(0, [[x * 257 for x in range(256)]] * 16), id="16-bit grey"),
        pytest.param(
            png16(6, [[v for x in range(256) for v in (x * 257,) * 3 + (65535,)]] * 16),
            id="16-bit rgba",
        ),
    ],
)
def test_deep_pictures_keep_their_shades(data: bytes) -> None:
    image = decode(data).open()
    for x in (2, 64, 128, 192, 253):
        assert near(image.getpixel((x, 8)), (x, x, x), 6)


def test_16_bit_colour_keeps_its_colour() -> None:
    picture = decode(png16(2, [[65535, 0, 0] * 32] * 32))
    assert near(corners(picture)[0], RED)


def see_through(mode: str) -> Image.Image:
    """Red on the left; on the right red again (or grey), but wholly transparent."""
    image = Image.new("RGBA", (80, 40), (255, 0, 0, 255))
    image.paste((255, 0, 0, 0), (40, 0, 80, 40))
    return image if mode == "RGBA" else image.convert(mode)


def paletted(transparency: object) -> bytes:
    image = Image.new("P", (80, 40), 0)
    image.putpalette([255, 0, 0, 0, 128, 0])
    image.paste(1, (40, 0, 80, 40))
    options = {} if transparency is None else {"transparency": transparency}
    return encoded(image, "PNG", **options)


@pytest.mark.parametrize(
    ("data", "left", "right"),
    [
        pytest.param(encoded(see_through("RGBA")), RED, WHITE, id="rgba"),
        pytest.param(encoded(see_through("RGBA"), "WEBP"), RED, WHITE, id="rgba webp"),
        pytest.param(encoded(see_through("RGBA"), "TIFF"), RED, WHITE, id="rgba tiff"),
        pytest.param(encoded(see_through("LA")), (76, 76, 76), WHITE, id="la"),
        pytest.param(paletted(None), RED, GREEN, id="palette"),
        pytest.param(paletted(1), RED, WHITE, id="palette, one transparent"),
        pytest.param(paletted(b"\xff\x00"), RED, WHITE, id="palette, alpha bytes"),
        pytest.param(
            encoded(see_through("RGBA").convert("RGB"), transparency=RED), WHITE, WHITE, id="trns"
        ),
        pytest.param(
            encoded(Image.new("L", (80, 40), 9), transparency=9), WHITE, WHITE, id="grey trns"
        ),
        pytest.param(encoded(Image.new("1", (80, 40), 1)), WHITE, WHITE, id="one bit, white"),
        pytest.param(encoded(Image.new("1", (80, 40), 0)), BLACK, BLACK, id="one bit, black"),
        pytest.param(encoded(Image.new("L", (80, 40), 99)), (99,) * 3, (99,) * 3, id="grey"),
        pytest.param(
            encoded(Image.new("CMYK", (80, 40), (0, 255, 255, 0)), "JPEG"), RED, RED, id="cmyk jpeg"
        ),
        pytest.param(
            encoded(Image.new("CMYK", (80, 40), (0, 255, 255, 0)), "TIFF"), RED, RED, id="cmyk tiff"
        ),
        pytest.param(
            encoded(Image.new("RGB", (80, 40), RED).convert("YCbCr"), "JPEG"), RED, RED, id="ycbcr"
        ),
        pytest.param(
            encoded(Image.new("LAB", (80, 40), (136, 208, 195)), "TIFF"), RED, RED, id="lab"
        ),
    ],
)
def test_modes(data: bytes, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    image = decode(data).open()
    assert image.mode == "RGB"
    assert near(image.getpixel((15, 20)), left)
    assert near(image.getpixel((65, 20)), right)


def test_transparency_survives_shrinking() -> None:
    """Hidden colours must not shine through at the edge of what is visible."""
    image = Image.new("RGBA", (3000, 3000), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 1500, 3000))
    shrunk = decode(encoded(image)).open()
    for x in range(500, 525):
        red, green, blue = shrunk.getpixel((x, 500))  # type: ignore[misc]
        assert red > 200
        assert abs(green - blue) < 25


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty (0 bytes)"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page (HTML)"),
        (b"\xef\xbb\xbf\n <html lang=en>", "web page (HTML)"),
        (b"<!-- hello --><HTML>", "web page (HTML)"),
        (b"<script>location='/'</script>", "web page (HTML)"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing"),
        (b"<!-- made with --><svg width='1'></svg>", "SVG drawing"),
        (b"<!DOCTYPE svg PUBLIC>", "SVG drawing"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b'{"error": "not found"}', "JSON"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7 ...", "PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"PK\x03\x04....", "ZIP archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"just some text", "JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF is expected"),
        (b"\0" * 1000, "is expected"),
        (b"\x89PNG\r\n\x1a\n", "is expected"),
        (b"\xff\xd8\xff\xe0", "is expected"),
        (encoded(scene(), "ICO"), "is expected"),
        (encoded(scene(), "PPM"), "is expected"),
        (encoded(scene(), "JPEG2000"), "JPEG 2000"),
    ],
)
def test_what_is_no_picture(data: bytes, said: str) -> None:
    assert said in refused(data)


def test_stranger_knows_pictures() -> None:
    assert stranger(encoded(scene())) is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated(kind: str, share: float) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((150, 150), 90)] * 3)
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    data = encoded(noise, kind, **options)
    said = refused(data[: int(len(data) * share)])
    assert "cut short or damaged" in said or "is expected" in said


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_damage_never_escapes_as_another_error(kind: str) -> None:
    """Whatever bytes are changed: a picture or a PictureError."""
    chance = random.Random(kind)  # noqa: S311
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(scene((64, 48)), kind, **({} if kind in {"GIF", "BMP"} else {"exif": exif}))
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            picture = decode(bytes(data), limits=Limits(pixels=1_000_000))
        except PictureError:
            continue
        assert picture.open().mode == "RGB"


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims to be huge in a few bytes."""
    data = bytearray(encoded(Image.new("1", (8, 8))))
    data[16:24] = struct.pack(">LL", width, height)
    data[29:33] = struct.pack(">L", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


@pytest.mark.parametrize("action", ["error", "default"])
@pytest.mark.parametrize(
    ("width", "height"), [(7000, 7000), (10_000, 10_000), (60_000, 60_000), (1, 50_000_000)]
)
def test_decompression_bombs(width: int, height: int, action: str) -> None:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter(action)  # type: ignore[arg-type]
        assert "limit of 40 megapixels" in refused(bomb(width, height))


def test_limits() -> None:
    data = encoded(scene())
    assert "over the limit of 0.0 MB" in refused(data, Limits(bytes=len(data) - 1))
    assert "120x80 pixels are over the limit" in refused(data, Limits(pixels=120 * 80 - 1))
    assert decode(data, limits=Limits(bytes=len(data), pixels=120 * 80)).size == len(data)
    assert decode(data, limits=Limits(edge=30)).open().size == (30, 20)


def test_not_a_number() -> None:
    image = gradient("F", 1)
    image.putpixel((0, 0), float("nan"))
    image.putpixel((5, 5), float("inf"))
    assert "not finite" in refused(encoded(image, "TIFF"))


def test_hash_of_near_duplicates() -> None:
    image = Image.effect_mandelbrot((400, 300), (-2.0, -1.2, 1.0, 1.2), 60).convert("RGB")
    original = decode(encoded(image)).dhash
    smaller = decode(encoded(image.resize((200, 150)), "JPEG", quality=60)).dhash
    mirrored = decode(encoded(ImageOps.mirror(image))).dhash
    assert (original ^ smaller).bit_count() <= 6
    assert (original ^ mirrored).bit_count() > 15
    slope = Image.linear_gradient("L").rotate(90).convert("RGB")
    assert decode(encoded(slope)).dhash == 2**64 - 1
    assert decode(encoded(ImageOps.mirror(slope))).dhash == 0
    assert decode(encoded(Image.new("RGB", (50, 50), "white"))).dhash == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`shop/` with pictures and traps, and what lies beside it."""
    shop = tmp_path / "shop"
    (shop / "sub").mkdir(parents=True)
    (shop / "a.png").write_bytes(encoded(scene()))
    (shop / "sub" / "b c ü.png").write_bytes(encoded(scene()))
    (shop / "empty.png").write_bytes(b"")
    (shop / "large.png").write_bytes(b"x" * 2_000_000)
    (tmp_path / "outside.png").write_bytes(encoded(scene()))
    (tmp_path / "shopping.png").write_bytes(encoded(scene()))
    (shop / "inner.png").symlink_to("sub/b c ü.png")
    (shop / "out.png").symlink_to(tmp_path / "outside.png")
    (shop / "out").symlink_to(tmp_path)
    (shop / "loop.png").symlink_to("loop.png")
    os.mkfifo(shop / "pipe.png")
    return shop


@pytest.mark.parametrize(
    "path", ["a.png", "./a.png", "sub/../a.png", "sub/b c ü.png", "inner.png", " a.png\n"]
)
def test_paths_inside(folder: Path, path: str) -> None:
    assert load(path, root=folder).width == 120
    assert load(str(folder / path.strip()), root=folder).width == 120
    assert load(str(folder / path.strip())).width == 120


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../outside.png", "leads out of the folder"),
        ("../shopping.png", "leads out of the folder"),
        ("sub/../../outside.png", "leads out of the folder"),
        ("../../../../../../etc/passwd", "leads out of the folder"),
        ("/etc/passwd", "leads out of the folder"),
        ("out.png", "leads out of the folder"),
        ("out/outside.png", "leads out of the folder"),
        ("//cdn.example/a.png", "write https: before it"),
        ("file:///etc/passwd", "file: addresses are not read"),
        ("FILE:///etc/passwd", "file: addresses are not read"),
        ("ftp://example.com/a.png", "ftp: addresses are not read"),
        ("data:image/png;base64,iVBORw0KGgo=", "data: addresses are not read"),
        ("a.png\0.jpg", "NUL"),
        ("a" * 300, "File name too long"),
        ("a/" * 3000, "File name too long"),
        ("", "no picture given"),
        ("  ", "no picture given"),
        ("missing.png", "file not found"),
        ("a.png/b.png", "file not found"),
        (".", "a folder"),
        ("sub", "a folder"),
        ("pipe.png", "a pipe, socket or device"),
        ("loop.png", "symbolic links"),
        ("empty.png", "empty (0 bytes)"),
        ("large.png", "2.0 MB is over the limit of 1.0 MB"),
        ("\ud800.png", "file"),
    ],
)
def test_paths_refused(folder: Path, path: str, said: str) -> None:
    with pytest.raises(PictureError) as caught:
        load(path, root=folder, limits=Limits(bytes=1_000_000))
    message = str(caught.value)
    assert said in message
    assert message.isprintable()
    assert len(message) < 300
    assert not caught.value.transient


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty", "/proc/self/fd/0"])
def test_devices_do_not_hang(path: str) -> None:
    with pytest.raises(PictureError):
        load(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_unreadable(folder: Path) -> None:
    (folder / "a.png").chmod(0)
    with pytest.raises(PictureError, match="may not be read"):
        load("a.png", root=folder)


def test_permission_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(PictureError, match=r"a\.png: the file may not be read; check its perm"):
        load("a.png", root=folder)


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ("https://user:pw@127.0.0.1/a.jpg?signature=abc#x", "https://127.0.0.1/a.jpg: "),
        ("no\x1b[31m\nsuch.png", "no?[31m?such.png: "),
        ("n" * 500, "n" * 80 + "…" + "n" * 39 + ": "),
    ],
)
def test_messages_are_safe_to_show(reference: str, shown: str) -> None:
    with pytest.raises(PictureError) as caught:
        load(reference)
    assert str(caught.value).startswith(shown)


def test_root_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert load("a.png", root=tmp_path / "link").width == 120
    assert load(str(tmp_path / "link" / "a.png"), root=tmp_path / "link").width == 120
    assert load(str(folder / "a.png"), root=tmp_path / "link").width == 120
    with pytest.raises(PictureError, match="leads out"):  # a link outside is not followed
        load(str(tmp_path / "link" / "a.png"), root=folder)


@pytest.mark.parametrize("call", [decode, lambda data: decode(data, limits=Limits(edge=64))])
def test_pictures_compare_by_value(call: Callable[[bytes], Picture]) -> None:
    data = encoded(scene())
    assert call(data) == call(data)
    assert hash(call(data)) == hash(call(data))
