"""The method. All contenders and the server share one core. In each round every contender takes one turn, in an order
drawn anew, so that what disturbs the machine meets all alike.

Of `Turns`, each contender is a process that lives for some rounds, with nothing but its own libraries in it. A turn is
one call that is not measured (it warms the caches) and then a number of calls. What counts is the mean of a turn, so
that garbage collection, which is left as users have it, counts too. After a number of rounds all processes are started
anew, since some are slow or quick for life by where their memory happens to lie. Of `Runs`, a turn is a whole process.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from parts import HERE, Runs, Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parts import Command

# How long a turn takes, in seconds.
TURN = 0.02

# What a process says of itself: seconds of `time` and of `cpu`, the processor time of all threads; bytes of `memory`;
# and what else it measures.
Measures = dict[str, float]
# By contender, then by measure: a number for each round.
Samples = dict[str, dict[str, list[float]]]


class Worker:
    """The process of a contender that takes turns."""

    def __init__(self, command: Command) -> None:
        self._process = subprocess.Popen(
            command.arguments, cwd=HERE, env=os.environ | command.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._command = command
        self._calls = 0
        # What it read of one call.
        self.said = self._read()

    def warm(self, seconds: float) -> None:
        """Makes calls that do not count for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.take(20)

    def turn(self) -> Measures:
        if not self._calls:
            once = min(self.take(1)["time"] for _ in range(3))
            self._calls = max(1, round(TURN / once))
        return self.take(self._calls)

    def take(self, calls: int) -> Measures:
        """What each of so many calls took."""
        assert self._process.stdin
        self._process.stdin.write(b"%d\n" % calls)
        self._process.stdin.flush()
        took: Measures = self._read()
        return took

    def finish(self) -> Measures:
        assert self._process.stdin
        self._process.stdin.close()
        at_the_end: Measures = self._read()
        self._process.wait()
        return at_the_end

    def kill(self) -> None:
        """Ends it if it still runs."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._command} ended with {self._process.wait()}")
        return json.loads(line)


def measure(case: Turns | Runs, *, quick: bool = False) -> Samples:
    samples: Samples = {name: defaultdict(list) for name in case.commands}
    if isinstance(case, Turns):
        take_turns(case, samples, quick=quick)
    else:
        run_all(case, samples, quick=quick)
    for name, count in case.per.items():
        for measure, values in samples[name].items():
            samples[name][measure] = [value / count for value in values]
    return samples


def take_turns(case: Turns, samples: Samples, *, quick: bool) -> None:
    order = random.Random(37)
    for _ in range(1 if quick else case.generations):
        with contextlib.ExitStack() as stack:
            workers: dict[str, Worker] = {}
            for name, command in case.commands.items():
                workers[name] = Worker(command)
                stack.callback(workers[name].kill)
            if not case.per:
                compare({name: worker.said for name, worker in workers.items()})
            for worker in workers.values():
                worker.warm(case.warm)
            for _ in range(min(case.rounds, 5) if quick else case.rounds):
                for name in order.sample(list(workers), len(workers)):
                    note(samples[name], workers[name].turn())
            for worker in workers.values():
                worker.finish()


def run_all(case: Runs, samples: Samples, *, quick: bool) -> None:
    order = random.Random(37)
    for _ in range(min(case.rounds, 3) if quick else case.rounds):
        took, said = {}, {}
        for name in order.sample(list(case.commands), len(case.commands)):
            took[name], said[name] = run(case.commands[name])
            if not case.is_timed:
                del took[name]["time"]
        if not case.per:
            compare(said)
        bare = took[case.over] if case.over else {}
        for name, measures in took.items():
            note(samples[name], {measure: value - bare.get(measure, 0) for measure, value in measures.items()})
    if case.over:
        del samples[case.over]


def run(command: Command) -> tuple[Measures, object]:
    """The measures of a process, and what it read."""
    started = time.perf_counter()
    ran = subprocess.run(
        command.arguments,
        cwd=HERE,
        env=os.environ | command.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    measures = {"time": time.perf_counter() - started}
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    if said and isinstance(said[-1], dict):
        measures |= said.pop()
    return measures, said


def note(sample: dict[str, list[float]], measures: Measures) -> None:
    for measure, value in measures.items():
        sample[measure].append(value)


def compare(said: Mapping[str, Any]) -> None:
    """All contenders read the same; the floor reads nothing."""
    if len({json.dumps(read) for read in said.values() if read}) > 1:
        raise RuntimeError(f"the contenders read different things: {said}")
