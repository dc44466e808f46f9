"""The genuine Open vSwitch with its own snooping: told through its database, watched through its tables.

Its tables are those of ``ovs-appctl mdb/show``, asked for at every turn of the daemon's clock and after every
IGMP message; a port in the group ``querier`` is a router port. The daemon's clock is put forward to run at
the lab's speed, so ages are the customer's seconds, to about one second and one turn. Open vSwitch has no
querier and elects none: who queries is what was heard last on a router port.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.fabric import BRIDGE
from harness.backends.netns.loop import Loop
from harness.backends.netns.namespaces import inside
from harness.backends.netns.packet import IGMP_FRAMES, Tap
from harness.backends.netns.vswitchd import BridgeSettings, Vswitchd
from harness.errors import LabError
from harness.observations.model import Igmp, Impaired, Mode, TableLine
from harness.plan.model import PlanSwitch
from harness.protocols.effects import Unregistered
from harness.protocols.intents import heard
from harness.protocols.snooping import RelayTo, SnoopingConfig
from harness.wire import igmp, membership
from harness.wire.malformed import Malformed
from harness.wire.membership import Address

TURN_S = 0.01
"""How often the daemon's clock is put forward, in this machine's seconds."""
DEFAULT_TABLE_SIZE = 2048
_NEVER_PRUNED = (IPv4Network("224.0.0.0/24"), IPv6Network("ff02::/16"))
_ROUTERS = "querier"
"""What mdb/show writes in place of a group for a port that leads to a router."""
_CAUSE = "told by Open vSwitch"
_LIMIT_S = 10.0


def bridge_settings(switch: PlanSwitch, behaviour: SnoopingConfig) -> BridgeSettings:
    """Return a behaviour in the words of ovs-vswitchd.conf.db(5).

    A static router port is one that is sent all multicast, and all reports: there is no other kind.
    """
    strict = behaviour.unregistered is not Unregistered.FLOOD
    ports: dict[str, dict[str, str]] = {}
    for port in switch.ports:
        static = port.name in behaviour.static_router_ports
        reports = static or behaviour.relay_reports_to is RelayTo.ALL
        ports[port.name] = {
            "mcast-snooping-flood": _boolean(static),
            "mcast-snooping-flood-reports": _boolean(reports),
        }
    return BridgeSettings(
        snooping=behaviour.snooping,
        other_config={
            "mcast-snooping-aging-time": str(round(behaviour.membership_interval_s)),
            "mcast-snooping-table-size": str(behaviour.most_groups or DEFAULT_TABLE_SIZE),
            "mcast-snooping-disable-flood-unregistered": _boolean(strict),
        },
        ports=ports,
    )


def parse_groups(shown: str) -> tuple[tuple[int, Address | None], ...]:
    """Read what mdb/show says: (port number, group), None for the group of a router port.

    Columns are port, VLAN, (since 3.2) protocol, GROUP, Age. Groups that are never pruned are left out.
    """
    found: list[tuple[int, Address | None]] = []
    for line in shown.splitlines()[1:]:
        words = line.split()
        group = None if words[-2] == _ROUTERS else ip_address(words[-2])
        if group is None or not any(group in network for network in _NEVER_PRUNED):
            found.append((int(words[0]), group))
    return tuple(found)


class OpenVSwitch:
    """Drives and watches one Open vSwitch, which is brought up between its making and ``start``."""

    def __init__(self, switch: PlanSwitch, namespace: int, loop: Loop, clock: Clock, emit: Emit) -> None:
        self.name = switch.name
        self._switch = switch
        self._behaviour = switch.behaviour
        self._loop = loop
        self._clock = clock
        self._emit = emit
        self._ports = {port.number: port.name for port in switch.ports}
        self.vswitchd = Vswitchd(switch.name, namespace, [(port.name, port.number) for port in switch.ports])
        self._known: dict[tuple[str, Address | None], None] = {}
        self._queriers: dict[str, Address] = {}
        self._querier: Address | None = None
        self._asked: dict[int, str] = {}
        self._turned_s = 0.0
        self._closed = False
        with inside(namespace):
            self._tap = Tap(program=IGMP_FRAMES)

    def settings(self) -> BridgeSettings:
        """Return how the switch begins."""
        return bridge_settings(self._switch, self._behaviour)

    def start(self) -> None:
        """Let the daemon's clock run at the lab's speed; from now on its tables are followed."""
        self._turned_s = self._loop.now()
        self._loop.watch(self.vswitchd.control.fileno(), self._read_answers)
        self._loop.watch(self._tap.fileno(), self._read_frames)
        self._note_mode()
        self._turn()

    def knows(self, group: Address, port: str) -> bool:
        """Tell whether a port is a member of a group, or does not need to be."""
        return not self._behaviour.snooping or (port, group) in self._known

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings, as ``ovs-vsctl set`` would give them."""
        before, self._behaviour = self._behaviour, behaviour
        self.vswitchd.configure(bridge_settings(self._switch, behaviour))
        for port in dict.fromkeys((*before.static_router_ports, *behaviour.static_router_ports)):
            present = behaviour.snooping and port in behaviour.static_router_ports
            if present != (before.snooping and port in before.static_router_ports):
                self._note(port, None, present, "configured")
        self._note_mode()
        self._ask("mdb/show", BRIDGE)

    def port_changed(self, port: str, *, up: bool) -> None:
        """Nothing to do: the daemon has seen it itself."""

    def restart(self) -> None:
        """Lose all learned entries, of groups and of addresses."""
        for table in ("mdb/flush", "fdb/flush"):
            self._ask(table, BRIDGE)
        self._ask("mdb/show", BRIDGE)

    # --- watching -----------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Put the daemon's clock forward by what the lab's is ahead of it, and look at its tables."""
        if self._closed:
            return
        now = self._loop.now()
        if not self._asked:  # a daemon that is behind is not asked for more; the next turn makes up for it
            ahead_ms = int((now - self._turned_s) * (self._clock.speed - 1) * 1000)
            if ahead_ms > 0:
                self._ask("time/warp", str(ahead_ms))
                self._turned_s += ahead_ms / 1000 / (self._clock.speed - 1)
            self._ask("mdb/show", BRIDGE)
        self._loop.call_at(now + TURN_S, self._turn)

    def _ask(self, method: str, *parameters: str) -> None:
        self._asked[self.vswitchd.control.ask(method, *parameters)] = method

    def _read_answers(self) -> None:
        for answer in self.vswitchd.control.answers():
            method = self._asked.pop(answer.request)
            if answer.error is not None:
                msg = f"{self.name}: ovs-vswitchd refuses {method}: {answer.error}"
                raise LabError(msg)
            if method == "mdb/show":
                self._compare(str(answer.result))

    def _compare(self, shown: str) -> None:
        now = {
            (self._ports[number], group): None
            for number, group in parse_groups(shown)
            if number in self._ports
        }
        for port, group in (line for line in self._known if line not in now):
            self._note(port, group, False, _CAUSE)
            if group is None:
                self._queriers.pop(port, None)
        for line in (line for line in now if line not in self._known):
            self._note(*line, True, _CAUSE)
        self._known = now
        self._follow_querier()

    def _follow_querier(self) -> None:
        """The querier heard last on a port that still is a router port."""
        heard_on = (port for port in reversed(self._queriers) if (port, None) in self._known)
        querier = next((self._queriers[port] for port in heard_on), None)
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
                        cause=f"query from {querier}" if querier is not None else "no router port is left",
                    )
                )
        self._querier = querier

    def _note(self, port: str, group: Address | None, present: bool, cause: str) -> None:
        self._emit(
            TableLine(
                at_s=self._clock.now(),
                switch=self.name,
                table="router-port" if group is None else "member",
                present=present,
                port=port,
                group=str(group or ""),
                cause=cause,
            )
        )

    def _note_mode(self) -> None:
        self._emit(
            Mode(
                at_s=self._clock.now(),
                switch=self.name,
                snooping=self._behaviour.snooping,
                unregistered=self._behaviour.unregistered.value,
                cause="configured" if self._behaviour.snooping else "snooping is off",
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
                    port=frame.port,
                    what=seen.what,
                    source=str(seen.source),
                    group=str(seen.group or ""),
                )
            )
            if isinstance(read.message, membership.Query) and not read.source.is_unspecified:
                self._queriers.pop(frame.port, None)
                self._queriers[frame.port] = read.source
        self._ask("mdb/show", BRIDGE)

    def report_drops(self) -> None:
        """Hand out how many IGMP frames the tap lost since the last call."""
        if lost := self._tap.drops():
            self._emit(Impaired(at_s=self._clock.now(), what="socket", count=lost, host=self.name))

    def close(self) -> None:
        """End the switch."""
        self._closed = True
        self._loop.unwatch(self._tap.fileno())
        self._tap.close()
        self.vswitchd.close()


def _boolean(value: bool) -> str:
    return "true" if value else "false"
