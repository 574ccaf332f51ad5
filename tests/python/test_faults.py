"""The table of faults says what is seen. `make faults` writes it anew."""

from __future__ import annotations

import faults
import pytest


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_table_of_faults_is_what_is_seen(slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADDEPAR_PORTAL_LIVE", "1")
    left_out = [f"| {fault.name} |" for group in faults.FAULTS.values() for fault in group if fault.slow and not slow]
    written = faults.TABLE.read_text("utf-8").splitlines(keepends=True)
    expected = "".join(line for line in written if not line.startswith(tuple(left_out)))
    assert faults.render(faults.rows(slow=slow)) == expected
