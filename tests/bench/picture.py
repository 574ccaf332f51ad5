"""Draws the README's picture of some results; needs nothing but Python.

python picture.py results.json picture.svg
"""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import FLOOR, OURS

if TYPE_CHECKING:
    from figures import Figure, Figures

PANELS = (
    ("Python, 500 files", "Python sync, 500 files, every row"),
    ("asyncio, 500 files", "Python async, 500 files, every row"),
    ("Node, 500 files", "Node, 500 files, every row"),
)
WIDTH, NAMES, NUMBERS = 720, 190, 150
LINE, BAR, GAP, TOP = 22, 14, 20, 14
# In between black and white, to be read on either.
TEXT, OTHERS, ACCENT = "#7d8590", "#8fa3b8", "#2f81f7"


def picture(results: dict[str, Any]) -> str:
    """A panel for each case with a bar for each contender; what is short is quick."""
    figures: Figures = results["figures"]
    shapes: list[str] = []
    y = TOP
    for title, case in PANELS:
        shapes.append(text(0, y + LINE / 2, title, weight="600"))
        y += LINE + 2
        contenders = sorted(
            ((name, figure) for name, figure in figures[case].items() if name != FLOOR),
            key=lambda item: median(item[1]),
        )
        longest = median(contenders[-1][1])
        for name, figure in contenders:
            shapes += bar(y, name, figure, longest)
            y += LINE
        y += GAP
    peers = {name: version for name, version in results["versions"].items() if name != "addepar-portal"}
    versions = ", ".join(f"{name} {version}" for name, version in peers.items())
    half = versions.rfind(", ", 0, len(versions) // 2 + 12) + 2
    notes = [
        "One call: the request, its answer read, every result looked at. Medians; client and server on one core.",
        f"{results['machine']}; {results['date']}",
        versions[:half],
        versions[half:],
    ]
    for note in notes:
        shapes.append(text(0, y, note, size=10))
        y += 14
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" '
        f'font-family="system-ui, sans-serif" role="img">\n<title>Time of one call, beside other libraries</title>\n'
        f"{body}\n</svg>\n"
    )


def median(figure: Figure) -> float:
    return figure["own"]["time"][1]


def bar(y: int, name: str, figure: Figure, longest: float) -> list[str]:
    width = max(2.0, (WIDTH - NAMES - NUMBERS) * median(figure) / longest)
    number = f"{median(figure) * 1e3:.2f} ms"
    if name != OURS:
        number += f" ({figure['against']['time'][1]:.1f} x)"
    return [
        text(NAMES - 8, y + LINE / 2, name, anchor="end", weight="600" if name == OURS else "400"),
        f'<rect x="{NAMES}" y="{y + (LINE - BAR) // 2}" width="{width:.1f}" height="{BAR}" rx="2" '
        f'fill="{ACCENT if name == OURS else OTHERS}"/>',
        text(NAMES + width + 8, y + LINE / 2, number),
    ]


def text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400", size: int = 13) -> str:
    """Words around the height `y`."""
    # Not every program knows `dominant-baseline`.
    return (
        f'<text x="{x:g}" y="{y + size * 0.35:g}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}" fill="{TEXT}">{escape(words)}</text>'
    )


if __name__ == "__main__":
    results, drawn = map(Path, sys.argv[1:])
    drawn.write_text(picture(json.loads(results.read_text())))
