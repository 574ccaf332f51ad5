"""Compares the public surface of the packages with what is checked in beside this.

Every name in it has to be documented, too; of the crate the compiler checks that.

python tests/surface/surface.py [--write] [rust | python | node]

A change of the surface is a change of these files in the same commit: CONTRIBUTING.md says which ones break users.
"""

from __future__ import annotations

import sys
from difflib import unified_diff
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
LANGUAGES = ("rust", "python", "node")
CHANGED = "The public surface has changed. If it was meant to: `make surface`, and CONTRIBUTING.md, Versions."


def main(arguments: list[str]) -> None:
    """Prints what differs, and exits with 1 if anything does; writes it down instead if asked to."""
    writes = "--write" in arguments
    faults: list[str] = []
    for language in [argument for argument in arguments if argument != "--write"] or LANGUAGES:
        if language not in LANGUAGES:
            raise SystemExit(__doc__)
        module = import_module(f"{language}_surface")
        path, built = HERE / f"{language}.txt", module.surface()
        if writes:
            path.write_text(built, "utf-8", newline="\n")
        kept = path.read_text("utf-8") if path.exists() else ""
        names = (f"tests/surface/{path.name}", f"{language}, as it was built")
        difference = list(unified_diff(kept.splitlines(), built.splitlines(), *names, n=0, lineterm=""))
        faults += [*(line for line in difference if not line.startswith("@@")), *([CHANGED] if difference else [])]
        if language != "rust":
            faults += [f"{language}: {name} must be documented." for name in module.undocumented()]
    if faults:
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main(sys.argv[1:])
