"""The probe tools from a file: ``python3 FILE.pyz omping ...``, for hosts that have nothing but Python.

Each tool is imported when it is asked for. Standard library only.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module

TOOLS = {
    "listen": "harness.tools.listen",
    "omping": "harness.tools.omping",
    "ssmpingd": "harness.tools.ssmpingd",
    "ssmping": "harness.tools.ssmping",
    "asmping": "harness.tools.asmping",
    "mcfirst": "harness.tools.mcfirst",
}
"""The tools by name, and the modules whose ``main`` takes the rest of the command line."""

_USAGE = 1


def main(arguments: list[str] | None = None) -> int:
    """Run the tool that the first argument names, and return its status."""
    names = sys.argv[1:] if arguments is None else arguments
    asked = names[0] if names else ""
    if asked in TOOLS:
        status = import_module(TOOLS[asked]).main(names[1:])
        assert isinstance(status, int)
        return status
    usage = f"usage: {' | '.join(TOOLS)}, then the tool's own arguments (--help for each)"
    if asked in ("-h", "--help"):
        sys.stdout.write(usage + "\n")
        return 0
    close = get_close_matches(asked, TOOLS, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    problem = f"there is no tool {asked!r}{hint}" if asked else "which tool?"
    sys.stderr.write(f"{problem}\n{usage}\n")
    return _USAGE


if __name__ == "__main__":
    sys.exit(main())
