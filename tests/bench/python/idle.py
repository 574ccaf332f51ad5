"""What a client that nobody uses holds after 100 calls at once: descriptors, and threads beyond one.

python idle.py sync|async URL
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import awaiting
import blocking
from asked import file_ids
from process import descriptors, show, threads

CALLS = 100
# What a client keeps for another call is gone by then.
PATIENCE = 3


def calls(url: str) -> None:
    with blocking.addepar_portal(url) as publish:
        with ThreadPoolExecutor(CALLS) as pool:
            list(pool.map(lambda _: publish(file_ids(1)), range(CALLS)))
        time.sleep(PATIENCE)
        held()


async def awaited_calls(url: str) -> None:
    async with awaiting.addepar_portal(url) as publish:
        await asyncio.gather(*(publish(file_ids(1)) for _ in range(CALLS)))
        await asyncio.sleep(PATIENCE)
        held()


def held() -> None:
    show({"descriptors": descriptors() - before[0], "threads": max(0, threads() - before[1] - 1)})


async def counted() -> None:
    # asyncio itself has descriptors.
    before[:] = descriptors(), threads()
    await awaited_calls(url)


kind, url = sys.argv[1:]
before = [descriptors(), threads()]
if kind == "sync":
    calls(url)
else:
    asyncio.run(counted())
