"""In a notebook: `report` alone in a cell is a table; here the same as a DataFrame, then by `match`."""

import asyncio

from addepar_portal import FileResult, PublishReport
from addepar_portal.testing import SimulatedPortal


async def publish() -> PublishReport:
    with SimulatedPortal(files={37: [1, 2], 38: [3]}) as portal:
        portal.fail_notify(37, [1])
        async with portal.async_client() as client:
            return await client.publish_files([37, 38], portal_publishing="publish", contact_notification="notify")


report = asyncio.run(publish())  # in a notebook: await publish()
print(report.to_pandas()[["file_id", "state", "published", "notified"]])
for file in report:
    match file:
        case FileResult(file_id=file_id, state="ok"):
            print(f"{file_id}: fine")
        case FileResult(file_id=file_id, contacts_not_notified=contacts):
            print(f"{file_id}: no e-mail to {contacts}")
