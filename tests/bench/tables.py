"""Figures as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from targets import TARGETS

if TYPE_CHECKING:
    from figures import Figure, Figures, Quartiles
    from targets import Absolute, Target

MEASURES = {"time": "time", "cpu": "processor", "memory": "memory"}


def case(name: str, figures: dict[str, Figure]) -> str:
    """A row for each contender, the quickest first; behind each ratio its quartiles."""
    known = next(iter(figures.values()))["own"]
    measures = [measure for measure in ("time", "cpu") if measure in known] or ["memory"]
    rows = [["", *(title for measure in measures for title in (MEASURES[measure], "times ours"))]]
    ordered = sorted(figures.items(), key=lambda item: item[1]["own"][measures[0]][1])
    for contender, figure in ordered:
        cells = [
            cell
            for measure in measures
            for cell in (quantity(measure, figure["own"][measure][1]), spread(figure["against"][measure]))
        ]
        rows.append([contender, *cells])
    n = max(figure["n"] for figure in figures.values())
    return f"\n{name} (medians of {n}; in brackets the quartiles)\n{table(rows)}"


def targets(figures: Figures) -> str:
    rows = [["", "measured", "at least", "", "aim", ""]]
    for target in TARGETS:
        value = target.value(figures)
        if value is None:
            continue
        bounds = [cell for bound in (target.at_least, target.aim) for cell in shown(target, value[1], bound)]
        rows.append([target.row, spread(value, target.unit), *bounds])
    return f"\nWhat was to be reached\n{table(rows)}"


def shown(target: Target | Absolute, value: float, bound: float | None) -> tuple[str, str]:
    if bound is None:
        return "", ""
    sign = "" if target.reading == "faster" else "≤ "
    return f"{sign}{bound:g} {target.unit}", "yes" if target.reached(value, bound) else "NO"


def spread(value: Quartiles, unit: str = "x") -> str:
    low, median, high = value
    return f"{median:.2f} {unit} ({low:.2f} to {high:.2f})" if low != high else f"{median:.2f} {unit}"


def quantity(measure: str, value: float) -> str:
    if measure == "memory":
        return f"{value / 1e6:.1f} MB"
    return f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.2f} µs"


def table(rows: list[list[str]]) -> str:
    """The first column to the left, the others to the right."""
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = []
    for name, *cells in rows:
        shown = (cell.rjust(width) for cell, width in zip(cells, others, strict=True))
        lines.append("  ".join(["", name.ljust(first), *shown]).rstrip())
    return "\n".join(lines)
