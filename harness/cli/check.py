"""``mcast check``: every mistake of every file, without building anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from harness.cli.selection import existing
from harness.errors import ExitCode, Problem, ScenarioError
from harness.plan.build import build_all
from harness.plan.model import Plan
from harness.profiles import Profile
from harness.profiles import loader as profiles
from harness.run import backends
from harness.run.session import refuse

_SHOWN_DOUBTS = 6
"""More would hide the other warnings."""
_EXAMPLES = """Find every mistake in scenario files, at once, with its place.

Nothing is built and no rights are needed.
A file that passes can be built; warnings name values of a switch's profile that nobody has verified, and
what was read otherwise than it is written.

\b
Examples:
  mcast check scenarios/
  mcast check lost.scenario.yaml && mcast run lost.scenario.yaml
"""


@click.command(name="check", help=_EXAMPLES)
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--backend", default=backends.DEFAULT, show_default=True, help="Whose limits must hold.")
@click.option("-q", "--quiet", is_flag=True, help="Only mistakes.")
def command(paths: tuple[Path, ...], backend: str, quiet: bool) -> ExitCode:
    """Check files and folders."""
    problems: list[Problem] = []
    found = [file for path in paths for file in existing(path)]
    used: dict[str, tuple[Profile, list[Path]]] = {}
    for file in found:
        try:
            plans = _plans(file, backend)
        except ScenarioError as error:
            problems.extend(error.problems)
            continue
        if not quiet:
            names = ", ".join(plan.variant for plan in plans)
            click.echo(f"{file}: ok ({names})")
            for doubt in sorted({warning for plan in plans for warning in plan.warnings}):
                click.echo(f"{doubt.file}:{doubt.line}:{doubt.column}: warning: {doubt.message}", err=True)
            for name, profile in _profiles(file, plans):
                used.setdefault(name, (profile, []))[1].append(file)
    for warning in _unverified(used):
        click.echo(warning, err=True)
    if problems:
        raise ScenarioError(tuple(problems))
    return ExitCode.PASSED if found else ExitCode.NOTHING


def _plans(file: Path, backend: str) -> tuple[Plan, ...]:
    """Return the plans of a file; raises ScenarioError with the mistakes of all its variants."""
    plans = build_all(file)
    problems: list[Problem] = []
    for plan in plans:
        try:
            refuse(plan, backends.create(backend))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(tuple(problems))
    return plans


def _profiles(file: Path, plans: tuple[Plan, ...]) -> Iterator[tuple[str, Profile]]:
    """The profiles of a file; one of its author's own by the path from here."""
    for name in sorted({switch.profile for plan in plans for switch in plan.switches}):
        if profiles.is_file(name):
            yield str(file.parent / name), profiles.read_profile(file.parent / name)
        else:
            yield name, profiles.load(name)


def _unverified(used: Mapping[str, tuple[Profile, list[Path]]]) -> Iterator[str]:
    """A line for each profile with values that nobody has looked up, however many files name it."""
    for name, (profile, files) in sorted(used.items()):
        if doubts := profile.doubts():
            where = f"{files[0]}: warning: " if len(files) == 1 else f"{len(files)} files: warning: "
            more = len(doubts) - _SHOWN_DOUBTS
            rest = f" and {more} more, see mcast profiles {name}" if more > 0 else ""
            shown = ", ".join(doubts[:_SHOWN_DOUBTS])
            yield f"{where}profile {name} has values that nobody verified: {shown}{rest}"
