"""What a snooping switch's data plane does with one datagram at one port, and by which rule.

The tables hold what the control plane told (``TableChange``, ``ForwardingMode``); ``rule`` answers for a port
without changing anything. Follows RFC 4541 section 2.1.2 (section 3 for IPv6). A lab writes the same rules
into a real data plane; a model and whoever explains a delivery ask them here.
"""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from harness.protocols.dialect import never_pruned
from harness.protocols.effects import (
    FilterMode,
    ForwardingMode,
    SourceFilter,
    Table,
    TableChange,
    Unregistered,
)
from harness.protocols.snooping_config import Lookup
from harness.wire.ethernet import multicast_mac
from harness.wire.membership import Address

_LINK_MACS = b"\x01\x00\x5e\x00\x00"
"""224.0.0.0/24 and everything that shares its MAC addresses."""


class Rule(Enum):
    """Why a datagram goes out at a port, or does not."""

    NOT_SNOOPING = "not-snooping"
    NEVER_PRUNED = "never-pruned"
    MEMBER = "member"
    ROUTER_PORT = "router-port"
    UNREGISTERED_FLOODS = "unregistered-floods"
    NO_MEMBER = "no-member"
    """Others are members; this port is neither member nor router port."""
    SOURCE_REFUSED = "source-refused"
    """The port is a member that does not want this source."""
    UNREGISTERED_TO_ROUTERS = "unregistered-to-routers"
    """Nobody is a member, and such groups go to router ports only, which this one is not."""
    UNREGISTERED_DROPPED = "unregistered-dropped"

    @property
    def passes(self) -> bool:
        """Whether the datagram goes out."""
        return self in _PASSING


_PASSING = frozenset(
    {Rule.NOT_SNOOPING, Rule.NEVER_PRUNED, Rule.MEMBER, Rule.ROUTER_PORT, Rule.UNREGISTERED_FLOODS}
)


class ForwardingTables:
    """The data plane of one switch for one protocol, IGMP or MLD.

    Until the control plane has told a mode, everything passes. ``source_filtering`` off: a member receives
    its group from every source, whatever its filter says.
    """

    def __init__(self, *, lookup: Lookup = Lookup.IP, source_filtering: bool = False) -> None:
        self.lookup = lookup
        self.source_filtering = source_filtering
        self.snooping = False
        self.unregistered = Unregistered.FLOOD
        self.routers: set[str] = set()
        self.members: dict[Address, dict[str, SourceFilter]] = {}
        """Ports by group, as the control plane told them."""
        self._groups_of_mac: dict[bytes, set[Address]] = {}

    def set_mode(self, mode: ForwardingMode) -> None:
        """Take a mode."""
        self.snooping, self.unregistered = mode.snooping, mode.unregistered

    def change(self, change: TableChange) -> None:
        """Take a change of the member table or the router ports; nothing is forwarded by the querier."""
        match change.table:
            case Table.MEMBER:
                if change.group is not None:
                    self._change_member(change.group, change)
            case Table.ROUTER_PORT:
                (self.routers.add if change.present else self.routers.discard)(change.port)
            case Table.QUERIER:
                pass
            case _:
                assert_never(change.table)

    def _change_member(self, group: Address, change: TableChange) -> None:
        ports = self.members.get(group)
        if change.present:
            if ports is None:
                ports = self.members[group] = {}
                self._groups_of_mac.setdefault(multicast_mac(group), set()).add(group)
            ports[change.port] = change.filter
        elif ports is not None:
            ports.pop(change.port, None)
            if not ports:
                del self.members[group]
                self._groups_of_mac[multicast_mac(group)].discard(group)

    def rule(self, group: Address, source: Address, port: str) -> Rule:
        """What happens at a port to a datagram from a source to a group."""
        if not self.snooping:
            return Rule.NOT_SNOOPING
        by_mac = self.lookup is Lookup.MAC
        if never_pruned(group) or (by_mac and multicast_mac(group)[:5] == _LINK_MACS):
            return Rule.NEVER_PRUNED
        if by_mac:
            registered, member = self._member_by_mac(group, port)
        else:
            ports = self.members.get(group)
            registered, member = ports is not None, None if ports is None else ports.get(port)
        filters = self.source_filtering and not by_mac
        if member is not None and (not filters or member.passes(source)):
            return Rule.MEMBER
        if not registered:
            return self._of_unregistered(port)
        if port in self.routers:
            return Rule.ROUTER_PORT
        return Rule.NO_MEMBER if member is None or _joins_nothing(member) else Rule.SOURCE_REFUSED

    def _of_unregistered(self, port: str) -> Rule:
        match self.unregistered:
            case Unregistered.FLOOD:
                return Rule.ROUTER_PORT if port in self.routers else Rule.UNREGISTERED_FLOODS
            case Unregistered.ROUTER_PORTS:
                return Rule.ROUTER_PORT if port in self.routers else Rule.UNREGISTERED_TO_ROUTERS
            case Unregistered.DROP:
                return Rule.UNREGISTERED_DROPPED
            case _:
                assert_never(self.unregistered)

    def _member_by_mac(self, group: Address, port: str) -> tuple[bool, SourceFilter | None]:
        groups = self._groups_of_mac.get(multicast_mac(group))
        if not groups:
            return False, None
        found = (self.members[one].get(port) for one in groups)
        return True, next((filter_ for filter_ in found if filter_ is not None), None)


def _joins_nothing(member: SourceFilter) -> bool:
    return member.mode is FilterMode.INCLUDE and not member.sources
