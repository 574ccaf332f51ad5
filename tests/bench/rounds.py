"""The method. Each contender is a process of its own, with nothing but its own libraries in it; all of them and the
server share one core. In each round every contender takes one turn, in an order drawn anew; a turn is one call that is
not measured (it warms the caches and the connection) and then a number of calls. What counts is the mean of a turn, so
that garbage collection, which is left as users have it, counts too. After a number of rounds all processes are started
anew, since some are slow or quick for life by where their memory happens to lie.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Command = Sequence[str | os.PathLike[str]]

# Where Node finds the packages.
HERE = Path(__file__).parent
# How long a turn takes, in seconds, and how many there are.
TURN = 0.02
GENERATIONS = 4
ROUNDS = 15
# How often whole processes are started.
STARTS = 31


class Samples(TypedDict):
    """Of one contender: a number for each round, and for each process the most memory."""

    # Seconds a call.
    time: list[float]
    # Seconds of processor time a call, of all threads.
    cpu: list[float]
    # Bytes.
    memory: list[int]


class Worker:
    """The process of a contender."""

    def __init__(self, command: Command) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._command = command
        self.totals = self._read()
        self._calls = 0

    def warm(self, seconds: float) -> None:
        """Makes calls that do not count for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._take(100)

    def turn(self) -> tuple[float, float]:
        """Seconds and processor seconds a call."""
        if not self._calls:
            once = self._take(1)[0]
            if once < TURN:
                once = min(self._take(3)[0] / 3 for _ in range(3))
            self._calls = max(3, round(TURN / once))
        seconds, cpu = self._take(self._calls)
        return seconds / self._calls, cpu / self._calls

    def _take(self, calls: int) -> tuple[float, float]:
        assert self._process.stdin
        print(calls, file=self._process.stdin, flush=True)
        seconds, cpu = self._read()
        return seconds, cpu

    def finish(self) -> int:
        """Ends it; the most memory it had."""
        assert self._process.stdin
        self._process.stdin.close()
        memory: int = self._read()
        self._process.wait()
        return memory

    def kill(self) -> None:
        """Ends it if it still runs."""
        self._process.kill()

    def _read(self) -> object:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._command} ended with {self._process.wait()}")
        return json.loads(line)


def measure(
    commands: Mapping[str, Command],
    *,
    generations: int = GENERATIONS,
    rounds: int = ROUNDS,
    alike: bool = True,
    warm: float = 0,
) -> dict[str, Samples]:
    """`alike`: all read the same; `warm`: for how many seconds each process makes calls before it is measured."""
    samples: dict[str, Samples] = {name: {"time": [], "cpu": [], "memory": []} for name in commands}
    order = random.Random(37)
    for _ in range(generations):
        with contextlib.ExitStack() as stack:
            workers = {name: Worker(command) for name, command in commands.items()}
            for worker in workers.values():
                stack.callback(worker.kill)
            if alike:
                same({name: worker.totals for name, worker in workers.items()})
            for worker in workers.values():
                worker.warm(warm)
            for _ in range(rounds):
                for name in order.sample(list(workers), len(workers)):
                    seconds, cpu = workers[name].turn()
                    samples[name]["time"].append(seconds)
                    samples[name]["cpu"].append(cpu)
            for name, worker in workers.items():
                samples[name]["memory"].append(worker.finish())
    return samples


def same(totals: Mapping[str, Sequence[float]]) -> None:
    """All contenders read the same; the floor reads nothing."""
    if len({json.dumps(read) for read in totals.values() if any(read)}) > 1:
        raise RuntimeError(f"the contenders read different things: {totals}")


def measure_starts(commands: Mapping[str, Command], bare: str | None, *, rounds: int = STARTS) -> dict[str, Samples]:
    """Whole processes; what counts is the time over that of `bare` in the same round."""
    samples: dict[str, Samples] = {name: {"time": [], "cpu": [], "memory": []} for name in commands}
    order = random.Random(37)
    for _ in range(rounds):
        took = {name: run(commands[name]) for name in order.sample(list(commands), len(commands))}
        for name, seconds in took.items():
            if name != bare:
                samples[name]["time"].append(seconds - took.get(bare or "", 0.0))
    return {name: sample for name, sample in samples.items() if name != bare}


def run(command: Command) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=HERE, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
