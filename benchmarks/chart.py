"""The answers a second of each contender, as a picture: bars beside their names."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, NAME, ROW = 860, 370, 26  # pixels
BAR = WIDTH - NAME - 90
FONT = 'font-family="sans-serif" font-size="13"'
HEAD = f'<svg xmlns="http://www.w3.org/2000/svg" {FONT} width="{WIDTH}" height="{{height}}">'
OURS, OTHERS = "#2f7d4f", "#8a93a0"


def bars(figures: Sequence[tuple[str, float]]) -> str:
    """Return an SVG picture; what pagecache reaches stands out."""
    most = max(figure for _, figure in figures)
    rows = "".join(_row(at * ROW, name, figure, most) for at, (name, figure) in enumerate(figures))
    height = len(figures) * ROW + 8
    return f"{HEAD.format(height=height)}<title>Answers a second</title>{rows}</svg>\n"


def _row(top: int, name: str, figure: float, most: float) -> str:
    width = max(1, round(BAR * figure / most))
    color = OURS if "pagecache" in name else OTHERS
    middle = top + 19
    return (
        f'<text x="{NAME - 10}" y="{middle}" text-anchor="end" fill="#333">{escape(name)}</text>'
        f'<rect x="{NAME}" y="{top + 5}" width="{width}" height="{ROW - 7}" fill="{color}"/>'
        f'<text x="{NAME + width + 6}" y="{middle}" fill="#333">{figure:,.0f}</text>'
    )
