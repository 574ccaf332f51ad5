"""What the compiled modules in `dist` ask of a Linux system: nothing beyond glibc 2.17, or musl 1.2, and the kernel.

    python tests/package/binaries.py [FOLDER]

A wheel's tag promises this to pip, but nothing makes the promise true, and npm has no such tags.
"""

from __future__ import annotations

import re
import struct
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ARCHITECTURES = {62: "x86_64", 183: "aarch64"}
NODE = {"x64": "x86_64", "arm64": "aarch64"}
# All of one package in every system. `libgcc_s.so.1` is not: zig links its own unwinder.
GLIBC = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"}
LOADERS = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
MUSL = {"libc.so"}
NEWEST_GLIBC = (2, 17)
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF


@dataclass
class Library:
    """A shared library in the ELF format, 64 bits, little-endian, as the loader of a system reads it."""

    architecture: str
    needed: set[str]
    versions: set[str]

    @classmethod
    def read(cls, image: bytes) -> Library:
        assert image[:6] == b"\x7fELF\x02\x01", "not a little-endian ELF library of 64 bits"
        machine = struct.unpack_from("<H", image, 18)[0]
        headers = struct.unpack_from("<Q", image, 32)[0]
        size, count = struct.unpack_from("<HH", image, 54)
        segments = [struct.unpack_from("<IIQQQQ", image, headers + size * index) for index in range(count)]

        def offset(address: int) -> int:
            for kind, _, start, virtual, _, length in segments:
                if kind == PT_LOAD and virtual <= address < virtual + length:
                    return int(start + address - virtual)
            raise AssertionError(f"nothing is loaded at {address:#x}")

        start, length = next((start, length) for kind, _, start, _, _, length in segments if kind == PT_DYNAMIC)
        entries = list(struct.iter_unpack("<QQ", image[start : start + length]))
        single = dict(entries)
        strings = offset(single[DT_STRTAB])

        def text(index: int) -> str:
            return image[strings + index : image.index(b"\0", strings + index)].decode()

        def versions() -> Iterator[str]:
            library = offset(single[DT_VERNEED]) if DT_VERNEED in single else 0
            for _ in range(single.get(DT_VERNEEDNUM, 0)):
                _, symbols, _, first, following = struct.unpack_from("<HHIII", image, library)
                symbol = library + first
                for _ in range(symbols):
                    *_, name, step = struct.unpack_from("<IHHII", image, symbol)
                    yield text(name)
                    symbol += step
                library += following

        needed = {text(value) for kind, value in entries if kind == DT_NEEDED}
        return cls(ARCHITECTURES[machine], needed, set(versions()))

    @property
    def newest_glibc(self) -> tuple[int, ...]:
        found = [re.fullmatch(r"GLIBC_([\d.]+)", version) for version in self.versions]
        return max((tuple(map(int, match[1].split("."))) for match in found if match), default=())


def libraries(folder: Path) -> Iterator[tuple[str, Library]]:
    """The modules of the packages for Linux, each with its platform: a wheel's tag, or a part of the addon's name."""
    for wheel in folder.glob("*linux*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".so"):
                    yield wheel.stem.split("-")[-1], Library.read(archive.read(name))
    for addon in folder.glob("*linux*.node"):
        yield addon.name.split(".")[-2], Library.read(addon.read_bytes())
    for tarball in folder.glob("*.tgz"):
        with tarfile.open(tarball) as archive:
            for member in archive:
                if "linux" in member.name and member.name.endswith(".node"):
                    image = archive.extractfile(member)
                    assert image
                    yield member.name.split(".")[-2], Library.read(image.read())


def check(platform: str, library: Library) -> str:
    """Raises unless the library keeps what its package says; otherwise says what it needs."""
    architecture, musl = library.architecture, "musl" in platform
    if platform.startswith("linux-"):
        named = NODE[platform.split("-")[1]]
        assert named == architecture, f"{platform} has a library for {architecture}"
    else:
        tag = f"musllinux_1_2_{architecture}" if musl else f"manylinux_2_17_{architecture}"
        assert tag in platform.split("."), f"the wheel's tag is {platform}, not {tag}"
    allowed = MUSL if musl else GLIBC | {LOADERS[architecture]}
    assert library.needed <= allowed, f"{platform} needs {library.needed - allowed}"
    newest = library.newest_glibc
    assert newest == () if musl else () < newest <= NEWEST_GLIBC, f"{platform} needs glibc {newest}"
    version = f"glibc {'.'.join(map(str, newest))}" if newest else "musl"
    return f"{platform}: {version} ({', '.join(sorted(library.needed))})"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    found = [check(*each) for each in libraries(folder)]
    assert found or sys.platform != "linux", f"there is no package for Linux in {folder}"
    print("\n".join(found))


if __name__ == "__main__":
    main()
