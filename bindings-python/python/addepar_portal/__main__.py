"""`python -m addepar_portal` is the program `addepar-portal`."""

from ._cli import main

main()
