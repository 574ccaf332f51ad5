"""The npm package's public types, from the declarations that its compiler wrote: a line for every name.

Of each entry point what it exports, with the members of classes and interfaces; at the end is what these name and no
entry point exports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

PACKAGE = Path(__file__).resolve().parents[2] / "bindings-node"

STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`"
COMMENT = r"/\*.*?\*/|//[^\n]*"
EXPORTS = re.compile(r"export (type )?(?:\{(.*)\}|(\*))(?: from '(.+)')?;")
IMPORT = re.compile(r"import (type )?\{(.*)\} from '(.+)';")
DECLARATION = re.compile(
    r"(export )?(?:declare )?(?:abstract )?(const enum|class|interface|type|enum|function|const|let) ([\w$]+)"
)
BLOCK = re.compile(r"\s*(export |declare |abstract |const )*(class|interface|enum) ")
TYPES_ONLY = {"interface", "type"}
TYPES = {*TYPES_ONLY, "class", "enum", "const enum"}

# A declaration: its file and its name there.
Place: TypeAlias = tuple[Path, str]


@dataclass
class Module:
    """A file of declarations."""

    declared: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    # Its own name for what another file declares.
    imported: dict[str, Place] = field(default_factory=dict)
    # What it exports, and whether only as a type.
    exported: dict[str, tuple[Place, bool]] = field(default_factory=dict)


def surface() -> str:
    """All of it, a text of lines."""
    if not (PACKAGE / "dist").is_dir():
        raise SystemExit("The facade must be compiled: node bindings-node/scripts/build.mjs facade")
    return "".join(f"{line}\n" for line in lines())


def undocumented() -> list[str]:
    """The exported names that nothing is said about."""
    exports = [_exports(_types(conditions, "require")) for _, conditions in _entries()]
    declared = r"\*/\n(export )?(declare )?(abstract )?(const enum|class|interface|type|enum|function|const|let) {}\b"
    return sorted(
        name
        for exported in exports
        for name, (path, own) in exported.items()
        if not re.search(declared.format(re.escape(own)), path.read_text("utf-8"))
    )


def lines() -> Iterator[str]:
    """The surface: for each entry point its exports, in the order of names."""
    public: dict[Place, str] = {}
    for entry, conditions in _entries():
        public |= {place: name for name, (place, _) in read(_types(conditions, "require")).exported.items()}
        yield f"module {entry}"
        by_require, by_import = (_exports(_types(conditions, way)) for way in ("require", "import"))
        for line in sorted(by_require.keys() ^ by_import.keys()):
            yield f"only by {'require' if line in by_require else 'import'}: {line}"
        for name, place in sorted((by_require | by_import).items()):
            yield from written(place, name.rpartition(" ")[2])
    yield "named in types, not exported"
    seen = set(public)
    while new := sorted({place for known in seen for place in _named(known)} - seen):
        seen.update(new)
    for place in sorted(seen - public.keys()):
        yield from written(place, place[1])


def _entries() -> list[tuple[str, Any]]:
    """The entry points that have types, with their conditions."""
    manifest = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    exports = [(f"{manifest['name']}{entry[1:]}", conditions) for entry, conditions in manifest["exports"].items()]
    return [(name, conditions) for name, conditions in exports if isinstance(conditions, dict)]


def _types(conditions: Any, way: str) -> Path:
    return PACKAGE.joinpath(conditions[way]["types"])


def _exports(path: Path) -> dict[str, Place]:
    """What a file exports, each as a value or as a type, and where it is declared."""
    names = {}
    for name, (place, only_type) in read(path).exported.items():
        is_type = only_type or read(place[0]).kinds[place[1]] in TYPES_ONLY
        names[f"{'type' if is_type else 'value'} {name}"] = place
    return names


@cache
def read(path: Path) -> Module:
    """Reads a file. A statement that is not known here is a `ValueError`, never left out."""
    text = path.read_text("utf-8")
    if re.search(r"\bimport\(", text):
        raise ValueError(f"{path.name}: a type that is imported where it stands is not known here.")
    module = Module()
    for statement in _statements(text):
        if match := IMPORT.fullmatch(statement):
            for name, original, _ in _names(match[2]):
                module.imported[name] = (_resolve(path, match[3]), original)
        elif match := EXPORTS.fullmatch(statement):
            _export(module, path, match)
        elif match := DECLARATION.match(statement):
            module.declared.setdefault(match[3], []).append(statement)
            module.kinds[match[3]] = match[2]
            if match[1]:
                module.exported[match[3]] = ((path, match[3]), False)
        elif not re.fullmatch(r"import '.+';", statement):
            raise ValueError(f"{path.name}: a statement of a kind that is not known here: {statement}")
    return module


def _export(module: Module, path: Path, match: re.Match[str]) -> None:
    only_types, names, everything, source = match.groups()
    origin = read(_resolve(path, source)).exported if source else {}
    if everything:
        passed_on = {name: (place, bool(only_types) or only) for name, (place, only) in origin.items()}
        module.exported = passed_on | module.exported
        return
    for name, original, only_type in _names(names):
        place, only = origin[original] if source else (_place(module, path, original), False)
        module.exported[name] = (place, bool(only_types or only_type) or only)


def _place(module: Module, path: Path, name: str) -> Place:
    return module.imported.get(name, (path, name))


def _resolve(path: Path, source: str) -> Path:
    """The declarations of a module that is named as TypeScript does."""
    if not source.startswith("."):
        return Path(source)
    base = path.parent / re.sub(r"\.m?js$", "", source)
    return base.with_name(f"{base.name}.d.{'mts' if source.endswith('.mjs') else 'ts'}")


def _names(written: str) -> Iterator[tuple[str, str, bool]]:
    """What stands in the braces of an import or export: the name after it, the one before it, whether only a type."""
    for one in filter(None, map(str.strip, written.split(","))):
        only_type = one.startswith("type ")
        original, _, name = one.removeprefix("type ").partition(" as ")
        yield name or original, original, only_type


def _statements(text: str) -> Iterator[str]:
    """The statements of a file, or the members of a type, each on one line and without comments."""
    bare = re.sub(f"({STRING})|{COMMENT}", lambda match: match[1] or "", text, flags=re.DOTALL)
    statement, depth = "", 0
    for part in re.findall(rf"{STRING}|[^'\"`]", bare):
        statement += part
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(part, 0)
        if depth == 0 and (part == ";" or (part == "}" and BLOCK.match(statement))):
            yield " ".join(statement.split())
            statement = ""
    if statement.strip():
        raise ValueError(f"a statement without an end: {statement}")


def written(place: Place, name: str) -> Iterator[str]:
    """A declaration, with its members on lines of their own, sorted."""
    path, own = place
    for statement in read(path).declared[own]:
        line = re.sub(r"^(export )?(declare )?", "", statement).rstrip(";")
        if read(path).kinds[own] not in ("class", "interface"):
            yield line
            continue
        head, _, body = line.partition(" {")
        yield re.sub(rf"\b{re.escape(own)}\b", name, head, count=1)
        for member in sorted(one.rstrip(";") for one in _statements(body.rstrip().removesuffix("}"))):
            yield f"{name}.{member}" if member[0] != "#" else f"{name} {member}"


def _named(place: Place) -> Iterator[Place]:
    """The declarations of this package that a declaration names."""
    path, own = place
    module = read(path)
    for statement in module.declared[own]:
        for name in set(re.findall(r"[\w$]+", re.sub(STRING, "", statement))) - {own}:
            if name in module.declared or name in module.imported:
                found = _place(module, path, name)
                # A function that has the name of a member is not what is named.
                if found[0].is_relative_to(PACKAGE) and read(found[0]).kinds[found[1]] in TYPES:
                    yield read(found[0]).exported.get(found[1], (found, False))[0]
