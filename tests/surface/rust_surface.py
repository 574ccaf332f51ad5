"""The crate's public surface, from rustdoc's JSON: a line for every item, trait and member.

Left out are the modules `host` and `cli`, which promise no stability, and what is implemented for every type.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WITHOUT_PROMISE = {"host", "cli"}
AUTO_TRAITS = ("Send", "Sync", "Unpin", "UnwindSafe", "RefUnwindSafe")
# The modules of the standard library whose types and traits are called by their last name.
PRELUDE = {"boxed", "clone", "cmp", "convert", "default", "iter", "marker", "ops", "option", "result", "string", "vec"}


def surface() -> str:
    """All of it, a text of lines. What names a type of `host` is a part of `host`."""
    return "".join(f"{line}\n" for line in Crate(_documented()).lines() if "host::" not in line)


def _documented() -> dict[str, Any]:
    # With the feature that `make lint-rust` has, so that nothing is compiled again for this.
    cargo = ["cargo", "rustdoc", "--locked", "--quiet", "--package=addepar-portal", "--lib", "--features=cli"]
    environ = {**os.environ, "RUSTDOC": str(HERE / "rustdoc.sh"), "RUSTDOCFLAGS": ""}
    subprocess.run(cargo, cwd=ROOT, env=environ, check=True)
    metadata = ["cargo", "metadata", "--locked", "--no-deps", "--format-version=1"]
    done = subprocess.run(metadata, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    target = Path(json.loads(done.stdout)["target_directory"])
    return json.loads((target / "doc" / "addepar_portal.json").read_text("utf-8"))  # type: ignore[no-any-return]


class Crate:
    """What rustdoc knows of a crate. A construct that is not known here is a `ValueError`, never left out."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.index = document["index"]
        self.paths = document["paths"]
        self.public: dict[int, str] = {}
        root = self.inner(document["root"])["module"]
        self._enter(root["items"], "")

    def inner(self, item: int) -> dict[str, Any]:
        """What an item is, by its kind."""
        return self.index[str(item)]["inner"]  # type: ignore[no-any-return]

    def _enter(self, items: list[int], prefix: str) -> None:
        """Names every public item as a user reaches it, by the shortest way."""
        for item in sorted(items, key=lambda item: "module" in self.inner(item)):
            inner, name = self.inner(item), self.index[str(item)]["name"]
            if "module" in inner:
                self._enter(inner["module"]["items"], f"{prefix}{name}::")
            elif "use" in inner:
                if inner["use"]["is_glob"]:
                    raise ValueError(f"a glob: {inner}")
                self.public.setdefault(inner["use"]["id"], prefix + inner["use"]["name"])
            else:
                self.public.setdefault(item, prefix + name)

    def lines(self) -> Iterator[str]:
        """The surface, sorted by names."""
        for item, name in sorted(self.public.items(), key=lambda pair: pair[1]):
            if name.partition("::")[0] not in WITHOUT_PROMISE:
                yield from self.item(item, name)

    def item(self, item: int, name: str) -> Iterator[str]:
        """An item and everything that belongs to it."""
        about = self.index[str(item)]
        (kind, inner), marks = next(iter(about["inner"].items())), _marks(about)
        match kind:
            case "struct":
                yield f"{marks}pub struct {name}{self.generics(inner['generics'])}{self.shape(inner['kind'])}"
                yield from self.fields(_plain(inner["kind"]), f"pub {name}.")
                yield from self.implementations(inner["impls"], name)
            case "enum":
                yield f"{marks}pub enum {name}{self.generics(inner['generics'])}"
                for variant in inner["variants"]:
                    yield from self.variant(variant, name)
                yield from self.implementations(inner["impls"], name)
            case "function":
                yield marks + self.function(inner, name)
            case "constant":
                yield f"{marks}pub const {name}: {self.type(inner['type'])} = {inner['const']['value']}"
            case "assoc_const":
                yield f"{marks}pub const {name}: {self.type(inner['type'])}"
            case "type_alias":
                yield f"{marks}pub type {name}{self.generics(inner['generics'])} = {self.type(inner['type'])}"
            case _:
                raise ValueError(f"an item of a kind that is not known here: {name}, {kind}")

    def shape(self, kind: Any) -> str:
        """How a struct can be made and taken apart."""
        match kind:
            case "unit":
                return ""
            case {"tuple": fields}:
                return f"({', '.join(self._field(field) for field in fields)})"
            case {"plain": {"has_stripped_fields": stripped}}:
                return " { .. }" if stripped else ""
        raise ValueError(f"a struct of a kind that is not known here: {kind}")

    def _field(self, field: int | None) -> str:
        return "_" if field is None else self.type(self.inner(field)["struct_field"])

    def fields(self, fields: list[int], prefix: str) -> Iterator[str]:
        """The public fields."""
        for field in fields:
            yield f"{prefix}{self.index[str(field)]['name']}: {self._field(field)}"

    def variant(self, variant: int, enum: str) -> Iterator[str]:
        """A variant of an enum, and its fields."""
        about = self.index[str(variant)]
        kind = about["inner"]["variant"]["kind"]
        name = f"pub {enum}::{about['name']}"
        yield f"{_marks(about)}{name}" + ("" if kind == "plain" or "struct" in kind else self.shape(kind))
        if "struct" in kind:
            yield from self.fields(kind["struct"]["fields"], f"{name}.")

    def implementations(self, impls: list[int], name: str) -> Iterator[str]:
        """The methods and constants of a type, and the traits that it implements."""
        own: list[str] = []
        traits: list[str] = []
        auto: set[str] = set()
        for impl in (self.inner(impl)["impl"] for impl in impls):
            trait = impl["trait"]
            if impl["blanket_impl"]:
                continue
            if trait is None:
                for item in impl["items"]:
                    own += self.item(item, f"{name}::{self.index[str(item)]['name']}")
            elif trait["path"].rpartition("::")[2] in AUTO_TRAITS:
                if not impl["is_negative"]:
                    auto.add(trait["path"].rpartition("::")[2])
            elif trait["path"] not in ("Freeze", "StructuralPartialEq", "UnsafeUnpin"):
                types = [
                    f"{self.index[str(item)]['name']} = {self.type(self.inner(item)['assoc_type']['type'])}"
                    for item in impl["items"]
                    if "assoc_type" in self.inner(item)
                ]
                line = f"impl{self.generics(impl['generics'])} {self.path(trait)} for {self.type(impl['for'])}"
                traits.append(line + (f" where {', '.join(types)}" if types else ""))
        yield from sorted(own)
        yield from sorted(traits)
        yield f"auto {' + '.join(one for one in AUTO_TRAITS if one in auto)} for {name}"

    def function(self, function: dict[str, Any], name: str) -> str:
        """A signature."""
        header, signature = function["header"], function["sig"]
        words = [word for word in ("const", "async", "unsafe") if header[f"is_{word}"]]
        inputs = ", ".join(self._input(argument, kind) for argument, kind in signature["inputs"])
        output = f" -> {self.type(signature['output'])}" if signature["output"] else ""
        where = ", ".join(map(self.predicate, function["generics"]["where_predicates"]))
        generics = self.generics(function["generics"])
        signed = " ".join(["pub", *words, f"fn {name}{generics}({inputs}){output}"])
        return f"{signed} where {where}" if where else signed

    def _input(self, argument: str, kind: Any) -> str:
        if argument == "self":
            written = self.type(kind)
            return {"Self": "self", "&Self": "&self", "&mut Self": "&mut self"}.get(written, f"self: {written}")
        return f"{argument}: {self.type(kind)}"

    def generics(self, generics: dict[str, Any]) -> str:
        """The parameters of an item, in angle brackets."""
        written = []
        for parameter in generics["params"]:
            name = parameter["name"]
            match parameter["kind"]:
                case {"lifetime": {"outlives": outlives}}:
                    written.append(name + (f": {' + '.join(outlives)}" if outlives else ""))
                case {"type": {"is_synthetic": True}}:
                    pass  # the `impl Trait` of an argument
                case {"type": {"bounds": bounds}}:
                    written.append(name + (f": {self.bounds(bounds)}" if bounds else ""))
                case {"const": {"type": kind}}:
                    written.append(f"const {name}: {self.type(kind)}")
                case other:
                    raise ValueError(f"a parameter of a kind that is not known here: {other}")
        return f"<{', '.join(written)}>" if written else ""

    def predicate(self, predicate: dict[str, Any]) -> str:
        """A condition after `where`."""
        match predicate:
            case {"bound_predicate": {"type": kind, "bounds": bounds}}:
                return f"{self.type(kind)}: {self.bounds(bounds)}"
            case {"lifetime_predicate": {"lifetime": lifetime, "outlives": outlives}}:
                return f"{lifetime}: {' + '.join(outlives)}"
        raise ValueError(f"a condition of a kind that is not known here: {predicate}")

    def bounds(self, bounds: list[dict[str, Any]]) -> str:
        """What a type has to be."""
        written = []
        for bound in bounds:
            match bound:
                case {"trait_bound": {"trait": trait, "modifier": modifier}}:
                    written.append(("?" if modifier == "maybe" else "") + self.path(trait))
                case {"outlives": lifetime}:
                    written.append(lifetime)
                case _:
                    raise ValueError(f"a bound of a kind that is not known here: {bound}")
        return " + ".join(written)

    def path(self, path: dict[str, Any]) -> str:
        """A type or trait as users reach it, by its whole name if it is neither of the crate nor in the prelude."""
        whole = self.public.get(path["id"])
        if whole is None:
            known = self.paths.get(str(path["id"]))
            whole = "::".join(known["path"]) if known else path["path"]
        package, *modules = whole.split("::")
        is_prelude = package in ("core", "alloc", "std") and modules[0] in PRELUDE
        return (modules[-1] if is_prelude else whole) + self.arguments(path["args"])

    def arguments(self, arguments: dict[str, Any] | None) -> str:
        """What a generic type is of."""
        match arguments:
            case None:
                return ""
            case {"parenthesized": {"inputs": inputs, "output": output}}:
                returned = f" -> {self.type(output)}" if output else ""
                return f"({', '.join(map(self.type, inputs))}){returned}"
            case {"angle_bracketed": {"args": args, "constraints": constraints}}:
                written = [self._argument(argument) for argument in args]
                for constraint in constraints:
                    match constraint["binding"]:
                        case {"equality": {"type": kind}}:
                            written.append(f"{constraint['name']} = {self.type(kind)}")
                        case {"constraint": bounds}:
                            written.append(f"{constraint['name']}: {self.bounds(bounds)}")
                        case other:
                            raise ValueError(f"a constraint of a kind that is not known here: {other}")
                return f"<{', '.join(written)}>" if written else ""
        raise ValueError(f"arguments of a kind that is not known here: {arguments}")

    def _argument(self, argument: Any) -> str:
        match argument:
            case {"type": kind}:
                return self.type(kind)
            case {"lifetime": lifetime}:
                return str(lifetime)
            case {"const": {"expr": expression}}:
                return str(expression)
        raise ValueError(f"an argument of a kind that is not known here: {argument}")

    def type(self, kind: dict[str, Any]) -> str:  # noqa: PLR0911 (a line for each kind)
        """A type as Rust writes it."""
        match kind:
            case {"resolved_path": path}:
                return self.path(path)
            case {"generic": name} | {"primitive": name}:
                return str(name)
            case {"borrowed_ref": {"lifetime": lifetime, "is_mutable": is_mutable, "type": inner}}:
                return f"&{lifetime + ' ' if lifetime else ''}{'mut ' if is_mutable else ''}{self.type(inner)}"
            case {"tuple": kinds}:
                return f"({', '.join(map(self.type, kinds))})"
            case {"slice": inner}:
                return f"[{self.type(inner)}]"
            case {"array": {"type": inner, "len": length}}:
                return f"[{self.type(inner)}; {length}]"
            case {"impl_trait": bounds}:
                return f"impl {self.bounds(bounds)}"
            case {"dyn_trait": {"traits": traits, "lifetime": lifetime}}:
                names = [self.path(one["trait"]) for one in traits]
                return f"dyn {' + '.join([*names, *([lifetime] if lifetime else [])])}"
            case {"qualified_path": {"name": name, "self_type": own, "trait": trait}}:
                return f"<{self.type(own)} as {self.path(trait)}>::{name}" if trait else f"{self.type(own)}::{name}"
        raise ValueError(f"a type of a kind that is not known here: {kind}")


def _plain(kind: Any) -> list[int]:
    return kind["plain"]["fields"] if "plain" in kind else []


def _marks(about: dict[str, Any]) -> str:
    """The attributes that change what a user may write."""
    attributes = ["#[non_exhaustive] "] if "non_exhaustive" in str(about["attrs"]) else []
    return "".join(attributes + (["#[deprecated] "] if about["deprecation"] else []))
