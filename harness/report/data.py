"""A run's verdicts as JSON data, for ``--json`` and other programs."""

from __future__ import annotations

from typing import Any

from harness.plan.model import Plan
from harness.verdicts.model import Verdict


def as_json(plan: Plan, verdicts: tuple[Verdict, ...]) -> dict[str, Any]:
    """Return what a run came to as JSON-compatible data."""
    raise NotImplementedError
