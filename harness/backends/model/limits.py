"""What the model cannot compute, said before it begins."""

from __future__ import annotations

from harness.plan.model import Plan
from harness.protocols.firewall.host import problems


def refusals(plan: Plan) -> tuple[str, ...]:
    """Return a sentence for each firewall rule of a plan that the model cannot evaluate."""
    return tuple(
        f"{host.name}: the model {problem}; run it in a lab: --backend netns"
        for host in plan.hosts
        if host.firewall
        for problem in problems(host.firewall)
    )
