"""The genuine Linux bridge, with the kernel's own snooping and querier: told by netlink, watched by netlink.

That is what a Proxmox vmbr is. Its settings are those of ``ip link ... type bridge``; its tables are followed
through the kernel's notifications, and who queries is asked of the kernel after every query.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.fabric import BRIDGE, Fabric
from harness.backends.netns.loop import Loop
from harness.backends.netns.mdb import RTNLGRP_MDB, Member, RouterPort, parse
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import HEADER, NetlinkSocket, attributes
from harness.backends.netns.packet import IGMP_FRAMES, Tap
from harness.observations.model import Igmp, Impaired, Mode, TableLine
from harness.plan.model import PeerKind, PlanSwitch
from harness.protocols.intents import Intent, heard, intents
from harness.protocols.snooping import SnoopingConfig
from harness.wire import igmp, membership
from harness.wire.malformed import Malformed
from harness.wire.membership import Address

_HUNDREDTHS = 100
"""The kernel takes these intervals in USER_HZ, hundredths of a second."""
_ROUTER_PORT_PERMANENT, _ROUTER_PORT_LEARNED = 2, 1
_NEVER_PRUNED = IPv4Network("224.0.0.0/24")
_REPORTS_OF_A_JOIN = 2
"""Robustness Variable (RFC 9776 section 8.1) of the Linux host."""
_LINK_BODY = 16
# linux/if_link.h: where RTM_NEWLINK of a bridge says who queries.
_QUERIER_PATH = (18, 2, 47, 1)
"""IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_BR_MCAST_QUERIER_STATE, BRIDGE_QUERIER_IP_ADDRESS"""


def bridge_options(behaviour: SnoopingConfig, speed: float) -> Mapping[str, int]:
    """Return a behaviour as options of a kernel bridge, at compressed time."""

    def ticks(seconds: float) -> int:
        return max(1, round(seconds / speed * _HUNDREDTHS))

    options = {
        "mcast_snooping": int(behaviour.snooping),
        "mcast_membership_interval": ticks(behaviour.membership_interval_s),
        "mcast_last_member_interval": ticks(behaviour.last_member_interval_s),
        "mcast_last_member_count": behaviour.last_member_count,
        "mcast_querier_interval": ticks(behaviour.other_querier_interval_s),
        "mcast_querier": int(behaviour.querier is not None),
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
    return options


class KernelBridge:
    """Drives and watches one kernel bridge. Exists from its making to ``close``."""

    def __init__(self, switch: PlanSwitch, fabric: Fabric, loop: Loop, clock: Clock, emit: Emit) -> None:
        self.name = switch.name
        self._switch = switch
        self._behaviour = switch.behaviour
        self._fabric = fabric
        self._loop = loop
        self._clock = clock
        self._emit = emit
        self._members: dict[tuple[Address, str], None] = {}
        self._reports: dict[tuple[Address, str], int] = {}
        self._querier: Address | None = None
        self._has_address = False
        self._ports = {fabric.port_index(switch.name, port.name): port.name for port in switch.ports}
        with inside(fabric.switch_fd(switch.name)):
            self._tap = Tap(program=IGMP_FRAMES)
            self._notifications = NetlinkSocket()
        self._notifications.subscribe(RTNLGRP_MDB)

    def start(self) -> None:
        """Give the bridge its settings; from now on its tables are followed."""
        self._loop.watch(self._notifications.fileno(), self._read_notifications)
        self._loop.watch(self._tap.fileno(), self._read_frames)
        self.configure(self._behaviour)

    def knows(self, group: Address, port: str) -> bool:
        """Tell whether a port is a member of a group, or does not need to be."""
        return not self._behaviour.snooping or (group, port) in self._members

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings, as ``ip link set`` and ``bridge link set`` would give them."""
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
        self._fabric.bridge_options(self.name, bridge_options(behaviour, self._clock.speed))
        self._emit(
            Mode(
                at_s=self._clock.now(),
                switch=self.name,
                snooping=behaviour.snooping,
                unregistered=behaviour.unregistered.value,
                cause="configured" if behaviour.snooping else "snooping is off",
            )
        )
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

    def restart(self) -> None:
        """Lose all learned entries: the kernel drops them when snooping goes off."""
        self._fabric.bridge_options(self.name, {"mcast_snooping": 0})
        self.configure(self._behaviour)

    # --- watching -----------------------------------------------------------------------------------------

    def _read_notifications(self) -> None:
        for message in self._notifications.receive():
            for line in parse(message):
                if (port := self._ports.get(line.port)) is not None:
                    self._note(line, port)

    def _note(self, line: Member | RouterPort, port: str) -> None:
        group: IPv4Address | None = None
        if isinstance(line, Member):
            group = line.group
            if group in _NEVER_PRUNED or line.present == ((group, port) in self._members):
                return
            if line.present:
                self._members[group, port] = None
            else:
                del self._members[group, port]
        self._emit(
            TableLine(
                at_s=self._clock.now(),
                switch=self.name,
                table="router-port" if group is None else "member",
                present=line.present,
                port=port,
                group=str(group or ""),
                cause="told by the kernel's bridge",
            )
        )

    def _read_frames(self) -> None:
        for frame in self._tap.frames():
            try:
                read = igmp.parse_igmp_frame(frame.data)
            except Malformed:
                continue
            if read is None:
                continue
            seen = heard(frame.port, read)
            self._emit(
                Igmp(
                    at_s=self._clock.scenario(frame.at_s),
                    switch=self.name,
                    port="" if frame.port == BRIDGE else frame.port,
                    what=seen.what,
                    source=str(seen.source),
                    group=str(seen.group or ""),
                    sent=frame.port == BRIDGE,
                )
            )
            for intent, group in intents(read.message):
                if intent is Intent.JOIN:
                    self._reports[group, frame.port] = self._reports.get((group, frame.port), 0) + 1
            if isinstance(read.message, membership.Query):
                self._ask_querier(f"query from {seen.source}")

    def _ask_querier(self, cause: str) -> None:
        querier: Address | None = None
        if self._behaviour.snooping:
            querier = _querier_in(self._fabric.bridge_link(self.name))
        own = self._behaviour.standing_querier()
        if querier is not None and querier.is_unspecified and own is not None:
            querier = own.address  # the kernel takes it up with its first query
        if querier == self._querier:
            return
        for address, present in ((self._querier, False), (querier, True)):
            if address is not None:
                self._emit(
                    TableLine(
                        at_s=self._clock.now(),
                        switch=self.name,
                        table="querier",
                        present=present,
                        address=str(address),
                        cause=cause,
                    )
                )
        self._querier = querier

    def report_drops(self) -> None:
        """Hand out how many IGMP frames the tap lost since the last call."""
        if lost := self._tap.drops():
            self._emit(Impaired(at_s=self._clock.now(), what="socket", count=lost, host=self.name))

    def close(self) -> None:
        """Close what watches the bridge."""
        for watched in (self._tap, self._notifications):
            self._loop.unwatch(watched.fileno())
            watched.close()


def _querier_in(message: bytes) -> IPv4Address | None:
    """Return the IPv4 querier that a bridge's RTM_NEWLINK names, itself included; None if it knows none."""
    start, end = HEADER.size + _LINK_BODY, len(message)
    for wanted in _QUERIER_PATH:
        found = [(first, last) for kind, first, last in attributes(message, start, end) if kind == wanted]
        if not found:
            return None
        start, end = found[0]
    return IPv4Address(message[start:end])
