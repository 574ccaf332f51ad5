"""Writes the licence texts of the crates that the packages link into core/THIRD_PARTY_NOTICES.txt.

python tests/package/notices.py [--check]

The texts are the files that each crate publishes. A crate whose text is not found is refused. The
file is the same on every machine: it covers all platforms of deny.toml.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOTICES = ROOT / "core" / "THIRD_PARTY_NOTICES.txt"
PACKAGES = ["addepar-portal-python", "addepar-portal-node"]
A_LICENCE = re.compile(r"(?i)^(un)?licen[cs]e|^copying|^copyright|^notice")
RULE = "=" * 100
HEAD = """\
Third-party notices of addepar-portal

The packages for Python and Node and the program contain compiled code of the crates below. First comes a list of
them with their licences, then each text with the crates that it comes with. Where a crate may be had under the MIT
licence, that text is here, and not the one of the Apache License.
"""
# The authors of what publishes no text of its own, from its repository. All of it is under the MIT licence.
AUTHORS = {
    "napi": ["Copyright (c) 2020 LongYinan", "Copyright (c) 2018 GitHub"],
    "napi-sys": ["Copyright (c) 2020 LongYinan", "Copyright (c) 2018 GitHub"],
}
STANDARD_LIBRARY = "The standard library of Rust", "MIT OR Apache-2.0", "Copyright (c) The Rust Project Contributors"


def cargo(*arguments: str) -> str:
    """What cargo answers; it reads the lock file and never changes it."""
    command = ["cargo", *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def platforms() -> list[str]:
    """Where the packages run, as deny.toml says."""
    targets: list[str] = tomllib.loads((ROOT / "deny.toml").read_text("utf-8"))["graph"]["targets"]
    return targets


def linked_crates() -> list[dict[str, Any]]:
    """The crates that become part of a package on any platform: no build scripts, macros or tests."""
    targets = [f"--target={platform}" for platform in platforms()]
    chosen = [f"--package={package}" for package in PACKAGES]
    lines = cargo("tree", *targets, *chosen, "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}")
    linked = {tuple(line.split()[:2]) for line in lines.splitlines() if line}
    known = json.loads(cargo("metadata", "--format-version=1"))["packages"]
    crates = [crate for crate in known if crate["source"] and (crate["name"], "v" + crate["version"]) in linked]
    return sorted(crates, key=lambda crate: (crate["name"], crate["version"]))


def mit(authors: list[str]) -> str:
    """The MIT licence of these authors: our own text with their names."""
    return re.sub(r"(?m)^Copyright .*$", "\n".join(authors), (ROOT / "LICENSE-MIT").read_text("utf-8"), count=1)


def texts_of(crate: dict[str, Any]) -> list[str]:
    """Every licence that a crate publishes, also of code that it took from elsewhere."""
    folder = Path(crate["manifest_path"]).parent
    files = [path for path in sorted(folder.rglob("*")) if A_LICENCE.match(path.name) and path.is_file()]
    if "MIT" in crate["license"].split(" OR ") and any("MIT" in path.name.upper() for path in files):
        files = [path for path in files if "APACHE" not in path.name.upper()]
    texts = [path.read_text("utf-8") for path in files if path.suffix != ".rs"]
    if not texts and crate["license"] == "MIT" and crate["name"] in AUTHORS:
        texts = [mit(AUTHORS[crate["name"]])]
    if not texts:
        raise SystemExit(f"{crate['name']} {crate['version']} ({crate['license']}) publishes no licence text.")
    return texts


def tidy(text: str) -> str:
    """A text without what differs only to the eye of a computer."""
    lines = [line.rstrip() for line in text.expandtabs().replace("\f", "\n").lstrip("\ufeff").splitlines()]
    return "\n".join(lines).strip("\n")


def notices() -> str:
    """The whole file."""
    name, licence, author = STANDARD_LIBRARY
    listed = [f"{name}: {licence}"]
    # By the words alone: copies of one licence differ in how their lines are broken.
    texts = {" ".join(mit([author]).split()): (tidy(mit([author])), [name])}
    for crate in linked_crates():
        called = f"{crate['name']} {crate['version']}"
        listed.append(f"{called}: {crate['license']}")
        for text in texts_of(crate):
            users = texts.setdefault(" ".join(text.split()), (tidy(text), []))[1]
            if called not in users:
                users.append(called)
    parts = [HEAD + "\n" + "\n".join(listed)]
    parts += [f"{RULE}\nComes with {', '.join(users)}:\n\n{text}" for text, users in texts.values()]
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str]) -> None:
    """Writes the file, or says that it is stale."""
    current = notices()
    if arguments == ["--check"]:
        if not NOTICES.exists() or NOTICES.read_text("utf-8") != current:
            raise SystemExit(f"{NOTICES.relative_to(ROOT)} is stale: `make notices` writes it.")
    else:
        NOTICES.write_text(current, "utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
