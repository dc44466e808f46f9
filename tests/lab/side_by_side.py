"""Two labs of one network side by side, the genuine switches and the emulated ones, under the same script.

Hosts are packet sockets: every IGMP message is put on the wire as bytes, so nothing hangs on a kernel's
random delays, and whether a probe arrives does not depend on what the host has joined. After each step the
two worlds are compared when both have come to rest: members, router ports and querier of every switch, and
who received which probe. Nothing here asserts; ``differences`` says in words what differs.
"""

from __future__ import annotations

import socket
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.errors import LabError
from harness.observations.model import Record, TableLine
from harness.plan.addresses import mac_bytes
from harness.plan.build import build
from harness.plan.model import End, Plan
from harness.profiles import DataPlane
from harness.scenario.loader import load
from harness.sockets.loop import Loop
from harness.wire import ethernet, igmp, ipv4
from harness.wire.membership import Message

GROUPS = tuple(IPv4Address(f"239.192.0.{number}") for number in (1, 2, 3))
STRANGER = IPv4Address("239.192.0.9")
"""A group that nobody joins."""
LINK_LOCAL = IPv4Address("224.0.0.251")
FENCE = IPv4Address("224.0.0.200")
"""Of 224.0.0.0/24, so every switch floods it: where it has arrived, all that was sent before it has."""
LIMIT_S = 5.0
_CALM_S, _CALM_OF_A_DAEMON_S = 0.01, 0.05
_PROTOCOL_PROBE = 253
"""For experiments (RFC 3692)."""
_ETH_P_IP = 0x0800
_PROTOCOL_AT, _PAYLOAD_AT = 14 + 9, 14 + ipv4.HEADER.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Switches sw1, sw2 ... in a chain or around the first; ``hosts`` says where h1, h2 ... are plugged."""

    switches: int
    star: bool
    hosts: tuple[int, ...]
    profile: str
    settings: str = ""
    speed: float = 1

    def ports(self) -> tuple[tuple[str, str], ...]:
        """(switch, port) of every cable, once: ports are numbered hosts first, then links."""
        used = [0] * (self.switches + 1)
        ports: list[tuple[str, str]] = []
        for switch in self.hosts:
            used[switch] += 1
            ports.append((f"sw{switch}", f"p{used[switch]}"))
        for switch in range(2, self.switches + 1):
            other = 1 if self.star else switch - 1
            used[other] += 1
            used[switch] += 1
            ports.append((f"sw{other}", f"p{used[other]}"))
        return tuple(ports)

    def plan(self, folder: Path, *, emulated: bool) -> Plan:
        """The plan of a lab of this network."""
        lines = [f"{{profile: {self.profile}, emulated: {str(emulated).lower()}{self.settings}}}"]
        switches = [f"    sw{number}: {lines[0]}" for number in range(1, self.switches + 1)]
        hosts = [f"    h{number}: {{on: sw{switch}}}" for number, switch in enumerate(self.hosts, 1)]
        text = "\n".join(
            (
                "scenario: the same script on genuine and emulated switches",
                "source: RFC 4541",
                "duration: 10s",
                f"speed: {self.speed:g}",
                "network:",
                "  switches:",
                *switches,
                "  nodes:",
                *hosts,
                f"  links: {'star' if self.star else 'chain'}" if self.switches > 1 else "",
                "traffic: {probe: {group: 239.255.0.1, rate: 1/s}}",
                "expect: [{deliver: probe, result: all}]",
            )
        )
        path = folder / f"{'emulated' if emulated else 'genuine'}.scenario.yaml"
        path.write_text(textwrap.dedent(text) + "\n", encoding="utf-8")
        return build(load(path).variants[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A host puts an IGMP message on its cable; ``text`` is for people. ``quiet_s``: its timers are over."""

    host: str
    message: Message
    source: IPv4Address | None = None
    destination: IPv4Address | None = None
    quiet_s: float = 0.0

    def __str__(self) -> str:
        source = "" if self.source is None else f" from {self.source}"
        return f"{self.host}: {self.message}{source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """A port of a switch goes down or comes up, and the port of the switch at the other end with it."""

    switch: str
    port: str
    up: bool

    def __str__(self) -> str:
        return f"{self.switch}:{self.port} {'up' if self.up else 'down'}"


Step = Say | Cable


@dataclass(slots=True)
class Tables:
    """What the switches of a world have said of their tables."""

    members: dict[tuple[str, str, str], None] = field(default_factory=dict)
    routers: dict[tuple[str, str], None] = field(default_factory=dict)
    queriers: dict[str, str] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Follow the lines of tables; other records say nothing of them."""
        if not isinstance(record, TableLine):
            return
        if record.table == "querier":
            if record.present:
                self.queriers[record.switch] = record.address
            else:
                self.queriers.pop(record.switch, None)
            return
        table: dict[tuple[str, ...], None] = self.members if record.group else self.routers  # type: ignore[assignment]
        line = (record.switch, record.port, record.group) if record.group else (record.switch, record.port)
        if record.present:
            table[line] = None
        else:
            table.pop(line, None)

    def lines(self) -> frozenset[tuple[str, ...]]:
        """Everything, for a comparison, a line each."""
        queriers = (("querier", switch, address) for switch, address in self.queriers.items())
        routers = (("router port", *line) for line in self.routers)
        return frozenset((*queriers, *routers, *(("member", *line) for line in self.members)))


class World:
    """One lab: its devices, a packet socket on every host, and what was seen."""

    def __init__(self, name: str, plan: Plan, loop: Loop) -> None:
        self.name = name
        self.plan = plan
        self.tables = Tables()
        self.changes = 0
        self.arrived: dict[str, list[bytes]] = {host.name: [] for host in plan.hosts}
        self.devices = Devices(plan, loop, Clock(speed=plan.speed), self._take)
        self._loop = loop
        self._sockets: dict[str, socket.socket] = {}

    def _take(self, record: Record) -> None:
        before = self.tables.lines()
        self.tables.take(record)
        self.changes += before != self.tables.lines()

    def build(self) -> None:
        """Build the lab and switch it on."""
        self.devices.build()
        for host in self.plan.hosts:
            with self.devices.enter_host(host.name):
                sock = socket.socket(
                    socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_IP)
                )
            sock.bind(("eth0", _ETH_P_IP))
            self._sockets[host.name] = sock
            self._loop.watch(sock.fileno(), self._reader(host.name, sock))
        self.devices.start()

    def _reader(self, host: str, sock: socket.socket) -> Callable[[], None]:
        def read() -> None:
            while True:
                try:
                    frame, address = sock.recvfrom(2048)
                except BlockingIOError:
                    return
                except OSError:  # its cable was pulled
                    return
                sent_here = address[2] == socket.PACKET_OUTGOING
                if not sent_here and frame[_PROTOCOL_AT] == _PROTOCOL_PROBE:
                    self.arrived[host].append(frame[_PAYLOAD_AT:].rstrip(b"\0"))

        return read

    @property
    def has_daemons(self) -> bool:
        """Whether a switch is made by programs of its own."""
        return any(switch.data_plane is DataPlane.OPENVSWITCH for switch in self.plan.switches)

    def do(self, step: Step) -> None:
        """Carry a step out."""
        match step:
            case Say():
                host = self.plan.host(step.host)
                frame = igmp.igmp_frame(
                    step.message,
                    source_mac=mac_bytes(host.mac),
                    source=host.address if step.source is None else step.source,
                    destination=step.destination,
                )
                self.put(step.host, frame)
            case Cable():
                for switch, port in self.ends(step):
                    self.devices.set_link(End(device=switch, port=port), up=step.up)

    def ends(self, cable: Cable) -> tuple[tuple[str, str], ...]:
        """The switches' ports at both ends of a cable; one if the other is a host's."""
        end = (cable.switch, cable.port)
        return next(((link.a, link.b) for link in self.plan.links if end in (link.a, link.b)), (end,))

    def put(self, host: str, frame: bytes) -> None:
        """Put a frame on a host's cable; nothing happens while that is unplugged."""
        try:
            self._sockets[host].send(frame)
        except OSError:
            return

    def probe(self, host: str, group: IPv4Address, text: str) -> None:
        """Send a datagram to a group."""
        sender = self.plan.host(host)
        packet = ipv4.Ipv4Packet(
            source=sender.address, destination=group, protocol=_PROTOCOL_PROBE, ttl=8, payload=text.encode()
        )
        frame = ethernet.EthernetFrame(
            destination=ethernet.multicast_mac(group),
            source=mac_bytes(sender.mac),
            ethertype=ethernet.ETHERTYPE_IPV4,
            payload=ipv4.encode(packet),
        )
        self.put(host, ethernet.encode(frame))

    def close(self) -> None:
        """Remove the lab."""
        for sock in self._sockets.values():
            self._loop.unwatch(sock.fileno())
            sock.close()
        self.devices.close()


class SideBySide:
    """Both worlds, driven by one loop."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._loop = Loop()
        self.genuine = World("genuine", network.plan(folder, emulated=False), self._loop)
        self.emulated = World("emulated", network.plan(folder, emulated=True), self._loop)
        self._worlds = (self.genuine, self.emulated)
        self._unplugged: set[tuple[str, str]] = set()
        self._round = 0

    def build(self) -> None:
        """Build both labs and let them come to rest."""
        for world in self._worlds:
            world.build()
        self._rest(0.0)

    def close(self) -> None:
        """Remove both."""
        for world in self._worlds:
            world.close()
        self._loop.close()

    def step(self, step: Step) -> None:
        """Carry a step out in both worlds and let them come to rest."""
        for world in self._worlds:
            world.do(step)
        if isinstance(step, Cable):
            end = (step.switch, step.port)
            (self._unplugged.discard if step.up else self._unplugged.add)(end)
        self._rest(step.quiet_s if isinstance(step, Say) else 0.0)
        if isinstance(step, Cable) and step.up:
            self._wait_for_fences()

    def wait(self, real_s: float) -> None:
        """Let time pass in both, and let them come to rest."""
        self._rest(real_s)

    def differences(self) -> tuple[str, ...]:
        """What the two worlds know and deliver differently, a sentence each."""
        known = {world.name: world.tables.lines() for world in self._worlds}
        reached = self._probe()
        found: list[str] = []
        for what, of in (("knows", known), ("delivers", reached)):
            for one, other in (("genuine", "emulated"), ("emulated", "genuine")):
                found += [f"only {one} {what}: {' '.join(line)}" for line in sorted(of[one] - of[other])]
        return tuple(found)

    # --- details ------------------------------------------------------------------------------------------

    def _rest(self, quiet_s: float) -> None:
        """Serve both until no table has changed for a while, and what was said has had its time."""
        self._loop.run_until(self._loop.now() + quiet_s)
        calm_s = max(self._calm_s(world) for world in self._worlds)
        end_s, deadline_s = self._loop.now() + calm_s, self._loop.now() + LIMIT_S
        seen = [world.changes for world in self._worlds]
        while self._loop.now() < end_s:
            self._loop.run_until(end_s)
            now = [world.changes for world in self._worlds]
            if now != seen:
                seen, end_s = now, self._loop.now() + calm_s
            if self._loop.now() > deadline_s:
                msg = f"waited {LIMIT_S:g} s for tables to come to rest; changes so far: {now}"
                raise LabError(msg)

    def _calm_s(self, world: World) -> float:
        """How long its tables must not have changed: a daemon of its own is looked at now and then."""
        return _CALM_OF_A_DAEMON_S if world.has_daemons else _CALM_S

    def _probe(self) -> dict[str, frozenset[tuple[str, ...]]]:
        """Let every host send to every group; return who received what, as (sender, group, receiver)."""
        self._round += 1
        for world in self._worlds:
            for heard in world.arrived.values():
                heard.clear()
            for host in world.plan.hosts:
                for group in (*GROUPS, STRANGER, LINK_LOCAL):
                    world.probe(host.name, group, f"{host.name} {group} {self._round}")
        self._wait_for_fences()
        return {world.name: frozenset(self._received(world)) for world in self._worlds}

    def _received(self, world: World) -> Iterator[tuple[str, ...]]:
        for receiver, probes in world.arrived.items():
            for probe in probes:
                sender, group, *rest = probe.decode().split()
                if group != str(FENCE) and rest == [str(self._round)]:
                    yield (sender, group, receiver)

    def _wait_for_fences(self) -> None:
        """Send until a fence of every host has reached all that its cables lead to, in both worlds."""
        self._round += 1
        number = self._round
        wanted = {
            (world.name, sender, receiver)
            for world in self._worlds
            for sender, receiver in self._joined(world.plan)
        }
        for world in self._worlds:
            for host in world.plan.hosts:
                world.probe(host.name, FENCE, f"{host.name} {FENCE} {number}")
        self._round -= 1

        def missing() -> set[tuple[str, str, str]]:
            return wanted - {
                (world.name, sender, receiver)
                for world in self._worlds
                for receiver, probes in world.arrived.items()
                for sender, group, *rest in (probe.decode().split() for probe in probes)
                if group == str(FENCE) and rest == [str(number)]
            }

        self._loop.wait_for(lambda: not missing(), LIMIT_S, lambda: f"fences, e.g. {sorted(missing())[:3]}")

    def _joined(self, plan: Plan) -> Sequence[tuple[str, str]]:
        """(sender, receiver) of all hosts that cables join."""
        place = {switch.name: switch.name for switch in plan.switches}

        def root(name: str) -> str:
            while place[name] != name:
                name = place[name]
            return name

        for link in plan.links:
            if not {link.a, link.b} & self._unplugged:
                place[root(link.a[0])] = root(link.b[0])
        plugged = [host for host in plan.hosts if (host.switch, host.port) not in self._unplugged]
        return [
            (a.name, b.name)
            for a in plugged
            for b in plugged
            if a is not b and root(a.switch) == root(b.switch)
        ]


@contextmanager
def side_by_side(network: Network, folder: Path) -> Iterator[SideBySide]:
    """Both worlds for the length of a with-block."""
    both = SideBySide(network, folder)
    try:
        both.build()
        yield both
    finally:
        both.close()
