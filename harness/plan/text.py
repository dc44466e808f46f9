"""A plan for people, as JSON, and as a digest that tells whether two runs ran the same thing.

Files appear by their names only, so that text, JSON and digest are the same on every machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from harness.plan.model import (
    Cast,
    Expectation,
    PeerKind,
    Plan,
    PlanHost,
    PlanLink,
    PlanStream,
    PlanSwitch,
)
from harness.plan.tools import Made, PlanTool, Tool
from harness.protocols.dialect import Dialect
from harness.protocols.host_config import HostConfig
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import GroupLimit, Lookup, RelayTo, SnoopingConfig, TopologyChange
from harness.source.duration import text as seconds

SHOWN = 8
"""So many names of a list are written out; of longer ones the first and the last."""


def as_json(plan: Plan) -> dict[str, Any]:
    """The whole plan as plain data, keys in the order of its classes; expectations tell their ``kind``."""
    return {field.name: _plain(getattr(plan, field.name)) for field in fields(plan)}


def digest(plan: Plan) -> str:
    """SHA-256 of the plan's canonical JSON, in hexadecimal."""
    text = json.dumps(as_json(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


_AS_THEY_ARE = frozenset({str, int, float, bool, type(None)})


@cache
def _shape(kind: type) -> tuple[dict[str, str], tuple[str, ...]]:
    """What of a dataclass is told beside its fields, and their names. TypeError for another class."""
    told = (
        {"kind": kind.__name__.removeprefix("Expect").lower()} if kind.__name__.startswith("Expect") else {}
    )
    return told, tuple(field.name for field in fields(kind))


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:  # nearly all values of a plan
        return value
    match value:
        case Enum():
            plain: Any = value.value
        case IPv4Address() | IPv6Address():
            plain = str(value)
        case Path():
            plain = value.name
        case bytes():
            plain = value.hex(":")
        case frozenset():
            plain = sorted(_plain(item) for item in value)
        case tuple():
            plain = [_plain(item) for item in value]
        case _:
            kind: Any = type(value)
            told, names = _shape(kind)
            plain = told | {name: _plain(getattr(value, name)) for name in names}
    return plain


def describe(plan: Plan) -> str:
    """The plan as text: devices, ports, timers (configured, and in the lab), times, expectations."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"{plan.name}: {plan.title}"
    role = f", role {plan.role}" if plan.role else ""
    real = f", {seconds(plan.duration_s / plan.speed)} in the lab" if plan.speed != 1 else ""
    yield f"  {seconds(plan.duration_s)} at speed {plan.speed:g}{real}; seed {plan.seed}{role}"
    if plan.quirk:
        yield f"  model and kernel may part: {plan.quirk}"
    for switch in plan.switches:
        yield ""
        yield from _switch(switch, plan.speed)
    yield ""
    yield "hosts"
    for host in plan.hosts:
        yield from (f"  {line}" for line in _host(host, plan))
        for command in host.firewall:
            yield f"    {command}"
            yield from (f"      {line}" for line in command.text.splitlines())
    if plan.links:
        yield "links"
    yield from (f"  {line}" for line in _links(plan))
    yield from _impairments(plan)
    yield "traffic"
    for stream in plan.streams:
        yield f"  {_stream(stream)}"
    for tool in plan.tools:
        yield f"  {_tool(tool)}"
    yield "timeline"
    for action in plan.actions:
        name = f" ({action.name})" if action.name else ""
        yield f"  {seconds(action.at_s):>10}  {action.text}{name}"
    if not plan.actions:
        yield "  nothing changes"
    yield "expectations"
    for expectation in plan.expectations:
        yield f"  {_expectation(expectation)}"


def _impairments(plan: Plan) -> Iterator[str]:
    if plan.impaired:
        yield "impairments"
    for impaired in plan.impaired:
        for impairment in impaired.impairments:
            yield f"  from {impaired.end.device}:{impaired.end.port}: {impairment}"


def _switch(switch: PlanSwitch, speed: float) -> Iterator[str]:
    vlan = "" if switch.vlan is None else f"VLAN {switch.vlan} of {switch.chassis}, "
    yield f"{switch.name}: {vlan}{switch.title} ({switch.profile}, {switch.data_plane.words})"
    yield f"  {switch.address}  {switch.mac}  MTU {switch.mtu}"
    yield from _protocol(switch.behaviour, speed, "")
    if switch.mld is not None:
        yield from _protocol(switch.mld, speed, "MLD ")
    for port in switch.ports:
        state = "" if port.up else ", down"
        yield f"  {port.name:<5} {port.mac}  {port.peer} {port.peer_port}, MTU {port.mtu}{state}"


def _links(plan: Plan) -> Iterator[str]:
    """A line for each cable; a trunk is one, with its VLANs, unless the tree blocks it in some of them."""
    switches = {switch.name: switch for switch in plan.switches}
    cables: dict[tuple[str, str, str], list[PlanLink]] = {}
    for link in plan.links:
        a, b = (f"{switches[name].chassis}:{port}" for name, port in (link.a, link.b))
        state = "" if link.up else ", blocked by the spanning tree" if link.blocked else ", down"
        cables.setdefault((a, b, state), []).append(link)
    for (a, b, state), lanes in cables.items():
        first = lanes[0]
        vlans = [switches[lane.a[0]].vlan for lane in lanes]
        if vlans == [switches[lane.b[0]].vlan for lane in lanes]:
            word = "VLAN" if len(vlans) == 1 else "VLANs"
            carried = "" if vlans == [None] else f", {word} {' '.join(map(str, vlans))}"
        else:
            carried = f", joins {first.a[0]} and {first.b[0]}"
        mtu = f"{first.mtu}" if first.mtu == first.b_mtu else f"{first.mtu} and {first.b_mtu}"
        yield f"{a} - {b}{carried}, MTU {mtu}{state}"


def _protocol(behaviour: SnoopingConfig, speed: float, name: str) -> Iterator[str]:
    """What a switch does with IPv4, or, by ``name``, with IPv6."""
    for line in _behaviour(behaviour, speed):
        yield f"  {name}{line}"
    querier = behaviour.querier
    yield f"  {name}querier: {'off' if querier is None else _querier(querier, speed)}"


def _behaviour(behaviour: SnoopingConfig, speed: float) -> Iterator[str]:
    if not behaviour.snooping:
        yield "snooping: off, multicast goes to all ports"
        return
    flood = behaviour.flood_until.value.replace("-", " ")
    rule = behaviour.unregistered.value.replace("-", " ")
    yield f"snooping: on; unregistered groups: {rule}; floods until: {flood}"
    yield (
        f"timers: membership {_timer(behaviour.membership_interval_s, speed)}, "
        f"router port {_timer(behaviour.router_port_interval_s, speed)}, "
        f"last member {behaviour.last_member_count} x {_timer(behaviour.last_member_interval_s, speed)}"
        f"{', fast leave' if behaviour.fast_leave else ''}"
    )
    if rules := tuple(_rules(behaviour)):
        yield f"rules: {'; '.join(rules)}"
    if behaviour.static_router_ports:
        yield f"static router ports: {', '.join(behaviour.static_router_ports)}"


def _rules(behaviour: SnoopingConfig) -> Iterator[str]:
    """What this switch does beyond the plainest one."""
    if behaviour.lookup is Lookup.MAC:
        yield "looks up MAC addresses"
    if behaviour.source_filtering:
        yield "filters by source"
    if not behaviour.any_source_in_ssm:
        yield "no joins of any source in the SSM range"
    if behaviour.fast_leave_ports:
        yield f"fast leave at {', '.join(sorted(behaviour.fast_leave_ports))}"
    if behaviour.checks:
        yield f"checks {', '.join(check.value for check in behaviour.checks)}"
    limits = ((behaviour.most_groups, ""), (behaviour.most_groups_per_port, " a port"))
    for most, where in limits:
        if most:
            above = "refuses more" if behaviour.above_most_groups is GroupLimit.REFUSE else "floods above"
            yield f"{most} groups{where}, {above}"
    yield from _relaying(behaviour)


def _relaying(behaviour: SnoopingConfig) -> Iterator[str]:
    if behaviour.learn_router_from_pim:
        yield "router ports from PIM"
    if behaviour.relay_reports_to is RelayTo.ALL:
        yield "reports to all ports"
    if behaviour.relay_records_to is RelayTo.ALL:
        yield "reports with sources and leaves to all ports"
    if behaviour.report_suppression:
        yield "suppresses reports"
    if behaviour.on_topology_change is not TopologyChange.NOTHING:
        yield f"on a topology change: {behaviour.on_topology_change.value}"


def _querier(querier: QuerierConfig, speed: float) -> str:
    startup = _timer(querier.startup_query_interval_s, speed)
    return (
        f"version {querier.version} from {querier.address}, every {_timer(querier.query_interval_s, speed)}, "
        f"response {_timer(querier.max_response_s, speed)}, "
        f"startup {querier.startup_query_count} x {startup}, "
        f"other querier {_timer(querier.other_querier_present_interval_s, speed)}"
        f"{f', after {_timer(querier.start_delay_s, speed)}' if querier.start_delay_s else ''}"
    )


def _timer(interval_s: float, speed: float) -> str:
    """``260 s``, and with ``speed`` what the lab has: ``260 s (2.6 s)``."""
    if interval_s == 0:
        return "for ever"
    return seconds(interval_s) if speed == 1 else f"{seconds(interval_s)} ({seconds(interval_s / speed)})"


def _host(host: PlanHost, plan: Plan) -> Iterator[str]:
    """A line for the host, and one for everything about it that takes a sentence."""
    words = [f"{host.name:<8} {host.address!s:<15} {host.mac}  {host.switch}:{host.port}, MTU {host.mtu}"]
    if not host.up:
        words.append("down")
    if host.address6 is not None:
        words.append(f"{host.address6} {host.link_local}")
    if host.igmp_version is not None:
        words.append(f"IGMPv{host.igmp_version} only")
    if host.mld_version is not None:
        words.append(f"MLDv{host.mld_version} only")
    if host.kind is PeerKind.ROUTER:
        words.append("router")
    yield ", ".join(words)
    if host.querier is not None:
        yield f"  querier: {_querier(host.querier, plan.speed) if host.querier_on else 'off'}"
    if host.mld_querier is not None:
        yield f"  MLD querier: {_querier(host.mld_querier, plan.speed) if host.mld_querier_on else 'off'}"
    for one in host.machines:
        yield f"  {one.dialect.name} by the harness: {_emulated(one, plan.speed)}"


def _emulated(host: HostConfig, speed: float) -> str:
    """What stands in the file; a host without a fault has its version alone."""
    words = [f"version {host.newest_version}"]
    words += [
        text
        for differs, text in (
            (not host.reports, "never reports"),
            (not host.answers_queries, "never answers"),
            (not host.leaves, "leaves without a word"),
            (host.reports_to is not None, f"reports to {host.reports_to}"),
            (not host.router_alert, "no router alert"),
            (host.hops != 1, f"{'TTL' if host.dialect is Dialect.IGMP else 'hop limit'} {host.hops}"),
        )
        if differs
    ]
    if host.extra_delay_s:
        words.append(f"answers {_timer(host.extra_delay_s, speed)} late")
    if host.ignores:
        words.append(f"ignores queries {' and '.join(one.value for one in host.ignores)}")
    return ", ".join(words)


def _stream(stream: PlanStream) -> str:
    start = seconds(stream.start_s)
    rate = f"one every {seconds(stream.period_s)}, {stream.size} bytes, TTL {stream.ttl}"
    times = f"from {start} to {seconds(stream.stop_s)}"
    if stream.cast is Cast.UNICAST:
        between = f"unicast port {stream.port}: {_who(stream.senders)}"
        return f"{stream.number} {stream.name} {between}, {rate}, {times}"
    sources = "from each sender alone" if stream.source_specific else "from anybody"
    group = stream.group if isinstance(stream.group, IPv4Address) else f"[{stream.group}]"
    return (
        f"{stream.number} {stream.name} {group}:{stream.port}: "
        f"from {_who(stream.senders)}, {rate}, {times}; "
        f"members at the start: {_who(stream.receivers)} ({sources})"
    )


def _tool(tool: PlanTool) -> str:
    """Who runs it, what it is given, and when it ends."""
    made = " (the installed program)" if tool.made is Made.SYSTEM else ""
    words = [f"{tool.number} {tool.name}: {tool.tool.value}{made} on {_who(tool.hosts)}"]
    if tool.server:
        words.append(f"ssmpingd on {tool.server}")
    if tool.group is not None:
        words.append(f"group {tool.group}")
    if tool.source:
        words.append(f"of {tool.source} alone")
    if tool.port is not None:
        words.append(f"port {tool.port}")
    if tool.tool is not Tool.MCFIRST:
        words.append(f"one every {seconds(tool.period_s)}")
    if tool.mode not in {"", "asm"}:
        words.append(f"mode {tool.mode}")
    if tool.count is not None:
        words.append(f"{tool.count} of them")
    if tool.size is not None:
        words.append(f"answers of {tool.size} bytes")
    return f"{', '.join(words)}, from {seconds(tool.start_s)} to {seconds(tool.stop_s)} at most"


def _who(names: tuple[str, ...]) -> str:
    if len(names) <= SHOWN:
        return " ".join(names) or "nobody"
    return f"{names[0]} to {names[-1]} ({len(names)})"


def _expectation(expectation: Expectation) -> str:
    where = expectation.where
    why = f" ({where.why})" if where.why else ""
    return f"line {where.line}: {where.text}{why}"
