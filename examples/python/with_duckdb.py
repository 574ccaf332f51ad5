"""With DuckDB: ids out of a query, and what became of each file as a table of another one.

    python with_duckdb.py

It runs against a simulated portal; `PortalClient()` in the place of `portal.client()` is your own firm's. DuckDB reads
reports and data frames by the name of their variable; for reports it needs pyarrow.
"""

import duckdb

from addepar_portal.testing import SimulatedPortal

database = duckdb.connect()
database.execute("CREATE TABLE statements (client TEXT, file_id TEXT)")
database.execute(
    "INSERT INTO statements VALUES ('Ashby', '0101'), ('Birch LLC', '0102'), ('Cole', NULL), ('Dune', '0104')"
)
found = database.execute("SELECT file_id FROM statements WHERE file_id IS NOT NULL").fetchall()

with SimulatedPortal(files={101: [1, 2], 102: [3], 104: [4]}) as portal:
    portal.fail_notify(102, [3])
    report = portal.client().publish_files(
        [file_id for (file_id,) in found], portal_publishing="publish", contact_notification="notify"
    )

# Ids are compared as integers: CAST fails for a text that is not a number. A full join drops no row on either side.
shown = database.execute("""
    SELECT client, report.file_id, state, errors
    FROM statements FULL JOIN report ON CAST(statements.file_id AS BIGINT) = report.file_id
    WHERE state IS DISTINCT FROM 'ok'
    ORDER BY client
""")
print(shown.df())

contacts = report.failed_contacts()
shown = database.execute("""
    SELECT contact_id, client, step
    FROM contacts LEFT JOIN statements ON CAST(statements.file_id AS BIGINT) = contacts.file_id
""")
print(shown.df())
