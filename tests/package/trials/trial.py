"""What every trial of an installation needs: a folder, a clean environment, a simulated portal."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".test" / "trials"
# Variables of the shell that would change how an installation behaves.
OURS = ("ADDEPAR_", "MATURIN_", "PYTHON", "VIRTUAL_ENV")
Variables = dict[str, str | None]


def environment(variables: Variables) -> dict[str, str]:
    """The variables of a program: the machine's, without what is ours, with these (`None` removes one)."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {name: value for name, value in (inherited | variables).items() if value is not None}


def outcome(command: Sequence[str | Path], variables: Variables) -> tuple[int, str]:
    """The exit status of a program, and what it prints."""
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=FOLDER,
        encoding="utf-8",
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1200,
    )
    return done.returncode, done.stdout


def run(*command: str | Path, **variables: str | None) -> str:
    """What a program prints, which has to succeed."""
    status, printed = outcome(command, variables)
    if status != 0:
        raise SystemExit(f"{printed}\n{' '.join(map(str, command))}: exit status {status}")
    return printed


def fail(*command: str | Path, **variables: str | None) -> str:
    """What a program prints, which has to fail."""
    status, printed = outcome(command, variables)
    if status == 0:
        raise SystemExit(f"{printed}\n{' '.join(map(str, command))}: did not fail")
    return printed


@contextmanager
def simulated_portal(*program: str | Path, **variables: str | None) -> Iterator[Variables]:
    """Runs a simulated portal with this program `addepar-portal`, and gives the variables that lead to it."""
    command = [*map(str, program), "simulate"]
    with subprocess.Popen(
        command, env=environment(variables), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout
            lines = [process.stdout.readline().removeprefix("export ").strip() for _ in range(4)]
            yield {name: value for name, _, value in (line.partition("=") for line in lines)}
        finally:
            process.terminate()


def main(trials: Sequence[Callable[[Path], None]], names: Sequence[str]) -> None:
    """Makes the trials of these names, or all, each in an empty folder."""
    for trial in trials:
        if names and trial.__name__ not in names:
            continue
        folder = FOLDER / trial.__name__
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        start = time.monotonic()
        trial(folder)
        print(f"{Path(sys.argv[0]).stem} {trial.__name__}: ok, {time.monotonic() - start:.0f} s", flush=True)
        shutil.rmtree(folder)
