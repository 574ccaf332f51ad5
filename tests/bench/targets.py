"""What is to be reached, row by row: at least, and as an aim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from parts import KEPT, OURS

if TYPE_CHECKING:
    from figures import Figures, Quartiles


@dataclass(frozen=True)
class Faster:
    """How many times as much as ours a peer needs."""

    row: str
    case: str
    contender: str
    at_least: float
    aim: float
    measure: str = "time"
    unit = "x"

    def value(self, figures: Figures) -> Quartiles | None:
        """None: it was not measured."""
        figure = figures.get(self.case, {}).get(self.contender)
        return figure and figure["against"].get(self.measure)

    def is_reached(self, figures: Figures, bound: float) -> bool:
        value = self.value(figures)
        return value is not None and value[1] >= bound

    def shown(self, bound: float) -> str:
        return f"{bound:g} x"


@dataclass(frozen=True)
class Within:
    """How many times as much as another ours needs."""

    row: str
    case: str
    contender: str
    at_least: float
    aim: float | None = None
    measure: str = "time"
    unit = "x"

    def value(self, figures: Figures) -> Quartiles | None:
        figure = figures.get(self.case, {}).get(self.contender)
        against = figure and figure["against"].get(self.measure)
        return against and [1 / value for value in reversed(against)]

    def is_reached(self, figures: Figures, bound: float) -> bool:
        value = self.value(figures)
        return value is not None and value[1] <= bound

    def shown(self, bound: float) -> str:
        return f"≤ {bound:g} x"


@dataclass(frozen=True)
class AtMost:
    """How much ours needs, in a unit of so much."""

    row: str
    case: str
    measure: str
    at_least: float
    one: float = 1
    unit: str = ""
    # It is enough to need a third of what the most frugal peer needs.
    or_a_third: bool = False
    aim: float | None = None

    def value(self, figures: Figures) -> Quartiles | None:
        figure = figures.get(self.case, {}).get(OURS)
        return figure and [value / self.one for value in figure["own"][self.measure]]

    def is_reached(self, figures: Figures, bound: float) -> bool:
        own = {name: figure["own"][self.measure][1] for name, figure in figures[self.case].items()}
        peers = [value for name, value in own.items() if not name.startswith(OURS)]
        return own[OURS] <= bound * self.one or (self.or_a_third and own[OURS] <= min(peers) / 3)

    def shown(self, bound: float) -> str:
        return f"≤ {bound:g} {self.unit}{' or a third' * self.or_a_third}".rstrip()


Target = Faster | Within | AtMost

MS, MB = (1e-3, "ms"), (1e6, "MB")

SYNC_1, SYNC_500 = "Python sync, 1 file", "Python sync, 500 files"
ASYNC_1, ASYNC_500 = "Python async, 1 file", "Python async, 500 files"
NODE_1, NODE_500 = "Node, 1 file", "Node, 500 files"
COLD, COLD_NODE = "Python, cold script", "Node, cold script"
READ = "Python, reading 500 results"

TARGETS: tuple[Target, ...] = (
    Faster("Python sync, 1 file, against pycurl", SYNC_1, "pycurl + msgspec", 1.7, 2.5),
    Faster("… processor", SYNC_1, "pycurl + msgspec", 2.2, 3.5, "cpu"),
    Faster("… against requests", SYNC_1, "requests", 6, 10),
    Faster("… against httpx", SYNC_1, "httpx + pydantic", 6, 10),
    Faster("… against addepy", SYNC_1, "addepy", 6, 10),
    Faster("… against a raw ssl socket as people write it", SYNC_1, "raw ssl", 2, 3),
    Within("… times a raw ssl socket that resumes", SYNC_1, "raw ssl that resumes", 1.6, 1.2),
    Faster("Python sync, 500 files, against pycurl + msgspec", SYNC_500, "pycurl + msgspec", 1.7, 2.2),
    Faster("… against requests + pydantic", SYNC_500, "requests + pydantic", 7, 12),
    Faster("Python async, 1 file, against aiohttp + msgspec", ASYNC_1, "aiohttp + msgspec", 3, 4),
    Faster("Python async, 500 files, against aiohttp + msgspec", ASYNC_500, "aiohttp + msgspec", 3.5, 5),
    Faster("Node, 1 file, against undici + JSON.parse", NODE_1, "undici + JSON.parse", 4, 6),
    Faster("… processor", NODE_1, "undici + JSON.parse", 3, 5, "cpu"),
    Faster("Node, 500 files, against undici + JSON.parse", NODE_500, "undici + JSON.parse", 3, 5),
    Within("Rust, 1 file, times bare hyper", "Rust, 1 file", "hyper + serde_json", 1.15, 1.05),
    Faster("Python, cold script, against requests", COLD, "requests", 5, 8),
    Faster("… against httpx", COLD, "httpx", 7, 12),
    Faster("Node, cold script, against fetch", COLD_NODE, "fetch", 1.3, 2),
    *(
        Within(
            f"{language}, second call, a client per call, times a kept one",
            f"{language}, first calls of a process",
            KEPT,
            1.3,
            1.1,
            "second",
        )
        for language in ("Python", "Node")
    ),
    Faster("Python, reading 500 results, against msgspec", READ, "msgspec", 2, 3),
    Faster("… against orjson + dataclass", READ, "orjson + dataclass", 4.5, 8),
    Faster("… against pydantic", READ, "pydantic", 10, 20),
    Within("a row of 50,000, times one of 500", "Python, reading, for each result", "500", 1.7, 1.3),
    AtMost("peak memory at 10,000 files, over bare Python", "Python, memory at 10,000 files", "memory", 20, *MB),
    Within("… Node, times undici's", "Node, memory at 10,000 files", "undici + JSON.parse", 0.65, None, "memory"),
    AtMost("import, over bare Python", "Python, import", "time", 4, *MS, or_a_third=True),
    AtMost("require, over an empty module", "Node, require", "time", 8, *MS, or_a_third=True),
    *(
        AtMost(f"{kind}, {measure} held when idle", f"{kind}, idle after 100 calls at once", measure, 0)
        for kind in ("Python sync", "Python async", "Node")
        for measure in ("descriptors", "threads")
    ),
)


class Outcome(TypedDict):
    """What came of a target."""

    row: str
    measured: Quartiles
    unit: str
    # As a bound is shown, and whether it was reached.
    at_least: tuple[str, bool]
    aim: tuple[str, bool] | None


def outcomes(figures: Figures) -> list[Outcome]:
    """Of those that were measured."""

    def compared(target: Target, bound: float) -> tuple[str, bool]:
        return target.shown(bound), target.is_reached(figures, bound)

    return [
        {
            "row": target.row,
            "measured": value,
            "unit": target.unit,
            "at_least": compared(target, target.at_least),
            "aim": None if target.aim is None else compared(target, target.aim),
        }
        for target in TARGETS
        if (value := target.value(figures)) is not None
    ]
