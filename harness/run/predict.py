"""A prediction: a plan through the model, in this process and in memory, and judged. No folder, no worker.

For whoever wants the answer now: ``mcast predict``, what-if, explanations and comparisons. The records are
those that a run folder would hold.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from harness.backends.base import Options
from harness.errors import HarnessError
from harness.observations.model import Record
from harness.plan.model import Plan
from harness.run.backends import MODEL, create
from harness.run.events import Listen, ignore
from harness.run.outcome import Outcome
from harness.run.session import refuse
from harness.run.watch import Memory, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What would become of a plan. ``records`` are empty if it was refused: then the outcome has an error."""

    outcome: Outcome
    records: tuple[Record, ...]


def predict(plan: Plan, *, backend: str = MODEL, listen: Listen = ignore, key: str = "") -> Prediction:
    """Run a plan in virtual time and judge it. Errors are in the outcome; KeyboardInterrupt becomes one too.

    ``backend`` is the name of any backend in virtual time. Raises ValueError for one that builds labs.
    """
    began_s = time.monotonic()
    chosen = create(backend)
    if not chosen.virtual:
        raise ValueError(f"{backend} runs in real time: it predicts nothing")
    try:
        refuse(plan, chosen)
    except HarnessError as error:
        refused = Outcome(plan=plan, backend=chosen.name, virtual=True, error=error)
        return Prediction(outcome=refused, records=())
    memory = Memory()
    watch = Watch(
        plan, chosen, memory, lambda: memory.records, listen=listen, key=key, folder=None, began_s=began_s
    )
    broke = watch.walk(Options(folder=Path()))
    return Prediction(outcome=watch.outcome(broke), records=tuple(memory.records))
