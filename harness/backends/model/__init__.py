"""The backend ``model``: the plan in virtual time, without a kernel, without privileges.

The same protocol machines as in a lab, on an agenda of events instead of sockets. Nothing here reads a clock
or the machine it runs on; chance is the plan's seed. So the same plan always gives the same records.
"""

from __future__ import annotations

from harness.backends.base import Emit, Options
from harness.plan.model import Plan


class ModelBackend:
    """Computes what a plan's network would do.

    ``settles_in_s`` is how long before the scenario's zero everything was switched on, in the customer's
    seconds; left out, it is what a lab needs on an idle machine. Queriers' clocks run from there. Nodes join
    ``joins_after_s`` later, or when all have asked who will.
    """

    name = "model"
    virtual = True

    def __init__(self, settles_in_s: float = 0.0, joins_after_s: float = 0.0) -> None:
        self._settles_in_s = settles_in_s
        self._joins_after_s = joins_after_s

    def refusals(self, plan: Plan) -> tuple[str, ...]:
        """Return what of the plan cannot be computed, a sentence each."""
        from harness.backends.model.limits import refusals  # noqa: PLC0415

        return refusals(plan)

    def check_host(self) -> None:
        """Every machine will do."""

    def check_tools(self, plan: Plan) -> None:
        """No program is needed."""

    def run(self, plan: Plan, options: Options, emit: Emit) -> None:
        """Settle, walk the timeline, record. Captures and holding are for labs."""
        del options
        from harness.backends.model.world import World  # noqa: PLC0415

        World(plan, emit, settles_in_s=self._settles_in_s, joins_after_s=self._joins_after_s).run()
