"""What the model cannot compute, said before it begins."""

from __future__ import annotations

from harness.plan.model import Plan


def refusals(plan: Plan) -> tuple[str, ...]:
    """Return a sentence for each thing of a plan that the model has no rules for."""
    del plan
    return ()
