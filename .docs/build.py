"""Builds the documentation site into target/docs, and fails for a link inside it that leads nowhere.

    .docs/.venv/bin/python .docs/build.py

The pages are plain Markdown, which a host of repositories shows as well. On the site, blocks of code for several
languages that stand one behind the other become tabs, and a link to another file leads to the page made of it, or to
the repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGES = HERE / "pages"
PROJECT = ROOT / "target" / "docs-project"
ASSEMBLED = PROJECT / "pages"
TYPESCRIPT = ASSEMBLED / "reference" / "typescript"
SITE = ROOT / "target" / "docs"
RUST = SITE / "reference" / "rustdoc"
# rustdoc compiles; while a page is written it can be left out: `build.py --without-rust`.
WITH_RUST = "--without-rust" not in sys.argv

# Files of the repository that are pages too.
OTHERS = {
    "ARCHITECTURE.md": "inside/architecture.md",
    "CONTRIBUTING.md": "inside/contributing.md",
    "SECURITY.md": "inside/security.md",
    "CHANGELOG.md": "inside/changelog.md",
    "tests/FAULTS.md": "reference/faults.md",
}
# What a page may link to that becomes a page of code.
CODE = {".py": "python", ".mjs": "js", ".sh": "sh"}
# What TypeDoc makes folders of.
KINDS = {"Classes": "classes", "Functions": "functions", "Interfaces": "interfaces", "Types": "type-aliases"}

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(?=[#)])")

LANGUAGES = {"python": "Python", "js": "Node", "rust": "Rust", "sh": "Shell"}
BLOCK = rf"```(?:{'|'.join(LANGUAGES)})\n(?:(?!```).*\n)*```\n"
BLOCKS = re.compile(rf"^{BLOCK}(?:\n{BLOCK})+", re.MULTILINE)


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Runs a command, and ends with it if it fails."""
    done = subprocess.run(command, cwd=cwd, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed.")


def repository() -> str:
    """The address of the repository, which has one place."""
    found = re.search(r'^repository = "(.+)"$', (ROOT / "Cargo.toml").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "https://example.invalid/addepar-portal"


def assemble() -> None:
    """Puts all pages into one folder, with the links that they need there."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    run(HERE / "node_modules" / ".bin" / "typedoc", "--out", TYPESCRIPT, cwd=HERE)
    places = {source: source.relative_to(PAGES) for source in PAGES.rglob("[!.]*") if source.is_file()}
    places |= {ROOT / source: Path(page) for source, page in OTHERS.items()}
    for example in examples():
        page = example.relative_to(ROOT)
        places[example] = page.with_name(f"{page.name}.md") if page.suffix in CODE else page
    for source, place in places.items():
        target = ASSEMBLED / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(linked(source, places), "utf-8")
        elif source.suffix in CODE:
            code = source.read_text("utf-8")
            target.write_text(f"# {source.name}\n\n```{CODE[source.suffix]}\n{code}```\n", "utf-8")
        else:
            shutil.copy(source, target)
    for page in TYPESCRIPT.rglob("*.md"):
        page.write_text(as_python_markdown(page.read_text("utf-8")), "utf-8")
    settings = (HERE / "mkdocs.yml").read_text("utf-8")
    indent, marker = re.search(r"^( *)(- TypeScript: .+\n)", settings, re.MULTILINE).groups()  # type: ignore[union-attr]
    contents = "\n".join(indent + line for line in typescript_contents())
    (PROJECT / "mkdocs.yml").write_text(settings.replace(indent + marker, f"{contents}\n"), "utf-8")


def examples() -> Iterator[Path]:
    """The examples, which readers of the site can reach as well: each program becomes a page."""
    return (path for path in (ROOT / "examples").rglob("*.*") if path.suffix in {*CODE, ".ipynb"})


def as_python_markdown(page: str) -> str:
    """What TypeDoc wrote, in the dialect of Python-Markdown, and without headings that say nothing."""
    page = page.replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\|", "&#124;")
    page = re.sub(r"^#+ Get Signature\n\n", "", page, flags=re.MULTILINE)
    return re.sub(r"^#+ (Parameters|Returns|Throws|Implementation of|Overrides)$", r"**\1**", page, flags=re.MULTILINE)


def typescript_contents() -> Iterator[str]:
    """The TypeScript reference in the contents of the site, a line each."""
    yield "- TypeScript:"
    for index in sorted(TYPESCRIPT.glob("*/**/index.md")):
        module = index.parent
        yield f"    - {module.relative_to(TYPESCRIPT).as_posix()}:"
        yield f"        - All: {index.relative_to(ASSEMBLED).as_posix()}"
        for title, folder in KINDS.items():
            if pages := sorted((module / folder).glob("*.md")):
                yield f"        - {title}:"
                yield from (f"            - {page.stem}: {page.relative_to(ASSEMBLED).as_posix()}" for page in pages)


def linked(source: Path, places: dict[Path, Path]) -> str:
    """A page whose links fit its place on the site."""

    def replace(match: re.Match[str]) -> str:
        target = (source.parent / match[1]).resolve()
        if target in places:
            return os.path.relpath(places[target], places[source].parent)
        if not target.exists():
            sys.exit(f"{source.relative_to(ROOT)}: {match[1]} leads nowhere.")
        kind = "tree" if target.is_dir() else "blob"
        return f"{repository()}/{kind}/HEAD/{target.relative_to(ROOT).as_posix()}"

    text = LINK.sub(replace, source.read_text("utf-8"))
    if WITH_RUST:
        address = Path(os.path.relpath(RUST.relative_to(SITE), places[source].parent)) / "addepar_portal"
        text = text.replace("https://docs.rs/addepar-portal", f"{address.as_posix()}/index.html")
    return tabbed(text)


def tabbed(page: str) -> str:
    """The page with tabs for blocks of several languages."""

    def tab(match: re.Match[str]) -> str:
        blocks = re.findall(BLOCK, match[0])
        languages = [LANGUAGES[re.match("```(.+)", block)[1]] for block in blocks]  # type: ignore[index]
        if len(set(languages)) < len(languages):
            return match[0]
        return "\n".join(
            f'=== "{language}"\n\n' + re.sub("^(?=.)", "    ", block, flags=re.MULTILINE)
            for language, block in zip(languages, blocks, strict=True)
        )

    return BLOCKS.sub(tab, page)


class Page(HTMLParser):
    """What a page of the site links to, and what can be linked to in it."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps the anchors and links of an element."""
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
    """Puts the pages together, builds the site, and looks at its links."""
    assemble()
    shutil.rmtree(SITE, ignore_errors=True)
    run(Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict", cwd=PROJECT)
    shutil.move(PROJECT / "site", SITE)
    if WITH_RUST:
        run("cargo", "doc", "--quiet", "--locked", "--no-deps", "--package", "addepar-portal", "--features", "cli")
        shutil.copytree(ROOT / "target" / "doc", RUST)
    if broken := broken_links():
        sys.exit("Links that lead nowhere:\n" + "\n".join(sorted(set(broken))))
    print(f"The site is in {SITE.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
