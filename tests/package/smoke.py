"""The installed package, nothing else: one publish, sync and async, against the simulated portal."""

import asyncio
import pickle
import sys

import addepar_portal
from addepar_portal import InputError, publish_files, publish_files_async
from addepar_portal.testing import SimulatedPortal

for name in addepar_portal.__all__:
    getattr(addepar_portal, name)  # some are imported only here

with SimulatedPortal(files={37: [1, 2], 38: [3]}) as portal:
    portal.fail_notify(37, [1])
    report = publish_files([37, 38], client=portal.client(), portal_publishing="publish", contact_notification="notify")
    states = [file.state for file in report]
    assert states == ["failed", "ok"], states
    assert "<table" in report._repr_html_()
    assert pickle.loads(pickle.dumps(report)) == report  # its own pickle
    again = asyncio.run(
        publish_files_async(
            [38], client=portal.async_client(), portal_publishing="publish", contact_notification="notify"
        )
    )
    assert again.ok
    try:
        publish_files("37", client=portal.client(), portal_publishing="publish", contact_notification="notify")
    except InputError:
        pass
    else:
        raise AssertionError("a string is not a collection of ids")
    assert len(portal.requests) == 2, portal.requests
print(f"CPython {sys.version.split()[0]}: ok")
