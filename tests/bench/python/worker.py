"""One contender in a process of its own: it takes turns when it is told to.

    python worker.py KIND CONTENDER URL COUNT LOOK

KIND is `sync`, `async` or `parse`; LOOK is `every_row` or `failed_only`. Files are published in requests of 500, one
after another. It first prints, as JSON, what it read of one call. Then for each line with a number, N, on
standard input it makes one call that is not measured and N that are, and prints the seconds and the processor time they
took. At the end of its input it prints the most memory that the process had, in bytes, so it imports no more than its
contender needs.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import asked
import blocking
import looks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from blocking import Contender
    from looks import Look, Totals


def turns(call: Callable[[], Totals]) -> None:
    show(call())
    for line in sys.stdin:
        call()
        cpu, started = time.process_time(), time.perf_counter()
        for _ in range(int(line)):
            call()
        show((time.perf_counter() - started, time.process_time() - cpu))


async def awaited_turns(call: Callable[[], Awaitable[Totals]]) -> None:
    show(await call())
    for line in sys.stdin:
        await call()
        cpu, started = time.process_time(), time.perf_counter()
        for _ in range(int(line)):
            await call()
        show((time.perf_counter() - started, time.process_time() - cpu))


def show(what: object) -> None:
    print(json.dumps(what), flush=True)


def calls(count: int, most: int) -> list[list[int]]:
    """The files of each call."""
    return [asked.file_ids(min(most, count + 1 - first), first) for first in range(1, count + 1, most)]


def added(totals: Iterable[Totals]) -> Totals:
    return tuple(map(sum, zip(*totals, strict=True)))


def publishing(contender: Contender, url: str, count: int, look: Look) -> None:
    see = look[contender.shape]
    files, *more = calls(count, contender.most)
    with contender.open(url) as publish:
        if more:
            # All results are there at the end, as in a script that reports on them.
            turns(lambda: added(map(see, [publish(some) for some in [files, *more]])))
        else:
            turns(lambda: see(publish(files)))


async def awaiting_publishing(contender: Contender, url: str, count: int, look: Look) -> None:
    see = look[contender.shape]
    [files] = calls(count, contender.most)
    async with contender.open(url) as publish:

        async def call() -> Totals:
            return see(await publish(files))

        await awaited_turns(call)


def answer(url: str, count: int) -> bytes:
    """The body of an answer."""
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("POST", urlsplit(url).path + asked.ROUTE, asked.body(asked.file_ids(count)))
    return connection.getresponse().read()


def peak_memory() -> int:
    """In bytes. `ru_maxrss` would have the peak of the process that started this one."""
    try:
        with open("/proc/self/status") as status:
            return int(status.read().partition("VmHWM:")[2].split()[0]) << 10
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    kind, name, url, count, look_name = sys.argv[1:]
    look: Look = {"every_row": looks.EVERY_ROW, "failed_only": looks.FAILED_ONLY}[look_name]
    if kind == "sync":
        publishing(blocking.CONTENDERS[name], url, int(count), look)
    elif kind == "async":
        import asyncio

        import awaiting

        asyncio.run(awaiting_publishing(awaiting.CONTENDERS[name], url, int(count), look))
    else:
        import parsing

        contender = parsing.CONTENDERS[name]
        read, body = contender.open(int(count)), answer(url, int(count))
        turns(lambda: look[contender.shape](read(body)))
    show(peak_memory())


if __name__ == "__main__":
    main()
