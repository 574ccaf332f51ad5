"""Checks that all packages say the same about themselves, and with a tag, that this is ready to be released as it.

python tests/package/release.py [TAG]

The version and the address of the repository have one place, the workspace's Cargo.toml. Without a
tag, its placeholder for the address is accepted.
"""

import itertools
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = "example.invalid"
HEADING = re.compile(r"\[((\d+)\.(\d+)\.(\d+))\] - (\d{4}-\d\d-\d\d)")
CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def read(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text("utf-8")


def differences(workspace: dict[str, Any]) -> Iterator[str]:
    """What disagrees with the workspace's Cargo.toml, one sentence for each."""
    package, repository = workspace["package"], workspace["package"]["repository"]
    core = tomllib.loads(read("core/Cargo.toml"))["package"]
    python = tomllib.loads(read("bindings-python/pyproject.toml"))["project"]
    node = json.loads(read("bindings-node/package.json"))
    urls = {
        "Repository": repository,
        "Documentation": f"{repository}#readme",
        "Changelog": f"{repository}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
    expected = [
        ("Cargo.toml", workspace["dependencies"]["addepar-portal"], "version", package["version"]),
        ("Cargo.toml", workspace["dependencies"]["addepar-portal-simulator"], "version", package["version"]),
        ("bindings-python/pyproject.toml", python, "urls", urls),
    ]
    for file, found in ("bindings-python/pyproject.toml", python), ("bindings-node/package.json", node):
        expected += [(file, found, name, package[name]) for name in ("description", "license")]
        expected += [(file, found, "keywords", core["keywords"])]
    # It may leave the version out: packing takes it from Cargo.toml, with the addresses.
    expected += [("bindings-node/package.json", {"version": package["version"]} | node, "version", package["version"])]
    for file, found, name, value in expected:
        if found.get(name) != value:
            yield f"{file}: `{name}` must be {value!r}, not {found.get(name)!r}."


def links(repository: str) -> Iterator[str]:
    """What is wrong with the README's links, which registries show far from the repository."""
    for target in re.findall(r"\]\(([^)\s]+)|^\[[^\]]+\]: (\S+)", read("README.md"), re.MULTILINE):
        link = "".join(target)
        inside = re.fullmatch(rf"{re.escape(repository)}/(blob|tree)/HEAD/(\S+?)(#\S*)?", link)
        if not link.startswith(("https://", "#")):
            yield f"README.md: a link must be whole, as in {repository}/blob/HEAD/{link}, not {link}."
        elif inside and not (ROOT / inside[2]).is_file() and not (ROOT / inside[2]).is_dir():
            yield f"README.md: {link} links to nothing."
        elif PLACEHOLDER in link and PLACEHOLDER not in repository:
            yield f"README.md: {link} is a placeholder."


def changes(repository: str) -> Iterator[str]:
    """What is wrong with the changelog: its sections, their order, and the link of each version to what it changed."""
    text = read("CHANGELOG.md")
    unreleased, *headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    if unreleased != "Unreleased":
        yield f"CHANGELOG.md: the first section must be 'Unreleased', not {unreleased!r}."
    for heading in headings:
        if not HEADING.fullmatch(heading):
            yield f"CHANGELOG.md: a section must be '## [VERSION] - YYYY-MM-DD', not '## {heading}'."
    found = [match for match in map(HEADING.fullmatch, headings) if match]
    for newer, older in itertools.pairwise(found):
        if tuple(map(int, newer.groups()[1:4])) <= tuple(map(int, older.groups()[1:4])) or newer[5] < older[5]:
            yield f"CHANGELOG.md: {newer[1]} must be newer than {older[1]}, which follows it."
    for newer, older in itertools.zip_longest(found, found[1:]):
        what = f"compare/v{older[1]}...v{newer[1]}" if older else f"releases/tag/v{newer[1]}"
        link = f"[{newer[1]}]: {repository}/{what}"
        if link not in text.splitlines():
            yield f"CHANGELOG.md: there must be a line '{link}'."
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        version, kinds = section.splitlines()[0], re.findall(r"^### (.+)$", section, re.MULTILINE)
        if kinds != [kind for kind in CHANGES if kind in kinds]:
            yield f"CHANGELOG.md: {version} must have some of {', '.join(CHANGES)}, in this order, not {kinds}."


def not_ready(package: dict[str, Any], tag: str) -> Iterator[str]:
    """Why this must not be released under the tag."""
    version = package["version"]
    if PLACEHOLDER in package["repository"]:
        yield f"Cargo.toml: `repository` must be the repository's address, not {package['repository']!r}."
    if tag != f"v{version}":
        yield f"The tag must be 'v{version}', not {tag!r}."
    unreleased, *released = re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    if not released or not released[0].startswith(f"[{version}]"):
        yield f"CHANGELOG.md: the first section after 'Unreleased' must be '## [{version}] - YYYY-MM-DD'."
    if "- " in unreleased:
        yield "CHANGELOG.md: what is in 'Unreleased' must be moved into the section of the version."


def main(arguments: list[str]) -> None:
    """Prints every fault; with none, exits with 0."""
    workspace = tomllib.loads(read("Cargo.toml"))["workspace"]
    repository = workspace["package"]["repository"]
    faults = [*differences(workspace), *links(repository), *changes(repository)]
    for tag in arguments:
        faults += not_ready(workspace["package"], tag)
    if faults:
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main(sys.argv[1:])
