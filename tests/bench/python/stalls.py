"""The longest time for which the event loop stood still while a journalled batch was cancelled.

    python stalls.py URL

It prints, as JSON, the longest stall of each of some batches in seconds. A loop that does nothing but look at the
clock is the measure: what it misses, other code took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from asked import CONTACT_NOTIFICATION, PORTAL_PUBLISHING

from addepar_portal import AsyncPortalClient

BATCHES = 15
# A request of the batch is in flight by then, and another record of it on its way to the disk.
UNTIL_CANCELLED = 0.15


async def longest_stall(client: AsyncPortalClient, journal: Path) -> float:
    longest, looked = 0.0, time.perf_counter()
    files = range(1, 10_001)
    batch = asyncio.ensure_future(
        client.publish_batch(
            files,
            portal_publishing=PORTAL_PUBLISHING,
            contact_notification=CONTACT_NOTIFICATION,
            journal=journal,
        )
    )
    # To begin and to read 10,000 ids is work of the caller's own, on this thread.
    await asyncio.sleep(UNTIL_CANCELLED)
    looked = time.perf_counter()
    batch.cancel()
    while not batch.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, looked = max(longest, now - looked), now
    if not batch.cancelled():
        batch.result()
    return longest


async def main() -> None:
    async with AsyncPortalClient(base_url=sys.argv[1]) as client:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            stalls = [await longest_stall(client, Path(folder, f"{batch}.jsonl")) for batch in range(BATCHES)]
    print(json.dumps(stalls))


asyncio.run(main())
