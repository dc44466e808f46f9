"""The genuine Open vSwitch with its own snooping: told through its database, watched through its tables.

Its tables are those of ``ovs-appctl mdb/show``, asked for at every turn of the daemon's clock and after every
IGMP message; a port in the group ``querier`` is a router port. The daemon's clock is put forward to run at
the lab's speed, so ages are the customer's seconds, to about one second and one turn. Open vSwitch has no
querier and elects none: the record names whom the others have elected, by the queries that were heard.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.fabric import BRIDGE
from harness.backends.netns.journal import Journal
from harness.backends.netns.namespaces import inside
from harness.backends.netns.vswitchd import LIMIT_S, BridgeSettings, Vswitchd
from harness.errors import LabError
from harness.plan.model import PlanSwitch
from harness.protocols.dialect import Dialect, read
from harness.protocols.effects import Effect, ForwardingMode, Table, TableChange, Unregistered
from harness.protocols.election import Election
from harness.protocols.intents import heard
from harness.protocols.snooping_config import RelayTo, SnoopingConfig
from harness.sockets.bpf import CONTROL_FRAMES
from harness.sockets.loop import Loop
from harness.sockets.packet import Tap
from harness.wire import membership
from harness.wire.membership import Address

TURN_S = 0.01
"""How often the daemon's clock is put forward, in this machine's seconds."""
DEFAULT_TABLE_SIZE = 2048
_NEVER_PRUNED = (IPv4Network("224.0.0.0/24"), IPv6Network("ff02::/16"))
_ROUTERS = "querier"
"""What mdb/show writes in place of a group for a port that leads to a router."""
_ROUNDS = 8
_CAUSE = "told by Open vSwitch"


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
        if group is None or not _never_pruned(group):
            found.append((int(words[0]), group))
    return tuple(found)


class OpenVSwitch:
    """Drives and watches one Open vSwitch, which is brought up between its making and ``start``."""

    def __init__(self, switch: PlanSwitch, namespace: int, loop: Loop, clock: Clock, emit: Emit) -> None:
        self.name = switch.name
        self._switch = switch
        self._behaviour = switch.behaviour
        self._dialects = (Dialect.IGMP,) if switch.mld is None else tuple(Dialect)
        self._loop = loop
        self._clock = clock
        self._journal = Journal(switch.name, clock, emit)
        self._ports = {port.number: port.name for port in switch.ports}
        self.vswitchd = Vswitchd(switch.name, namespace, [(port.name, port.number) for port in switch.ports])
        self._known: dict[tuple[str, Address | None], None] = {}
        self._elections = {
            dialect: Election(
                interval_s=self._behaviour.other_querier_interval_s / clock.speed, zero_address_wins=False
            )
            for dialect in self._dialects
        }
        self._asked: dict[int, str] = {}
        self._turned_s = 0.0
        self._closed = False
        with inside(namespace):
            self._tap = Tap(program=CONTROL_FRAMES)

    def settings(self) -> BridgeSettings:
        """Return how the switch begins."""
        return bridge_settings(self._switch, self._behaviour)

    def start(self) -> None:
        """Let the daemon's clock run at the lab's speed; from now on its tables are followed."""
        self._turned_s = self._loop.now()
        self._loop.watch(self.vswitchd.control.fileno(), self._read_answers)
        self._loop.watch(self._tap.fileno(), self._read_frames)
        self._note_mode()
        self._note_static_ports((), self._behaviour)
        self._turn()

    def knows(self, group: Address, port: str, sources: tuple[Address, ...] = ()) -> bool:  # noqa: ARG002
        """Tell whether a port receives a group or need not be a member to do so; sources do not count.

        A router port receives everything and learns no members.
        """
        if not self._behaviour.snooping or _never_pruned(group):
            return True
        return (port, group) in self._known or (port, None) in self._known

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings, as ``ovs-vsctl set`` would give them. Those of IGMP hold for MLD."""
        if behaviour.dialect is Dialect.MLD:
            return
        # None may be under way: while snooping is off, mdb/show is never answered, nor what is asked later.
        self.vswitchd.control.call("version", limit_s=LIMIT_S)
        self._read_answers()
        before, self._behaviour = self._behaviour, behaviour
        self.vswitchd.configure(bridge_settings(self._switch, behaviour))
        self._note_static_ports(_static_ports(before), behaviour)
        self._note_mode()
        if not behaviour.snooping:
            self._follow({}, "snooping switched off")
            self._forget_queriers("snooping switched off")
        self._look()

    def port_changed(self, port: str, *, up: bool) -> None:
        """Nothing to do: the daemon has seen it itself."""

    def topology_changed(self) -> None:
        """Nothing to do: the spanning tree of the scenario is not the daemon's own."""

    def hush(self, hushed: bool) -> None:
        """Nothing to do: while it snoops, reports go to router ports alone."""

    def restart(self) -> None:
        """Lose all learned entries, of groups and of addresses."""
        self._ask("fdb/flush", BRIDGE)
        if self._behaviour.snooping:
            self._ask("mdb/flush", BRIDGE)
        self._forget_queriers("switch restarted")
        self._look()

    def catch_up(self) -> None:
        """Wait until the daemon has been round often enough to have forwarded all that had reached it.

        It takes up to 32 frames of each port between two answers.
        """
        for _ in range(_ROUNDS):
            self.vswitchd.control.call("version", limit_s=LIMIT_S)

    # --- watching -----------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Put the daemon's clock forward by what the lab's is ahead of it, and look at its tables."""
        if self._closed:
            return
        now = self._loop.now()
        for dialect, election in self._elections.items():
            self._note_queriers(dialect, election.expire(now))
        if not self._asked:  # a daemon that is behind is not asked for more; the next turn makes up for it
            ahead_ms = int((now - self._turned_s) * (self._clock.speed - 1) * 1000)
            if ahead_ms > 0:
                self._ask("time/warp", str(ahead_ms))
                self._turned_s += ahead_ms / 1000 / (self._clock.speed - 1)
            self._look()
        self._loop.call_at(now + TURN_S, self._turn)

    def _look(self) -> None:
        """Ask for the tables, of which there are none while snooping is off."""
        if self._behaviour.snooping:
            self._ask("mdb/show", BRIDGE)

    def _ask(self, method: str, *parameters: str) -> None:
        self._asked[self.vswitchd.control.ask(method, *parameters)] = method

    def _read_answers(self) -> None:
        for answer in self.vswitchd.control.answers():
            method = self._asked.pop(answer.request)
            if answer.error is not None:
                msg = f"{self.name}: ovs-vswitchd refuses {method}: {answer.error}"
                raise LabError(msg)
            if method == "mdb/show":
                found = parse_groups(str(answer.result))
                now = {(self._ports[number], group): None for number, group in found if number in self._ports}
                self._follow(now, _CAUSE)

    def _follow(self, now: dict[tuple[str, Address | None], None], cause: str) -> None:
        """Tell what of the tables is gone, and what has come."""
        gone = [line for line in self._known if line not in now]
        come = [line for line in now if line not in self._known]
        self._known = now
        for port, group in gone:
            self._note(port, group, False, cause)
        for port, group in come:
            self._note(port, group, True, cause)

    def _forget_queriers(self, cause: str) -> None:
        for dialect, election in self._elections.items():
            self._note_queriers(dialect, election.forget_all(cause))

    def _note_queriers(self, dialect: Dialect, effects: list[Effect]) -> None:
        """Whom the others elect; the switch itself takes no notice."""
        for effect in effects:
            if isinstance(effect, TableChange):
                self._journal.changed(dialect, effect)

    def _note(self, port: str, group: Address | None, present: bool, cause: str) -> None:
        """A router port is one of both protocols: Open vSwitch does not tell them apart."""
        dialects = self._dialects if group is None else (Dialect.of(group),)
        table = Table.ROUTER_PORT if group is None else Table.MEMBER
        change = TableChange(table=table, present=present, port=port, group=group, cause=cause)
        for dialect in dialects:
            self._journal.changed(dialect, change)

    def _note_static_ports(self, before: tuple[str, ...], behaviour: SnoopingConfig) -> None:
        """Ports that were configured to be sent everything; mdb/show knows nothing of them."""
        after = _static_ports(behaviour)
        for port in (port for port in before if port not in after):
            self._note(port, None, False, "configured")
        for port in (port for port in after if port not in before):
            self._note(port, None, True, "configured")

    def _note_mode(self) -> None:
        mode = ForwardingMode(
            snooping=self._behaviour.snooping,
            unregistered=self._behaviour.unregistered,
            cause="configured" if self._behaviour.snooping else "snooping is off",
        )
        for dialect in self._dialects:
            self._journal.forwards(dialect, mode)

    def _read_frames(self) -> None:
        for frame in self._tap.frames():
            found = read(frame.data)
            if found is None or found[0] not in self._dialects:
                continue
            dialect, control = found
            self._journal.heard(dialect, heard(frame.port, control), frame.at_s)
            if isinstance(control.message, membership.Query) and self._behaviour.snooping:
                elected = self._elections[dialect].hear(control.source, frame.port, frame.at_s)
                self._note_queriers(dialect, elected)
        self._look()

    def report_drops(self) -> None:
        """Hand out how many IGMP and MLD frames the tap lost since the last call."""
        self._journal.report_drops(self._tap)

    def close(self) -> None:
        """End the switch."""
        self._closed = True
        self._loop.unwatch(self._tap.fileno())
        if self.vswitchd.ready:
            self._loop.unwatch(self.vswitchd.control.fileno())
        self._tap.close()
        self.vswitchd.close()


def _static_ports(behaviour: SnoopingConfig) -> tuple[str, ...]:
    return behaviour.static_router_ports if behaviour.snooping else ()


def _never_pruned(group: Address) -> bool:
    return any(group in network for network in _NEVER_PRUNED)


def _boolean(value: bool) -> str:
    return "true" if value else "false"
