"""Writes the docstrings of the compiled module into its stub, where editors look for them.

Their source is the Rust code, and `_model.py` for the parts that are written in Python.

    python bindings-python/stub.py            # writes them, after `make install` or `maturin develop`
    python bindings-python/stub.py --check    # fails if the stub says something else
"""

from __future__ import annotations

import ast
import inspect
import sys
from importlib import import_module
from pathlib import Path

from addepar_portal import _native

STUB = Path(__file__).parent / "python" / "addepar_portal" / "_native.pyi"


def with_docstrings(stub: str) -> str:
    """The stub with the docstring of every public class and its public members."""
    import_module("addepar_portal._model")  # with it the native classes are complete
    lines = stub.splitlines()
    classes = [node for node in ast.parse(stub).body if isinstance(node, ast.ClassDef)]
    for cls in reversed(classes):  # from the end, so that the line numbers above stay true
        native = getattr(_native, cls.name)
        if native.__module__ != "addepar_portal":
            continue
        functions = [node for node in cls.body if isinstance(node, ast.FunctionDef)]
        for function in reversed(functions):
            if not function.name.startswith("_"):
                _document(lines, function, getattr(native, function.name))
        _document(lines, cls, native)
    return "\n".join(lines) + "\n"


def _document(lines: list[str], node: ast.ClassDef | ast.FunctionDef, native: object) -> None:
    said = inspect.getdoc(native)
    if said is None:
        raise SystemExit(f"{node.name} has no docstring")
    begins, *others = said.splitlines()
    indent = " " * (node.col_offset + 4)
    docstring = [f'{indent}"""{begins}', *(f"{indent}{line}".rstrip() for line in others)]
    if others:
        docstring.append(f'{indent}"""')
    else:
        docstring[0] += '"""'
    body = node.body[0]
    if ast.get_docstring(node) is not None:
        lines[body.lineno - 1 : body.end_lineno] = docstring
    elif isinstance(node, ast.FunctionDef):  # its body is `...`, after the colon
        lines[body.lineno - 1 : body.end_lineno] = [lines[body.lineno - 1].removesuffix(" ..."), *docstring]
    else:
        lines[node.lineno : node.lineno] = docstring


if __name__ == "__main__":
    old = STUB.read_text("utf-8")
    new = with_docstrings(old)
    if "--check" not in sys.argv:
        STUB.write_text(new, "utf-8")
    elif new != old:
        raise SystemExit(f"{STUB.name} is stale: run `python bindings-python/stub.py`")
