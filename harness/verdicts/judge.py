"""From a plan and the records of its run to verdicts. Pure: no I/O, no clock, no chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.observations.model import Record
from harness.plan.model import Expectation, Plan
from harness.verdicts.model import Heard, Matrix, Status, Verdict, Wrong

__all__ = ["Heard", "Matrix", "Status", "Verdict", "Wrong", "judge", "overall"]


def judge(
    plan: Plan, records: Iterable[Record], expectations: Sequence[Expectation] | None = None
) -> tuple[Verdict, ...]:
    """Judge expectations (left out: all of the plan), in their order."""
    raise NotImplementedError


def overall(verdicts: Iterable[Verdict]) -> Status:
    """Return FAILED if any failed, else INCONCLUSIVE if any is (or there are none), else PASSED."""
    found = {verdict.status for verdict in verdicts}
    if Status.FAILED in found:
        return Status.FAILED
    return Status.PASSED if found == {Status.PASSED} else Status.INCONCLUSIVE
