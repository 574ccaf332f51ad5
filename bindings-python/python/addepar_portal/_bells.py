"""Waiting in an asyncio loop for a call that runs on the native background thread."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from ._drive import PAUSE, is_closed
from ._native import Bell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from typing import Any

    from ._drive import Call, R, Turn

_Pair = tuple[Bell | None, socket.socket | None]

# A pair that waits for a next call: sockets cost more than the calls themselves. It belongs to one loop.
_idle: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Pair]] = weakref.WeakKeyDictionary()


def _close(pairs: list[_Pair]) -> None:
    for _, ear in pairs:
        if ear is not None:
            with suppress(OSError):  # something else may have closed it
                ear.close()


def _pairs(loop: asyncio.AbstractEventLoop) -> list[_Pair]:
    pairs = _idle.get(loop)
    if pairs is None:
        pairs = _idle[loop] = []
        weakref.finalize(loop, _close, pairs)
    return pairs


def _new_pair() -> _Pair:
    """A bell and an ear; neither where no descriptors can be had: then the call is looked at now and then."""
    try:
        bell = Bell()
        descriptor = bell.take_descriptor()
        if descriptor is None:
            return None, None
        ear = socket.socket(fileno=descriptor)
    except OSError:
        return None, None
    ear.setblocking(False)
    return bell, ear


class _Shield:
    """Keeps a scope of anyio that is cancelled from cancelling the task again on every turn of the loop.

    anyio, and so Starlette and FastAPI, does that until the task has left the scope. A scope of our own inside, which
    is shielded, takes the task out of its reach; cancelling the task itself, as `asyncio.timeout` does, still works.
    A scope further out that is cancelled later would not be noticed by anyio itself, so it is looked for here.
    """

    def __init__(self) -> None:
        self._scope: Any = None
        self._cancelled: list[Any] = []

    def raise_it(self) -> None:
        """Where a scope of anyio has cancelled this task. Nobody has to have imported anyio."""
        anyio = sys.modules.get("anyio")
        if anyio is None or self._scope is not None:
            return
        try:
            scope = anyio.CancelScope(shield=True)
            scope.__enter__()
        except Exception:
            return  # a half-imported anyio, or one that is too different
        self._scope = scope
        self._cancelled = [above for above in self._above() if above.cancel_called]
        if not self._cancelled:
            self.lower()

    def _above(self) -> Iterator[Any]:
        """The scopes that reach this task but for the shield, the innermost first."""
        scope = getattr(self._scope, "_parent_scope", None)
        while scope is not None:
            yield scope
            scope = None if scope.shield else getattr(scope, "_parent_scope", None)

    def is_hit(self) -> bool:
        """Whether a scope was cancelled that was not when the shield was raised."""
        cancelled = [above for above in self._above() if above.cancel_called]
        return any(not any(above is known for known in self._cancelled) for above in cancelled)

    def lower(self) -> None:
        scope, self._scope, self._cancelled = self._scope, None, []
        if scope is not None:
            try:
                scope.__exit__(None, None, None)
            except Exception:
                return  # the coroutine is closed outside its task, and nothing is left to be shielded


def _is_redelivered(cancelled: asyncio.CancelledError, first: BaseException | None) -> bool:
    """Whether the same scope of anyio cancels again: through a task that waits for this one, which nothing shields."""
    return first is not None and cancelled.args == first.args and "cancel scope" in str(cancelled)


async def _run(call: Call[R], shield: _Shield) -> Turn:
    """Runs the call until its turn ends."""
    loop = asyncio.get_running_loop()
    pairs = _pairs(loop)
    bell, ear = pairs.pop() if pairs else _new_pair()
    try:
        call.native.spawn(bell)
        while (turn := call.native.turn()) is None:
            try:
                if call.is_stopping or ear is None:
                    await asyncio.sleep(PAUSE)
                else:
                    await loop.sock_recv(ear, 1)
            except asyncio.CancelledError as cancelled:
                if call.stop(cancelled):
                    shield.raise_it()
                elif not _is_redelivered(cancelled, call.interrupt):
                    raise
            except Exception:
                if ear is None or not is_closed(ear):
                    raise  # that of a signal handler
                _close([(bell, ear)])
                bell = ear = None
            if call.interrupt is not None and shield.is_hit():
                raise call.interrupt
    except BaseException:
        _close([(bell, ear)])
        raise
    # Whether the byte of a call that is stopped was read before the cancellation, nobody knows. And many calls at once
    # leave no more behind than one.
    if call.is_stopping or ear is None or pairs:
        _close([(bell, ear)])
    else:
        pairs.append((bell, ear))
    return turn


async def drive(call: Call[R]) -> R:
    """Runs a call to its end. Its result, or what is raised in the end."""
    __tracebackhide__ = True
    shield = _Shield()
    try:
        try:
            report = await _to_its_end(call, shield)
            shield.lower()
            return report
        except BaseException as raised:
            shield.lower()
            call.end(raised)
            raise
    except BaseException as raised:
        # Another one may have come while the first was looked after.
        shield.lower()
        call.end(raised)
        raise
    finally:
        # No call: a signal handler runs where one begins or ends, and here nobody would tell what may have happened.
        call.interrupt = call.ended_by = call.refused_by = call.on_progress = None


async def _to_its_end(call: Call[R], shield: _Shield) -> R:
    __tracebackhide__ = True
    asking: asyncio.Task[None] | None = None
    try:
        while True:
            turn = await _run(call, shield)
            call.tell()
            if turn == "done":
                if call.refused_by is not None:
                    raise call.refused_by
                return call.report()
            if turn == "token_wanted":
                asking = _answer(call, call.ask())
    finally:
        if asking is not None:
            asking.cancel()


def _answer(call: Call[R], given: Any) -> asyncio.Task[None] | None:
    """Hands over what the token function returned.

    What has to be awaited for it is awaited beside the call, which knows how long it waits.
    """
    try:
        if hasattr(given, "__await__"):
            return asyncio.ensure_future(_awaited(call, given))
        call.provide(given)
    finally:
        del given
    return None


async def _awaited(call: Call[R], given: Awaitable[object]) -> None:
    try:
        call.provide(await given)
    except BaseException as error:
        # Raised where the call is awaited: here it would end the loop, or be nobody's.
        call.refused_by = error
        call.refuse(error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
