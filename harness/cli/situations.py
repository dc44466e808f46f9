"""``mcast situations``: what a platform does where platforms differ, found out by running it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from harness import profiles
from harness.cli.profiles import named
from harness.cli.progress import ProgressLine
from harness.errors import ExitCode, HarnessError, LabError
from harness.observations.record import read
from harness.profiles import Profile
from harness.report import outcomes
from harness.run import backends
from harness.run.pool import Pool
from harness.run.session import Request
from harness.situations import table
from harness.situations.catalogue import SITUATIONS, Situation, plan_of, write
from harness.situations.outcome import words

_EXAMPLES = f"""Run each platform in the situations that tell platforms apart, and say what was seen.

Snooping is switched on everywhere, and the switches' own queriers are off: nobody queries, the querier dies,
it has no address; and who gets groups without members. NAME is a profile or the path of your own (it ends
in {profiles.SUFFIX}); without NAME all profiles are run, which takes some minutes.

\b
Examples:
  mcast situations juniper-ex
  mcast situations ./my{profiles.SUFFIX} class-c
  mcast situations --keep rows/ dell-n     and the scenario files that were run stay in rows/
"""


@click.command(name="situations", help=_EXAMPLES)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--markdown", "wants_markdown", is_flag=True, help="One table, as docs/platforms.md has it.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON document: a list of objects.")
@click.option("--jobs", type=click.IntRange(1), help="At most this many labs at once.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep scenario files and runs here."
)
def command(
    names: tuple[str, ...], wants_markdown: bool, wants_json: bool, jobs: int | None, keep: Path | None
) -> ExitCode:
    """Run every situation for every profile, and print what was seen."""
    if wants_markdown and wants_json:
        raise click.UsageError("--markdown and --json are two forms of the same: choose one")
    wanted = {_reference(name): named(name) for name in names or profiles.names()}
    with tempfile.TemporaryDirectory(prefix="mcast-situations-") as temporary:
        folder = Path(temporary) if keep is None else keep
        folder.mkdir(parents=True, exist_ok=True)
        rows = _run(wanted, folder, jobs)
    if wants_json:
        click.echo(json.dumps(table.data(rows), indent=2))
    else:
        click.echo(table.markdown(rows) if wants_markdown else table.text(rows))
    return ExitCode.PASSED


def _reference(name: str) -> str:
    """How a scenario in another folder calls a profile."""
    return str(Path(name).absolute()) if profiles.is_file(name) else name


def _run(wanted: dict[str, Profile], folder: Path, jobs: int | None) -> list[table.Row]:
    backend = backends.create(backends.DEFAULT)
    runs = folder / "runs"
    requests: dict[str, Request] = {}
    for reference, profile in wanted.items():
        for situation in SITUATIONS:
            plan = plan_of(write(situation, profile, reference, folder), backend)
            requests[_key(profile, situation)] = Request(plan=plan, backend=backend.name, parent=runs)
    line = ProgressLine(sys.stderr, len(requests))
    rows: list[table.Row] = []
    with Pool(jobs=jobs, listen=line.listen) as pool:
        for key, request in requests.items():
            pool.submit(key, request)
        for profile in wanted.values():
            cells = [cell for situation in SITUATIONS for cell in _seen(pool, profile, situation)]
            rows.append(table.Row(profile=profile, cells=tuple(cells)))
    line.clear()
    return rows


def _seen(pool: Pool, profile: Profile, situation: Situation) -> tuple[str, ...]:
    """What was seen in one run. Raises the error of a run that broke."""
    outcome = pool.wait(_key(profile, situation))
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.error is not None:
        raise _named(outcome.error, _key(profile, situation))
    if outcome.folder is None:
        raise LabError(f"{_key(profile, situation)}: {outcomes.line(outcome, colour=False)}")
    return words(situation.name, outcome.plan, tuple(read(outcome.folder)))


def _named(error: HarnessError, key: str) -> HarnessError:
    error.add_note(f"while running {key}")
    return error


def _key(profile: Profile, situation: Situation) -> str:
    return f"{profile.name} {situation.name}"
