"""Peak memory and time of 16 threads that load one of the worst picture files at once."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

THREADS = 16
PATIENCE = 120  # seconds; then the process is killed


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def _chunk(name: bytes, body: bytes) -> bytes:
    check = struct.pack(">L", zlib.crc32(name + body))
    return struct.pack(">L", len(body)) + name + body + check


def png(
    width: int, height: int, depth: int = 8, color: int = 0, extra: bytes = b"", lace: int = 0
) -> bytes:
    """A black PNG."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    packer = zlib.compressobj(1)
    line = bytes(1 + (width * channels * depth + 7) // 8)
    body = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    head = _chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, color, 0, 0, lace))
    if color == 3:
        head += _chunk(b"PLTE", bytes(768)) + _chunk(b"tRNS", bytes(256))
    return b"\x89PNG\r\n\x1a\n" + head + extra + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def scans(side: int, count: int) -> bytes:
    """A progressive JPEG with as many scans of next to nothing before its end."""
    whole = _encoded(Image.new("L", (side, side)), "JPEG", progressive=True)
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + b"\x00" * 54
    return whole[:-2] + scan * count + whole[-2:]


def _noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    tile = Image.effect_noise((1024, 1024), 40)
    bands = [tile.rotate(90 * n) for n in range(len(mode))]
    image = Image.new(mode, (width, height))
    for left in range(0, width, 1024):
        for top in range(0, height, 1024):
            image.paste(Image.merge(mode, bands), (left, top))
    return image


def gif(frames: int) -> bytes:
    """A GIF of one frame, many times."""
    whole = _encoded(Image.new("P", (64, 64)), "GIF")
    start = whole.index(b",", 13 + 3 * (2 << (whole[10] & 7)))
    return whole[:start] + whole[start:-1] * frames + b";"


def gif_comments(count: int) -> bytes:
    whole = _encoded(Image.new("P", (64, 64)), "GIF")
    start = whole.index(b",", 13 + 3 * (2 << (whole[10] & 7)))
    return whole[:start] + b"!\xfe" + (b"\xff" + b"x" * 255) * count + b"\0" + whole[start:]


def exif_bomb() -> bytes:
    """EXIF whose entries all point to the same bytes."""
    size, count = 9_000_000, 3000
    entry = b"".join(
        struct.pack("<HHLL", 0x9000 + n, 7, size - 50_000, 50_000) for n in range(count)
    )
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entry + bytes(4)
    return png(64, 64, extra=_chunk(b"eXIf", exif.ljust(size, b"\0")))


def tiff_strips() -> bytes:
    return _encoded(Image.new("L", (1, 65_000)), "TIFF", strip_size=1, compression="packbits")


FILES: dict[str, Callable[[], bytes]] = {
    "PNG 1 x 40,000,000": lambda: png(1, 40_000_000),
    "PNG 40,000,000 x 1": lambda: png(40_000_000, 1),
    "PNG 610 x 65,535, RGB": lambda: png(610, 65_535, color=2),
    "PNG 40 MP, 16-bit RGBA": lambda: png(8000, 5000, 16, 6),
    "PNG 40 MP, 16-bit grey, interlaced": lambda: png(8000, 5000, 16, 0, lace=1),
    "PNG 40 MP, palette": lambda: png(8000, 5000, color=3),
    "PNG, 700,000 chunks": lambda: png(64, 64, extra=_chunk(b"teSt", b"") * 700_000),
    "PNG, 1,000 zTXt of 900 kB": lambda: png(
        64, 64, extra=_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000))) * 1000
    ),
    "PNG, EXIF entries of 9 MB": exif_bomb,
    "JPEG, 144,994 scans": lambda: scans(2000, 144_994),
    "JPEG, 190 scans of 3 MP": lambda: scans(1770, 190),
    "JPEG 40 MP, progressive": lambda: _encoded(
        _noise(8000, 5000), "JPEG", quality=35, progressive=True
    ),
    "JPEG 40 MP, progressive, cut": lambda: _encoded(
        _noise(8000, 5000), "JPEG", quality=35, progressive=True
    )[:-2],
    "JPEG 12 MP, progressive, cut": lambda: _encoded(
        _noise(4000, 3000), "JPEG", quality=75, progressive=True
    )[:-2],
    "JPEG 40 MP, cut": lambda: _encoded(_noise(8000, 5000), "JPEG", quality=35)[:-2],
    "JPEG 12 MP, CMYK": lambda: _encoded(_noise(4000, 3000, "CMYK"), "JPEG", progressive=True),
    "GIF, 100,000 frames": lambda: gif(100_000),
    "GIF, comment of 9 MB": lambda: gif_comments(35_000),
    "GIF 40 MP": lambda: _encoded(Image.new("P", (8000, 5000)), "GIF"),
    "TIFF, 65,000 strips": tiff_strips,
    "TIFF 36 MP, one strip": lambda: _encoded(
        Image.new("RGB", (6000, 6000)), "TIFF", compression="tiff_deflate", strip_size=2**31 - 1
    ),
    "TIFF 16 MP, 32-bit": lambda: _encoded(
        Image.new("F", (4000, 4000)), "TIFF", compression="tiff_deflate"
    ),
    "WebP 19 MP, lossless": lambda: _encoded(
        Image.new("RGBA", (4400, 4300)), "WEBP", lossless=True, method=0
    ),
    "WebP 16 MP": lambda: _encoded(_noise(4000, 4000), "WEBP", quality=50, method=0),
    "WebP 40 MP": lambda: _encoded(Image.new("RGB", (8000, 5000)), "WEBP", method=0),
    "AVIF 16 MP": lambda: _encoded(_noise(4000, 4000), "AVIF", quality=50, speed=10),
    "BMP 40 MP, 1 bit": lambda: _encoded(Image.new("1", (8000, 5000)), "BMP"),
}


def load(path: Path) -> None:
    """Load a file in all threads at once; print peak and time."""
    from vitrina.errors import PictureError
    from vitrina.pictures.limits import Limits
    from vitrina.pictures.loader import Folders, PictureLoader

    loader = PictureLoader(Limits(), Folders([path.parent]))

    def one(_: int) -> str:
        try:
            loader.load(path.name, str(path.parent))
        except PictureError as error:
            return f"refused: {str(error).partition(': ')[2]}"
        return "a picture"

    start = time.perf_counter()
    alone = one(0)
    first = time.perf_counter() - start
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        said = {alone, *pool.map(one, range(THREADS))}
    seconds = time.perf_counter() - start
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(f"{int(peak) / 1024:6.0f} MB {first:8.2f} s {seconds:8.2f} s  {' / '.join(said)}")


def main() -> None:
    only = os.environ.get("ONLY", "")
    print(f"  {'':<36}   peak       one          {THREADS}")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FILES.items():
            if only not in name:
                continue
            path = Path(folder) / "picture"
            path.write_bytes(make())
            size = path.stat().st_size / 1e6
            command = [sys.executable, "-m", "bench.worst_pictures", str(path)]
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            status = Path(f"/proc/{child.pid}/status")
            try:
                said, _ = child.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
                said = f"{peak:6.0f} MB  killed after {PATIENCE} s"
                child.kill()
                child.communicate()
            said = said.strip() or f"ended by {child.returncode}"
            print(f"  {name + f' ({size:.2f} MB)':<44} {said}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        load(Path(sys.argv[1]))
    else:
        main()
