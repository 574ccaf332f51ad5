"""Installs the program from the packed crates, as `cargo install` does, and publishes with it.

python tests/package/trials/crates.py [NAME...]

Run `make crates` first. A crate that is not in the registry yet is taken from its package.
"""

import os
import sys
import tarfile
from pathlib import Path

from trial import ROOT, main, run, simulated_portal


def unpacked(name: str, folder: Path) -> Path:
    """The folder of a packed crate's source."""
    (crate,) = (ROOT / "target/package").glob(f"{name}-[0-9]*.crate")
    with tarfile.open(crate) as archive:
        archive.extractall(folder, filter="data")
    manifest = folder / crate.stem / "Cargo.toml"
    manifest.write_text(manifest.read_text("utf-8") + "\n[workspace]\n", "utf-8")  # not ours, whose folder it is in
    return manifest.parent


def install(folder: Path) -> None:
    """`cargo install --features cli`; quick to compile instead of quick to run."""
    core, simulator = (unpacked(name, folder) for name in ("addepar-portal", "addepar-portal-simulator"))
    taken = f'patch.crates-io.addepar-portal-simulator.path="{simulator.as_posix()}"'
    where: list[str | Path] = ["--root", folder, "--path", core, "--target-dir", ROOT / "target"]
    run("cargo", "install", "--quiet", "--debug", "--features=cli", "--no-track", "--config", taken, *where)
    program = folder / "bin" / ("addepar-portal.exe" if os.name == "nt" else "addepar-portal")
    with simulated_portal(program) as portal:
        modes = "--portal-publishing=publish", "--contact-notification=notify"
        assert "ok" in run(program, "publish", "37", "--yes", *modes, **portal)


if __name__ == "__main__":
    main([install], sys.argv[1:])
