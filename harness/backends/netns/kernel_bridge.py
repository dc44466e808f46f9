"""The genuine Linux bridge, with the kernel's own snooping and querier: told by netlink, watched by netlink.

That is what a Proxmox vmbr is. Its settings are those of ``ip link ... type bridge``; its tables are followed
through the kernel's notifications, and who queries is asked of the kernel after every query. Its settings are
the same for IGMP and MLD, but for the version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, ip_address

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.fabric import BRIDGE, Fabric
from harness.backends.netns.journal import Journal
from harness.backends.netns.mdb import RTNLGRP_MDB, Member, MemberTable, parse, read_mdb
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import HEADER, NetlinkSocket, attributes
from harness.plan.model import PeerKind, PlanSwitch
from harness.protocols.dialect import Dialect, never_pruned, read
from harness.protocols.effects import EVERY_SOURCE, ForwardingMode, SourceFilter, Table, TableChange
from harness.protocols.intents import Intent, heard, intents
from harness.protocols.snooping_config import SnoopingConfig
from harness.sockets.bpf import CONTROL_FRAMES
from harness.sockets.loop import Loop
from harness.sockets.packet import Tap
from harness.wire import membership
from harness.wire.membership import Address

_HUNDREDTHS = 100
"""The kernel takes these intervals in USER_HZ, hundredths of a second."""
_ROUTER_PORT_PERMANENT, _ROUTER_PORT_LEARNED = 2, 1
_CAUSE = "told by the kernel's bridge"
_REPORTS_OF_A_JOIN = 2
"""Robustness Variable (RFC 9776 section 8.1) of the Linux host."""
_LOOKS_AGAIN_AFTER_S = 0.01
_LOOKS_EVERY_SHARE = 1 / 64
"""Of the time after which a querier is forgotten, which the kernel makes up to an eighth longer."""
_LINK_BODY = 16
# linux/if_link.h: where RTM_NEWLINK of a bridge says who queries.
_QUERIER_PATH = (18, 2, 47)
"""IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_BR_MCAST_QUERIER_STATE"""
_QUERIER_ADDRESSES = {Dialect.IGMP: 1, Dialect.MLD: 5}
"""BRIDGE_QUERIER_IP_ADDRESS, BRIDGE_QUERIER_IPV6_ADDRESS"""


def bridge_options(
    behaviour: SnoopingConfig, speed: float, mld: SnoopingConfig | None = None
) -> Mapping[str, int]:
    """Return a behaviour as options of a kernel bridge, at compressed time; of ``mld`` the version counts.

    The kernel keeps sources only where it speaks version 3 of IGMP and version 2 of MLD, whoever queries.
    """

    def ticks(seconds: float) -> int:
        return max(1, round(seconds / speed * _HUNDREDTHS))

    options = {
        "mcast_snooping": int(behaviour.snooping),
        "mcast_membership_interval": ticks(behaviour.membership_interval_s),
        "mcast_last_member_interval": ticks(behaviour.last_member_interval_s),
        "mcast_last_member_count": behaviour.last_member_count,
        "mcast_querier_interval": ticks(behaviour.other_querier_interval_s),
        "mcast_querier": int(behaviour.querier is not None),
        "mcast_hash_max": behaviour.most_groups,
    }
    if (querier := behaviour.querier) is not None:
        options |= {
            "mcast_igmp_version": querier.version,
            "mcast_query_use_ifaddr": int(not querier.address.is_unspecified),
            "mcast_query_interval": ticks(querier.query_interval_s),
            "mcast_query_response_interval": ticks(querier.max_response_s),
            "mcast_startup_query_interval": ticks(querier.startup_query_interval_s),
            "mcast_startup_query_count": querier.startup_query_count,
            "mcast_querier_interval": ticks(querier.other_querier_present_interval_s),
        }
    elif behaviour.source_filtering:
        options["mcast_igmp_version"] = 3
    if mld is not None:
        version = 2 if mld.source_filtering else 1
        options["mcast_mld_version"] = version if mld.querier is None else mld.querier.version
    return options


class KernelBridge:
    """Drives and watches one kernel bridge. Exists from its making to ``close``."""

    def __init__(self, switch: PlanSwitch, fabric: Fabric, loop: Loop, clock: Clock, emit: Emit) -> None:
        self.name = switch.name
        self._switch = switch
        self._behaviour = switch.behaviour
        self._mld = switch.mld
        self._fabric = fabric
        self._loop = loop
        self._clock = clock
        self._journal = Journal(switch.name, clock, emit)
        self._table = MemberTable()
        self._members: dict[tuple[Address, str], SourceFilter] = {}
        self._routers: dict[tuple[Dialect, str], None] = {}
        self._reports: dict[tuple[Address, str], int] = {}
        self._queriers: dict[Dialect, Address] = {}
        self._queried_s = 0.0
        self._has_address = False
        self._ports = {fabric.port_index(switch.name, port.name): port.name for port in switch.ports}
        with inside(fabric.switch_fd(switch.name)):
            self._tap = Tap(program=CONTROL_FRAMES)
            self._notifications = NetlinkSocket()
            self._asking = NetlinkSocket()
        self._notifications.subscribe(RTNLGRP_MDB)

    @property
    def _dialects(self) -> tuple[Dialect, ...]:
        """What is told of it; the kernel itself always speaks both."""
        return (Dialect.IGMP,) if self._mld is None else tuple(Dialect)

    def start(self) -> None:
        """Give the bridge its settings; from now on its tables are followed."""
        self._loop.watch(self._notifications.fileno(), self._read_notifications)
        self._loop.watch(self._tap.fileno(), self._read_frames)
        self.configure(self._behaviour)

    def knows(self, group: Address, port: str, sources: tuple[Address, ...] = ()) -> bool:
        """Tell whether a port receives a group, and from these sources, or need not be a member to do so."""
        if not self._behaviour.snooping or never_pruned(group):
            return True
        known = self._members.get((group, port))
        return known is not None and all(map(known.passes, sources))

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings, as ``ip link set`` and ``bridge link set`` would give them.

        Those of MLD change the version it speaks; everything else the kernel has only once, from IGMP's.
        """
        if behaviour.dialect is Dialect.MLD:
            self._mld, behaviour = behaviour, self._behaviour
        self._behaviour = behaviour
        own = None if behaviour.querier is None else behaviour.querier.address
        if isinstance(own, IPv4Address) and not own.is_unspecified and not self._has_address:
            self._fabric.set_switch_address(self.name, own)
            self._has_address = True
        for port in self._switch.ports:
            options = {
                "fastleave": int(behaviour.leaves_fast(port.name)),
                "mcast_router": _ROUTER_PORT_PERMANENT
                if port.name in behaviour.static_router_ports
                else _ROUTER_PORT_LEARNED,
            }
            self._fabric.port_options(self.name, port.name, options)
        self._fabric.bridge_options(self.name, bridge_options(behaviour, self._clock.speed, self._mld))
        mode = ForwardingMode(
            snooping=behaviour.snooping,
            unregistered=behaviour.unregistered,
            cause="configured" if behaviour.snooping else "snooping is off",
        )
        for dialect in self._dialects:
            self._journal.forwards(dialect, mode)
        self._ask_querier("configured")

    def hush(self, hushed: bool) -> None:
        """Flood nothing to hosts, or as always; what hosts send is learned all the same."""
        for port in self._switch.ports:
            if port.peer_kind is PeerKind.NODE:
                self._fabric.port_options(self.name, port.name, {"mcast_flood": int(not hushed)})

    def reported(self, group: Address, port: str) -> bool:
        """Tell whether all reports of a join have come in."""
        return self._reports.get((group, port), 0) >= _REPORTS_OF_A_JOIN

    def port_changed(self, port: str, *, up: bool) -> None:
        """Nothing to do: the kernel has seen it itself."""

    def topology_changed(self) -> None:
        """Nothing to do: the kernel's bridge asks when its own spanning tree changes; here it runs none."""

    def restart(self) -> None:
        """Lose all learned entries: the kernel drops them when snooping goes off."""
        self._fabric.bridge_options(self.name, {"mcast_snooping": 0})
        self.configure(self._behaviour)

    # --- watching -----------------------------------------------------------------------------------------

    def _read_notifications(self) -> None:
        for message in self._notifications.receive():
            for line in parse(message):
                port = self._ports.get(line.port)
                if port is None:
                    continue
                if isinstance(line, Member):
                    self._note_member(line, port)
                else:
                    self._note_routers()

    def _note_member(self, line: Member, port: str) -> None:
        entry = (line.group, port)
        before, known = self._members.get(entry), self._table.take(line)
        if never_pruned(line.group) or known == before:
            return
        if known is None:
            del self._members[entry]
        else:
            self._members[entry] = known
        self._journal.changed(
            Dialect.of(line.group),
            TableChange(
                table=Table.MEMBER,
                present=known is not None,
                port=port,
                group=line.group,
                filter=known or EVERY_SOURCE,
                cause=_CAUSE,
            ),
        )

    def _note_routers(self) -> None:
        """Ask whose router ports there are: the kernel does not tell when one protocol joins the other."""
        found: dict[tuple[Dialect, str], None] = {}
        for line in read_mdb(self._asking).routers:
            if (port := self._ports.get(line.port)) is not None:
                found |= dict.fromkeys((dialect, port) for dialect in line.dialects or (Dialect.IGMP,))
        changes = [(line, False) for line in self._routers if line not in found]
        changes += [(line, True) for line in found if line not in self._routers]
        self._routers = found
        for (dialect, port), present in changes:
            if dialect in self._dialects:
                change = TableChange(table=Table.ROUTER_PORT, present=present, port=port, cause=_CAUSE)
                self._journal.changed(dialect, change)

    def _read_frames(self) -> None:
        for frame in self._tap.frames():
            if (found := read(frame.data)) is None:
                continue
            dialect, control = found
            seen = heard(frame.port, control)
            own = frame.port == BRIDGE
            self._journal.heard(dialect, replace(seen, port="", sent=True) if own else seen, frame.at_s)
            for intent, group in intents(control.message):
                if intent is Intent.JOIN:
                    self._reports[group, frame.port] = self._reports.get((group, frame.port), 0) + 1
            if isinstance(control.message, membership.Query):
                look = partial(self._look, f"query from {seen.source}")
                look()
                # The tap may have been read before the bridge got the frame.
                self._loop.call_at(self._loop.now() + _LOOKS_AGAIN_AFTER_S, look)
                self._look_when_silent(frame.at_s)

    def _look_when_silent(self, queried_s: float) -> None:
        """Look when a querier must be forgotten: the kernel tells nobody. Its timers fire late."""
        interval_s = self._behaviour.other_querier_interval_s / self._clock.speed
        self._queried_s = queried_s

        def look_again() -> None:
            if self._queried_s == queried_s and self._queriers and self._behaviour.querier is None:
                self._look("no query for the other querier present interval")
                self._loop.call_at(self._loop.now() + interval_s * _LOOKS_EVERY_SHARE, look_again)

        if interval_s:
            self._loop.call_at(queried_s + interval_s, look_again)

    def _look(self, cause: str) -> None:
        """Ask the kernel for what it does not tell by itself."""
        self._ask_querier(cause)
        if self._mld is not None:
            self._note_routers()

    def _ask_querier(self, cause: str) -> None:
        queriers = _queriers_in(self._fabric.bridge_link(self.name)) if self._behaviour.snooping else {}
        own = self._behaviour.standing_querier()
        if own is not None and (known := queriers.get(Dialect.IGMP)) is not None and known.is_unspecified:
            queriers[Dialect.IGMP] = own.address  # the kernel takes it up with its first query
        if (known := queriers.get(Dialect.MLD)) is not None and known.is_unspecified:
            del queriers[Dialect.MLD]  # the bridge itself without an address, which keeps it silent
        for dialect in self._dialects:
            before, now = self._queriers.get(dialect), queriers.get(dialect)
            for address, present in ((before, False), (now, True)):
                if address is not None and before != now:
                    change = TableChange(table=Table.QUERIER, present=present, address=address, cause=cause)
                    self._journal.changed(dialect, change)
        self._queriers = queriers

    def report_drops(self) -> None:
        """Hand out how many IGMP and MLD frames the tap lost since the last call."""
        self._journal.report_drops(self._tap)

    def close(self) -> None:
        """Close what watches the bridge."""
        for watched in (self._tap, self._notifications):
            self._loop.unwatch(watched.fileno())
            watched.close()
        self._asking.close()


def _queriers_in(message: bytes) -> dict[Dialect, Address]:
    """Return the queriers that a bridge's RTM_NEWLINK names, the bridge itself included."""
    start, end = HEADER.size + _LINK_BODY, len(message)
    for wanted in _QUERIER_PATH:
        found = [(first, last) for kind, first, last in attributes(message, start, end) if kind == wanted]
        if not found:
            return {}
        start, end = found[0]
    named = {kind: message[first:last] for kind, first, last in attributes(message, start, end)}
    return {dialect: ip_address(named[kind]) for dialect, kind in _QUERIER_ADDRESSES.items() if kind in named}
