"""The main job against the simulated portal: the example of the API's page, and its partial failure."""

from addepar_portal import PublishReport, publish_files
from addepar_portal.testing import SimulatedPortal


def show(title: str, report: PublishReport) -> None:
    print(f"\n{title}\n{report}")
    failed = report.failed_contacts()
    for contact, failures in failed.contacts.items():
        told = ", ".join(f"{step} of file {file_id}" for file_id, step in failures)
        print(f"  contact {contact} missed: {told}")
    for file_id in failed.unreadable:
        print(f"  file {file_id} failed for unidentified contacts")


contacts = {37: [1, 2, 3], 38: [1, 2, 3, 4, 5], 39: [1]}
with SimulatedPortal(files=contacts) as portal:
    client = portal.client()
    print(f"Python, simulated portal at {portal.base_url}")

    report = publish_files(
        [37, 38, 39], portal_publishing="publish", contact_notification="do_not_notify", client=client
    )
    show("Publish three files, notify nobody:", report)

    portal.fail_notify(37, [1, 2, 3])
    portal.fail_publish(38, [4, 5])
    portal.fail_notify(38, [1, 2, 3])
    report = publish_files([37, 38], portal_publishing="publish", contact_notification="notify", client=client)
    show("Publish two files and e-mail the clients; for some contacts it fails:", report)

    print(f"\nThe portal received {len(portal.requests)} requests and sent {len(portal.outbox)} e-mails.")
