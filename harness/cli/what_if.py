"""``mcast what-if``: the product of settings predicted, and the table of outcomes."""

from __future__ import annotations

import json
import os
import sys

import click

from harness.cli.progress import ProgressLine
from harness.cli.selection import variants
from harness.errors import ExitCode
from harness.run import backends
from harness.what_if import table
from harness.what_if.answer import Row, answers
from harness.what_if.question import OPTION, Question, Setting, read_axes

MOST_SETTINGS = 10_000
_MOST_REFUSALS = 10
_EXAMPLES = """Predict a scenario with every combination of settings, and tell what comes of each expectation.

\b
PATH names a place of the scenario as it is written, keys with dots between:
  switches.sw1.querier   a setting, also one that the file leaves out
  switches.*.querier     of every switch
  nodes.count            the same as nodes.*.count
  timeline.dies.at       of the step named dies; timeline.0.at of the first
  topology.nodes         a parameter of the topology
  speed, duration, seed, traffic.totem.rate, network.links ...

\b
VALUES have commas between, and are read as in a file:
  on,off       "a, b",c      [p1, p2],[]    null leaves the key out
  2..64        every number from 2 to 64
  2..64/2      in steps of 2            2..64*2   doubled each time
  100s..300s/50s   with a unit

A row is a setting, a column an expectation. Without ::VARIANT every variant of the file has a table of its
own, since each expects something else. Settings are laid over the variant, and replace what it says.

\b
Examples:
  mcast what-if lost.scenario.yaml::as-shipped --vary switches.*.querier=on,off
  mcast what-if lost.scenario.yaml --vary switches.*.querier=on,off --vary nodes.count=2..64*2
  mcast what-if lost.scenario.yaml --vary seed=1..100 --format csv >seeds.csv

Exits with 0 whatever is predicted, and with 4 if a setting is no scenario: its cells say "refused".
"""


@click.command(name="what-if", help=_EXAMPLES)
@click.argument("file", metavar="FILE[::VARIANT]")
@click.option(OPTION, "vary", metavar="PATH=VALUES", multiple=True, required=True, help="May be repeated.")
@click.option(
    "--format", "form", type=click.Choice(["text", "csv", "json"]), default="text", show_default=True
)
@click.option("--all", "wants_all", is_flag=True, help=f"Also more than {MOST_SETTINGS} settings.")
@click.option("--jobs", type=click.IntRange(1), help="At most this many processes; else one for each core.")
def command(file: str, vary: tuple[str, ...], form: str, wants_all: bool, jobs: int | None) -> ExitCode:
    """Predict every setting."""
    axes = read_axes(vary)
    questions = [Question(variant=variant, axes=axes) for variant in variants((file,), ())]
    if not questions:
        return ExitCode.NOTHING
    for question in questions:
        question.examine()
    size = sum(question.size for question in questions)
    if size > MOST_SETTINGS and not wants_all:
        raise click.UsageError(
            f"these are {size} predictions, and more than {MOST_SETTINGS} need --all; "
            "steps make ranges shorter: 2..64/2, or 2..64*2"
        )
    found, code = _answered(questions, ProgressLine(sys.stderr, size), jobs)
    if not all(one.is_refused for one in found):
        _print(found, form)
    return _refusals(found, code)


def _answered(
    questions: list[Question], line: ProgressLine, jobs: int | None
) -> tuple[list[table.Answered], ExitCode]:
    """Answer everything; Ctrl-C ends with what there is."""
    backends.preload(backends.MODEL)
    found: list[table.Answered] = []
    done = 0
    code = ExitCode.PASSED
    for question in questions:
        rows: list[Row] = []
        try:
            for row in answers(question, jobs=jobs):
                rows.append(row)
                done += 1
                line.reach(done, f"{question.variant.name} {_shown(question, row.setting)}")
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        found.append(table.Answered(question=question, rows=tuple(rows)))
        if code is ExitCode.INTERRUPTED:
            break
    line.clear()
    if code is ExitCode.INTERRUPTED:
        click.echo(f"interrupted after {done} of {sum(one.size for one in questions)} settings", err=True)
    return found, code


def _print(found: list[table.Answered], form: str) -> None:
    match form:
        case "csv":
            click.echo(table.as_csv(found), nl=False)
        case "json":
            click.echo(json.dumps(table.as_data(found), indent=2))
        case _:
            colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            shown = [table.text(one, colour=colour) for one in found if not one.is_refused]
            click.echo("\n\n".join(shown))


def _refusals(found: list[table.Answered], code: ExitCode) -> ExitCode:
    """Tell why settings were refused, each reason once; return the exit code."""
    reasons: dict[str, str] = {}
    for answered in found:
        for row in answered.rows:
            if row.refusal:
                reasons.setdefault(row.refusal, _shown(answered.question, row.setting))
    if not reasons:
        return code
    told = [
        reason if reason.startswith(OPTION) else f"{setting}: {reason}" for reason, setting in reasons.items()
    ]
    more = [f"and {len(told) - _MOST_REFUSALS} more"] if len(told) > _MOST_REFUSALS else []
    click.echo("\n".join(("refused:", *told[:_MOST_REFUSALS], *more)), err=True)
    return ExitCode.BAD_INPUT if code is ExitCode.PASSED else code


def _shown(question: Question, setting: Setting) -> str:
    """A setting in one line: ``switches.*.querier=on nodes.count=8``."""
    pairs = zip(question.axes, setting, strict=True)
    return " ".join(f"{axis.path.text}={value.text}" for axis, value in pairs)
