"""What lay on the way of the first wrong datagram: the last event that can explain it, and the tables then.

The way is the shortest one over the plan's cables; a network with loops may have used another.
"""

from __future__ import annotations

from collections import deque

from harness.observations.history import History
from harness.observations.switch_log import Change, protocol_of
from harness.plan.model import Cast, Plan
from harness.verdicts import words
from harness.verdicts.finding import Complaint

_SWITCHES_SHOWN = 4


def way(plan: Plan, sender: str, receiver: str) -> tuple[tuple[str, str], ...]:
    """Return where a datagram leaves each switch from sender to receiver: (switch, port); empty if no way."""
    start, end = plan.host(sender), plan.host(receiver)
    exits: dict[str, dict[str, str]] = {switch.name: {} for switch in plan.switches}
    for link in plan.links:
        for near, far in ((link.a, link.b), (link.b, link.a)):
            exits[near[0]].setdefault(far[0], near[1])
    came_from: dict[str, tuple[str, str]] = {start.switch: ("", "")}
    waiting = deque([start.switch])
    while waiting and end.switch not in came_from:
        here = waiting.popleft()
        for there, port in exits[here].items():
            if there not in came_from:
                came_from[there] = (here, port)
                waiting.append(there)
    if end.switch not in came_from:
        return ()
    hops = [(end.switch, end.port)]
    while (step := came_from[hops[-1][0]])[0]:
        hops.append(step)
    return tuple(reversed(hops))


def explain(history: History, first: Complaint) -> tuple[str, tuple[str, ...]]:
    """Return the cause in words (empty: none was seen) and a line for each switch on the way."""
    stream, pair = first.pair.stream, first.pair
    hops = way(history.plan, pair.sender, pair.receiver)
    if not hops:
        here, there = (history.plan.host(name).switch for name in (pair.sender, pair.receiver))
        return "", (f"no cable leads from {here} to {there}",)
    before = pair.last_before(first.number, heard=not first.arrived)
    change = Change(
        at_s=first.at_s,
        group=str(stream.group),
        way=hops,
        arrived=first.arrived,
        since_s=None if before is None else stream.sent_at(before) - history.guard_s,
        source=str(history.plan.host(pair.sender).address_for(stream.group)),
    )
    cause = history.switches.last_cause_before(change)
    told = "" if cause is None else words.event(cause)
    if stream.cast is Cast.UNICAST:
        return told, ()
    shown = hops if len(hops) <= _SWITCHES_SHOWN else (*hops[:2], *hops[-2:])
    lines = (
        words.tables(
            switch,
            str(stream.group),
            history.switches.tables_at(switch, first.at_s, protocol_of(str(stream.group))),
        )
        for switch, _ in shown
    )
    return told, tuple(lines)
