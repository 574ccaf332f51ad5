"""Compares what packages contain, file by file, with what they are to contain.

python tests/package/contents.py FILE...

Each file is a wheel, a source distribution or a crate. Nothing may be missing, nothing may be there
beside it, and what comes from the repository must be the same as there.
"""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]
NATIVE = re.compile(r"addepar_portal/_native(\.[\w-]+)?\.(so|pyd)")
PYTHON = "bindings-python/python/addepar_portal"

# By the path in the package: the file in the repository, or `None` for what a tool writes.
Files: TypeAlias = dict[str, Path | None]


def tracked(folder: str) -> Files:
    """What git knows below a folder, by the path from there."""
    command = ["git", "ls-files", "-z", "."]
    names = subprocess.run(command, cwd=ROOT / folder, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return {name: ROOT / folder / name for name in names.split("\0") if name}


def below(folder: str, files: Files) -> Files:
    """The same files in a folder of a package."""
    return {f"{folder}/{name}": path for name, path in files.items()}


def written(*names: str) -> Files:
    """What a tool writes."""
    return dict.fromkeys(names)


LICENCES: Files = {name: ROOT / name for name in ("LICENSE-APACHE", "LICENSE-MIT")}
NOTICES: Files = {"THIRD_PARTY_NOTICES.txt": ROOT / "core/THIRD_PARTY_NOTICES.txt"}
README: Files = {"README.md": ROOT / "README.md"}

CORE = LICENCES | NOTICES | README | below("src", tracked("core/src"))
SIMULATOR = LICENCES | {"README.md": ROOT / "tests/simulator/README.md"} | below("src", tracked("tests/simulator/src"))
CRATE = written(".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig")
SOURCE = (
    written("PKG-INFO", "Cargo.toml", "pyproject.toml")
    | {"Cargo.lock": ROOT / "Cargo.lock"}
    | LICENCES
    | NOTICES
    | README
    | below("backend", tracked("bindings-python/backend"))
    | below("python/addepar_portal", tracked(PYTHON))
    | below("bindings-python", written("Cargo.toml"))
    | below("bindings-python/src", tracked("bindings-python/src"))
    | below("core", CORE | written("Cargo.toml"))
    | below("tests/simulator", SIMULATOR | written("Cargo.toml"))
)


def wheel(there: Iterable[str]) -> Files:
    """A wheel, with one native module; its name depends on the platform and the interpreter."""
    native = next((name for name in there if NATIVE.fullmatch(name)), "addepar_portal/_native.abi3.so")
    about = written("METADATA", "RECORD", "WHEEL", "entry_points.txt", "sboms/addepar-portal-python.cyclonedx.json")
    return (
        below("addepar_portal", tracked(PYTHON))
        | written(native)
        | below(f"addepar_portal-{VERSION}.dist-info", about)
        | below(f"addepar_portal-{VERSION}.dist-info/licenses", LICENCES | NOTICES)
    )


def expected(name: str, there: Iterable[str]) -> Files:
    """What the package of this name is to contain, where these files are there."""
    if name.startswith(f"addepar_portal-{VERSION}-") and name.endswith(".whl"):
        return wheel(there)
    archives = {
        f"addepar_portal-{VERSION}.tar.gz": SOURCE,
        f"addepar-portal-{VERSION}.crate": CRATE | CORE,
        f"addepar-portal-simulator-{VERSION}.crate": CRATE | SIMULATOR,
    }
    if name not in archives:
        raise SystemExit(f"{name} is not a package of version {VERSION}.")
    return below(name.removesuffix(".tar.gz").removesuffix(".crate"), archives[name])


def contents(package: Path) -> dict[str, bytes]:
    """What a package contains."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(package) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() if file else b"" for name, file in files.items()}


def faults(package: Path) -> list[str]:
    """What is wrong with a package, one line for each file."""
    there = contents(package)
    wanted = expected(package.name, there)
    found = [f"is missing: {name}" for name in wanted.keys() - there.keys()]
    found += [f"does not belong there: {name}" for name in there.keys() - wanted.keys()]
    for name, source in wanted.items():
        if source and name in there and there[name] != source.read_bytes():
            found.append(f"is not the repository's: {name}")
    return sorted(f"{package.name}: {fault}" for fault in found)


def main(arguments: list[str]) -> None:
    """Prints every fault."""
    found = [fault for package in arguments for fault in faults(Path(package))]
    if found or not arguments:
        raise SystemExit("\n".join(found) or __doc__)
    print(f"{len(arguments)} packages contain what they are to contain.")


if __name__ == "__main__":
    main(sys.argv[1:])
