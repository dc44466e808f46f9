"""The backend ``netns``: labs of real Linux network stacks, one namespace a node and a switch.

Nothing has a name on the host. Everything is held by descriptors of one process, so when that process dies,
however it dies, the kernel removes everything.
"""

from __future__ import annotations

from harness.backends.base import Emit, Options
from harness.plan.model import Plan


class NetnsBackend:
    """Runs a plan in network namespaces of this process, which must be single-threaded and given to it."""

    name = "netns"
    virtual = False

    def refusals(self, plan: Plan) -> tuple[str, ...]:
        """Return why this backend cannot hold the plan; see ``limits``."""
        from harness.backends.netns.limits import refusals  # noqa: PLC0415

        return refusals(plan)

    def check_host(self) -> None:
        """Raise HostError, with the cure, if this machine cannot run labs."""
        from harness.backends.netns.userns import check_isolation  # noqa: PLC0415

        check_isolation()

    def check_tools(self, plan: Plan) -> None:
        """Raise HostError, naming the cure, if a firewall, switch or tool needs what is not installed."""
        from harness.backends.netns import firewall, installed, vswitchd  # noqa: PLC0415

        firewall.check_tools(plan)
        vswitchd.check_tools(plan)
        installed.check_tools(plan)

    def run(self, plan: Plan, options: Options, emit: Emit) -> None:
        """Build, settle, walk, record, tear down. Leaves the process in a network namespace of its own."""
        from harness.backends.netns.lab import Lab  # noqa: PLC0415  pyroute2 takes a third of a second
        from harness.backends.netns.userns import isolate  # noqa: PLC0415

        isolate()
        lab = Lab(plan, options, emit)
        try:
            lab.build()
            lab.settle()
            lab.walk()
            if options.hold:
                lab.hold()
        finally:
            lab.close()
