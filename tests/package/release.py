"""Checks that all packages say the same about themselves, and with a tag, that this is ready to be released as it.

python tests/package/release.py [TAG]

The version and the address of the repository have one place, the workspace's Cargo.toml. Without a
tag, its placeholder for the address is accepted.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = "example.invalid"


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


def not_ready(package: dict[str, Any], tag: str) -> Iterator[str]:
    """Why this must not be released under the tag."""
    version = package["version"]
    if PLACEHOLDER in package["repository"]:
        yield f"Cargo.toml: `repository` must be the repository's address, not {package['repository']!r}."
    if tag != f"v{version}":
        yield f"The tag must be 'v{version}', not {tag!r}."
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", read("CHANGELOG.md"), re.MULTILINE):
        yield f"CHANGELOG.md: there must be a section '## {version} - YYYY-MM-DD'."


def main(arguments: list[str]) -> None:
    """Prints every fault; with none, exits with 0."""
    workspace = tomllib.loads(read("Cargo.toml"))["workspace"]
    faults = [*differences(workspace), *links(workspace["package"]["repository"])]
    for tag in arguments:
        faults += not_ready(workspace["package"], tag)
    if faults:
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main(sys.argv[1:])
