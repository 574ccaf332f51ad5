"""Waiting in an asyncio loop for a call that runs on the native background thread."""

from __future__ import annotations

import asyncio
import os
import socket
import weakref
from typing import TYPE_CHECKING

from ._native import Bell

if TYPE_CHECKING:
    from typing import Literal

    from ._native import Call

_Pair = tuple[Bell, socket.socket]

# Pairs that wait for a next call: sockets cost more than the calls themselves. Each belongs to one loop.
_idle: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Pair]] = weakref.WeakKeyDictionary()


def _close(pairs: list[_Pair]) -> None:
    for _, ear in pairs:
        ear.close()


def _pairs(loop: asyncio.AbstractEventLoop) -> list[_Pair]:
    pairs = _idle.get(loop)
    if pairs is None:
        pairs = _idle[loop] = []
        weakref.finalize(loop, _close, pairs)
    return pairs


def _new_pair() -> _Pair:
    bell, descriptor = Bell.pair()
    ear = socket.socket(fileno=descriptor)
    ear.setblocking(False)
    return bell, ear


async def _rings(loop: asyncio.AbstractEventLoop, ear: socket.socket, call: Call) -> bool:
    """Waits for the bell. False: a batch was cancelled meanwhile and is being stopped."""
    try:
        await loop.sock_recv(ear, 1)
    except asyncio.CancelledError as cancelled:
        if not call.stop(cancelled):
            raise
        return call.is_paused()
    return True


async def run(call: Call) -> Literal["done", "token_wanted", "noted"]:
    """Runs the call until its turn ends."""
    loop = asyncio.get_running_loop()
    pairs = _pairs(loop)
    bell, ear = pairs.pop() if pairs else _new_pair()
    try:
        call.spawn(bell)
        while not await _rings(loop, ear, call):
            pass
    except BaseException:
        ear.close()
        raise
    if call.is_stopping():
        ear.close()  # whether its byte was read before the cancellation, nobody knows
    else:
        pairs.append((bell, ear))
    return call.turn()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
