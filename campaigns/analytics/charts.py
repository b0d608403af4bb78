"""The geometry of charts drawn on the server: numbers in, coordinates out. Heights are to scale and start at zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LEAST = 3.0
"""Pixels at which a small but real step stays visible; it is not enlarged further."""


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    strength: float = 1.0


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Funnel:
    width: float
    height: float
    boxes: tuple[Box, ...]
    curves: tuple[str, ...]


def funnel(counts: Sequence[int | None], *, width: float = 1000, height: float = 92) -> Funnel:
    """A box for each step, joined by pale curves; a step that is not known (None) leaves a gap that the curve spans."""
    whole = max((count for count in counts if count is not None), default=0)
    column = width / max(1, len(counts))
    boxes = []
    for index, count in enumerate(counts):
        if count is None:
            continue
        tall = max(LEAST, height * count / whole) if count else 0.0
        strength = 0.3 + 0.7 * index / max(1, len(counts) - 1)
        boxes.append(Box(index * column, (height - tall) / 2, column * 0.62, tall, round(strength, 2)))
    curves = []
    for left, right in pairwise(boxes):
        start, end = left.x + left.width, right.x
        middle = (start + end) / 2
        curves.append(
            f"M{start:.1f} {left.y:.1f}C{middle:.1f} {left.y:.1f} {middle:.1f} {right.y:.1f} {end:.1f} {right.y:.1f}"
            f"V{right.y + right.height:.1f}"
            f"C{middle:.1f} {right.y + right.height:.1f} {middle:.1f} {left.y + left.height:.1f} "
            f"{start:.1f} {left.y + left.height:.1f}Z"
        )
    return Funnel(width, height, tuple(boxes), tuple(curves))


@dataclass(frozen=True)
class Bars:
    """Bars with the lines of their grid; ``line`` is a path over them and ``end`` its last point, when there is a line."""

    width: float
    height: float
    left: float
    base: float
    bars: tuple[Box, ...]
    grid: tuple[Tick, ...]
    line: str = ""
    end: tuple[float, float] | None = None


def bars(
    counts: Sequence[int],
    *,
    so_far: Sequence[int] = (),
    width: float = 760,
    height: float = 248,
    left: float = 36,
    top: float = 12,
) -> Bars:
    """Bars of ``counts`` from zero; ``so_far`` is a running total drawn as a line on a scale of its own, ending at the top
    but one tenth."""
    most = _round_up(max(counts, default=0))
    reach = height - top
    step = (width - left) / max(1, len(counts))
    boxes = tuple(
        Box(
            round(left + index * step, 2),
            round(height - reach * count / most, 2),
            round(step * 0.78, 2),
            round(reach * count / most, 2),
        )
        for index, count in enumerate(counts)
        if count
    )
    grid = tuple(Tick(height - reach * part / 2, f"{most * part // 2:,}") for part in range(3))
    line, end = "", None
    if so_far and so_far[-1]:
        scale = reach * 0.9 / so_far[-1]
        points = [
            (round(left + (index + 0.39) * step, 1), round(height - total * scale, 1))
            for index, total in enumerate(so_far)
        ]
        line = "M" + "L".join(f"{x} {y}" for x, y in points)
        end = points[-1]
    return Bars(width, height, left, height, boxes, grid, line, end)


def _round_up(value: int) -> int:
    """The next even 1, 2, 4, 5, 6 or 8 times a power of ten, so that the grid's labels are whole."""
    if value <= 2:
        return 2
    magnitude: int = 10 ** math.floor(math.log10(value))
    for lead in (1, 2, 4, 5, 6, 8, 10):
        if lead * magnitude >= value and (lead * magnitude) % 2 == 0:
            return lead * magnitude
    return 10 * magnitude
