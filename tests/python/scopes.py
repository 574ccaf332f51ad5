"""Programs that cancel an asynchronous batch in every way there is; each prints what became of it as JSON.

They run in processes of their own, since two majors of anyio do not fit into one: `python scopes.py NAME`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import sys
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.metadata import version
from typing import Any

import anyio

from addepar_portal import PortalError
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts its turns: a loop that is kept busy has tens of thousands in a second."""

    turns = 0

    def _run_once(self) -> None:
        self.turns += 1
        super()._run_once()  # type: ignore[misc]


class Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Batch:
    """A batch of three chunks against a portal, and what became of it."""

    def __init__(self, portal: SimulatedPortal, folder: str) -> None:
        self.portal = portal
        self.journal = os.path.join(folder, "run.jsonl")
        self.ended: BaseException | None = None

    async def run(self) -> None:
        client = self.portal.async_client()
        try:
            await client.publish_batch(range(1, 31), journal=self.journal, chunk_size=10, **MODES)
        except BaseException as error:
            self.ended = error
            raise

    async def is_sent(self) -> None:
        """Returns when the first request is with the portal."""
        while not any(request["complete"] for request in self.portal.requests):
            await asyncio.sleep(0.01)

    def after_it_is_sent(self, *acts: Callable[[], object]) -> None:
        """Acts while the request is with the portal, each some time after the one before."""

        async def act() -> None:
            await self.is_sent()
            for act in acts:
                act()
                await asyncio.sleep(0.15)

        self._acting = asyncio.ensure_future(act())

    def told(self) -> dict[str, Any]:
        """How the batch ended, by what its exception has as its cause."""
        if self.ended is None:
            return {"ended": None}
        cause = self.ended.__cause__
        report = cause.report if isinstance(cause, PortalError) else None
        states = None if report is None else [len(report.succeeded), len(report.unknown), len(report.not_processed)]
        return {
            "ended": type(self.ended).__name__,
            "cause": type(cause).__name__,
            "ok, unknown, not processed": states,
        }


Scenario = Callable[[Batch], Awaitable[object]]


async def task_group(batch: Batch) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(batch.run)
        await batch.is_sent()
        group.cancel_scope.cancel()


async def scope(batch: Batch) -> None:
    with anyio.CancelScope() as inner:
        batch.after_it_is_sent(inner.cancel)
        await batch.run()


async def deadline(batch: Batch) -> None:
    with anyio.move_on_after(0.3):
        await batch.run()


async def task_after_scope(batch: Batch) -> None:
    task = asyncio.current_task()
    assert task
    with contextlib.suppress(asyncio.CancelledError), anyio.CancelScope() as inner:
        batch.after_it_is_sent(inner.cancel, task.cancel)
        await batch.run()


async def outer_scope_after_scope(batch: Batch) -> None:
    # anyio 3 lets the error out of two cancelled scopes, also where all of it is its own.
    with contextlib.suppress(asyncio.CancelledError), anyio.CancelScope() as outer, anyio.CancelScope() as inner:
        batch.after_it_is_sent(inner.cancel, outer.cancel)
        await batch.run()


async def scope_after_task(batch: Batch) -> None:
    task = asyncio.current_task()
    assert task
    with contextlib.suppress(asyncio.CancelledError), anyio.CancelScope() as inner:
        batch.after_it_is_sent(task.cancel, inner.cancel)
        await batch.run()


async def timeout_after_scope(batch: Batch) -> None:
    try:
        async with asyncio.timeout(1.0):
            with anyio.CancelScope() as inner:
                batch.after_it_is_sent(inner.cancel)
                await batch.run()
    except TimeoutError:
        return
    raise AssertionError("the timeout was swallowed")


async def shielded_scope_inside_a_cancelled_one(batch: Batch) -> None:
    """What the caller shields is not cancelled, not even by our own look-out."""
    with (
        contextlib.suppress(asyncio.CancelledError),
        anyio.CancelScope() as outer,
        anyio.CancelScope(shield=True) as inner,
    ):
        batch.after_it_is_sent(inner.cancel, outer.cancel)
        await batch.run()


async def task_inside_a_scope(batch: Batch) -> None:
    """The scope cancels a task that waits for the one with the batch."""
    with contextlib.suppress(asyncio.CancelledError), anyio.CancelScope() as inner:
        batch.after_it_is_sent(inner.cancel)
        await asyncio.ensure_future(batch.run())


async def asyncio_timeout(batch: Batch) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await batch.run()


async def asyncio_timeout_in_a_timeout(batch: Batch) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.6), asyncio.timeout(0.3):
            await batch.run()


async def asyncio_task_group(batch: Batch) -> None:
    async def failing() -> None:
        await batch.is_sent()
        raise LookupError

    with contextlib.suppress(Exception):
        async with asyncio.TaskGroup() as group:
            group.create_task(batch.run())
            group.create_task(failing())


async def starlette_disconnect(batch: Batch) -> None:
    """A client goes away while a streaming response waits for the batch."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    async def lines() -> AsyncIterator[bytes]:
        yield b"begins\n"
        await batch.run()

    async def endpoint(_: Request) -> StreamingResponse:
        return StreamingResponse(lines())

    messages: Iterator[dict[str, Any]] = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        message = next(messages)
        if message["type"] == "http.disconnect":
            await batch.is_sent()
        return message

    async def send(_: object) -> None:
        await asyncio.sleep(0)

    request: Any = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": "GET", "path": "/"}
    request |= {"headers": [], "query_string": b"", "http_version": "1.1", "scheme": "http", "server": ("t", 80)}
    await Starlette(routes=[Route("/", endpoint)])(request, receive, send)


STOPPED: list[Scenario] = [
    task_group,
    scope,
    deadline,
    shielded_scope_inside_a_cancelled_one,
    task_inside_a_scope,
    asyncio_timeout,
    asyncio_task_group,
    starlette_disconnect,
]
DROPPED: list[Scenario] = [
    task_after_scope,
    outer_scope_after_scope,
    scope_after_task,
    timeout_after_scope,
    asyncio_timeout_in_a_timeout,
]


def run(scenario: Scenario) -> dict[str, Any]:
    """What became of the batch, how many turns of the loop that took, and what was logged."""
    warnings = Warnings()
    logging.getLogger("addepar_portal").addHandler(warnings)
    loop = CountingLoop()
    with SimulatedPortal() as portal, tempfile.TemporaryDirectory() as folder:
        if scenario in DROPPED:
            portal.next_fault("hang")
        else:
            portal.control("set", delay_ms=800)
        batch = Batch(portal, folder)
        loop.run_until_complete(scenario(batch))
        posts = portal.control("posts")
    return {**batch.told(), "posts": posts, "turns": loop.turns, "warnings": warnings.lines}


def leaks(rounds: int, cancels: int) -> dict[str, Any]:
    """What is left of many cancelled batches once their exceptions are gone: clients and descriptors."""
    clients: list[weakref.ref[Any]] = []

    async def cancelled(portal: SimulatedPortal, journal: str) -> None:
        client = portal.async_client()
        clients.append(weakref.ref(client))
        before = portal.control("posts")
        task = asyncio.ensure_future(client.publish_batch([1, 2], journal=journal, chunk_size=1, **MODES))
        while portal.control("posts") == before:
            await asyncio.sleep(0.005)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0.05)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def descriptors() -> int:
        return len(os.listdir("/dev/fd"))

    gc.disable()
    with SimulatedPortal(delay_ms=200) as portal, tempfile.TemporaryDirectory() as folder:
        loop = CountingLoop()
        loop.run_until_complete(cancelled(portal, os.path.join(folder, "first.jsonl")))
        loop.run_until_complete(asyncio.sleep(0.1))
        before = descriptors()
        for number in range(rounds):
            loop.run_until_complete(cancelled(portal, os.path.join(folder, f"{number}.jsonl")))
        # The simulator and the connections' own ends may take a moment.
        for _ in range(100):
            if descriptors() <= before:
                break
            time.sleep(0.02)
        after = descriptors()
    kept_without_collecting = sum(client() is not None for client in clients)
    gc.enable()
    gc.collect()
    return {
        "kept without a collection": kept_without_collecting,
        "kept": sum(client() is not None for client in clients),
        "descriptors": after - before,
    }


if __name__ == "__main__":
    name = sys.argv[1]
    if name == "leaks":
        outcome = leaks(int(sys.argv[2]), int(sys.argv[3]))
    else:
        outcome = run(next(scenario for scenario in STOPPED + DROPPED if scenario.__name__ == name))
    print(json.dumps({**outcome, "anyio": version("anyio").partition(".")[0]}))
