"""The studio: a supersampled layer to draw on, a near-white backdrop and soft shadows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import ceil, floor, hypot

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .colours import RGB, mix, noise_bytes
from .curves import Point

SIZE = 512
SCALE = 4
FULL = SIZE * SCALE

Stops = Sequence[RGB]


def _gradient(size: tuple[int, int], stops: Stops, direction: str) -> Image.Image:
    """Evenly spaced colours, from top to bottom ("v"), left to right ("h") or both ("d")."""
    steps = 256
    data = bytearray()
    for index in range(steps):
        place = index / (steps - 1) * (len(stops) - 1)
        first = min(int(place), len(stops) - 2)
        data += bytes(mix(stops[first], stops[first + 1], place - first))
    strip = Image.frombytes("RGB", (steps, 1), bytes(data))
    if direction == "v":
        return strip.transpose(Image.Transpose.ROTATE_270).resize(size)
    if direction == "h":
        return strip.resize(size)
    across = strip.resize((steps, steps))
    down = strip.transpose(Image.Transpose.ROTATE_270).resize((steps, steps))
    return Image.blend(across, down, 0.5).resize(size)


def texture(size: tuple[int, int], grain: tuple[float, float], strength: float) -> Image.Image:
    """Grey noise around 128 whose spots are `grain` pixels (of the full size) wide and high."""
    width = max(2, round(size[0] / grain[0]))
    height = max(2, round(size[1] / grain[1]))
    raw = Image.frombytes("L", (width, height), noise_bytes("texture", width * height))
    spread = raw.resize(size, Image.Resampling.BILINEAR)
    return spread.point([round(128 + (level - 128) * strength) for level in range(256)])


def roughen(picture: Image.Image, grain: tuple[float, float], strength: float) -> Image.Image:
    """The picture with a woven or grained surface."""
    spots = texture(picture.size, grain, strength)
    return ImageChops.overlay(picture, Image.merge("RGB", (spots, spots, spots)))


FABRIC = ((5.0, 5.0), 0.22)
KNIT = ((6.0, 14.0), 0.3)
DENIM_WEAVE = ((4.0, 16.0), 0.32)
LEATHER = ((12.0, 12.0), 0.14)


class Canvas:
    """One picture in the making. All coordinates are of the finished 512 x 512 picture."""

    def __init__(self) -> None:
        self.layer = Image.new("RGBA", (FULL, FULL), (0, 0, 0, 0))
        self.shade = Image.new("L", (SIZE, SIZE), 0)
        self._clips: list[Image.Image] = []

    def mask(self, shape: Sequence[Point]) -> Image.Image:
        found = Image.new("L", (FULL, FULL), 0)
        ImageDraw.Draw(found).polygon([(x * SCALE, y * SCALE) for x, y in shape], fill=255)
        return found

    @contextmanager
    def inside(self, shape: Sequence[Point]) -> Iterator[None]:
        """Whatever is drawn in this block shows only inside the shape."""
        mask = self.mask(shape)
        if self._clips:
            mask = ImageChops.multiply(mask, self._clips[-1])
        self._clips.append(mask)
        yield
        self._clips.pop()

    def fill(
        self,
        shape: Sequence[Point],
        colour: RGB | Stops,
        *,
        direction: str = "v",
        rough: tuple[tuple[float, float], float] | None = None,
        opacity: float = 1.0,
        blur: float = 0.0,
    ) -> None:
        """A filled shape: one colour or a gradient, with a surface, see-through or blurred."""
        reach = blur * 3 + 1
        left = max(0, floor((min(x for x, _ in shape) - reach) * SCALE))
        top = max(0, floor((min(y for _, y in shape) - reach) * SCALE))
        right = min(FULL, ceil((max(x for x, _ in shape) + reach) * SCALE))
        bottom = min(FULL, ceil((max(y for _, y in shape) + reach) * SCALE))
        if right <= left or bottom <= top:
            return
        size = (right - left, bottom - top)
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).polygon(
            [(x * SCALE - left, y * SCALE - top) for x, y in shape],
            fill=round(255 * opacity),
        )
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * SCALE))
        if self._clips:
            mask = ImageChops.multiply(mask, self._clips[-1].crop((left, top, right, bottom)))
        if isinstance(colour[0], int):
            patch = Image.new("RGB", size, colour)  # type: ignore[arg-type]
        else:
            patch = _gradient(size, colour, direction)  # type: ignore[arg-type]
        if rough:
            patch = roughen(patch, *rough)
        patch.putalpha(mask)
        self.layer.alpha_composite(patch, (left, top))

    def line(
        self,
        points: Sequence[Point],
        width: float,
        colour: RGB,
        *,
        opacity: float = 1.0,
        blur: float = 0.0,
    ) -> None:
        """A line with round ends."""
        reach = width / 2 + blur * 3 + 1
        left = max(0, floor((min(x for x, _ in points) - reach) * SCALE))
        top = max(0, floor((min(y for _, y in points) - reach) * SCALE))
        right = min(FULL, ceil((max(x for x, _ in points) + reach) * SCALE))
        bottom = min(FULL, ceil((max(y for _, y in points) + reach) * SCALE))
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top), 0)
        draw = ImageDraw.Draw(mask)
        level = round(255 * opacity)
        half = width * SCALE / 2
        track = [(x * SCALE - left, y * SCALE - top) for x, y in points]
        draw.line(track, fill=level, width=max(1, round(2 * half)), joint="curve")
        for x, y in (track[0], track[-1]):
            draw.ellipse((x - half, y - half, x + half, y + half), fill=level)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * SCALE))
        if self._clips:
            mask = ImageChops.multiply(mask, self._clips[-1].crop((left, top, right, bottom)))
        patch = Image.new("RGB", mask.size, colour)
        patch.putalpha(mask)
        self.layer.alpha_composite(patch, (left, top))

    def stitch(
        self, points: Sequence[Point], colour: RGB, *, width: float = 1.3, dash: float = 5.0
    ) -> None:
        """A seam: a dashed line."""
        piece: list[Point] = []
        gone, drawing = 0.0, True
        for start, end in pairwise(points):
            length = hypot(end[0] - start[0], end[1] - start[1])
            pieces = max(1, round(length))
            for index in range(pieces):
                share = index / pieces
                spot = (
                    start[0] + (end[0] - start[0]) * share,
                    start[1] + (end[1] - start[1]) * share,
                )
                gone += length / pieces
                if drawing:
                    piece.append(spot)
                if gone >= (dash if drawing else dash * 0.6):
                    if drawing and len(piece) > 1:
                        self.line(piece, width, colour, opacity=0.85)
                    piece, gone, drawing = [], 0.0, not drawing

    # ------------------------------------------------------------------ shadows and the end

    def ground_shadow(self, x: float, y: float, rx: float, ry: float, level: int = 110) -> None:
        """A soft pool of shade under something that stands."""
        pool = Image.new("L", (SIZE, SIZE), 0)
        draw = ImageDraw.Draw(pool)
        draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=level)
        self.shade = ImageChops.lighter(self.shade, pool.filter(ImageFilter.GaussianBlur(ry)))

    def drop_shadow(self, dx: float = 5, dy: float = 8, blur: float = 9, level: int = 90) -> None:
        """The silhouette again, soft, for something that lies flat or hangs on a wall."""
        small = self.layer.getchannel("A").reduce(SCALE)
        moved = ImageChops.offset(small, round(dx), round(dy))
        soft = moved.point([round(value * level / 255) for value in range(256)])
        self.shade = ImageChops.lighter(self.shade, soft.filter(ImageFilter.GaussianBlur(blur)))

    def turned(self, degrees: float, *, zoom: float = 1.0, dx: float = 0, dy: float = 0) -> None:
        """Turn, scale and move what has been drawn so far, shadow included."""
        for name, size in (("layer", FULL), ("shade", SIZE)):
            picture: Image.Image = getattr(self, name)
            if degrees:
                picture = picture.rotate(degrees, Image.Resampling.BICUBIC)
            side = round(size * zoom)
            resized = picture.resize((side, side))
            unit = size / SIZE
            corner = (round((size - side) / 2 + dx * unit), round((size - side) / 2 + dy * unit))
            empty = Image.new(picture.mode, (size, size), 0)
            empty.paste(resized, corner)
            setattr(self, name, empty)

    def fit(self, width: float, height: float, x: float = 256, y: float = 256) -> None:
        """Scale what has been drawn so that it fills this much, around x, y."""
        box = self.layer.getbbox()
        if box is None:
            return
        left, top, right, bottom = (edge / SCALE for edge in box)
        zoom = min(width / (right - left), height / (bottom - top))
        middle = SIZE / 2
        dx = x - middle - ((left + right) / 2 - middle) * zoom
        dy = y - middle - ((top + bottom) / 2 - middle) * zoom
        self.turned(0, zoom=zoom, dx=dx, dy=dy)

    def picture(self) -> Image.Image:
        """The finished picture, 512 x 512."""
        ground = _gradient((SIZE, SIZE), ((251, 251, 250), (247, 247, 246), (238, 238, 237)), "v")
        dark = Image.new("RGB", (SIZE, SIZE), (58, 58, 66))
        ground = Image.composite(dark, ground, self.shade)
        whole = ground.convert("RGBA")
        whole.alpha_composite(self.layer.reduce(SCALE))
        return whole.convert("RGB")
