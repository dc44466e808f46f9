"""One computed network from its birth to its end."""

from __future__ import annotations

from harness.backends.base import Emit
from harness.observations.model import Phase
from harness.plan.model import Plan


class World:
    """A plan in virtual time."""

    def __init__(self, plan: Plan, emit: Emit) -> None:
        self._plan = plan
        self._emit = emit

    def run(self) -> None:
        """Settle, walk the timeline, record."""
        self._emit(Phase(name="run", real_s=0.0))
