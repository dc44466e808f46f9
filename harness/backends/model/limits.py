"""What the model cannot compute, said before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from harness.plan.model import Plan
from harness.protocols.firewall.host import problems

_INSTEAD = "run it in a lab: --backend netns"


def refusals(plan: Plan) -> tuple[str, ...]:
    """Return a sentence for each thing of a plan that the model has no rules for."""
    return tuple(_firewalls(plan))


def _firewalls(plan: Plan) -> Iterator[str]:
    """Rules that it cannot evaluate, and those that their tool would refuse: once, of the first such host."""
    carriers = {host.firewall: host.name for host in reversed(plan.hosts) if host.firewall}
    for commands, name in reversed(carriers.items()):
        for problem in problems(commands):
            yield f"{name}: the model {problem}; {_INSTEAD}"
