"""``mcast judge``: judges the records of a run again, without a lab."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from harness.cli.results import Results
from harness.cli.selection import variants
from harness.errors import ExitCode
from harness.observations.model import Ended, Record, Started
from harness.observations.record import read
from harness.plan.build import build
from harness.plan.model import Plan
from harness.run import backends, plan_file
from harness.run.folder import PLAN, SOURCE, check_folder
from harness.run.outcome import Outcome
from harness.verdicts.judge import judge, overall

_EXAMPLES = """Judge a run again from its folder, without a lab: here, or wherever the folder was copied to.

With --as, this run's deliveries are held against what another variant expects: so one sees that the
expectations of a fault and of its fix cannot both hold.

\b
Examples:
  mcast judge .harness/lost-as-shipped-netns-1
  mcast judge .harness/lost-querier-on-netns-1 --as as-shipped
  mcast judge RUN --scenario edited.scenario.yaml
"""


@click.command(name="judge", help=_EXAMPLES)
@click.argument("run", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--as", "other", metavar="VARIANT", help="Judge by this variant's expectations.")
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Where to read expectations; else the file that was run.",
)
@click.option("--json", "wants_json", is_flag=True, help="One JSON document.")
def command(run: Path, other: str | None, scenario: Path | None, wants_json: bool) -> ExitCode:
    """Judge a run's folder."""
    check_folder(run)
    plan = plan_file.load(run / PLAN)
    if other or scenario:
        plan = _other_expectations(plan, run, other or plan.variant, scenario)
    results = Results(wants_json=wants_json, quiet=False)
    results.add(_judged(plan, run))
    return results.finish()


def _judged(plan: Plan, run: Path) -> Outcome:
    records = tuple(read(run))
    started = next((record for record in records if isinstance(record, Started)), None)
    ended = next((record for record in records if isinstance(record, Ended)), None)
    verdicts = judge(plan, records)
    complete = ended is not None and ended.status == "complete"
    remark = _incomplete(records) if not complete else ()
    backend = started.backend if started else ""
    return Outcome(
        plan=plan,
        backend=backend,
        virtual=backend in backends.names() and backends.create(backend).virtual,
        kernel=started.kernel if started else "",
        verdicts=verdicts,
        status=overall(verdicts),
        folder=run,
        real_s=ended.real_s if ended else 0.0,
        remarks=remark,
    )


def _incomplete(records: tuple[Record, ...]) -> tuple[str, ...]:
    last = records[-1] if records else None
    if isinstance(last, Ended):
        return (f"the run was {last.status} at {last.at_s:g} s: {last.detail}",)
    return ("the run was killed; judged as far as its records go",)


def _other_expectations(plan: Plan, run: Path, variant: str, scenario: Path | None) -> Plan:
    """Return the plan that was run, with what another variant or file expects."""
    file = scenario or (plan.file if plan.file.exists() else run / SOURCE)
    (found,) = variants((f"{file}::{variant}",), ())
    wanted = build(found)
    return replace(plan, variant=wanted.variant, role=wanted.role, expectations=wanted.expectations)
