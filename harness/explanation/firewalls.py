"""What a host's own firewall does with the datagram, with queries that reach it and with its own reports.

The rules are the customer's and are evaluated as ``harness.protocols.firewall`` reads them; where that cannot
read them they are quoted, and nothing is claimed. Pure.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface, ip_address

from harness.explanation.case import Case
from harness.plan.model import Cast, PlanHost
from harness.protocols.firewall.frames import datagram_of
from harness.protocols.firewall.host import HostFirewall
from harness.protocols.firewall.packet import ICMPV6, IGMP, Direction, OwnAddress, Packet
from harness.protocols.firewall.rules import UnsupportedRuleError

_MOST_QUOTED = 2
_DROPS = re.compile(r"\b(drop|reject)\b", re.IGNORECASE)
_IGMP_QUERY, _IGMP_RECORDS = 0x11, 0x22
_MLD_QUERY, _MLD_RECORDS = 130, 143
_TO_HOSTS = {"igmp": "224.0.0.1", "mld": "ff02::1"}
_TO_ROUTERS = {"igmp": "224.0.0.22", "mld": "ff02::16"}


def of_datagram(case: Case, name: str, direction: Direction) -> str | None:
    """Say which rule of a host drops the datagram; empty if it passes, None if nobody can say."""
    stream, receiver = case.stream, case.scene.hosts[case.receiver]
    unicast = stream.cast is Cast.UNICAST
    target = receiver.unicast_for(stream.group) if unicast else stream.group
    packet = datagram_of(ip_address(case.source), target, stream.port, stream.ttl, (case.packet,))
    return _drops(case, name, direction, packet)


def of_queries(case: Case, name: str, asker: str) -> str | None:
    """Say which rule of a host drops the queries of an address before its stack hears them."""
    kind = _IGMP_QUERY if case.protocol == "igmp" else _MLD_QUERY
    return _drops(case, name, Direction.IN, _message(case, asker, _TO_HOSTS[case.protocol], kind))


def of_reports(case: Case, name: str) -> str | None:
    """Say which rule of a host drops its own reports."""
    host = case.scene.hosts[name]
    source = host.address if case.protocol == "igmp" else host.link_local or IPv6Address(0)
    kind = _IGMP_RECORDS if case.protocol == "igmp" else _MLD_RECORDS
    target = _TO_ROUTERS[case.protocol]
    if host.igmp_version in {1, 2} and case.protocol == "igmp":
        kind, target = 0x16, case.group
    return _drops(case, name, Direction.OUT, _message(case, str(source), target, kind))


def _message(case: Case, source: str, target: str, kind: int) -> Packet:
    four = case.protocol == "igmp"
    return Packet(
        protocol=IGMP if four else ICMPV6,
        source=ip_address(source),
        destination=ip_address(target),
        message_type=kind,
        size=case.messages.size,
        hop_by_hop=not four,
    )


def _drops(case: Case, name: str, direction: Direction, packet: Packet) -> str | None:
    host = case.scene.hosts[name]
    try:
        firewall = HostFirewall.of(host.firewall, _addresses(case, host))
    except UnsupportedRuleError:
        return None
    if firewall is None:
        return ""
    ruling = firewall.rule(direction, packet)
    return "" if ruling.passes else f"the firewall of {name} drops it: {ruling.by}"


def _addresses(case: Case, host: PlanHost) -> tuple[OwnAddress, ...]:
    plan = case.scene.plan
    found: list[OwnAddress] = [IPv4Interface((host.address, plan.prefix_length))]
    if host.address6 is not None:
        found.append(IPv6Interface((host.address6, plan.prefix_length6)))
    if host.link_local is not None:
        found.append(IPv6Interface((host.link_local, 64)))
    return tuple(found)


def quoted(host: PlanHost) -> str:
    """Return a host's firewall rules as they were given, those that drop; empty if it has none."""
    if not host.firewall:
        return ""
    dropping = [one for one in host.firewall if _DROPS.search(f"{one} {one.text}")]
    found = dropping or host.firewall
    told = [f"`{one}`" if not one.text else f"a ruleset of {one.tool}" for one in found]
    rest = len(told) - _MOST_QUOTED
    more = f" and {rest} more" if rest > 0 else ""
    return f"{host.name} has a firewall of its own: {', '.join(told[:_MOST_QUOTED])}{more}"
