"""Figures as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from figures import Figure, Quartiles
    from targets import Outcome

TITLES = {"cpu": "processor"}


def case(name: str, figures: dict[str, Figure]) -> str:
    """A row for each contender, the quickest first; behind each measure its ratio to the base's, with quartiles."""
    measures = list(next(iter(figures.values()))["own"])
    rows = [["", *(title for measure in measures for title in (TITLES.get(measure, measure), "ratio"))]]
    for contender, figure in sorted(figures.items(), key=lambda item: item[1]["own"][measures[0]][1]):
        cells = [
            cell
            for measure in measures
            for cell in (
                quantity(measure, figure["own"][measure][1]),
                spread(figure["against"][measure]) if measure in figure["against"] else "",
            )
        ]
        rows.append([contender, *cells])
    n = max(figure["n"] for figure in figures.values())
    return f"\n{name} (medians of {n}; in brackets the quartiles)\n{table(rows)}"


def connections(opened: dict[str, dict[str, tuple[float, float]]]) -> str:
    rows = [["", "connections a call", "resumed"]]
    for kind, contenders in opened.items():
        for contender, (made, resumed) in contenders.items():
            rows.append([f"{kind}: {contender}", f"{made:.1f}", "yes" if resumed else "no"])
    return f"\nConnections\n{table(rows)}"


def targets(outcomes: list[Outcome]) -> str:
    rows = [["", "measured", "at least", "", "aim", ""]]
    for outcome in outcomes:
        bounds = [
            cell
            for bound, is_reached in (outcome["at_least"], outcome["aim"] or ("", None))
            for cell in (bound, {True: "reached", False: "not", None: ""}[is_reached])
        ]
        rows.append([outcome["row"], spread(outcome["measured"], outcome["unit"]), *bounds])
    return f"\nWhat was to be reached\n{table(rows)}"


def spread(value: Quartiles, unit: str = "x") -> str:
    low, median, high = value
    return f"{median:.2f} {unit} ({low:.2f} to {high:.2f})" if low != high else f"{median:.2f} {unit}"


def quantity(measure: str, value: float) -> str:
    if measure in {"descriptors", "threads"}:
        return f"{value:.0f}"
    if measure in {"memory", "size"}:
        return f"{value / 1e6:.2f} MB" if value >= 1e4 else f"{value:.0f} B"
    return f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.2f} µs"


def table(rows: list[list[str]]) -> str:
    """The first column to the left, the others to the right."""
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = []
    for name, *cells in rows:
        shown = (cell.rjust(width) for cell, width in zip(cells, others, strict=True))
        lines.append("  ".join(["", name.ljust(first), *shown]).rstrip())
    return "\n".join(lines)
