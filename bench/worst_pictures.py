"""Peak memory and time of 16 threads that load one of the worst picture files at once.

Then of a whole worker, `vitrina work --drain --concurrency 16`, with all of them in its queue.
ONLY=words takes the files with these words in their name, WORKER=1 leaves out all but the worker.
"""

from __future__ import annotations

import io
import os
import shutil
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
COPIES = 3  # of each file, in the queue of the worker
LARGEST = 10_000_000  # bytes: what vitrina takes
ADAM7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
    (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip


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
    """A black PNG; with `lace`, in the seven passes of Adam7."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    packer = zlib.compressobj(1)
    passes = ADAM7 if lace else ((0, 0, 1, 1),)
    body = b""
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        left_over = rows * (1 + (columns * channels * depth + 7) // 8)
        while left_over:
            piece = min(left_over, 1_000_000)
            body += packer.compress(bytes(piece))
            left_over -= piece
    body += packer.flush()
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
    """A GIF of one frame of one pixel, many times."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + bytes(6) + frame * frames + b";"


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
    "JPEG, 190 scans of 3 MP": lambda: scans(1720, 190),
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
    "JPEG 12 MP, CMYK": lambda: _encoded(
        _noise(4000, 3000, "CMYK"), "JPEG", quality=15, progressive=True
    ),
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
    print(f"{peak('self') / 1024:6.0f} MB {first:8.2f} s {seconds:8.2f} s  {' / '.join(said)}")


def peak(pid: int | str) -> int:
    """The peak memory of a process so far, in kB; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return 0


def work(folder: Path, names: list[str]) -> str:
    """Drain a queue with these files in a process of its own; peak, time and what came of it."""
    import psycopg
    from psycopg.types.json import Jsonb

    from vitrina import embedded
    from vitrina.db import schema

    home = Path(tempfile.mkdtemp(prefix="vb-", dir="/tmp"))
    home.chmod(0o755)
    try:
        server = embedded.start(home)
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute("create database worst")
        url = server.url("worst")
        schema.upgrade(url)
        with psycopg.connect(url, autocommit=True) as conn:
            config = Jsonb({"image_root": str(folder)})
            conn.execute("select vitrina.put_source('worst', config => %s)", (config,))
            rows = [
                {"external_id": f"{copy}-{name}", "title": f"Desk {copy} {name}", "image": name}
                for copy in range(COPIES)
                for name in names
            ]
            conn.execute("select vitrina.put_products('worst', %s)", (Jsonb(rows),))
            command = [
                sys.executable, "-m", "vitrina", "--database-url", url, "work", "--drain",
                "--concurrency", str(THREADS), "--image-root", str(folder),
            ]  # fmt: skip
            start, most = time.perf_counter(), 0
            with tempfile.TemporaryFile("w+") as told:
                child = subprocess.Popen(command, stdout=told, stderr=told)
                while child.poll() is None:
                    most = max(most, peak(child.pid))
                    time.sleep(0.02)
                told.seek(0)
                said = told.read()
            seconds = time.perf_counter() - start
            row = conn.execute(
                "select count(*) filter (where p.image_sha256 is not null), count(p.image_error),"
                " (select count(*) from vitrina.jobs) from vitrina.products as p"
            ).fetchone()
            good, refused, left = row or (0, 0, 0)
        ended = "" if child.returncode == 0 else f"; ended by {child.returncode}: {said[-300:]}"
        return (
            f"{most / 1024:6.0f} MB {seconds:8.1f} s  {len(rows)} products: {good} pictures,"
            f" {refused} refused, {left} left{ended}"
        )
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    only = os.environ.get("ONLY", "")
    print(f"  {'':<36}   peak       one          {THREADS}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        names = []
        for number, (name, make) in enumerate(FILES.items()):
            if only not in name:
                continue
            path = Path(folder) / f"{number}"
            names.append(path.name)
            path.write_bytes(make())
            size = path.stat().st_size
            if size > LARGEST:
                raise SystemExit(f"{name}: {size:,} bytes are refused for their number alone")
            if "WORKER" not in os.environ:
                print(f"  {name + f' ({size / 1e6:.2f} MB)':<44} {loaded(path)}", flush=True)
        print(f"  {'all, by one worker':<44} {work(Path(folder), names)}", flush=True)


def loaded(path: Path) -> str:
    """What a process of its own says of a file."""
    command = [sys.executable, "-m", "bench.worst_pictures", str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said, _ = child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        said = f"{peak(child.pid) / 1024:6.0f} MB  killed after {PATIENCE} s"
        child.kill()
        child.communicate()
    return said.strip() or f"ended by {child.returncode}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        load(Path(sys.argv[1]))
    else:
        main()
