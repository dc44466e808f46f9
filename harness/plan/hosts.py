"""Hosts whose IGMP and MLD the harness speaks, and which memberships a switch can learn of.

Pure. A lab that settles waits for what must come, gives what may come its time, and does not wait for what
never will; which of these it is, is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import assert_never

from harness.plan.addresses import mac_bytes
from harness.plan.mld import MLD_VERSIONS
from harness.plan.model import Cast, Plan, PlanHost, PlanStream, PlanSwitch
from harness.profiles import DataPlane
from harness.protocols.dialect import Dialect, source_specific
from harness.protocols.host_config import HostConfig, IgnoredQuery
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import HeaderCheck, SnoopingConfig
from harness.scenario.hosts import EmulatedHost
from harness.wire.membership import Address
from harness.wire.mld import ALL_NODES

_PREFIX_OF_A_LINK = 64
UNSOLICITED_V2_S = 10.0
UNSOLICITED_V3_S = 1.0
"""RFC 2236 section 8.10, RFC 9776 section 8.11: within this time hosts repeat a report by themselves."""
MOST_SOURCES_OF_A_BRIDGE = 32
"""As many sources the Linux kernel's bridge keeps of a group on a port (net/bridge/br_private.h)."""


class Learning(Enum):
    """Whether a switch learns of a membership: it must, nobody can say before, or it never does."""

    CERTAIN = "certain"
    POSSIBLE = "possible"
    NEVER = "never"


def emulated(written: EmulatedHost, host: PlanHost, prefix_length: int) -> HostConfig:
    """The configuration of the machine for IGMP, for what stands in a file."""
    base = _emulated(written, host.address, host.mac)
    return replace(base, prefix_length=prefix_length, version=written.version)


def emulated_mld(written: EmulatedHost, host: PlanHost) -> HostConfig:
    """The same for MLD, which is spoken from the link-local address (RFC 9777 section 5.2.14).

    The messages of IGMP's version are those of an MLD version; that is what a host speaks unless it says
    otherwise. Raises ValueError for a host without IPv6.
    """
    base = _emulated(written, host.address_for(ALL_NODES), host.mac)
    version: int | None = written.mld_version
    if version is None and written.version is not None:
        version = MLD_VERSIONS[written.version]
    return replace(base, prefix_length=_PREFIX_OF_A_LINK, dialect=Dialect.MLD, version=version)


def _emulated(written: EmulatedHost, address: Address, mac: str) -> HostConfig:
    """What is the same in both protocols; a wrong destination is that of one of them."""
    to = written.reports_to
    return HostConfig(
        address=address,
        mac=mac_bytes(mac),
        reports=written.reports,
        answers_queries=written.answers_queries,
        leaves=written.leaves,
        reports_to=to if to is not None and to.version == address.version else None,
        router_alert=written.router_alert,
        hops=written.ttl,
        extra_delay_s=written.extra_delay,
        ignores=tuple(one for one in IgnoredQuery if one in written.ignores_queries),
    )


def queriers_at_start(plan: Plan) -> Iterator[QuerierConfig]:
    """The queriers that run from the start, on switches and hosts, of IGMP and MLD."""
    behaviours = [one for switch in plan.switches for one in (switch.behaviour, switch.mld)]
    queriers = [None if behaviour is None else behaviour.standing_querier() for behaviour in behaviours]
    queriers += [host.querier for host in plan.hosts if host.querier_on]
    queriers += [host.mld_querier for host in plan.hosts if host.mld_querier_on]
    yield from (querier for querier in queriers if querier is not None)


def longest_response_s(plan: Plan) -> float:
    """How long hosts may take to report, asked or on a join, in the customer's seconds."""
    asked = (querier.max_response_s for querier in queriers_at_start(plan))
    return max(asked, default=UNSOLICITED_V3_S)


def groups_in(plan: Plan) -> int:
    """How many groups a switch of this plan can hear of before the timeline begins, at most."""
    return len({stream.group for stream in plan.streams if stream.cast is Cast.MULTICAST})


def learning(switch: PlanSwitch, host: PlanHost, stream: PlanStream, groups: int) -> Learning:
    """What becomes of the reports of a host's membership at a switch that they reach.

    The rules of a firewall are opaque, so a host that has some may keep its own reports in; a table that has
    no room for all ``groups``, or for all sources of one, may be full; and a host that follows an older
    querier names no sources where they must be named.
    """
    behaviour = switch.behaviour if stream.group.version == 4 else switch.mld
    if behaviour is None or not behaviour.snooping:
        return Learning.CERTAIN
    speaks = host.emulated if stream.group.version == 4 else host.emulated_mld
    if speaks is not None and not (speaks.reports and _passes(behaviour, speaks)):
        return Learning.NEVER
    if stream.source_specific and set(stream.senders) <= {host.name}:
        return Learning.NEVER  # there is nobody whom it could join
    any_source = behaviour.any_source_in_ssm or not source_specific(stream.group)
    if not any_source and not stream.source_specific:
        return Learning.NEVER
    rooms = (behaviour.most_groups, behaviour.most_groups_per_port)
    full = any(0 < room < groups for room in rooms)
    doubtful = host.firewall or full or _too_many(switch, stream) or not any_source
    return Learning.POSSIBLE if doubtful else Learning.CERTAIN


def _too_many(switch: PlanSwitch, stream: PlanStream) -> bool:
    """Whether a switch may know the member and not all of the sources."""
    genuine = switch.data_plane is DataPlane.LINUX_BRIDGE
    return genuine and stream.source_specific and len(stream.senders) > MOST_SOURCES_OF_A_BRIDGE


def _passes(behaviour: SnoopingConfig, host: HostConfig) -> bool:
    """Whether the headers of a host's reports are such as the switch demands."""
    return all(_holds(check, host) for check in behaviour.checks)


def _holds(check: HeaderCheck, host: HostConfig) -> bool:
    match check:
        case HeaderCheck.ROUTER_ALERT:
            return host.router_alert
        case HeaderCheck.HOPS:
            return host.hops == 1
        case HeaderCheck.TRAFFIC_CLASS:
            return True
        case HeaderCheck.DESTINATION:
            return host.reports_to is None  # one with records speaks without as soon as a querier does
        case _:
            assert_never(check)
