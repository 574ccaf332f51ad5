"""Installs the built wheel and the source distribution as users do, and publishes there.

python tests/package/trials/python.py [NAME...]

The trials take nothing but the files in dist/. Tools that are tried with them are in the environment
that runs this: tests/package/requirements.txt.
"""

import base64
import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

from trial import ROOT, fail, main, run, simulated_portal

DIST = ROOT / "dist"
SMOKE = ROOT / "tests/package/smoke.py"
AGAIN = ROOT / "tests/package/trials/again.py"
OLD_VERSION = "0.0.1"
(WHEEL,) = DIST.glob("*.whl")
(SOURCE,) = DIST.glob("*.tar.gz")
BIN = "Scripts" if os.name == "nt" else "bin"


def virtual_environment(folder: Path) -> Path:
    """A new environment; returns its interpreter."""
    run(sys.executable, "-m", "venv", folder)
    return folder / BIN / "python"


def install(python: Path, *what: str | Path) -> None:
    """What `pip install` does without an index."""
    run(python, "-m", "pip", "install", "--quiet", "--no-index", *what)


def installed_into(folder: Path, wheel: Path) -> Path:
    """What `pip install --target` leaves."""
    install(Path(sys.executable), "--no-deps", "--target", folder, wheel)
    return folder


def files(folder: Path) -> set[str]:
    """Every file below a folder but what an interpreter compiled of pip."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
    return {name for name in found if not ("__pycache__" in name and "pip" in name)}


def other_version(folder: Path) -> Path:
    """The wheel as an earlier version that had one module more."""
    _, *tags = WHEEL.name.split("-")[1:]
    wheel = folder / "-".join(["addepar_portal", OLD_VERSION, *tags])
    with zipfile.ZipFile(WHEEL) as there, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as made:
        version = WHEEL.name.split("-")[1]
        contents = {name.replace(version, OLD_VERSION): there.read(name) for name in there.namelist()}
        record = f"addepar_portal-{OLD_VERSION}.dist-info/RECORD"
        metadata = f"addepar_portal-{OLD_VERSION}.dist-info/METADATA"
        old, new = f"Version: {version}".encode(), f"Version: {OLD_VERSION}".encode()
        contents[metadata] = contents[metadata].replace(old, new, 1)
        contents["addepar_portal/_gone.py"] = b"# What a later version does not have.\n"
        del contents[record]
        lines = [f"{record},,"]
        for name, content in contents.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(content)}")
            made.writestr(name, content)
        made.writestr(record, "\n".join(lines) + "\n")
    return wheel


def odd_path(folder: Path) -> None:
    """A path with blanks and letters beyond ASCII, and no home; uninstalling leaves nothing."""
    python = virtual_environment(folder / "Zoë's files — 日本")
    before = files(folder)
    install(python, WHEEL)
    run(python, "-I", SMOKE, HOME=None, USERPROFILE=None, XDG_CONFIG_HOME=None)
    run(python, "-I", SMOKE, HOME="/nonexistent")
    program = python.parent / "addepar-portal"
    with simulated_portal(program) as portal:
        modes = "--portal-publishing=publish", "--contact-notification=notify"
        run(program, "publish", "37", "--yes", *modes, **portal)
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "addepar-portal")
    assert files(folder) == before, files(folder) ^ before


def read_only(folder: Path) -> None:
    """A folder of packages that nobody can write to: nothing is written, and all works."""
    packages = installed_into(folder / "packages", WHEEL)
    shutil.rmtree(packages / "addepar_portal/__pycache__", ignore_errors=True)
    before = files(packages)
    # Root writes where it likes, unless it gives that up.
    root = os.name == "posix" and os.geteuid() == 0
    as_anybody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if root else []
    everything = [packages, *packages.rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        attempt = f"open({str(packages / 'written')!r}, 'w')"
        assert "PermissionError" in fail(*as_anybody, sys.executable, "-c", attempt)
        run(*as_anybody, sys.executable, "-s", SMOKE, PYTHONPATH=str(packages), HOME=None)
        assert files(packages) == before, files(packages) ^ before
    finally:
        for path in everything:
            path.chmod(path.stat().st_mode | 0o200)


def side_by_side(folder: Path) -> None:
    """Two versions on one machine, with one folder of journals: what one sent, the other knows of."""
    journals = folder / "journals"
    journals.mkdir()
    new = {"PYTHONPATH": str(installed_into(folder / "new", WHEEL))}
    old = {"PYTHONPATH": str(installed_into(folder / "old", other_version(folder)))}
    run(sys.executable, "-m", "addepar_portal", "journal", "init", journals, **new)
    with simulated_portal(sys.executable, "-m", "addepar_portal", **new) as portal:
        portal["ADDEPAR_JOURNAL_DIR"] = str(journals)
        said = [run(sys.executable, AGAIN, **portal, **version).strip() for version in (old, new, old)]
    version = WHEEL.name.split("-")[1]
    assert said == [f"{OLD_VERSION}: ok", f"{version}: already sent", f"{OLD_VERSION}: already sent"], said


def upgrade(folder: Path) -> None:
    """A later version in the place of an earlier one leaves nothing of that."""
    python = virtual_environment(folder / "environment")
    before = files(folder / "environment")
    install(python, other_version(folder))
    install(python, WHEEL)
    left = {name for name in files(folder / "environment") if "_gone" in name or OLD_VERSION in name}
    assert not left, left
    run(python, "-I", SMOKE)
    run(python, "-m", "pip", "check")
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "addepar-portal")
    assert files(folder / "environment") == before, files(folder / "environment") ^ before


def uv(folder: Path) -> None:
    """The same with uv."""
    tool, environment = Path(sys.executable).with_name("uv"), folder / "environment"
    variables = {"UV_CACHE_DIR": str(folder / "cache"), "UV_NO_CONFIG": "1", "VIRTUAL_ENV": str(environment)}
    run(tool, "venv", "--quiet", "--offline", "--python", sys.executable, environment, **variables)
    before = files(environment)
    run(tool, "pip", "install", "--quiet", "--no-index", "--offline", WHEEL, **variables)
    run(environment / BIN / "python", "-I", SMOKE)
    run(tool, "pip", "uninstall", "--quiet", "addepar-portal", **variables)
    left = files(environment) - {".lock"}  # uv's own
    assert left == before, left ^ before


def bundle(folder: Path) -> None:
    """A program that PyInstaller makes, as one file and as one folder, on a machine without Python."""
    packages = installed_into(folder / "packages", WHEEL)
    for kind in ("--onefile", "--onedir"):
        made, work = folder / f"made{kind}", folder / f"work{kind}"
        where: list[str | Path] = ["--distpath", made, "--workpath", work, "--specpath", work, "--paths", packages]
        run(sys.executable, "-m", "PyInstaller", "--log-level=WARN", kind, "--name=smoke", *where, SMOKE)
        program = made / "smoke" if kind == "--onefile" else made / "smoke/smoke"
        shutil.move(packages, folder / "elsewhere")
        assert ": ok" in run(program, PATH="/nonexistent", HOME=None)
        shutil.move(folder / "elsewhere", packages)


def source(folder: Path) -> None:
    """From source, where cargo is there; quick to compile instead of quick to run."""
    python = virtual_environment(folder / "environment")
    quick = {"MATURIN_PEP517_ARGS": "--profile=dev", "CARGO_TARGET_DIR": str(ROOT / "target")}
    run(python, "-m", "pip", "install", "--quiet", "--no-cache-dir", SOURCE, **quick)
    run(python, "-I", SMOKE)
    licences = "from importlib.metadata import files; print(*(file.name for file in files('addepar-portal')))"
    assert "THIRD_PARTY_NOTICES.txt" in run(python, "-I", "-c", licences)


def source_without_cargo(folder: Path) -> None:
    """From source, where cargo is missing: the error says so, and nothing is downloaded in its place."""
    python = virtual_environment(folder / "environment")
    path = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if not shutil.which("cargo", path=part)
    )
    # Should a download be tried all the same, it fails at once.
    variables = {"PATH": path, "XDG_CACHE_HOME": str(folder / "cache"), "RUSTUP_UPDATE_ROOT": "http://127.0.0.1:9"}
    said = fail(python, "-m", "pip", "install", "--no-cache-dir", SOURCE, **variables)
    assert "Cargo, the Rust package manager, is not installed or is not on PATH." in said, said
    assert "rustup-init" not in said, said


if __name__ == "__main__":
    main([odd_path, read_only, side_by_side, upgrade, uv, bundle, source_without_cargo, source], sys.argv[1:])
