"""The pytest fixture `simulated_portal`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .testing import SimulatedPortal


@pytest.fixture
def simulated_portal() -> Iterator[SimulatedPortal]:
    """A simulated portal on this machine, fresh for each test."""
    from .testing import SimulatedPortal

    with SimulatedPortal() as portal:
        yield portal
