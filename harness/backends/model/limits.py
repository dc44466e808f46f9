"""What the model cannot compute, said before it begins."""

from __future__ import annotations

from harness.plan.model import FirewallCommand, Plan
from harness.protocols.firewall.host import problems


def refusals(plan: Plan) -> tuple[str, ...]:
    """Return a sentence for each firewall rule of a plan that the model cannot evaluate.

    Of hosts that are counted off only the first is named.
    """
    carriers: dict[tuple[FirewallCommand, ...], str] = {}
    for host in plan.hosts:
        carriers.setdefault(host.firewall, host.name)
    return tuple(
        f"{name}: the model {problem}; run it in a lab: --backend netns"
        for commands, name in carriers.items()
        for problem in problems(commands)
    )
