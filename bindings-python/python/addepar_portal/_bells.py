"""Waiting in an asyncio loop for a call that runs on the native background thread."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import weakref
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING

from ._drive import PAUSE, is_closed
from ._native import Bell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from typing import Any

    from ._drive import Call, R, Turn

_Pair = tuple[Bell | None, socket.socket | None]

# How many seconds a pair waits for another call: once this, or up to twice.
PATIENCE = 1.0


class _Kept:
    """The pair that waits for a loop's next call, since sockets cost more than the calls themselves.

    It waits for a while only: a client that nobody uses holds no descriptors.
    """

    __slots__ = ("_is_looked_at", "_pair", "_was_used")

    def __init__(self) -> None:
        self._pair: _Pair | None = None
        self._was_used = self._is_looked_at = False

    def take(self) -> _Pair:
        pair, self._pair = self._pair, None
        return _new_pair() if pair is None else pair

    def keep(self, pair: _Pair) -> None:
        """Many calls at once leave no more behind than one."""
        if self._pair is not None or pair[1] is None:
            _close(pair)
            return
        self._pair = pair
        self._was_used = True
        if not self._is_looked_at:
            self._look_later()
            self._is_looked_at = True

    def _look_later(self) -> None:
        # In a context of its own: that of the first call would be kept as long as calls follow.
        asyncio.get_running_loop().call_later(PATIENCE, self._look, context=Context())

    def _look(self) -> None:
        if self._was_used:
            self._was_used = False
            self._look_later()
        else:
            self._is_looked_at = False
            self.close()

    def close(self) -> None:
        if self._pair is not None:
            _close(self._pair)
            self._pair = None


_kept: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Kept] = weakref.WeakKeyDictionary()


def _kept_by(loop: asyncio.AbstractEventLoop) -> _Kept:
    kept = _kept.get(loop)
    if kept is None:
        kept = _kept[loop] = _Kept()
        weakref.finalize(loop, kept.close)
    return kept


def _close(pair: _Pair) -> None:
    _, ear = pair
    if ear is not None:
        with suppress(OSError):  # something else may have closed it
            ear.close()


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
    kept = _kept_by(loop)
    bell, ear = kept.take()
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
                _close((bell, ear))
                bell = ear = None
            if call.interrupt is not None and shield.is_hit():
                raise call.interrupt
    except BaseException:
        _close((bell, ear))
        raise
    if call.is_stopping:
        _close((bell, ear))  # whether the byte was read before the cancellation, nobody knows
    else:
        kept.keep((bell, ear))
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
    os.register_at_fork(after_in_child=_kept.clear)
