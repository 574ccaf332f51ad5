"""A simulated portal to test against, without credentials and without clients.

>>> from addepar_portal.testing import SimulatedPortal
>>> with SimulatedPortal(files={37: [1, 2]}) as portal:
...     portal.fail_notify(37, [1])
...     report = portal.client().publish_files([37], portal_publishing="publish", contact_notification="notify")
>>> report.file(37).state
'failed'

With pytest, the fixture `simulated_portal` is a fresh one for each test.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from . import _types
from ._async_client import AsyncPortalClient
from ._client import PortalClient
from ._drive import finish
from ._native import Simulator

__all__ = ["SimulatedPortal"]

# The portals that were not closed: one that nobody refers to would be collected, and its server with it.
_running: set[Simulator] = set()

_KEY = {"key_id": "simulated-key", "key_secret": "simulated-secret", "firm_id": "1"}


class SimulatedPortal:
    """A server on this machine that speaks the documented API, with contacts, portals and an outbox.

    It runs until it is closed or the process ends, even if nothing refers to it any more. It does not keep the process
    alive.

    Args:
        files: File id -> the contacts it belongs to. Without it every file is known and has the contact 1.
        emails: One e-mail `per_file` or `per_call`; which of them the real service sends is not documented.
        options: Further options, such as `preferences={1: {"publish": False, "notify": True}}`.
    """

    def __init__(
        self,
        files: Mapping[int, Iterable[int]] | None = None,
        *,
        emails: Literal["per_file", "per_call"] = "per_file",
        **options: Any,
    ) -> None:
        if files is not None:
            options["files"] = {file: list(contacts) for file, contacts in files.items()}
        self._native = Simulator(json.dumps({"emails": emails, **options}))
        _running.add(self._native)

    @property
    def base_url(self) -> str:
        """The base URL, such as `http://127.0.0.1:49152/api`."""
        return self._native.base_url

    def control(self, do: str, **parameters: Any) -> Any:
        """One command of the simulator, for what has no method here."""
        return json.loads(finish(self._native.control(json.dumps({"do": do, **parameters}))))

    def client(self, **settings: Any) -> PortalClient:
        """A client of this portal; `settings` as of `PortalClient`."""
        return PortalClient(**self._settings(settings))

    def async_client(self, **settings: Any) -> AsyncPortalClient:
        """A client of this portal for asyncio."""
        return AsyncPortalClient(**self._settings(settings))

    def _settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        key = {"firm_id": _KEY["firm_id"]} if "access_token" in settings else _KEY
        return {"base_url": self.base_url, **key, **settings}

    def environ(self) -> dict[str, str]:
        """The variables that lead a script to this portal."""
        return {
            "ADDEPAR_BASE_URL": self.base_url,
            "ADDEPAR_FIRM_ID": _KEY["firm_id"],
            "ADDEPAR_KEY_ID": _KEY["key_id"],
            "ADDEPAR_KEY_SECRET": _KEY["key_secret"],
            "ADDEPAR_FIRM_NAME": "",
            "ADDEPAR_ENVIRONMENT": "",
            "ADDEPAR_ACCESS_TOKEN": "",
        }

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request so far: method, path, headers, body; credentials are not shown."""
        requests: list[dict[str, Any]] = self.control("requests")
        return requests

    @property
    def outbox(self) -> list[dict[str, Any]]:
        """Every e-mail so far: `{"contact": 1, "files": [37]}`."""
        outbox: list[dict[str, Any]] = self.control("outbox")
        return outbox

    def published(self, file_id: int) -> list[int]:
        """The contacts in whose portals the file is."""
        contacts: list[int] = self.control("published", file=file_id)
        return contacts

    def fail_publish(self, file_id: int, contact_ids: Iterable[int]) -> None:
        """From now on, publishing the file fails for these contacts."""
        self.control("fail_publish", file=file_id, contacts=list(contact_ids))

    def fail_notify(self, file_id: int, contact_ids: Iterable[int]) -> None:
        """From now on, e-mailing these contacts about the file fails."""
        self.control("fail_notify", file=file_id, contacts=list(contact_ids))

    def next_fault(self, name: str, **parameters: Any) -> None:
        """The next POST meets this fault, such as `"status:503"`, `"hang"` or `"close_in_body"`."""
        self.control("fault", fault={"name": name, **parameters})

    def close(self) -> None:
        """Stops the server."""
        _running.discard(self._native)
        finish(self._native.stop())

    def __enter__(self) -> _types.Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_native"):
            return "<SimulatedPortal that could not be started>"
        return f"SimulatedPortal(base_url={self.base_url!r})"
