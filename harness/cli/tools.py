"""``mcast tools``: the probe tools as one file that a cluster's nodes can run."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click

import harness
from harness.errors import ExitCode, HostError

_EXAMPLES = """Write the probe tools as one file: omping, ssmping, asmping, mcfirst, listen and the others.

It needs Python 3.11 or later on the node and nothing else: no packages, no root (listen needs the right to
capture). The same version always writes the same bytes.

\b
Examples:
  mcast tools mcast-tools.pyz
  scp mcast-tools.pyz node1: && ssh node1 python3 mcast-tools.pyz omping node1 node2 node3
"""

PARTS = ("diagnosis", "protocols", "readings", "sockets", "tools", "wire")
"""The packages that need only the standard library; the import contract keeps them so."""
_MODULES = ("__init__.py", "errors.py")
_MAIN = "import sys\n\nfrom harness.tools.__main__ import main\n\nsys.exit(main())\n"
_SHEBANG = b"#!/usr/bin/env python3\n"
_DATE = (1980, 1, 1, 0, 0, 0)


@click.command(name="tools", help=_EXAMPLES)
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
def command(file: Path) -> ExitCode:
    """Write the file, whole or not at all."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        try:
            _write(partial)
            partial.chmod(0o755)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        cure = "name a file in a folder that exists and may be written"
        raise HostError(f"{file} cannot be written: {error.strerror}", cure=cure) from error
    click.echo(f"{file}: {file.stat().st_size // 1024} KiB; python3 {file} shows what is in it", err=True)
    return ExitCode.PASSED


def _write(file: Path) -> None:
    with file.open("wb") as output:
        output.write(_SHEBANG)
        with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_entry("__main__.py"), _MAIN)
            for name, source in _sources():
                archive.writestr(_entry(name), source.read_bytes())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _sources() -> Iterator[tuple[str, Path]]:
    """Yield every module's name in the file and where it is here, in the order of names."""
    root = Path(harness.__file__).parent
    found = [root / name for name in _MODULES]
    for part in PARTS:
        found += (root / part).rglob("*.py")
    for source in sorted(found):
        yield f"harness/{source.relative_to(root).as_posix()}", source
