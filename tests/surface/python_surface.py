"""The Python package's public surface, read without running it: a line for every name.

Of classes all members, those of private bases among them. At the end is what annotations name and `__all__` does not.
The stub that it reads agrees with the compiled module: `mypy.stubtest` compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import griffe

FOLDER = Path(__file__).resolve().parents[2] / "bindings-python" / "python"
PACKAGE = "addepar_portal"
MODULES = (PACKAGE, f"{PACKAGE}.testing")
# How an object is stored, shown and guarded: nobody calls these.
UNWATCHED = {"__reduce__", "__repr__", "__setattr__", "__delattr__", "__class_getitem__"}


def surface() -> str:
    """All of it, a text of lines."""
    return "".join(f"{line}\n" for line in Package().lines())


def undocumented() -> list[str]:
    """The public names, and the public members of classes, that nothing is said about."""
    return sorted(Package().undocumented())


class Package:
    """What griffe reads from the modules and stubs of the package."""

    def __init__(self) -> None:
        self.package = griffe.load(PACKAGE, search_paths=[FOLDER], allow_inspection=False, resolve_aliases=True)
        self.exported = {module: self.exports(module) for module in MODULES}
        self.public = {found.path for exports in self.exported.values() for found in exports.values()}
        self.named: dict[str, griffe.Object] = {}

    def lines(self) -> Iterator[str]:
        """The surface: for each module what it exports, in the order of names."""
        for module, found_there in self.exported.items():
            yield f"module {module}"
            for name, found in found_there.items():
                yield from self.object(found, name)
        yield "named in annotations, not exported"
        seen: set[str] = set()
        while new := sorted(self.named.keys() - self.public - seen):
            seen.update(new)
            for path in new:
                found = self.named[path]
                is_class = isinstance(found, griffe.Class)
                yield from [f"class {path}"] if is_class else self.object(found, path)

    def exports(self, module: str) -> dict[str, griffe.Object]:
        """What `__all__` names, by its name."""
        there = self.package if module == PACKAGE else self.package[module.removeprefix(f"{PACKAGE}.")]
        if not isinstance(there.exports, list):
            raise ValueError(f"{module} has no `__all__`.")
        return {str(name): _target(there[str(name)]) for name in sorted(map(str, there.exports))}

    def undocumented(self) -> Iterator[str]:
        """What has no docstring. A base may have said it, and the language says what special names are."""
        for exports in self.exported.values():
            for name, found in exports.items():
                if not found.docstring and not name.startswith("__"):
                    yield name
                if isinstance(found, griffe.Class):
                    members = self.members(found)
                    bases = [base.members for base in found.mro()]
                    for member, what in members.items():
                        inherited = (base[member] for base in bases if member in base)
                        if not member.startswith("__") and not any(one.docstring for one in (what, *inherited)):
                            yield f"{name}.{member}"

    def object(self, found: griffe.Object, name: str) -> Iterator[str]:
        """What a name is, and its members."""
        if isinstance(found, griffe.Class):
            bases = ", ".join(self.written(base) for base in found.bases)
            for quoted in re.findall(r"'(\w+)'", bases):
                if what := self.find(f"{found.module.path}.{quoted}"):
                    self.named[what.path] = what
            yield f"{'final ' if 'final' in _decorators(found) else ''}class {name}" + (f"({bases})" if bases else "")
            for member, what in sorted(self.members(found).items()):
                yield from self.object(what, f"{name}.{member}")
        elif isinstance(found, griffe.Function):
            for function in _overloads(found):
                yield from self.function(function, name, "overload " if "overload" in _decorators(function) else "")
        elif isinstance(found, griffe.Attribute):
            if "property" in found.labels:
                yield f"property {name}: {self.written(found.annotation)}"
                return
            is_alias = found.parent is not None and found.parent.is_module
            is_value = is_alias or found.name == "__match_args__" or isinstance(found.value, str)
            has_value = found.value is not None and is_value
            annotation = f": {self.written(found.annotation)}" if found.annotation else ""
            yield name + annotation + (f" = {self.written(found.value)}" if has_value else "")
        else:
            raise ValueError(f"a thing of a kind that is not known here: {name}, {found.kind}")

    def members(self, cls: griffe.Class) -> dict[str, griffe.Object]:
        """The public members of a class and of its private bases, and its special methods."""
        members: dict[str, griffe.Object] = {}
        for one in [*reversed(cls.mro()), cls]:
            if one is cls or (one.path.startswith(PACKAGE) and one.path not in self.public):
                members.update({name: _target(member) for name, member in one.members.items()})
                members.update({name: functions[-1] for name, functions in one.overloads.items() if functions})
        return {
            name: member
            for name, member in members.items()
            if not name.startswith("_")
            or name == "__match_args__"
            or (re.fullmatch("__.+__", name) and name not in UNWATCHED and isinstance(member, griffe.Function))
        }

    def function(self, function: griffe.Function, name: str, before: str) -> Iterator[str]:
        """A signature, and a line for each argument that is given by its keyword alone."""
        kinds = griffe.ParameterKind
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}
        positional: list[str] = []
        by_keyword: list[str] = []
        for parameter in function.parameters:
            kind = parameter.kind
            if kind is kinds.positional_only and "/" in positional:
                positional.remove("/")
            annotation = f": {self.written(parameter.annotation)}" if parameter.annotation else ""
            default = "" if parameter.default is None or kind in stars else f" = {self.written(parameter.default)}"
            argument = f"{stars.get(kind, '')}{parameter.name}{annotation}{default}"
            (by_keyword if kind is kinds.keyword_only else positional).append(argument)
            if kind is kinds.positional_only:
                positional.append("/")
        labels = [f"{label} " for label in ("staticmethod", "classmethod", "async") if label in function.labels]
        returns = f" -> {self.written(function.returns)}" if function.returns else ""
        yield f"{before}{''.join(labels)}def {name}({', '.join(positional)}){returns}"
        yield from (f"{name}(*, {argument})" for argument in by_keyword)

    def written(self, expression: str | griffe.Expr | None) -> str:
        """An annotation, base or value. What it names of this package is remembered."""
        if expression is None:
            raise ValueError("There must be an annotation on everything that is public.")
        if isinstance(expression, griffe.Expr):
            for part in expression.iterate(flat=True):
                if isinstance(part, griffe.ExprName) and (found := self.find(part.canonical_path)):
                    self.named[found.path] = found
        return str(expression).replace("_types.", "")

    def find(self, path: str) -> griffe.Object | None:
        """What stands at a path, if that is in this package."""
        if not path.startswith(f"{PACKAGE}."):
            return None
        try:
            found = _target(self.package[path.removeprefix(f"{PACKAGE}.")])
        except (KeyError, griffe.AliasResolutionError):
            return None  # of another package
        in_package = found.path.startswith(f"{PACKAGE}.")
        return found if in_package and not isinstance(found, griffe.Module) else None


def _target(found: griffe.Object | griffe.Alias) -> griffe.Object:
    return found.final_target if isinstance(found, griffe.Alias) else found


def _overloads(function: griffe.Function) -> list[griffe.Function]:
    beside = function.parent.overloads.get(function.name, []) if isinstance(function.parent, griffe.Class) else []
    return list(function.overloads or beside or [function])


def _decorators(found: griffe.Class | griffe.Function) -> set[str]:
    return {str(decorator.value).rpartition(".")[2] for decorator in found.decorators}
