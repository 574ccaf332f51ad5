"""What a service meets: 200 calls at once on one event loop.

    python service.py CONTENDER URL

It prints how long they took together, the longest time for which the loop stood still meanwhile, the processor time
and the peak of memory. The process made as many calls before, which do not count.
"""

import asyncio
import sys
import time

from asked import file_ids
from awaiting import CONTENDERS
from looks import LOOKS
from process import leave, peak_memory, show

CALLS, FILES, TICK = 200, 100, 0.001


async def longest_stall(stop: asyncio.Event) -> float:
    """How much later than it should have, a timer came at worst."""
    longest = 0.0
    while not stop.is_set():
        asleep = time.perf_counter()
        await asyncio.sleep(TICK)
        longest = max(longest, time.perf_counter() - asleep - TICK)
    return longest


async def main(name: str, url: str) -> None:
    contender = CONTENDERS[name]
    async with contender.open(url) as publish:

        async def call() -> tuple[int, ...]:
            return LOOKS[contender.shape](await publish(file_ids(FILES)))

        await asyncio.gather(*(call() for _ in range(CALLS)))
        stop = asyncio.Event()
        stall = asyncio.ensure_future(longest_stall(stop))
        cpu, started = time.process_time(), time.perf_counter()
        read = await asyncio.gather(*(call() for _ in range(CALLS)))
        took = {"time": time.perf_counter() - started, "cpu": time.process_time() - cpu}
        stop.set()
        show(read)
        show({**took, "stall": await stall, "memory": peak_memory()})


asyncio.run(main(*sys.argv[1:]))
leave()
