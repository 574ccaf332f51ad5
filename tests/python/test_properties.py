"""Any argument at all: a report, or an error of the package or of Python's types; then nothing was sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addepar_portal import (
    AsyncPortalClient,
    ConfigError,
    InputError,
    OutcomeUnknownError,
    PortalClient,
    PortalError,
    PublishReport,
    PublishRequest,
    RejectedError,
    publish_batch,
    publish_files,
    publish_files_async,
)
from addepar_portal.testing import SimulatedPortal

T = TypeVar("T")

MAX_ID = 2**53 - 1
SECRET = "correct horse battery staple"


class MischiefError(Exception):
    """What an argument's own methods raise is the caller's."""


class Mischief:
    """An object whose methods lie or raise."""

    def __init__(self, length: int, items: list[object], *, raises: bool) -> None:
        self._length = length
        self._items = items
        self._raises = raises

    def _or_raise(self, value: Any) -> Any:
        if self._raises:
            raise MischiefError
        return value

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[object]:
        yield from self._items
        self._or_raise(None)

    def __str__(self) -> str:
        return self._or_raise("notify")  # type: ignore[no-any-return]

    def __index__(self) -> int:
        return self._or_raise(self._length)  # type: ignore[no-any-return]

    def __float__(self) -> float:
        return self._or_raise(float(self._length))  # type: ignore[no-any-return]


# Half a surrogate pair is a character that a Python text may have.
texts = st.text(st.characters(codec=None))
integers = st.integers() | st.integers(-3, 40) | st.sampled_from([MAX_ID, MAX_ID + 1, 2**63, 2**64, -(2**64), 10**400])
scalars = (
    st.none()
    | st.booleans()
    | integers
    | st.floats()
    | st.complex_numbers()
    | texts
    | st.binary()
    | st.decimals()
    | st.fractions()
    | st.datetimes()
    | st.sampled_from([object(), int, ..., np.int64(37), np.float32(37), np.bool_(True), memoryview(b"37"), range(3)])
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.lists(inner, max_size=5).map(iter)
        | st.dictionaries(texts, inner, max_size=3)
        | st.builds(Mischief, st.integers(0, 2**62), st.lists(inner, max_size=3), raises=st.booleans())
    ),
    max_leaves=8,
)
ids = st.integers(1, MAX_ID)
file_ids = (
    anything
    | st.lists(ids | ids.map(str) | scalars, max_size=8)
    | st.lists(ids, min_size=1, max_size=600, unique=True)
    | st.lists(ids, min_size=1, max_size=8, unique=True).map(np.array)
    | st.sets(ids, max_size=8)
)
publishing = st.sampled_from(["publish", "PUBLISH", "use_contact_preference", "do_not_publish"]) | anything
notification = st.sampled_from(["notify", "Do_Not_Notify", "use_contact_preference"]) | anything
repeat = st.sampled_from(["refuse", "allow"]) | anything
arguments = st.fixed_dictionaries(
    {"file_ids": file_ids, "portal_publishing": publishing, "contact_notification": notification},
    optional={"publish_override_contact_ids": file_ids},
)


@pytest.fixture(scope="module")
def portal() -> Iterator[SimulatedPortal]:
    with SimulatedPortal() as portal:
        yield portal


def posts(portal: SimulatedPortal) -> int:
    count: int = portal.control("posts")
    return count


def check(report: PublishReport) -> None:
    asked = report.request.file_ids
    assert 1 <= len(asked) <= 500
    assert len(set(asked)) == len(asked)
    assert all(1 <= file_id <= MAX_ID for file_id in asked)
    assert tuple(file.file_id for file in report) == asked
    assert pickle.loads(pickle.dumps(report)) == report


def outcome(act: Callable[[], T]) -> T | PortalError | TypeError | MischiefError:
    """What comes of it; anything but these errors fails the test."""
    try:
        return act()
    except (PortalError, TypeError, MischiefError) as error:
        return error


@given(arguments)
def test_a_request_is_valid_or_refused(arguments: dict[str, Any]) -> None:
    request = outcome(lambda: PublishRequest(arguments.pop("file_ids"), **arguments))
    if isinstance(request, PublishRequest):
        assert request.to_dict()["data"]["attributes"]["files_id"] == list(request.file_ids)
        assert pickle.loads(pickle.dumps(request)) == request
    else:
        assert isinstance(request, InputError | TypeError | MischiefError)


def publish_sync(portal: SimulatedPortal, arguments: dict[str, Any]) -> PublishReport:
    with portal.client() as client:
        return publish_files(client=client, **arguments)


def publish_async(portal: SimulatedPortal, arguments: dict[str, Any]) -> PublishReport:
    async def publish() -> PublishReport:
        async with portal.async_client() as client:
            return await publish_files_async(client=client, **arguments)

    return asyncio.run(publish())


DRIVERS = [publish_sync, publish_async]


@pytest.mark.parametrize("publish", DRIVERS, ids=["sync", "async"])
@given(arguments, st.none() | repeat)
def test_any_arguments_are_sent_once_or_refused(
    portal: SimulatedPortal,
    publish: Callable[[SimulatedPortal, dict[str, Any]], PublishReport],
    arguments: dict[str, Any],
    repeat: object,
) -> None:
    before = posts(portal)
    report = outcome(lambda: publish(portal, arguments if repeat is None else {**arguments, "repeat": repeat}))
    if isinstance(report, PublishReport):
        assert posts(portal) == before + 1
        check(report)
    else:
        assert isinstance(report, InputError | TypeError | MischiefError)
        assert posts(portal) == before


secrets = st.builds("{}{}{}".format, st.sampled_from(["", "\0", " "]), st.just(SECRET), texts)
tokens = secrets | anything.map(lambda token: lambda: token) | secrets.map(lambda token: lambda: token) | anything
times = st.floats() | st.floats(0.001, 90) | anything
settings = st.fixed_dictionaries(
    {},
    optional={
        "firm_name": texts | anything,
        "environment": st.sampled_from(["production", "sandbox"]) | anything,
        "firm_id": texts | integers | anything,
        "key_id": texts | anything,
        "key_secret": secrets | anything,
        "access_token": tokens,
        "base_url": texts | texts.map("http://127.0.0.1/{}".format) | anything,
        "timeout": times,
        "connect_timeout": times,
        "max_rate_limit_wait": times,
        "proxy": texts | texts.map("http://{}".format) | anything,
        "ca_file": texts | anything,
        "journal_dir": st.sampled_from(["\ud800", b"37", 37]),
    },
)


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("kind", [PortalClient, AsyncPortalClient])
@given(settings)
def test_any_settings_are_taken_or_refused_and_no_secret_is_told(
    kind: type[PortalClient | AsyncPortalClient], settings: dict[str, Any]
) -> None:
    given = {"firm_id": "1", "key_id": "k", "key_secret": SECRET, "base_url": "http://127.0.0.1:9/api", **settings}
    if "access_token" in settings:
        del given["key_id"], given["key_secret"]
    if "firm_name" in settings:
        del given["base_url"]
    client = outcome(lambda: kind(**given))
    if isinstance(client, PortalClient | AsyncPortalClient):
        assert SECRET not in repr(client)
        assert client.base_url.startswith(("http://127.0.0.1", "https://"))
    else:
        assert isinstance(client, ConfigError | TypeError | MischiefError)
        assert SECRET not in shown(client)


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "firm_id": printable,
            "key_secret": printable | secrets,
            "access_token": printable | tokens,
            # Long enough: what one call leaves unknown would be counted in the next.
            "timeout": st.floats(10, 90),
            "connect_timeout": st.floats(10, 90),
            "max_rate_limit_wait": st.floats(0, 90),
            "ca_file": texts,
        },
    )
)
def test_a_call_with_any_settings_ends_as_documented(portal: SimulatedPortal, settings: dict[str, Any]) -> None:
    client = outcome(lambda: portal.client(**settings))
    if not isinstance(client, PortalClient):
        return
    before = posts(portal)
    report = outcome(lambda: client.publish_files([37], portal_publishing="publish", contact_notification="notify"))
    if isinstance(report, PublishReport):
        assert posts(portal) == before + 1
        check(report)
    else:
        assert isinstance(report, PortalError)
        assert SECRET not in shown(report)
        assert report.report is not None
        check(report.report)
        assert posts(portal) == before or isinstance(report, OutcomeUnknownError | RejectedError)


class Folder:
    """Names for journals, each a new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def journal(self) -> Path:
        self._count += 1
        return self._path / f"{self._count}.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("journals"))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "chunk_size": st.integers(1, 500) | anything,
            "max_wait": times,
            "pace": st.booleans() | anything,
            "repeat": repeat,
            "on_progress": anything,
            "journal": st.sampled_from(["\ud800", "\0", b"37", 37, None]),
        },
    )
)
def test_any_options_of_a_batch_are_taken_or_refused(
    portal: SimulatedPortal, folder: Folder, options: dict[str, Any]
) -> None:
    given = {"portal_publishing": "publish", "contact_notification": "notify", "journal": folder.journal(), **options}
    before = posts(portal)
    with portal.client() as client:
        report = outcome(lambda: publish_batch([37, 38], client=client, **given))
    if isinstance(report, PublishReport):
        check(report)
    else:
        assert posts(portal) == before


bodies = anything | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "id", "attributes"]) | texts, inner),
).map(json.dumps)


@given(bodies)
def test_any_body_names_every_file_once(body: Any) -> None:
    request = PublishRequest([37, 38], portal_publishing="publish", contact_notification="notify")
    read = outcome(lambda: PublishReport.from_response(request, body))
    report = read.report if isinstance(read, OutcomeUnknownError) else read
    if isinstance(report, PublishReport):
        check(report)
        assert [report.file(file_id).file_id for file_id in (37, 38)] == [37, 38]
        assert report._repr_html_()
    else:
        assert isinstance(report, TypeError)


@given(anything)
def test_any_key_finds_a_file_or_none(key: Any) -> None:
    request = PublishRequest([37], portal_publishing="publish", contact_notification="notify")
    report = PublishReport.from_response(request, '{"data":[]}')
    with contextlib.suppress(KeyError, TypeError, MischiefError):
        assert report.file(key).file_id == 37
