"""What is to be reached, row by row: at least, and as an aim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cases import FLOOR, OURS

if TYPE_CHECKING:
    from figures import Figures, Quartiles


Measure = Literal["time", "cpu", "memory", "size"]


@dataclass(frozen=True)
class Target:
    """A ratio: how many times as much as ours a peer needs, or ours as much as another ("at most times")."""

    row: str
    case: str
    contender: str
    at_least: float
    aim: float | None = None
    reading: Literal["faster", "at most times"] = "faster"
    measure: Measure = "time"
    unit = "x"

    def value(self, figures: Figures) -> Quartiles | None:
        """None: it was not measured."""
        figure = figures.get(self.case, {}).get(self.contender)
        if figure is None:
            return None
        against = figure["against"][self.measure]
        return against if self.reading == "faster" else [1 / value for value in reversed(against)]

    def reached(self, value: float, bound: float) -> bool:
        return value >= bound if self.reading == "faster" else value <= bound


@dataclass(frozen=True)
class Absolute:
    """What ours may need at most."""

    row: str
    case: str
    at_least: float
    aim: float | None
    measure: Measure
    # What one of the unit is.
    one: float
    unit: str
    reading = "at most"

    def value(self, figures: Figures) -> Quartiles | None:
        figure = figures.get(self.case, {}).get(OURS)
        return figure and [value / self.one for value in figure["own"][self.measure]]

    def reached(self, value: float, bound: float) -> bool:
        return value <= bound


MS, MB = (1e-3, "ms"), (1e6, "MB")

SYNC_1, SYNC_500, SYNC_FAILED = (
    "Python sync, 1 file",
    "Python sync, 500 files, every row",
    "Python sync, 500 files, ok and failed only",
)
PARSE = "Python parse, 500 results, every row"
BATCH = "Python, 10,000 files, ok and failed only"

STALL = "Python async, longest stall of the loop when a batch with a journal is cancelled"

TARGETS = (
    Target("Python sync, 1 file, times the raw socket", SYNC_1, FLOOR, 2.2, 1.5, "at most times"),
    Target("Python sync, 1 file, against pycurl + msgspec", SYNC_1, "pycurl + msgspec", 1.1, 1.5),
    Target("Python sync, 1 file, against addepy", SYNC_1, "addepy", 15, 25),
    Target("Python sync, 500 files, every row, against pycurl + msgspec", SYNC_500, "pycurl + msgspec", 1.6, 3),
    Target(
        "Python sync, 500 files, ok and failed only, against pycurl + msgspec", SYNC_FAILED, "pycurl + msgspec", 2.5, 5
    ),
    Target("Python sync, 500 files, every row, against addepy", SYNC_500, "addepy", 10, 20),
    Target("Python sync, 500 files, every row, against httpx + pydantic", SYNC_500, "httpx + pydantic", 12, 30),
    Target("Python async, 1 file, against aiohttp + msgspec", "Python async, 1 file", "aiohttp + msgspec", 1.5, 2),
    Target(
        "Python async, 500 files, every row, against aiohttp + msgspec",
        "Python async, 500 files, every row",
        "aiohttp + msgspec",
        1.5,
        2.5,
    ),
    Target("Python parse, 500 results, every row, against msgspec", PARSE, "msgspec", 1.5, 3),
    Target("Python parse, 500 results, every row, against orjson + dataclass", PARSE, "orjson + dataclass", 4, 8),
    Target("Python parse, 500 results, every row, against pydantic", PARSE, "pydantic", 10, 20),
    Target("Node, 1 file, against undici", "Node, 1 file", "undici + JSON.parse", 1.1, 1.5),
    Target("Node, 1 file, processor time, against undici", "Node, 1 file", "undici + JSON.parse", 2, 3, measure="cpu"),
    Target(
        "Node, 500 files, every row, against undici + JSON.parse",
        "Node, 500 files, every row",
        "undici + JSON.parse",
        3,
        5,
    ),
    Target("10,000 files in 20 requests, against addepy", BATCH, "addepy", 10, 20),
    Target("10,000 files in 20 requests, against pycurl + msgspec", BATCH, "pycurl + msgspec", 2.5, 5),
    Target(
        "10,000 files in 20 requests, Node, against undici",
        "Node, 10,000 files, ok and failed only",
        "undici + JSON.parse",
        6,
        12,
    ),
    Absolute("longest stall of the loop when a batch with a journal is cancelled", STALL, 5, None, "time", *MS),
    Absolute("10,000 files, Python, peak memory", "Python, 10,000 files, memory", 30, None, "memory", *MB),
    Target(
        "10,000 files, Node, peak memory, times undici's",
        "Node, 10,000 files, memory",
        "undici + JSON.parse",
        0.6,
        None,
        "at most times",
        "memory",
    ),
    Absolute("import, over bare Python", "Python, import", 5, 2, "time", *MS),
    Absolute("require, over bare Node", "Node, require", 6, 3, "time", *MS),
    Target("cold script, 500 files, against requests", "Python, cold script, 500 files", "requests", 6, 10),
    Absolute("wheel, with the command line", "wheel", 3.5, None, "size", *MB),
    Absolute("npm package", "npm package", 3.5, None, "size", *MB),
    Target(
        "Python parse, a row of 50,000, times one of 500",
        "Python parse, by number of results",
        "500",
        1.5,
        None,
        "at most times",
    ),
)
