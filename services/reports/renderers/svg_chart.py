"""Charts as SVG inside the HTML page: bars with their values, and a line at each goal."""

from __future__ import annotations

from html import escape

from hallpulse.display import amount, in_order
from services.reports.monthly import Bar, Chart

_WIDTH, _LABELS, _ROW, _BAR = 620, 190, 24, 13
_ROOM = 70
"""Width that stays free for the value behind the longest bar."""


def svg(chart: Chart) -> str:
    """Return the chart as an SVG element; its height depends on the number of bars."""
    top = max([1e-9, *(float(bar.value) for bar in chart.bars), *(float(bar.goal or 0) for bar in chart.bars)])
    height = _ROW * len(chart.bars) + 26
    rows = "".join(_row(bar, number, top, chart) for number, bar in enumerate(chart.bars))
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" font-size="10">{rows}{_key(chart, height)}</svg>'


def _row(bar: Bar, number: int, top: float, chart: Chart) -> str:
    y, value = number * _ROW + 4, max(0.0, float(bar.value))
    unit = "share" if chart.unit == "share" else "count"
    width = (_WIDTH - _LABELS - _ROOM) * value / top
    text = amount(bar.value, unit).replace(" ", "")
    at = 0.0 if bar.goal is None else (_WIDTH - _LABELS - _ROOM) * float(bar.goal) / top
    goal = "" if bar.goal is None else _goal(at, y)
    behind = at if width - 3 <= at <= width + 45 else width  # keep the value off the goal's mark
    return (
        f'<text x="{_LABELS - 6}" y="{y + 10}" text-anchor="end">{_said(bar.label.zh)}</text>'
        f'<rect x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="#4472a8"/>{goal}'
        f'<text x="{_LABELS + behind + 5:.1f}" y="{y + 10}">{text}</text>'
    )


def _goal(at: float, y: int) -> str:
    return f'<rect x="{_LABELS + at - 1:.1f}" y="{y - 3}" width="2" height="{_BAR + 6}" fill="#c00000"/>'


def _key(chart: Chart, height: int) -> str:
    """Return the key, which names the bars and the lines."""
    y = height - 8
    key = f'<rect x="{_LABELS}" y="{y - 8}" width="9" height="9" fill="#4472a8"/>'
    key += f'<text x="{_LABELS + 13}" y="{y}">{_said(chart.value.zh)}</text>'
    if any(bar.goal is not None for bar in chart.bars):
        key += f'<rect x="{_LABELS + 150}" y="{y - 9}" width="2" height="11" fill="#c00000"/>'
        key += f'<text x="{_LABELS + 158}" y="{y}">{_said(chart.goal.zh)}</text>'
    return key


def _said(text: str) -> str:
    return escape(in_order(text))
