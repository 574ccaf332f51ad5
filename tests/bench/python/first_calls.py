"""How long the first two calls of a process take, in seconds.

    python first_calls.py per_call|kept URL

`per_call`: `publish_files` makes a client for each call; `kept`: both calls have the same one.
"""

import os
import sys
import time

from asked import MODES, file_ids
from looks import report
from process import show

from addepar_portal import PortalClient, publish_files

how, os.environ["ADDEPAR_BASE_URL"] = sys.argv[1:]


def call() -> float:
    started = time.perf_counter()
    read.append(report(publish(file_ids(1), **MODES)))
    return time.perf_counter() - started


read: list[tuple[int, ...]] = []
publish = publish_files if how == "per_call" else PortalClient().publish_files
took = {"first": call(), "second": call()}
show(read)
show(took)
