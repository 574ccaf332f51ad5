"""Every test starts without the variables that the package reads; the guard is proven by tests of its own."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, in a few seconds. `--hypothesis-profile=long` looks further.
_ALLOWED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
_EVERY = settings(deadline=None, database=None, suppress_health_check=_ALLOWED)
settings.register_profile("fixed", _EVERY, max_examples=100, derandomize=True)
settings.register_profile("long", _EVERY, max_examples=5_000)
settings.load_profile("fixed")

VARIABLES = (
    "ADDEPAR_",
    "PYTEST_VERSION",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
)


def pytest_sessionstart() -> None:
    """Signals end what they should, also where the tests run in the background of a shell or under `nohup`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs beside the others from the start is waited for at the end."""
    items.sort(key=lambda item: item.get_closest_marker("beside") is not None)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(VARIABLES):
            monkeypatch.delenv(name)
