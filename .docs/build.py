"""Builds the documentation site into target/docs, and fails for a link inside it that leads nowhere.

    .docs/.venv/bin/python .docs/build.py

The pages are Markdown that a host of repositories shows as well: a link to another file of the repository is relative there, and
on the site it leads to the page made of that file, or to the repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGES = HERE / "pages"
PROJECT = ROOT / "target" / "docs-project"
ASSEMBLED = PROJECT / "pages"
SITE = ROOT / "target" / "docs"
RUST = SITE / "reference" / "rustdoc"

# Files of the repository that are pages too.
OTHERS = {
    "ARCHITECTURE.md": "inside/architecture.md",
    "CONTRIBUTING.md": "inside/contributing.md",
    "SECURITY.md": "inside/security.md",
    "CHANGELOG.md": "inside/changelog.md",
    "tests/FAULTS.md": "reference/faults.md",
}
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(?=[#)])")


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> None:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **variables}, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed.")


def repository() -> str:
    """The address of the repository, which has one place."""
    found = re.search(r'^repository = "(.+)"$', (ROOT / "Cargo.toml").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "https://example.invalid/addepar-portal"


def assemble() -> None:
    """Puts all pages into one folder, with the links that they need there."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    run(HERE / "node_modules" / ".bin" / "typedoc", "--out", ASSEMBLED / "reference" / "typescript", cwd=HERE)
    places = {source: source.relative_to(PAGES) for source in PAGES.rglob("*") if source.is_file()}
    places |= {ROOT / source: Path(page) for source, page in OTHERS.items()}
    for source, place in places.items():
        target = ASSEMBLED / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(linked(source, places), "utf-8")
        else:
            shutil.copy(source, target)
    shutil.copy(HERE / "mkdocs.yml", PROJECT)


def linked(source: Path, places: dict[Path, Path]) -> str:
    """A page whose links fit its place on the site."""

    def replace(match: re.Match[str]) -> str:
        target = (source.parent / match[1]).resolve()
        if target in places:
            return os.path.relpath(places[target], places[source].parent)
        kind = "tree" if target.is_dir() else "blob"
        return f"{repository()}/{kind}/HEAD/{target.relative_to(ROOT).as_posix()}"

    return LINK.sub(replace, source.read_text("utf-8"))


class Page(HTMLParser):
    """What a page of the site links to, and what can be linked to in it."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.anchors.update(filter(None, (attributes.get("id"), attributes.get("name"))))
        for name in ("href", "src"):
            if attributes.get(name):
                self.links.append(str(attributes[name]))


def broken_links() -> list[str]:
    """Links inside the site that lead nowhere. What rustdoc made is only linked to: rustdoc checks its own."""
    pages: dict[Path, Page] = {}
    for path in SITE.rglob("*.html"):
        if RUST not in path.parents:
            pages[path] = Page()
            pages[path].feed(path.read_text("utf-8"))
    broken: list[str] = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links are whole: it is shown at any address
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else Path(os.path.normpath(path.parent / unquote(parts.path)))
            if target.is_dir():
                target /= "index.html"
            known = pages.get(target)
            if not target.is_file() or (known and parts.fragment and unquote(parts.fragment) not in known.anchors):
                broken.append(f"{path.relative_to(SITE)}: {link}")
    return broken


def main() -> None:
    assemble()
    shutil.rmtree(SITE, ignore_errors=True)
    run(Path(sys.executable).with_name("zensical"), "build", "--clean", cwd=PROJECT)
    shutil.move(PROJECT / "site", SITE)
    if "--without-rust" not in sys.argv:
        run("cargo", "doc", "--quiet", "--locked", "--no-deps", "--package", "addepar-portal", "--features", "cli")
        shutil.copytree(ROOT / "target" / "doc", RUST)
    if broken := broken_links():
        sys.exit("Links that lead nowhere:\n" + "\n".join(sorted(set(broken))))
    print(f"The site is in {SITE.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
