"""Solids: surfaces of small four-cornered faces, with the paint they wear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import cos, pi, radians, sin, sqrt, tan

from .colours import RGB, noise, scaled
from .curves import Knot, Point, curve

Vec = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Paint:
    """What a surface looks like. `pattern` gets the place on the unturned solid."""

    colour: RGB
    grain: float = 0.0
    """Strength of wood grain; it runs along `axis`, a streak is `pitch` wide."""
    axis: int = 0
    pitch: float = 1.1
    fuzz: float = 0.0
    """Strength of a textile surface."""
    gloss: float = 0.0
    shine: float = 30.0
    glow: float = 0.0
    """How much of its colour shows without any light."""
    pattern: Callable[[Vec], RGB] | None = None
    step: float = 0.0
    """How fine the pattern is: along `axis` on a block, upwards on a turned shape."""

    def at(self, place: Vec) -> RGB:
        if self.pattern:
            return self.pattern(place)
        if not self.grain:
            return self.colour
        along = place[self.axis]
        across = place[(self.axis + 1) % 3] + 1.7 * place[(self.axis + 2) % 3]
        wave = noise(along / 38 / self.pitch, across / 9) * 1.6
        streak = noise(across / self.pitch + wave, along / 60 / self.pitch)
        broad = noise(across / self.pitch / 5 + wave, along / 90 / self.pitch)
        return scaled(self.colour, 1 + self.grain * (0.6 * streak + 0.55 * broad))


def wood(colour: RGB, axis: int = 0, *, pitch: float = 1.1, grain: float = 0.16) -> Paint:
    return Paint(colour, grain=grain, axis=axis, pitch=pitch, gloss=0.06)


def fabric(colour: RGB, fuzz: float = 0.5) -> Paint:
    return Paint(colour, fuzz=fuzz)


def velvet(colour: RGB) -> Paint:
    return Paint(colour, fuzz=0.15, gloss=0.16, shine=5)


def leather(colour: RGB) -> Paint:
    return Paint(colour, gloss=0.3, shine=14)


def metal(colour: RGB) -> Paint:
    return Paint(colour, gloss=0.65, shine=26)


def lacquer(colour: RGB) -> Paint:
    """Painted wood, plastic, glazed clay."""
    return Paint(colour, gloss=0.4, shine=40)


def matt(colour: RGB) -> Paint:
    return Paint(colour, gloss=0.05, shine=10)


def patterned(pattern: Callable[[Vec], RGB], step: float, *, glow: float = 0.0) -> Paint:
    return Paint((128, 128, 128), pattern=pattern, step=step, glow=glow)


@dataclass(slots=True)
class Face:
    points: tuple[Vec, ...]
    """Seen from outside, counter-clockwise; flat."""
    colour: RGB
    paint: Paint
    two_sided: bool = False
    bias: float = 0.0


Mesh = list[Face]


def _quad(points: tuple[Vec, Vec, Vec, Vec], paint: Paint, two_sided: bool = False) -> Face:
    middle = (
        (points[0][0] + points[2][0]) / 2,
        (points[0][1] + points[2][1]) / 2,
        (points[0][2] + points[2][2]) / 2,
    )
    return Face(points, paint.at(middle), paint, two_sided)


def _marks(half: float, radius: float, arcs: int, step: float) -> list[float]:
    """Grid lines on one axis of a block: close together where its edge bends."""
    inner = half - radius
    edge = [inner + radius * tan(radians(45 * k / arcs)) for k in range(1, arcs + 1)]
    pieces = max(1, min(90, round(2 * inner / step)))
    middle = [-inner + 2 * inner * k / pieces for k in range(pieces + 1)]
    return [-mark for mark in reversed(edge)] + middle + edge


def _block_point(place: Vec, half: Vec, radius: float, puff: float, face_axis: int) -> Vec:
    inner = [min(h - radius, max(radius - h, p)) for p, h in zip(place, half, strict=True)]
    out = [p - i for p, i in zip(place, inner, strict=True)]
    length = sqrt(sum(value * value for value in out)) or 1.0
    found = [i + radius * value / length for i, value in zip(inner, out, strict=True)]
    if puff:
        swell = puff
        for axis in range(3):
            if axis != face_axis:
                swell *= 1 - (place[axis] / half[axis]) ** 2
        found[face_axis] += swell if place[face_axis] > 0 else -swell
    return found[0], found[1], found[2]


def block(
    size: Vec,
    at: Vec,
    paint: Paint,
    *,
    radius: float = 0.4,
    puff: float = 0.0,
    puffed: tuple[int, ...] = (0, 1, 2),
    cell: float | None = None,
) -> Mesh:
    """A box with round edges; `at` is the middle of its underside. `puff` swells its sides."""
    half = (size[0] / 2, size[1] / 2, size[2] / 2)
    radius = min(radius, *(h * 0.999 for h in half))
    arcs = 2 if radius < max(size) / 25 else 6
    rough = cell or max(size) / (14 if puff else 9)
    marks: list[list[float]] = []
    for axis in range(3):
        step = rough
        if paint.grain:
            step = rough if axis == paint.axis else min(rough, paint.pitch * 0.7)
        if paint.step and axis == paint.axis:
            step = paint.step
        marks.append(_marks(half[axis], radius, arcs, step))
    mesh: Mesh = []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1, 1):
            for u0, u1 in zip(marks[a], marks[a][1:], strict=False):
                for v0, v1 in zip(marks[b], marks[b][1:], strict=False):
                    ring = ((u0, v0), (u1, v0), (u1, v1), (u0, v1))
                    corners: list[Vec] = []
                    for u, v in ring if sign > 0 else ring[::-1]:
                        place = [0.0, 0.0, 0.0]
                        place[axis], place[a], place[b] = sign * half[axis], u, v
                        flat = (place[0], place[1], place[2])
                        swell = puff if axis in puffed else 0.0
                        corners.append(_block_point(flat, half, radius, swell, axis))
                    quad = (corners[0], corners[1], corners[2], corners[3])
                    mesh.append(_quad(quad, paint))
    return move(mesh, at[0], at[1] + half[1], at[2])


def lathe(
    profile: Sequence[Knot],
    at: Vec,
    paint: Paint,
    *,
    segments: int = 72,
    open_ended: bool = False,
    steps: int = 6,
) -> Mesh:
    """A turned shape: (radius, height) pairs from the bottom, outside, round to the inside."""
    line = curve(profile, steps=steps)
    dense = [line[0]]
    for start, end in pairwise(line):
        pieces = max(1, round(max(abs(end[0] - start[0]), abs(end[1] - start[1])) / 4))
        if paint.step:
            pieces = max(pieces, round(abs(end[1] - start[1]) / paint.step))
        dense += [
            (
                start[0] + (end[0] - start[0]) * k / pieces,
                start[1] + (end[1] - start[1]) * k / pieces,
            )
            for k in range(1, pieces + 1)
        ]
    angles = [2 * pi * k / segments for k in range(segments + 1)]
    around = [(cos(angle), sin(angle)) for angle in angles]
    mesh: Mesh = []
    for (r0, y0), (r1, y1) in pairwise(dense):
        if r0 < 0.001 and r1 < 0.001:
            continue
        for (c0, s0), (c1, s1) in pairwise(around):
            quad = (
                (r0 * c0, y0, r0 * s0),
                (r1 * c0, y1, r1 * s0),
                (r1 * c1, y1, r1 * s1),
                (r0 * c1, y0, r0 * s1),
            )
            mesh.append(_quad(quad, paint, open_ended))
    return move(mesh, *at)


def _normal(a: Vec, b: Vec) -> Vec:
    x, y, z = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    length = sqrt(x * x + y * y + z * z) or 1.0
    return x / length, y / length, z / length


def smooth(points: Sequence[Vec], *, closed: bool = False, steps: int = 8) -> list[Vec]:
    """A smooth curve through points in space."""
    flat = curve([(x, y) for x, y, _ in points], closed=closed, steps=steps)
    deep = curve([(z, 0.0) for _, _, z in points], closed=closed, steps=steps)
    path = [(x, y, z) for (x, y), (z, _) in zip(flat, deep, strict=True)]
    return [*path, path[0]] if closed else path


def tube(
    path: Sequence[Vec],
    radius: float | tuple[float, float],
    paint: Paint,
    *,
    segments: int = 16,
) -> Mesh:
    """A round bar along the path; two radii make it taper."""
    start_radius, end_radius = (radius, radius) if isinstance(radius, int | float) else radius
    points = list(path)
    if len(points) == 2:
        pieces = 10
        first, last = points
        points = [
            (
                first[0] + (last[0] - first[0]) * k / pieces,
                first[1] + (last[1] - first[1]) * k / pieces,
                first[2] + (last[2] - first[2]) * k / pieces,
            )
            for k in range(pieces + 1)
        ]
    rings: list[list[Vec]] = []
    side: Vec = (0.0, 0.0, 0.0)
    for index, spot in enumerate(points):
        before, after = points[max(0, index - 1)], points[min(len(points) - 1, index + 1)]
        way = (after[0] - before[0], after[1] - before[1], after[2] - before[2])
        if index == 0:
            upright = abs(way[1]) > 0.9 * sqrt(sum(value * value for value in way))
            side = _normal(way, (1.0, 0.0, 0.0) if upright else (0.0, 1.0, 0.0))
        other = _normal(way, side)
        side = _normal(other, way)
        share = index / (len(points) - 1)
        r = start_radius + (end_radius - start_radius) * share
        ring: list[Vec] = []
        for k in range(segments + 1):
            c, s = r * cos(2 * pi * k / segments), r * sin(2 * pi * k / segments)
            ring.append(
                (
                    spot[0] + c * side[0] + s * other[0],
                    spot[1] + c * side[1] + s * other[1],
                    spot[2] + c * side[2] + s * other[2],
                )
            )
        rings.append(ring)
    caps = ([points[0]] * (segments + 1), [points[-1]] * (segments + 1))
    rings = [caps[0], *rings, caps[1]]
    mesh: Mesh = []
    for lower, upper in pairwise(rings):
        for k in range(segments):
            mesh.append(_quad((lower[k], upper[k], upper[k + 1], lower[k + 1]), paint))
    for face in mesh:
        face.points = face.points[::-1]
    return mesh


def ring(radius: float, thickness: float, at: Vec, paint: Paint, *, upright: bool = False) -> Mesh:
    """A closed hoop, lying or upright (facing the front)."""
    path: list[Vec] = []
    for k in range(65):
        c, s = radius * cos(2 * pi * k / 64), radius * sin(2 * pi * k / 64)
        path.append((c, s, 0.0) if upright else (c, 0.0, s))
    return move(tube(path, thickness, paint), *at)


def ball(radius: float, at: Vec, paint: Paint, *, squash: float = 1.0) -> Mesh:
    """A ball, or flatter; `at` is its middle."""
    profile: list[Knot] = [
        (radius * sin(pi * k / 24), -radius * squash * cos(pi * k / 24), 1) for k in range(25)
    ]
    return lathe(profile, at, paint, segments=40)


def sheet(
    place: Callable[[float, float], Vec], across: int, down: int, paint: Paint, *, bias: float = 0
) -> Mesh:
    """Any thin surface: place(u, v) for u, v in 0..1. Patterns get (u, v, 0)."""
    mesh: Mesh = []
    for i in range(across):
        for j in range(down):
            u0, u1, v0, v1 = i / across, (i + 1) / across, j / down, (j + 1) / down
            colour = paint.at(((u0 + u1) / 2, (v0 + v1) / 2, 0.0))
            quad = (place(u0, v0), place(u1, v0), place(u1, v1), place(u0, v1))
            mesh.append(Face(quad, colour, paint, two_sided=True, bias=bias))
    return mesh


def slab(shape: Sequence[Point], thick: float, paint: Paint, *, bevel: float = 0.2) -> Mesh:
    """An upright plate of any outline (given in x, y), with a bevelled edge, around z = 0."""
    points = list(shape)
    area = sum(
        a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True)
    )
    if area < 0:
        points.reverse()
    cx = sum(x for x, _ in points) / len(points)
    cy = sum(y for _, y in points) / len(points)
    width = max(x for x, _ in points) - min(x for x, _ in points)
    height = max(y for _, y in points) - min(y for _, y in points)
    kx, ky = 1 - 2 * bevel / width, 1 - 2 * bevel / height
    small = [(cx + (x - cx) * kx, cy + (y - cy) * ky) for x, y in points]
    h = thick / 2
    layers = ((small, -h), (points, bevel - h), (points, h - bevel), (small, h))
    mesh: Mesh = [
        Face(tuple((x, y, -h) for x, y in reversed(small)), paint.colour, paint),
        Face(tuple((x, y, h) for x, y in small), paint.colour, paint),
    ]
    for (low, z0), (high, z1) in pairwise(layers):
        for k in range(len(points)):
            a, b = k - 1, k
            quad = ((*low[a], z0), (*low[b], z0), (*high[b], z1), (*high[a], z1))
            mesh.append(_quad(quad, paint))
    return mesh


def stickers(shapes: Sequence[tuple[Sequence[Point], RGB]], z: float, glow: float) -> Mesh:
    """Flat shapes (in x, y) on an upright plane, each on top of the one before."""
    mesh: Mesh = []
    for index, (shape, colour) in enumerate(shapes):
        paint = Paint(colour, glow=glow)
        corners = tuple((x, y, z) for x, y in shape)
        mesh.append(Face(corners, colour, paint, two_sided=True, bias=1000.0 * (index + 1)))
    return mesh


# ---------------------------------------------------------------------- moving solids about


def warp(mesh: Mesh, change: Callable[[Vec], Vec]) -> Mesh:
    """Every corner through a function: to bend, taper or turn."""
    found: Mesh = []
    for face in mesh:
        found.append(replace(face, points=tuple(change(p) for p in face.points)))
    return found


def move(mesh: Mesh, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
    return warp(mesh, lambda p: (p[0] + x, p[1] + y, p[2] + z))


def turn(mesh: Mesh, degrees: float, axis: str = "y", about: Vec = (0.0, 0.0, 0.0)) -> Mesh:
    c, s = cos(radians(degrees)), sin(radians(degrees))
    ax, ay, az = about

    def change(p: Vec) -> Vec:
        x, y, z = p[0] - ax, p[1] - ay, p[2] - az
        if axis == "x":
            y, z = y * c - z * s, y * s + z * c
        elif axis == "y":
            x, z = x * c + z * s, z * c - x * s
        else:
            x, y = x * c - y * s, x * s + y * c
        return x + ax, y + ay, z + az

    return warp(mesh, change)


def lifted(mesh: Mesh, bias: float) -> Mesh:
    """Drawn as if nearer to the eye by `bias`: for what lies on a surface."""
    return [replace(face, bias=face.bias + bias) for face in mesh]
