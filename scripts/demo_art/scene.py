"""The camera and the lights: solids onto a canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin, sqrt

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .canvas import FULL, SCALE, SIZE, Canvas, roughen
from .colours import RGB, mix, scaled
from .curves import Point
from .solid import Face, Mesh, Vec


def _unit(x: float, y: float, z: float) -> Vec:
    length = sqrt(x * x + y * y + z * z) or 1.0
    return x / length, y / length, z / length


KEY = _unit(-0.5, 0.72, 0.62)
FILL = _unit(0.8, 0.15, 0.55)


@dataclass(frozen=True, slots=True)
class View:
    """Where the eye is, and which part of the picture the subject fills."""

    yaw: float = -28.0
    pitch: float = 14.0
    width: float = 400.0
    height: float = 400.0
    x: float = 256.0
    y: float = 256.0
    distance: float = 5.0
    shadow: str = "ground"
    """ground, wall or none"""
    power: float = 1.0
    """Strength of the shadow."""


class _Eye:
    """Turns points of the world into points of the picture, fitted to the view."""

    def __init__(self, meshes: Sequence[Mesh], view: View) -> None:
        self.view = view
        spots = [p for mesh in meshes for face in mesh for p in face.points]
        low = [min(p[axis] for p in spots) for axis in range(3)]
        high = [max(p[axis] for p in spots) for axis in range(3)]
        self.ground = low[1]
        self.tall = high[1] - low[1]
        self.middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        self.reach = sqrt(sum((b - a) ** 2 for a, b in zip(low, high, strict=True))) / 2
        self.cy, self.sy = cos(radians(view.yaw)), sin(radians(view.yaw))
        self.cp, self.sp = cos(radians(view.pitch)), sin(radians(view.pitch))
        self.key, self.fill = self.tilt(KEY), self.tilt(FILL)
        self.half = _unit(self.key[0], self.key[1], self.key[2] + 1)
        flat = [self._flat(self.camera(p)) for p in spots]
        left, right = min(x for x, _ in flat), max(x for x, _ in flat)
        bottom, top = min(y for _, y in flat), max(y for _, y in flat)
        self.zoom = min(view.width / (right - left), view.height / (top - bottom))
        self.shift = ((left + right) / 2, (bottom + top) / 2)

    def level(self, p: Vec) -> Vec:
        """The point with the yaw applied: still upright."""
        x, y, z = (p[axis] - self.middle[axis] for axis in range(3))
        return x * self.cy + z * self.sy, y, z * self.cy - x * self.sy

    def tilt(self, p: Vec) -> Vec:
        x, y, z = p
        return x, y * self.cp - z * self.sp, y * self.sp + z * self.cp

    def camera(self, p: Vec) -> Vec:
        return self.tilt(self.level(p))

    def _flat(self, p: Vec) -> Point:
        far = self.view.distance * self.reach
        factor = far / (far - p[2])
        return p[0] * factor, p[1] * factor

    def screen(self, p: Vec) -> Point:
        x, y = self._flat(p)
        return (
            self.view.x + (x - self.shift[0]) * self.zoom,
            self.view.y - (y - self.shift[1]) * self.zoom,
        )


def _face_normal(points: Sequence[Vec]) -> Vec:
    quarter = len(points) // 4
    a, b, c, d = (points[k * quarter] for k in range(4))
    u = (c[0] - a[0], c[1] - a[1], c[2] - a[2])
    v = (d[0] - b[0], d[1] - b[1], d[2] - b[2])
    return _unit(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])


def _towards(first: Vec, second: Vec) -> float:
    return max(0.0, first[0] * second[0] + first[1] * second[1] + first[2] * second[2])


def _lit(face: Face, normal: Vec, eye: _Eye) -> RGB:
    """The colour of a face in this light."""
    light = 0.5 + 0.58 * _towards(normal, eye.key) + 0.14 * _towards(normal, eye.fill)
    paint = face.paint
    light += (1.0 - light) * paint.glow
    colour = scaled(face.colour, light)
    if paint.gloss:
        sheen = paint.gloss * _towards(normal, eye.half) ** paint.shine
        rim = paint.gloss * 0.22 * (1 - abs(normal[2])) ** 2
        colour = mix(colour, (255, 255, 255), min(0.85, sheen + rim))
    return colour


def _visible(mesh: Mesh, eye: _Eye) -> list[tuple[float, list[Point], RGB, float]]:
    """The faces turned to the eye, from far to near: depth, corners, colour, fuzz."""
    found: list[tuple[float, list[Point], RGB, float]] = []
    far = eye.view.distance * eye.reach
    for face in mesh:
        corners = [eye.camera(p) for p in face.points]
        normal = _face_normal(corners)
        middle = [sum(p[axis] for p in corners) / len(corners) for axis in range(3)]
        facing = normal[0] * -middle[0] + normal[1] * -middle[1] + normal[2] * (far - middle[2])
        if facing <= 0:
            if not face.two_sided:
                continue
            normal = (-normal[0], -normal[1], -normal[2])
        screen = [eye.screen(p) for p in corners]
        found.append((middle[2] + face.bias, screen, _lit(face, normal, eye), face.paint.fuzz))
    found.sort(key=lambda item: item[0])
    return found


def _draw(canvas: Canvas, mesh: Mesh, eye: _Eye, opacity: float) -> None:
    layer = Image.new("RGBA", (FULL, FULL), (0, 0, 0, 0))
    fuzzy = Image.new("L", (FULL, FULL), 0)
    pen, fuzz_pen = ImageDraw.Draw(layer), ImageDraw.Draw(fuzzy)
    any_fuzz = any(face.paint.fuzz for face in mesh)
    for _, screen, colour, fuzz in _visible(mesh, eye):
        corners = [(x * SCALE, y * SCALE) for x, y in screen]
        pen.polygon(corners, fill=(*colour, 255), outline=(*colour, 255))
        if any_fuzz:
            fuzz_pen.polygon(corners, fill=round(255 * fuzz))
    if any_fuzz:
        alpha = layer.getchannel("A")
        plain = layer.convert("RGB")
        layer = Image.composite(roughen(plain, (5.0, 5.0), 0.3), plain, fuzzy)
        layer.putalpha(alpha)
    if opacity < 1:
        layer.putalpha(layer.getchannel("A").point([round(v * opacity) for v in range(256)]))
    canvas.layer.alpha_composite(layer)


def _cast(canvas: Canvas, meshes: Sequence[Mesh], eye: _Eye) -> None:
    """Shadows on the floor: a long soft one from the light, a short dark one underneath."""
    base = eye.ground - eye.middle[1]
    for lean, limit, level, blur in ((0.25, 1.0, 50, 9.0), (0.04, 0.16, 105, 4.0)):
        pool = Image.new("L", (SIZE, SIZE), 0)
        pen = ImageDraw.Draw(pool)
        for mesh in meshes:
            for face in mesh:
                if min(p[1] for p in face.points) - eye.ground > limit * eye.tall:
                    continue
                spots: list[Point] = []
                for p in face.points:
                    x, y, z = eye.level(p)
                    above = y - base
                    fallen = (x + above * lean, base, z - above * lean * 0.55)
                    spots.append(eye.screen(eye.tilt(fallen)))
                pen.polygon(spots, fill=round(level * eye.view.power))
        soft = pool.filter(ImageFilter.GaussianBlur(blur))
        canvas.shade = ImageChops.add(canvas.shade, soft)


def render(
    canvas: Canvas, *groups: Mesh, view: View | None = None, opacity: Sequence[float] = ()
) -> None:
    """Draws the groups one after the other (a later one always on top), sorted within."""
    view = view or View()
    eye = _Eye(groups, view)
    if view.shadow == "ground":
        _cast(canvas, groups, eye)
    for index, group in enumerate(groups):
        _draw(canvas, group, eye, opacity[index] if index < len(opacity) else 1.0)
    if view.shadow == "wall":
        canvas.drop_shadow(dx=7, dy=9, blur=8, level=round(95 * view.power))
