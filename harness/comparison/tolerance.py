"""How long two runs of one plan may differ without meaning anything.

Hosts answer a query at a random moment within its max response time (RFC 9776 section 5.2) and repeat a join
within the unsolicited report interval (section 8.11), so a line of a table lives that much longer in one run
than in the other. Queriers have asked before the scenario's zero, up to one response time earlier. A lab adds
what this machine was late, and a kernel's timers are coarse. The reasons are summed, since each delays what
the one before has begun.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison.model import Tolerance
from harness.observations.history import History
from harness.plan.hosts import UNSOLICITED_V3_S, longest_response_s, queriers_at_start
from harness.plan.model import Plan
from harness.profiles import DataPlane
from harness.protocols.querier_config import QuerierConfig
from harness.verdicts.machine import lateness_s
from harness.wire.membership import Query

UNSOLICITED_V2_S = 10.0
"""Unsolicited Report Interval where an older version is spoken or asked for (RFC 2236 section 8.10)."""
_WHEEL = 1 / 8
"""Linux rounds a timer up by at most an eighth of its time (kernel/time/timer.c, docs/kernel-quirks.md)."""
_NOTABLE_S = 1e-3
SETTLES_IN_REAL_S = 0.03
"""What a lab takes to settle beside hosts' response times; what is more it tells as lateness."""
TICK_REAL_S = 0.01
"""A kernel's timers fire at its ticks, of up to 10 ms (HZ of 100); a lab's Open vSwitch at turns as long."""


def tolerance_of(plan: Plan, left: History, right: History) -> Tolerance:
    """Return how long the two runs may differ, with the reasons."""
    parts = (
        (longest_answer_s(plan), "hosts answer and repeat at random moments"),
        (longest_response_s(plan), "queriers and hosts have spoken at most that long before the start"),
        (SETTLES_IN_REAL_S * plan.speed, "a lab takes its time to settle"),
        (TICK_REAL_S * plan.speed, "a kernel's timers fire at its ticks"),
        (left.guard_s + right.guard_s, "frames take their time through a lab"),
        (_late_s(plan, left) + _late_s(plan, right), "this machine was late"),
        (_clockwork_s(plan), "Open vSwitch counts whole seconds and is asked now and then"),
        (_coarse_s(plan), "timers of the Linux bridge fire up to an eighth of their time late"),
        (_jitter_s(plan), "cables vary their delay"),
    )
    return Tolerance(parts=tuple((round(seconds, 3), why) for seconds, why in parts if seconds >= _NOTABLE_S))


def longest_answer_s(plan: Plan) -> float:
    """Return the longest time within which a host of the plan chooses a moment at random."""
    queriers = (*queriers_at_start(plan), *_later_queriers(plan))
    old = [querier.version < querier.dialect.records_version for querier in queriers]
    old += [host.igmp_version in {1, 2} or host.mld_version == 1 for host in plan.nodes]
    old += [one.newest_version < one.dialect.records_version for host in plan.nodes for one in host.machines]
    forged = (action.forgery.message for action in plan.actions if action.forgery is not None)
    asked = [querier.max_response_s for querier in queriers]
    asked += [message.max_response_s for message in forged if isinstance(message, Query)]
    return max((UNSOLICITED_V2_S if any(old) else UNSOLICITED_V3_S, *asked))


def _later_queriers(plan: Plan) -> Iterator[QuerierConfig]:
    behaviours = (one for action in plan.actions for one in (action.behaviour, action.mld))
    yield from (found for one in behaviours if one is not None and (found := one.standing_querier()))
    for host in plan.hosts:
        yield from (querier for querier in (host.querier, host.mld_querier) if querier is not None)


def _late_s(plan: Plan, history: History) -> float:
    steps = (step.late_s for step in history.steps)
    return max((lateness_s(history, plan.duration_s), *steps))


def _coarse_s(plan: Plan) -> float:
    """Return how late the timers of members, router ports and queriers of a genuine Linux bridge may be."""
    longest_s = 0.0
    for switch in plan.switches:
        if switch.data_plane is not DataPlane.LINUX_BRIDGE:
            continue
        for one in (switch.behaviour, switch.mld):
            if one is not None:
                times = (one.membership_interval_s, one.router_port_interval_s, one.other_querier_interval_s)
                longest_s = max(longest_s, *times)
    return longest_s * _WHEEL


def _clockwork_s(plan: Plan) -> float:
    """Return how late a line of a genuine Open vSwitch may be: its clock moves and is read in turns."""
    genuine = any(switch.data_plane is DataPlane.OPENVSWITCH for switch in plan.switches)
    return 1.0 + 2 * TICK_REAL_S * plan.speed if genuine else 0.0


def _jitter_s(plan: Plan) -> float:
    ends = (*plan.impaired, *(end for action in plan.actions for end in action.impaired))
    return max((one.jitter_s for end in ends for one in end.impairments), default=0.0)
