"""Every test starts without the variables that the package reads; the guard is proven by tests of its own."""

from __future__ import annotations

import os

import pytest

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


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(VARIABLES):
            monkeypatch.delenv(name)
