"""Plans from a few lines of the language, and what the model makes of them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from harness.backends.model.world import World
from harness.observations.history import History
from harness.observations.model import Ended, Record
from harness.plan.build import build
from harness.plan.model import Plan
from harness.scenario.loader import load


def plan_of(folder: Path, text: str, variant: str = "") -> Plan:
    """The plan of a scenario that is written here; of its only variant unless another is named."""
    file = folder / "written.scenario.yaml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    variants = load(file).variants
    return build(next(one for one in variants if variant in (one.name, "")))


def records_of(plan: Plan) -> tuple[Record, ...]:
    """Everything that the model records, as a run's file would end."""
    records: list[Record] = []
    World(plan, records.append).run()
    records.append(Ended(at_s=plan.duration_s, status="complete"))
    return tuple(records)


def history_of(plan: Plan) -> History:
    """The model's records, indexed."""
    return History(records_of(plan), plan)
