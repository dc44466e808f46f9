"""``mcast predict``: the verdicts of the model, without a lab, a kernel or privileges."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from harness.cli.progress import ProgressLine
from harness.cli.results import Results
from harness.cli.selection import Overrides, plans, variants
from harness.errors import ExitCode
from harness.plan.model import Plan
from harness.run import backends
from harness.run.events import Entered, Finished, Listen
from harness.run.outcome import Outcome
from harness.run.predict import predict
from harness.run.session import Request, run_plan

_EXAMPLES = """Compute each variant's verdicts: the same protocol machines as in a lab, in virtual time.

Nothing is built and no rights are needed. The report is that of mcast run; so are the exit codes.
The same seed gives the same records, to the byte.

\b
Examples:
  mcast predict scenarios/
  mcast predict lost.scenario.yaml::as-shipped
  mcast predict lost.scenario.yaml --folder runs/     keeps run.jsonl and plan.json, as mcast run does
"""
Answer = Callable[[Plan, Listen, str], Outcome]
"""Gives the outcome of a plan in this process; the text is the key of its events."""


@click.command(name="predict", help=_EXAMPLES)
@click.argument("files", metavar="FILE[::VARIANT]...", nargs=-1, required=True)
@click.option("--variant", "names", multiple=True, help="Only this variant; may be repeated.")
@click.option("--seed", type=int, help="Instead of the file's.")
@click.option("--speed", type=click.FloatRange(1, 1000), help="Time compression instead of the file's.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Make run folders here; else none."
)
@click.option("--json", "wants_json", is_flag=True, help="One JSON document: an object, or a list of them.")
@click.option("-q", "--quiet", is_flag=True, help="Only what did not pass.")
def command(
    files: tuple[str, ...],
    names: tuple[str, ...],
    seed: int | None,
    speed: float | None,
    folder: Path | None,
    wants_json: bool,
    quiet: bool,
) -> ExitCode:
    """Predict variants of files."""
    chosen = plans(variants(files, names), Overrides(seed=seed, speed=speed))

    def in_memory(plan: Plan, listen: Listen, key: str) -> Outcome:
        return predict(plan, listen=listen, key=key).outcome

    answer = in_memory if folder is None else with_folders(backends.MODEL, folder)
    return answer_all(chosen, answer, Results(wants_json=wants_json, quiet=quiet), backends.MODEL)


def with_folders(backend: str, parent: Path, compare: str = "") -> Answer:
    """Return what runs a plan in this process, compares it if that is wanted, and leaves its folder in
    ``parent``."""

    def run(plan: Plan, listen: Listen, key: str) -> Outcome:
        return run_plan(Request(plan=plan, backend=backend, parent=parent, compare=compare), listen, key)

    return run


def answer_all(chosen: tuple[Plan, ...], answer: Answer, results: Results, backend: str) -> ExitCode:
    """Take one plan after the other, and tell the results. Ctrl-C ends with those that there are."""
    line = ProgressLine(sys.stderr, len(chosen), quiet=results.quiet)
    backends.preload(backend)
    for plan in chosen:
        key = f"{plan.file}::{plan.variant}"
        line.listen(Entered(key=key, phase="predict", real_s=0.0))
        outcome = answer(plan, line.listen, key)
        line.listen(Finished(key=key, outcome=outcome))
        line.clear()
        results.add(outcome)
        if outcome.interrupted:
            break
    return results.finish()
