"""With polars: ids from a column, what became of each file beside its client, the contacts that missed something.

    python with_polars.py

It runs against a simulated portal; `PortalClient()` in the place of `portal.client()` is your own firm's.
"""

import polars as pl

from addepar_portal.testing import SimulatedPortal

statements = pl.DataFrame(
    {"client": ["Ashby", "Birch LLC", "Cole", "Dune"], "file_id": ["0101", "0102", None, "0104"]},
)
with SimulatedPortal(files={101: [1, 2], 102: [3], 104: [4]}) as portal:
    portal.fail_notify(102, [3])
    report = portal.client().publish_files(
        statements["file_id"].drop_nulls(), portal_publishing="publish", contact_notification="notify"
    )

# Ids are compared as integers: `cast` raises for a text that is not a number. A full join drops no row on either side.
results = pl.DataFrame(report)
joined = statements.cast({"file_id": pl.Int64}).join(results, on="file_id", how="full", coalesce=True)
print(joined.filter(pl.col("state").ne_missing("ok")).select("client", "file_id", "state", "errors"))

contacts = pl.DataFrame(report.failed_contacts())
print(contacts.join(joined.select("file_id", "client"), on="file_id", how="left"))
