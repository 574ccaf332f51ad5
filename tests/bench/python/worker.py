"""One contender in a process of its own: it takes turns when it is told to.

    python worker.py KIND CONTENDER URL COUNT

KIND is `sync`, `async` or `reading`. Files are published in requests of 500, one after another. It first prints, as
JSON, what it read of one call. Then for each line with a number, N, on standard input it makes one call that is not
measured and N that are, and prints how many seconds and how much processor time each of them took. At the end of its
input it prints the most memory that the process had, so it imports no more than its contender needs.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import asked
import blocking
from looks import LOOKS
from process import leave, peak_memory, show

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from blocking import Contender
    from looks import Totals


def turns(call: Callable[[], Totals]) -> None:
    show(call())
    for line in sys.stdin:
        call()
        calls, cpu, started = int(line), time.process_time(), time.perf_counter()
        for _ in range(calls):
            call()
        took(calls, cpu, started)


async def awaited_turns(call: Callable[[], Awaitable[Totals]]) -> None:
    show(await call())
    for line in sys.stdin:
        await call()
        calls, cpu, started = int(line), time.process_time(), time.perf_counter()
        for _ in range(calls):
            await call()
        took(calls, cpu, started)


def took(calls: int, cpu: float, started: float) -> None:
    show({"time": (time.perf_counter() - started) / calls, "cpu": (time.process_time() - cpu) / calls})


def requests(count: int, most: int) -> list[list[int]]:
    """The files of each."""
    return [asked.file_ids(min(most, count + 1 - first), first) for first in range(1, count + 1, most)]


def added(totals: Iterable[Totals]) -> Totals:
    return tuple(map(sum, zip(*totals, strict=True)))


def publishing(contender: Contender, url: str, count: int) -> None:
    look = LOOKS[contender.shape]
    files, *more = requests(count, contender.most)
    with contender.open(url) as publish:
        if more:
            # All results are there at the end, as in a script that reports on them.
            turns(lambda: added(map(look, [publish(some) for some in [files, *more]])))
        else:
            turns(lambda: look(publish(files)))


async def awaiting_publishing(contender: Contender, url: str, count: int) -> None:
    look = LOOKS[contender.shape]
    async with contender.open(url) as publish:

        async def call() -> Totals:
            return look(await publish(asked.file_ids(count)))

        await awaited_turns(call)


def main() -> None:
    kind, name, url, number = sys.argv[1:]
    count = int(number)
    if kind == "sync":
        publishing(blocking.CONTENDERS[name], url, count)
    elif kind == "async":
        import asyncio

        import awaiting

        asyncio.run(awaiting_publishing(awaiting.CONTENDERS[name], url, count))
    else:
        import reading

        contender = reading.CONTENDERS[name]
        read, body = contender.open(count), reading.answer(url, count)
        turns(lambda: LOOKS[contender.shape](read(body)))
    show({"memory": peak_memory()})
    leave()


if __name__ == "__main__":
    main()
