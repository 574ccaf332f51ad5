"""What is public, and that it is what the core says: its errors, settings and defaults."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import addepar_portal
from addepar_portal import AsyncPortalClient, PortalClient, PortalError, _aliases, _native, testing

SOURCE = Path(__file__).parent.parent.parent / "bindings-python" / "src"
CLIENTS = (PortalClient, AsyncPortalClient)


def test_every_public_name_is_exported_and_nothing_else() -> None:
    assert sorted(addepar_portal._MODULES) == addepar_portal.__all__ == sorted(addepar_portal.__all__)
    assert dir(addepar_portal) == addepar_portal.__all__


def test_the_package_loads_what_is_asked_for() -> None:
    """The program, a test session that has the fixture and a file of tasks that is parsed again and again need less."""
    code = "import sys, addepar_portal; print([name for name in sys.modules if name.startswith('addepar_portal.')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=30) == "[]\n"
    for name, *_ in addepar_portal._NAMES.values():
        # Whatever is asked for first, the native classes are complete, and annotations can be evaluated.
        code = (
            f"import typing, addepar_portal as it; it.{name}; print(hasattr(it._native.PublishReport, 'join'))\n"
            "for name in it.__all__: isinstance(value := getattr(it, name), type) and typing.get_type_hints(value)"
        )
        assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=30) == "True\n", name


def test_every_type_that_annotations_name_is_exported() -> None:
    own = {name for name in _aliases.__all__ if name not in ("Any", "ClassVar", "Mapping", "SupportsIndex", "datetime")}
    assert own <= set(addepar_portal.__all__)


def test_every_public_name_is_documented() -> None:
    for name in addepar_portal.__all__:
        value = getattr(addepar_portal, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name
            assert value.__module__ == "addepar_portal", name


def test_every_kind_of_error_is_a_class_with_its_code_and_without_data_its_outcome_is_unknown() -> None:
    """A batch may have sent files before it ended in an error of any class."""
    classes = {name: getattr(addepar_portal, name) for name in addepar_portal.__all__ if name.endswith("Error")}
    errors = {name: cls for name, cls in classes.items() if inspect.isclass(cls) and issubclass(cls, PortalError)}
    assert {cls().outcome for cls in errors.values()} == {"unknown"}
    del errors["PortalError"]
    assert {(cls.code, name) for name, cls in errors.items()} == set(_native.error_kinds())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_takes_every_setting_of_the_core(client: type[object]) -> None:
    # The core's struct is filled from these member by member, so that the compiler compares the two.
    settings = set(inspect.signature(_native.Client.make).parameters) - {"asks_for_token", "started"}
    parameters = inspect.signature(client).parameters
    assert set(parameters) == settings
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def public() -> Iterator[tuple[str, Any]]:
    """Every public function, class and method, and the getter of every property that Python code has."""
    for module in (addepar_portal, testing):
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.isclass(value):
                if inspect.isfunction(value):
                    yield name, value
                continue
            yield name, value
            for cls in value.__mro__:
                for member, part in vars(cls).items():
                    function = part.fget if isinstance(part, property) else getattr(part, "__func__", part)
                    if inspect.isfunction(function) and (member == "__init__" or not member.startswith("_")):
                        yield f"{name}.{member}", function


@pytest.mark.parametrize(("name", "value"), list(public()))
def test_every_annotation_of_what_is_public_can_be_evaluated(name: str, value: Any) -> None:
    """As frameworks do that fill in or check arguments by their types."""
    hints = get_type_hints(value)
    if inspect.isfunction(value):
        annotated = [one for one in inspect.signature(value, eval_str=True).parameters.values() if one.name in hints]
        assert all(one.annotation in (hints[one.name], None) for one in annotated)


def test_annotations_are_free_until_somebody_asks() -> None:
    code = "import sys; before = set(sys.modules); import addepar_portal; print(*set(sys.modules) - before)"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=True)
    assert not {"typing", "re", "json", "logging", "dataclasses", "datetime", "asyncio"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "function",
    [
        addepar_portal.publish_batch,
        addepar_portal.publish_batch_async,
        addepar_portal.resume,
        addepar_portal.resume_async,
        *(method for client in CLIENTS for method in (client.publish_batch, client.resume)),
    ],
)
def test_the_defaults_of_a_batch_are_those_of_the_core(function: object) -> None:
    parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    defaults = dict(
        zip(("chunk_size", "max_wait", "pace", "stop_timeout"), _native.batch_defaults(), strict=True),
        on_progress=None,
    )
    if "chunk_size" not in parameters:
        del defaults["chunk_size"]
    assert {name: parameters[name].default for name in defaults} == defaults


@pytest.mark.parametrize("name", ["publish_files", "publish_batch", "resume"])
def test_both_clients_and_the_functions_have_one_signature(name: str) -> None:
    parameters = dict(inspect.signature(getattr(PortalClient, name)).parameters)
    assert dict(inspect.signature(getattr(AsyncPortalClient, name)).parameters) == parameters
    del parameters["self"]
    for function in (name, f"{name}_async"):
        taken = dict(inspect.signature(getattr(addepar_portal, function)).parameters)
        assert taken.pop("client").default is None
        assert taken == parameters


def test_the_native_modules_depend_on_each_other_in_one_direction() -> None:
    uses: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.rs"):
        module = path.relative_to(SOURCE).parts[0].removesuffix(".rs")
        used = re.findall(r"\bcrate::(\w+)", path.read_text("utf-8"))
        uses.setdefault(module, set()).update(set(used) - {module})
    assert {"report", "error"} <= uses["make"]
    TopologicalSorter(uses).prepare()  # raises for a circle
