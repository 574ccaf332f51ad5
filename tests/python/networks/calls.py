"""One call of each client, and what its error says."""

from __future__ import annotations

import asyncio
import platform
import sys
from typing import Any

from addepar_portal import AsyncPortalClient, PortalClient, PortalError, PublishReport, __version__

MODES: Any = {"portal_publishing": "publish", "contact_notification": "do_not_notify"}
SYSTEM = {"darwin": "macos"}.get(sys.platform, sys.platform)
MACHINE = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
USER_AGENT = f"addepar-portal/{__version__} (python/{sys.version_info[0]}.{sys.version_info[1]}; {SYSTEM} {MACHINE})"
KEY: Any = {"firm_id": "1", "key_id": "simulated-key", "key_secret": "simulated-secret"}


def publish(asynchronous: bool = False, /, **settings: Any) -> PublishReport:
    """Publishes two files with a client of its own."""
    if not asynchronous:
        with PortalClient(**KEY, **settings) as client:
            return client.publish_files([37, 38], **MODES)

    async def call() -> PublishReport:
        async with AsyncPortalClient(**KEY, **settings) as client:
            return await client.publish_files([37, 38], **MODES)

    return asyncio.run(call())


def report_of(error: PortalError) -> PublishReport:
    """The report of an error, whose files all have the error's own outcome."""
    report = error.report
    assert report is not None
    assert [file.state for file in report] == [error.outcome] * 2
    return report
