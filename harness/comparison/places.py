"""Where on a datagram's way two runs part: the stretch between the last place it passed in both and the host.

A switch was passed alike if another host that is plugged into it got the very same datagram in both runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison.fates import Fates
from harness.observations.history import History
from harness.plan.model import End, Plan
from harness.verdicts.evidence import way


def ends_on_way(plan: Plan, sender: str, host: str) -> Iterator[End]:
    """Yield the ends of cables by which datagrams leave the sender and each switch on their way."""
    yield End(device=sender, port="eth0")
    for switch, port in way(plan, sender, host):
        yield End(device=switch, port=port)


def stretch(plan: Plan, left: History, right: History, one: Fates, number: int) -> str:
    """Say where datagram ``number`` took different ways: a cable, or between two places."""
    hops = way(plan, one.sender, one.host)
    here, port, cables = one.sender, "eth0", len(hops) + 1
    for index, (switch, leaves_by) in enumerate(hops):
        if _passed(plan, left, right, one, number, switch):
            here, port, cables = switch, leaves_by, len(hops) - index
    return f"the cable {here}:{port} to {one.host}" if cables == 1 else f"between {here} and {one.host}"


def _passed(plan: Plan, left: History, right: History, one: Fates, number: int, switch: str) -> bool:
    neighbours = [
        host.name for host in plan.hosts if host.switch == switch and host.name not in {one.sender, one.host}
    ]
    flows = [history.flow(one.stream.number, one.sender) for history in (left, right)]
    return any(
        all(
            any(rows.get(name, bytes(flow.count))[number] for rows in (flow.heard, flow.flooded))
            for flow in flows
        )
        for name in neighbours
    )
