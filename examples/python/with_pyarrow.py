"""With pyarrow: ids from a Parquet file, and what became of each file into another one.

    python with_pyarrow.py

It runs against a simulated portal; `PortalClient()` in the place of `portal.client()` is your own firm's.
"""

# pyright: basic

import tempfile
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from addepar_portal.testing import SimulatedPortal

with (
    tempfile.TemporaryDirectory() as folder,
    SimulatedPortal(files={101: [1, 2], 102: [3], 104: [4]}) as portal,
):
    statements = Path(folder) / "statements.parquet"
    pq.write_table(
        pa.table({"client": ["Ashby", "Birch LLC", "Dune"], "file_id": ["0101", "0102", "0104"]}), statements
    )

    portal.fail_notify(102, [3])
    report = portal.client().publish_files(
        pq.read_table(statements)["file_id"], portal_publishing="publish", contact_notification="notify"
    )

    results = Path(folder) / "results.parquet"
    pq.write_table(pa.table(report), results)
    for row in pq.read_table(results, filters=[("state", "!=", "ok")]).to_pylist():
        print(row["file_id"], row["state"], row["errors"], row["contacts_not_notified"])
