"""Line charts as SVG made on the server: where the lines, the grid and the numbers go."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 24
POINTS_WITH_DOTS = 60
DAYS_WRITTEN = 7

Points = Sequence[tuple[float | date, float]]
Placed = list[tuple[float, float]]
Spells = Callable[[float], str]


@dataclass(frozen=True)
class Axis:
    """Maps values to pixels, and says where the grid lines are."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Answer the pixel of `value`, to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, count: int = 4) -> list[float]:
        """Answer about `count` round numbers within the axis."""
        step = _round_step((self.high - self.low) / count)
        first = math.ceil(round(self.low / step, 6))
        last = math.floor(round(self.high / step, 6))
        return [round(index * step, 10) for index in range(first, last + 1)]


def line_chart(series: Mapping[str, Points]) -> dict[str, Any] | None:
    """Describe the chart of `series` (name → points in order of x) for components/chart.html; None where there is no point.

    Where x is a date, what stands below the lines are days, or months where every date is the first of one.
    """
    dates = [x for points in series.values() for x, _y in points if isinstance(x, date)]
    drawn = {name: [p for x, y in points if all(map(math.isfinite, p := (_number(x), y)))] for name, points in series.items()}
    spell = _spelling(dates)
    every = [point for points in drawn.values() for point in points]
    if not every:
        return None
    across = _axis([x for x, _y in every], LEFT, WIDTH - RIGHT, exact=True)
    up = _axis([y for _x, y in every], HEIGHT - BOTTOM, TOP)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "foot": HEIGHT - 6,
        "rows": [{"at": up.at(tick), "text": f"{tick:g}"} for tick in up.ticks()],
        "columns": [
            {"at": across.at(x), "text": spell(x)}
            for x in (_some([x for x, _y in every]) if dates else _whole(across.ticks(8)))
        ],
        "lines": [_line(name, points, (across, up), spell) for name, points in drawn.items()],
        "steps": _table(drawn, spell),
    }


def _number(x: float | date) -> float:
    return x.toordinal() if isinstance(x, date) else x


def _spelling(dates: Sequence[date]) -> Spells:
    """Answer how what stands across is written: months, days, or numbers."""
    if not dates:
        return "{:g}".format
    form = "M Y" if all(day.day == 1 for day in dates) else "j M"
    return lambda x: date_format(date.fromordinal(int(x)), form)


def _whole(ticks: Sequence[float]) -> list[float]:
    return [tick for tick in ticks if tick == int(tick)]


def _some(days: Sequence[float]) -> list[float]:
    """Answer at most so many days as can be written side by side, the last among them."""
    each = sorted(set(days), reverse=True)
    return each[:: -(-len(each) // DAYS_WRITTEN)][::-1]


def _line(name: str, points: Placed, axes: tuple[Axis, Axis], spell: Spells) -> dict[str, Any]:
    across, up = axes
    placed = [{"x": across.at(x), "y": up.at(y), "step": spell(x), "value": f"{y:.4g}"} for x, y in points]
    return {
        "name": name,
        "path": " ".join(f"{dot['x']},{dot['y']}" for dot in placed),
        "dots": placed if len(placed) <= POINTS_WITH_DOTS else placed[-1:],
        "last": placed[-1]["value"] if placed else "",
    }


def _table(series: Mapping[str, Placed], spell: Spells) -> list[dict[str, Any]]:
    by_step = {name: dict(points) for name, points in series.items()}
    steps = sorted({step for points in by_step.values() for step in points})
    return [
        {"step": spell(step), "values": [f"{points[step]:.4g}" if step in points else "–" for points in by_step.values()]}
        for step in steps
    ]


def _axis(values: Sequence[float], start: float, end: float, *, exact: bool = False) -> Axis:
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    if not exact:
        step = _round_step((high - low) / 4)
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return Axis(low, high, start, end)


def _round_step(rough: float) -> float:
    """Answer 1, 2 or 5 times a power of ten, not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough * 0.999)
