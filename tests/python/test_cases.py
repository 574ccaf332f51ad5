"""Runs every case of tests/cases, sync and async. A new case needs no code here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]
import pytest

import addepar_portal
from addepar_portal.testing import SimulatedPortal

FOLDER = Path(__file__).parent.parent / "cases"
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name != "schema.json")
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}", marks=[pytest.mark.beside] if case.get("slow") else [])
    for path in FILES
    for case in json.loads(path.read_text("utf-8"))["cases"]
    if "python" in case.get("languages", ["python"])
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_cases_follow_the_schema(path: Path) -> None:
    file = json.loads(path.read_text("utf-8"))
    jsonschema.validate(file, json.loads((FOLDER / "schema.json").read_text("utf-8")))
    names = [case["name"] for case in file["cases"]]
    assert len(names) == len(set(names))


def value(raw: Any) -> Any:
    match raw:
        case {"$integer": digits}:
            return int(digits)
        case {"$float": text}:
            return float(text)
        case {"$range": [first, last]}:
            return list(range(first, last + 1))
        case list():
            return [value(item) for item in raw]
        case _:
            return raw


class Run:
    def __init__(self, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch | None) -> None:
        self.case = case
        self.portal = SimulatedPortal(**case.get("portal", {}))
        if monkeypatch:
            for name, setting in case.get("environment", {}).items():
                monkeypatch.setenv(name, self.resolve(setting))
        self.settings: dict[str, Any] = {
            "base_url": self.portal.base_url,
            "firm_id": "1",
            "key_id": "simulated-key",
            "key_secret": "simulated-secret",
            **{name: self.resolve(setting) for name, setting in case.get("client", {}).items()},
        }
        self.arguments = {name: value(argument) for name, argument in case["arguments"].items()}

    def resolve(self, setting: Any) -> Any:
        match setting:
            case {"endpoint": "portal"}:
                return self.portal.base_url + setting.get("suffix", "")
            case {"endpoint": name}:
                return self.portal.control("endpoint", name=name)["url"] + setting.get("suffix", "")
            case {"tokens": tokens}:
                return iter(tokens).__next__
            case _:
                return setting

    def check(self, publish: Callable[[Run], addepar_portal.PublishReport]) -> None:
        with self.portal:
            try:
                report = publish(self)
            except addepar_portal.PortalError as error:
                seen = {"error": self.error(error)}
            else:
                seen = {"report": json.loads(report.to_json())}
                check_files(report)
            self.compare(seen)

    @staticmethod
    def error(error: addepar_portal.PortalError) -> dict[str, Any]:
        names = ("code", "message", "outcome", "http_status", "phase", "retry_after", "file_ids")
        seen = {name: getattr(error, name, None) for name in names}
        seen["file_ids"] = list(seen["file_ids"] or ())
        members = ("status", "code", "title", "detail", "source")
        seen["errors"] = [{name: getattr(api_error, name) for name in members} for api_error in error.errors]
        seen["report"] = None if error.report is None else json.loads(error.report.to_json())
        if error.report is not None:
            check_files(error.report)
        return seen

    def compare(self, seen: dict[str, Any]) -> None:
        expect = self.case["expect"]
        for kind in ("report", "error"):
            if kind in expect:
                assert kind in seen, seen
                expected = dict(expect[kind])
                for text in expected.pop("message_contains", ()):
                    assert text in seen["error"]["message"]
                subset(expected, seen[kind], kind)
        requests = self.portal.requests
        assert self.portal.control("posts") == expect["posts"]
        if "gets" in expect:
            assert sum(request["method"] == "GET" for request in requests) == expect["gets"]
        if "request" in expect:
            subset(expect["request"], requests[0], "request")
            assert requests[0]["body"] == expect["request"].get("body", requests[0]["body"])
        for file_id, contacts in expect.get("published", {}).items():
            assert self.portal.published(int(file_id)) == contacts
        if "outbox" in expect:
            assert self.portal.outbox == expect["outbox"]


def check_files(report: addepar_portal.PublishReport) -> None:
    """What is read file by file is what the JSON says."""

    def read(row: Any, names: Iterable[str]) -> dict[str, Any]:
        return {name: plain(getattr(row, name)) for name in names}

    def plain(member: Any) -> Any:
        if not isinstance(member, tuple):
            return member
        errors = ("code", "title", "detail", "contact_ids")
        return [read(item, errors) if isinstance(item, addepar_portal.FileError) else item for item in member]

    rows = report.to_dicts()
    assert [read(file, row) for file, row in zip(report, rows, strict=True)] == rows


def subset(expected: Any, seen: Any, path: str) -> None:
    """Objects as subsets, lists element by element."""
    match expected, seen:
        case dict(), dict():
            for key, item in expected.items():
                subset(item, seen.get(key), f"{path}.{key}")
        case list(), list():
            assert len(expected) == len(seen), f"{path}: {seen}"
            for index, (item, other) in enumerate(zip(expected, seen, strict=True)):
                subset(item, other, f"{path}[{index}]")
        case _:
            assert expected == seen, path


def publish_sync(run: Run) -> addepar_portal.PublishReport:
    with addepar_portal.PortalClient(**run.settings) as client:
        return addepar_portal.publish_files(client=client, **run.arguments)


def publish_async(run: Run) -> addepar_portal.PublishReport:
    async def publish() -> addepar_portal.PublishReport:
        async with addepar_portal.AsyncPortalClient(**run.settings) as client:
            return await addepar_portal.publish_files_async(client=client, **run.arguments)

    return asyncio.run(publish())


DRIVERS = [publish_sync, publish_async]


@pytest.fixture(scope="session", autouse=True)
def slow() -> Iterator[dict[tuple[str, str], Future[None]]]:
    """The slow cases, which run beside the others from the start."""
    pool = ThreadPoolExecutor(max_workers=64)
    cases = [cast("dict[str, Any]", parameters.values[0]) for parameters in CASES]
    yield {
        (case["name"], driver.__name__): pool.submit(Run(case, None).check, driver)
        for case in cases
        if case.get("slow")
        for driver in DRIVERS
    }
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("driver", DRIVERS, ids=["sync", "async"])
@pytest.mark.parametrize("case", CASES)
def test_case(
    case: dict[str, Any],
    driver: Callable[[Run], addepar_portal.PublishReport],
    slow: dict[tuple[str, str], Future[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if running := slow.get((case["name"], driver.__name__)):
        return running.result()
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    Run(case, monkeypatch).check(driver)
    return None
