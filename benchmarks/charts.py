"""Lines over a number, of keys mostly, as SVG: both axes logarithmic, readable on light and on dark backgrounds."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from xml.sax.saxutils import escape

Point = tuple[float, float]

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 96, 48, 56
_LABEL_GAP = 17
_LIGHT = ("#0b57d0", "#b3261e", "#146c2e", "#8430ce", "#9a5b00")
_DARK = ("#8ab4f8", "#f28b82", "#81c995", "#d7aefb", "#fdd663")


def chart(title: str, unit: str, series: Mapping[str, Sequence[Point]], of: str = "keys") -> str:
    """Draw named lines of points: numbers ``of`` something, and seconds above zero."""
    scale = _Scale([point for line in series.values() for point in line])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{_style()}</style>",
        f'<rect class="back" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text class="title" x="{_LEFT}" y="26">{escape(title)}</text>',
        *scale.axes(unit, of),
        *(_line(number, scale, line) for number, line in enumerate(series.values())),
        *_labels(scale, series),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """Where a point is on the picture; the axes end at powers of ten."""

    def __init__(self, points: Sequence[Point]) -> None:
        across, up = zip(*points, strict=True)
        self._across = (floor(log10(min(across))), ceil(log10(max(across))))
        self._up = (floor(log10(min(up))), ceil(log10(max(up))))

    def x(self, number: float) -> float:
        first, last = self._across
        return _LEFT + (log10(number) - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, number: float) -> float:
        first, last = self._up
        return _HEIGHT - _BOTTOM - (log10(number) - first) / (last - first) * (_HEIGHT - _TOP - _BOTTOM)

    def axes(self, unit: str, of: str) -> Sequence[str]:
        """Draw a line for each power of ten, with its number, and say what the axes are."""
        parts = []
        for power in range(self._up[0], self._up[1] + 1):
            y = self.y(10.0**power)
            parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">{_seconds(power)}</text>')
        for power in range(self._across[0], self._across[1] + 1):
            x = self.x(10.0**power)
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>')
            parts.append(f'<text class="tick middle" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 20}">{10**power:,}</text>')
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        parts.append(f'<text class="tick middle" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 14}">{escape(of)}</text>')
        parts.append(f'<text class="tick middle" transform="translate(20 {middle}) rotate(-90)">{escape(unit)}</text>')
        return parts


def _line(number: int, scale: _Scale, line: Sequence[Point]) -> str:
    points = " ".join(f"{scale.x(across):.1f},{scale.y(up):.1f}" for across, up in line)
    dots = "".join(f'<circle cx="{scale.x(across):.1f}" cy="{scale.y(up):.1f}" r="3.5"/>' for across, up in line)
    return f'<g class="s{number}"><polyline points="{points}"/>{dots}</g>'


def _labels(scale: _Scale, series: Mapping[str, Sequence[Point]]) -> Sequence[str]:
    """Write the name of each line at its end, and none over another."""
    ends = sorted((scale.y(line[-1][1]), scale.x(line[-1][0]), number, name) for number, (name, line) in enumerate(series.items()))
    parts, last = [], 0.0
    for y, x, number, name in ends:
        last = max(y + 4, last + _LABEL_GAP)
        parts.append(f'<text class="s{number} name" x="{x + 10:.1f}" y="{last:.1f}">{escape(name)}</text>')
    return parts


def _seconds(power: int) -> str:
    return f"{10**power:,} s" if power >= 0 else f"{10 ** (power + 3):g} ms"


def _style() -> str:
    return (
        "text{font:13px sans-serif}.title{font-size:16px;font-weight:bold}.end{text-anchor:end}.middle{text-anchor:middle}"
        "polyline{fill:none;stroke-width:2}.name{font-weight:bold}"
        f"{_colours('#ffffff', '#1f2328', '#d1d9e0', _LIGHT)}"
        f"@media (prefers-color-scheme:dark){{{_colours('#0d1117', '#e6edf3', '#3d444d', _DARK)}}}"
    )


def _colours(back: str, text: str, grid: str, lines: Sequence[str]) -> str:
    drawn = "".join(f".s{n} polyline{{stroke:{c}}}.s{n} circle,.s{n}.name{{fill:{c}}}" for n, c in enumerate(lines))
    return f".back{{fill:{back}}}text{{fill:{text}}}.grid{{stroke:{grid}}}{drawn}"
