"""What is said of an argument that is not what it should be: its name, the rule, and the value."""

from __future__ import annotations

import enum
import inspect
import traceback
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from addepar_portal import (
    AsyncPortalClient,
    InputError,
    Journal,
    OutcomeUnknownError,
    PortalClient,
    RejectedError,
    init_journal_dir,
    publish_files,
    resume,
)
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}
SECRET = "s3cr3t"


async def later(_: object) -> None:
    """A coroutine function."""


# How it is used -> what is said.
WRONG: dict[str, tuple[Callable[[PortalClient, dict[str, Any]], object], str]] = {
    "text for seconds": (
        lambda client, _: PortalClient(base_url=client.base_url, timeout="90"),  # type: ignore[arg-type]
        "`timeout` must be a number of seconds, not '90' (str). Nothing was sent.",
    ),
    "a list for seconds": (
        lambda client, batch: client.publish_batch([37], max_wait=[1], **batch),  # type: ignore[arg-type]
        "`max_wait` must be a number of seconds, not of type list. Nothing was sent.",
    ),
    "a long text": (
        lambda client, batch: client.publish_batch([37], stop_timeout="9" * 99, **batch),  # type: ignore[arg-type]
        "`stop_timeout` must be a number of seconds, not of type str. Nothing was sent.",
    ),
    "a float for a whole number": (
        lambda client, batch: client.publish_batch([37], chunk_size=1.5, **batch),  # type: ignore[arg-type]
        "`chunk_size` must be a whole number, not 1.5 (float). Nothing was sent.",
    ),
    "a float for the firm": (
        lambda client, _: PortalClient(base_url=client.base_url, firm_id=1.0),  # type: ignore[arg-type]
        "`firm_id` must be a whole number or a str, not 1.0 (float). Nothing was sent.",
    ),
    "a bool for the firm": (
        lambda client, _: PortalClient(base_url=client.base_url, firm_id=True),
        "`firm_id` must be a whole number or a str, not True (bool). Nothing was sent.",
    ),
    "a bool for seconds": (
        lambda client, batch: client.publish_batch([37], max_wait=True, **batch),
        "`max_wait` must be a number of seconds, not True (bool). Nothing was sent.",
    ),
    "a bool for a whole number": (
        lambda client, batch: client.publish_batch([37], chunk_size=True, **batch),
        "`chunk_size` must be a whole number, not True (bool). Nothing was sent.",
    ),
    "several numbers for seconds": (
        lambda client, _: PortalClient(base_url=client.base_url, timeout=np.array([1, 2])),  # type: ignore[arg-type]
        "`timeout` must be a number of seconds, not of type ndarray. Nothing was sent.",
    ),
    "several numbers for a whole one": (
        lambda client, batch: client.publish_batch([37], chunk_size=np.array([1, 2]), **batch),  # type: ignore[arg-type]
        "`chunk_size` must be a whole number, not of type ndarray. Nothing was sent.",
    ),
    "nothing for the id of a job": (
        lambda client, _: client.generated_report(None),  # type: ignore[arg-type]
        "`job_id` must be a str, not None. Nothing was sent.",
    ),
    "nothing in a list of jobs": (
        lambda client, batch: client.publish_batch(reports=["6f1c", None], **batch),  # type: ignore[list-item]
        "`reports[1]` must be a str, not None. Nothing was sent.",
    ),
    "a word for a bool": (
        lambda client, batch: client.publish_batch([37], pace="yes", **batch),  # type: ignore[arg-type]
        "`pace` must be True or False, not 'yes' (str). Nothing was sent.",
    ),
    "nothing for a journal": (
        lambda client, batch: client.publish_batch([37], **{**batch, "journal": None}),
        "`journal` must be a path (str or os.PathLike), not None. Nothing was sent.",
    ),
    "bytes for a journal": (
        lambda client, _: client.resume(b"run.jsonl"),  # type: ignore[arg-type]
        "`journal` must be a path (str or os.PathLike), not b'run.jsonl' (bytes). Nothing was sent.",
    ),
    "a number for a folder": (
        lambda *_: init_journal_dir(5),  # type: ignore[arg-type]
        "`folder` must be a path (str or os.PathLike), not 5 (int). Nothing was sent.",
    ),
    "a number for a text": (
        lambda client, _: PortalClient(base_url=client.base_url, key_id=5),  # type: ignore[arg-type]
        "`key_id` must be a str, not of type int. Nothing was sent.",
    ),
    "a day for a time": (
        lambda client, _: client.generated_reports(completed_after=5),  # type: ignore[arg-type]
        "`completed_after` must be a datetime with a time zone, not 5 (int). Nothing was sent.",
    ),
    "no function": (
        lambda client, batch: client.publish_batch([37], on_progress=5, **batch),  # type: ignore[arg-type]
        "`on_progress` must be a function, not 5 (int). Nothing was sent.",
    ),
    "a coroutine function": (
        lambda client, batch: client.publish_batch([37], on_progress=later, **batch),
        "`on_progress` must be a plain function, not a coroutine function. Nothing was sent.",
    ),
    "another client": (
        lambda client, _: publish_files([37], client=AsyncPortalClient(base_url=client.base_url), **MODES),  # type: ignore[arg-type]
        "`client` must be of type PortalClient, not of type AsyncPortalClient. Nothing was sent.",
    ),
    "a text as a client": (
        lambda *_: resume("run.jsonl", client="me"),  # type: ignore[arg-type]
        "`client` must be of type PortalClient, not 'me' (str). Nothing was sent.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_argument_of_another_type_is_named_with_its_rule(
    what: str, simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in simulated_portal.environ().items():
        monkeypatch.setenv(name, value)
    use, said = WRONG[what]
    with pytest.raises((TypeError, InputError)) as caught:
        use(simulated_portal.client(), {"journal": tmp_path / "run.jsonl", **MODES})
    assert str(caught.value) == said
    assert simulated_portal.requests == []


# What no setting may be.
NEVER: dict[str, Any] = {"a bool": True, "bytes": b"30", "a list": [30], "an object": object(), "a complex": 1j}


@pytest.mark.parametrize("what", NEVER)
@pytest.mark.parametrize("name", inspect.signature(PortalClient).parameters)
@pytest.mark.parametrize("client", [PortalClient, AsyncPortalClient])
def test_a_setting_of_another_type_is_named_with_its_rule(
    client: Any, name: str, what: str, simulated_portal: SimulatedPortal
) -> None:
    settings = {"base_url": simulated_portal.base_url, "firm_id": "1", name: NEVER[what]}
    with pytest.raises(TypeError, match=rf"^`{name}` must be .*, not .*\. Nothing was sent\.$"):
        client(**settings)


def test_what_the_callers_own_number_raises_is_raised_as_it_is(simulated_portal: SimulatedPortal) -> None:
    class Mine:
        def __float__(self) -> float:
            raise TypeError("mine")

        __index__ = __float__

    client = simulated_portal.client()
    with pytest.raises(TypeError, match=r"^mine$"):
        simulated_portal.client(timeout=Mine())
    with pytest.raises(TypeError, match=r"^mine$"):
        client.publish_batch([37], journal="run.jsonl", chunk_size=Mine(), **MODES)  # type: ignore[arg-type]


def test_a_uuid_is_the_id_of_a_job(simulated_portal: SimulatedPortal) -> None:
    with pytest.raises(RejectedError, match="no such job"):
        simulated_portal.client().generated_report(uuid.uuid4())  # type: ignore[arg-type]


def test_who_decides_is_a_text(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    simulated_portal.client().publish_batch([37], journal=tmp_path / "run.jsonl", **MODES)
    journal = Journal(tmp_path / "run.jsonl")
    with pytest.raises(TypeError, match=r"^`by` must be a str, not 5 \(int\)\. Nothing was recorded\.$"):
        journal.decide([37], "leave", by=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`evidence` must be a str, not of type list\. Nothing was recorded\.$"):
        journal.decide([37], "leave", by="A. Smith", evidence=[])  # type: ignore[arg-type]


class Who(str, enum.Enum):
    ADA = "Ada Smith"


def test_a_text_of_an_enumeration_is_its_value(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    simulated_portal.next_fault("close_before_answer")
    with pytest.raises(OutcomeUnknownError):
        simulated_portal.client().publish_batch([37], journal=tmp_path / "run.jsonl", **MODES)
    journal = Journal(tmp_path / "run.jsonl")
    journal.decide([37], "published", by=Who.ADA, evidence=Who.ADA)
    assert (journal.files[0].decided_by, journal.files[0].evidence) == ("Ada Smith", "Ada Smith")


@pytest.mark.parametrize("client", [PortalClient, AsyncPortalClient])
def test_an_unknown_setting_is_named_with_the_one_that_was_meant(client: Any) -> None:
    name = client.__name__
    with pytest.raises(TypeError) as caught:
        client(key_secret=SECRET, timeot=5)
    assert str(caught.value) == f"{name}() has no setting 'timeot'. Did you mean 'timeout'?"
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    frame = shown.partition("in new")[2]
    assert "timeot" in frame
    assert SECRET not in frame
    with pytest.raises(TypeError, match=rf"^{name}\(\) has no setting 'retries'\. It has firm_name, environment, "):
        client(retries=5)
    with pytest.raises(TypeError, match=rf"^{name}\(\) takes its settings by their names alone"):
        client("examplefirm")


def test_a_client_of_ones_own_has_its_own_arguments(simulated_portal: SimulatedPortal) -> None:
    class Mine(PortalClient):
        def __init__(self, portal: SimulatedPortal, *, retries: int = 0) -> None:
            super().__init__(base_url=portal.base_url, firm_id=1, key_id="simulated-key", key_secret="simulated-secret")

    assert list(inspect.signature(Mine).parameters) == ["portal", "retries"]
    assert Mine(simulated_portal, retries=5).publish_files([37], **MODES).ok
    with pytest.raises(TypeError, match="unexpected keyword argument 'timeot'"):
        Mine(simulated_portal, timeot=5)  # type: ignore[call-arg]


def test_a_moment_with_a_zone_is_taken(simulated_portal: SimulatedPortal) -> None:
    assert len(simulated_portal.client().generated_reports(completed_after=datetime.now(timezone.utc))) == 0


def test_a_journal_that_is_not_a_path_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^`path` must be a path \(str or os\.PathLike\), not None\."):
        Journal(None)  # type: ignore[arg-type]
