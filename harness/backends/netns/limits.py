"""What this backend cannot hold: timers that ``speed`` would push under a floor, and too much traffic.

Asked before anything is built. Every floor has its reason: the kernel's bridge clamps, the wire's smallest
unit, the kernel's timer wheel, the speed of one event loop. Measured on Linux 6.18 where no source is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from harness.backends.netns import relay_limits
from harness.backends.netns.router import WIRE_RESPONSE_S
from harness.backends.netns.sockets import SOURCES_OF_A_SOCKET
from harness.plan.hosts import UNSOLICITED_V3_S
from harness.plan.mld import ONE_SETTING
from harness.plan.model import ActionKind, Cast, Plan, PlanSwitch
from harness.profiles import DataPlane, load
from harness.protocols.dialect import Dialect
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import FloodUntil, SnoopingConfig
from harness.wire.membership import Query
from harness.wire.pim import Hello

BRIDGE_QUERY_FLOOR_S = 1.0
"""The kernel's bridge silently clamps query and startup query interval to at least one second."""
WIRE_RESPONSE_FLOOR_S = WIRE_RESPONSE_S[Dialect.IGMP]
"""Max response times travel in tenths of a second (RFC 2236 section 2.2); 0 would be a version 1 query."""
MLD_RESPONSE_FLOOR_S = WIRE_RESPONSE_S[Dialect.MLD]
"""MLD has milliseconds (RFC 2710 section 3.4), a host's answer five ticks of a kernel with HZ=250."""
UNSOLICITED_FLOOR_S = 0.008
"""Two ticks of a kernel with HZ=250: repeated reports cannot come closer."""
TIMER_FLOOR_S = 0.05
"""An event loop on a busy machine is some milliseconds late; a timer should be ten times that."""
_AGEING = {
    DataPlane.LINUX_BRIDGE: (0.1, "the kernel's timers fire up to an eighth late"),
    DataPlane.OPENVSWITCH: (0.1, "the daemon's clock is put forward every hundredth of a second"),
    DataPlane.EMULATED: (TIMER_FLOOR_S, "the event loop's accuracy"),
}
"""The least membership interval, and why."""
DELIVERIES_A_SECOND = 150_000
"""What one loop receives and accounts on a slow core."""
HOSTS_OF_A_LAB = 5000
"""As many namespaces as one machine can be asked to hold."""
PORTS_OF_A_BRIDGE = 1023
"""BR_MAX_PORTS - 1: the kernel refuses the 1024th port (EXFULL)."""
_FIXED_IN_A_BRIDGE = (
    *("lookup", "checks", "any_source_in_ssm", "most_groups_per_port", "above_most_groups"),
    *("learn_router_from_pim", "relay_reports_to", "relay_records_to", "report_suppression"),
    *("on_topology_change", "topology_change_queries"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer of the plan in the customer's seconds, and the least that this backend can hold."""

    owner: str
    name: str
    value_s: float
    floor_s: float
    reason: str


def refusals(plan: Plan) -> tuple[str, ...]:
    """Return a sentence for each thing that this backend cannot hold; empty if it can hold the plan."""
    too_short = (
        _timer_refusal(timer, plan.speed)
        for timer in _timers(plan)
        if 0 < timer.value_s / plan.speed < timer.floor_s * 0.999
    )
    return (
        *dict.fromkeys(too_short),
        *relay_limits.refusals(plan),
        *_sizes(plan),
        *_load(plan),
        *_hold_times(plan),
        *_unsupported(plan),
    )


def _timer_refusal(timer: Timer, speed: float) -> str:
    fastest = timer.value_s / timer.floor_s
    cure = f"use speed {fastest:.4g} or less" if fastest >= 1 else "make the timer longer"
    return (
        f"{timer.owner}: {timer.name} {timer.value_s:g} s at speed {speed:g} is "
        f"{timer.value_s / speed:.3g} s, under the {timer.floor_s:g} s that can be held "
        f"({timer.reason}); {cure}"
    )


def _timers(plan: Plan) -> Iterator[Timer]:
    tick = "two ticks of the kernel's clock"
    if plan.nodes:
        yield Timer(
            owner="every node",
            name="unsolicited report interval",
            value_s=UNSOLICITED_V3_S,
            floor_s=UNSOLICITED_FLOOR_S,
            reason=tick,
        )
    leaves = any(action.kind is ActionKind.LEAVE for action in plan.actions)
    for switch in plan.switches:
        yield from _switch_timers(plan, switch, leaves=leaves)
    for host in plan.askers:
        for querier in (host.querier, host.mld_querier):
            if querier is not None:
                yield from _querier_timers(host.name, querier)
    yield from _forged_timers(plan)


def _forged_timers(plan: Plan) -> Iterator[Timer]:
    for action in plan.actions:
        if action.forgery is not None and isinstance(action.forgery.message, Query):
            yield Timer(
                owner=f"a forged query of {action.target}",
                name="max response time",
                value_s=action.forgery.message.max_response_s,
                floor_s=WIRE_RESPONSE_FLOOR_S,
                reason="a tenth of a second is the smallest on the wire",
            )


def _switch_timers(plan: Plan, switch: PlanSwitch, *, leaves: bool) -> Iterator[Timer]:
    bridge = switch.data_plane is DataPlane.LINUX_BRIDGE
    mld = () if switch.mld is None or switch.data_plane in ONE_SETTING else (switch.mld,)
    floor_s, reason = _AGEING[switch.data_plane]
    for behaviour in (switch.behaviour, *mld, *_configured(plan, switch)):
        if not behaviour.snooping:
            continue
        of = _of(behaviour.dialect)
        yield Timer(
            owner=switch.name,
            name=f"{of}membership interval",
            value_s=behaviour.membership_interval_s,
            floor_s=floor_s,
            reason=reason,
        )
        querier = behaviour.querier
        if querier is None:
            continue
        yield from _querier_timers(switch.name, querier)
        if bridge:
            yield from _bridge_timers(switch.name, querier)
        if leaves and not behaviour.fast_leave:
            yield Timer(
                owner=switch.name,
                name=f"{of}last member query interval",
                value_s=behaviour.last_member_interval_s,
                floor_s=_response_floor_s(behaviour.dialect),
                reason=_RESPONSE_REASONS[behaviour.dialect],
            )


def _configured(plan: Plan, switch: PlanSwitch) -> tuple[SnoopingConfig, ...]:
    """Return what a switch is set to later."""
    own = [action for action in plan.actions if action.target == switch.name]
    igmp = [action.behaviour for action in own if action.behaviour is not None]
    mld = [action.mld for action in own if action.mld is not None]
    return (*igmp, *(() if switch.data_plane in ONE_SETTING else mld))


def _of(dialect: Dialect) -> str:
    """What stands before the name of a timer."""
    return "MLD " if dialect is Dialect.MLD else ""


def _response_floor_s(dialect: Dialect) -> float:
    return MLD_RESPONSE_FLOOR_S if dialect is Dialect.MLD else WIRE_RESPONSE_FLOOR_S


_RESPONSE_REASONS = {
    Dialect.IGMP: "a tenth of a second is the smallest on the wire",
    Dialect.MLD: "a host's kernel times its answer in ticks of 4 ms",
}


def _querier_timers(owner: str, querier: QuerierConfig) -> Iterator[Timer]:
    yield Timer(
        owner=owner,
        name=f"{_of(querier.dialect)}max response time",
        value_s=querier.max_response_s,
        floor_s=_response_floor_s(querier.dialect),
        reason=_RESPONSE_REASONS[querier.dialect],
    )
    for name, value_s in (
        ("query interval", querier.query_interval_s),
        ("start delay", querier.start_delay_s),
    ):
        yield Timer(
            owner=owner,
            name=f"{_of(querier.dialect)}{name}",
            value_s=value_s,
            floor_s=TIMER_FLOOR_S,
            reason="the event loop's accuracy",
        )


def _bridge_timers(owner: str, querier: QuerierConfig) -> Iterator[Timer]:
    reason = "the kernel's bridge clamps it silently"
    for name, value_s in (
        ("query interval", querier.query_interval_s),
        ("startup query interval", querier.startup_query_interval_s),
    ):
        yield Timer(owner=owner, name=name, value_s=value_s, floor_s=BRIDGE_QUERY_FLOOR_S, reason=reason)


def _sizes(plan: Plan) -> Iterator[str]:
    if len(plan.hosts) > HOSTS_OF_A_LAB:
        yield (
            f"{len(plan.hosts)} nodes and routers; at most {HOSTS_OF_A_LAB} fit into one lab; the model "
            "takes more: mcast predict"
        )
    for switch in plan.switches:
        if len(switch.ports) > PORTS_OF_A_BRIDGE:
            yield (
                f"{switch.name}: {len(switch.ports)} ports, but a kernel bridge has at most "
                f"{PORTS_OF_A_BRIDGE}; use more switches"
            )


def _load(plan: Plan) -> Iterator[str]:
    total = 0.0
    for stream in plan.streams:
        hearers = len(stream.receivers) + (len(stream.watchers) if stream.cast is Cast.MULTICAST else 0)
        total += len(stream.senders) * max(0, hearers) * plan.speed / stream.period_s
    if total > DELIVERIES_A_SECOND:
        yield (
            f"the streams mean {total:,.0f} deliveries a real second at speed {plan.speed:g}, more than the "
            f"{DELIVERIES_A_SECOND:,} that one process can account; lower the rate, the senders or the speed"
        )


def _hold_times(plan: Plan) -> Iterator[str]:
    """A PIM hello counts whole seconds, so that few hold times survive a division."""
    for action in plan.actions:
        if action.forgery is None or not isinstance(hello := action.forgery.message, Hello):
            continue
        held_s = hello.hold_time_s / plan.speed
        if abs(held_s - round(held_s)) > held_s / 1000:
            next_s = math.ceil(held_s) * plan.speed
            yield (
                f"a forged hello of {action.target}: hold time {hello.hold_time_s:g} s at speed "
                f"{plan.speed:g} is {held_s:.3g} s, and PIM counts whole seconds; use {next_s:g}s, or speed 1"
            )


def _unsupported(plan: Plan) -> Iterator[str]:
    most = SOURCES_OF_A_SOCKET[6]
    for stream in plan.streams:
        if stream.source_specific and stream.group.version == 6 and len(stream.senders) > most:
            yield (
                f"{stream.name}: an IPv6 socket may name {most} sources (net.ipv6.mld_max_msf, one for "
                f"the whole machine), not {len(stream.senders)}; use fewer senders, or several streams"
            )
    for switch in plan.switches:
        querier = switch.behaviour.querier
        bridge = switch.data_plane is DataPlane.LINUX_BRIDGE
        if bridge and querier is not None and querier.version == 1:
            yield f"{switch.name}: the kernel's bridge queries with IGMP version 2 or 3, not 1"
        behaviours = (switch.behaviour, *_configured(plan, switch))
        if bridge and any(b.snooping and b.flood_until is not FloodUntil.QUERIER for b in behaviours):
            yield (
                f"{switch.name}: the kernel's bridge floods until it knows a querier, and then spares all "
                "but members and router ports; no other rule for unregistered groups can be set; use a "
                "profile that has it, such as class-b or class-c"
            )
        if bridge:
            yield from _not_of_a_bridge(switch.name, behaviours)


def _not_of_a_bridge(name: str, behaviours: tuple[SnoopingConfig, ...]) -> Iterator[str]:
    """Settings that the kernel's bridge lacks: in each it does as it is shipped."""
    shipped = load(DataPlane.LINUX_BRIDGE.value)
    changed = [
        key
        for key in _FIXED_IN_A_BRIDGE
        if any(getattr(behaviour, key) != getattr(shipped, key) for behaviour in behaviours)
    ]
    if any(behaviour.most_groups == 0 for behaviour in behaviours):
        changed.append("most_groups: 0")
    if any(behaviour.querier is not None and behaviour.querier.start_delay_s for behaviour in behaviours):
        changed.append("start_delay")
    if changed:
        yield f"{name}: the kernel's bridge cannot be told {', '.join(changed)}; with emulated: on it can"
