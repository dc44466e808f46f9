"""The plan: one variant of a scenario with every name, port, MAC, address, group and moment resolved.

A plan is data: pure, frozen, made by ``harness.plan.build`` without I/O, clock or chance. Backends build what
it says and verdicts judge against it. All times are the customer's seconds from the start of the scenario;
a backend divides them by ``speed``. ``Plan.graph`` is the same network as a networkx graph.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Problem
from harness.plan.impairment import Impairment
from harness.plan.tools import PlanTool
from harness.profiles import DataPlane
from harness.protocols.dialect import Dialect
from harness.protocols.host_config import HostConfig
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import SnoopingConfig
from harness.wire.membership import Address, Message
from harness.wire.pim import Hello

if TYPE_CHECKING:
    import networkx

_LINK_SCOPE = 2
"""Of a group of IPv6 (RFC 4291 section 2.7)."""
UNBOUNDED = 1_000_000_000
"""Of figures of tools: more than any can be."""
ROUNDING = 1e-6
"""Of a period: three times a third of a second is one second, although not in binary."""


class PeerKind(Enum):
    """What is plugged into a switch's port."""

    NODE = "node"
    ROUTER = "router"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of a switch, and what is at the other end of its cable (``peer_port`` is eth0 for hosts)."""

    name: str
    number: int
    mac: str
    peer: str
    peer_port: str
    peer_kind: PeerKind
    mtu: int
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSwitch:
    """A broadcast domain: a switch without VLANs, or one VLAN of a switch.

    sw1.20 is VLAN 20 of the ``chassis`` sw1; a switch without VLANs is its own chassis, and ``vlan`` None.
    Ports are the chassis's: p5 of sw1.10 and p5 of sw1.20 are one cable.
    ``behaviour`` holds times in the customer's seconds; ``querier`` in it may be None.
    ``profile`` is what the file says, for people; all that it means stands in the other fields.
    ``data_plane`` is what makes it in a lab, ``platform`` what it is: they differ where the genuine switch is
    emulated.
    """

    name: str
    chassis: str
    vlan: int | None
    profile: str
    title: str
    data_plane: DataPlane
    mac: str
    address: IPv4Address
    mtu: int
    behaviour: SnoopingConfig
    querier_ready: QuerierConfig
    """What a later "start querier" starts, also when none runs at first."""
    mld: SnoopingConfig | None = None
    """What it does with IPv6; None where the scenario has none, and multicast of IPv6 floods."""
    mld_querier_ready: QuerierConfig | None = None
    platform: DataPlane = DataPlane.EMULATED
    ports: tuple[Port, ...]

    def snoops(self, group: Address) -> bool:
        """Whether it snoops on the groups of this one's family from the start."""
        if isinstance(group, IPv4Address):
            return self.behaviour.snooping
        return self.mld is not None and self.mld.snooping


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallCommand:
    """One call of a firewall tool in a host's namespace: its name, its arguments, its standard input."""

    tool: str
    arguments: tuple[str, ...]
    text: str = ""

    def __str__(self) -> str:
        return shlex.join((self.tool, *self.arguments))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHost:
    """A node or a router: a Linux network stack with one interface, eth0.

    ``address6`` and ``link_local`` are None where the scenario has no IPv6.
    """

    name: str
    kind: PeerKind
    number: int
    mac: str
    address: IPv4Address
    switch: str
    port: str
    mtu: int
    up: bool
    igmp_version: int | None
    querier: QuerierConfig | None = None
    """Of a router, or of a node that asks: runs from the start if ``querier_on``."""
    querier_on: bool = False
    emulated: HostConfig | None = None
    """Of a node: this machine speaks IGMP, and the kernel neither IGMP nor, where there is IPv6, MLD."""
    emulated_mld: HostConfig | None = None
    firewall: tuple[FirewallCommand, ...] = ()
    """Run in this order, before the host joins or sends anything."""
    address6: IPv6Address | None = None
    link_local: IPv6Address | None = None
    mld_version: int | None = None
    mld_querier: QuerierConfig | None = None
    """Where there is IPv6, of a router or a node that asks: runs from the start if ``mld_querier_on``."""
    mld_querier_on: bool = False

    @property
    def machines(self) -> tuple[HostConfig, ...]:
        """Return the machines that speak in place of the kernel, one a protocol."""
        return tuple(one for one in (self.emulated, self.emulated_mld) if one is not None)

    def address_for(self, group: Address) -> Address:
        """The source of this host's datagrams to a group (RFC 6724 section 5, rule 2, for those of IPv6)."""
        if isinstance(group, IPv6Address) and group.packed[1] & 0x0F == _LINK_SCOPE:
            return self._there(self.link_local)
        return self.unicast_for(group)

    def unicast_for(self, group: Address) -> Address:
        """Where this host is sent what others get by this group.

        Raises ValueError for a group of IPv6 where the scenario has none of it.
        """
        return self.address if isinstance(group, IPv4Address) else self._there(self.address6)

    def _there(self, address: IPv6Address | None) -> IPv6Address:
        if address is None:
            msg = f"{self.name} has no IPv6 address"
            raise ValueError(msg)
        return address


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLink:
    """A cable between two switches, or what it carries of a VLAN; ends are (switch, port), each with an MTU.

    ``blocked`` by the spanning tree: plugged in and not ``up`` until the tree changes.
    """

    a: tuple[str, str]
    b: tuple[str, str]
    mtu: int
    b_mtu: int
    up: bool
    blocked: bool = False


class Cast(Enum):
    """How a stream is addressed."""

    MULTICAST = "multicast"
    UNICAST = "unicast"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStream:
    """Datagrams from each of ``senders``, one every ``period_s``, first at ``start_s``.

    MULTICAST: one datagram to ``group``; ``receivers`` are those that join at the start (of any sources, or
    of each sender if ``source_specific``). UNICAST: one datagram to each of ``receivers`` but the sender.
    ``watchers`` are hosts that are not members all the time: whatever of it reaches their interface is
    recorded too. ``number`` is the stream's number on the wire. A mesh is two streams of one ``name``.
    """

    name: str
    number: int
    cast: Cast
    group: Address
    port: int
    source_specific: bool
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    watchers: tuple[str, ...]
    period_s: float
    size: int
    ttl: int
    start_s: float
    stop_s: float

    def sequence_at(self, at_s: float) -> int:
        """Return the number of datagrams that each sender has sent before ``at_s``."""
        lasted_s = min(at_s, self.stop_s) - self.start_s
        return max(0, math.ceil(lasted_s / self.period_s - ROUNDING))

    def sent_at(self, sequence: int) -> float:
        """Return the moment when datagram ``sequence`` (from 0) is due."""
        return self.start_s + sequence * self.period_s


class ActionKind(Enum):
    """What can happen on a timeline."""

    CONFIGURE = "configure"
    START_QUERIER = "start querier"
    STOP_QUERIER = "stop querier"
    LINK_DOWN = "link down"
    LINK_UP = "link up"
    SILENCE = "silence"
    RESTORE = "restore"
    IMPAIR = "impair"
    REPAIR = "repair"
    TOPOLOGY_CHANGE = "topology change"
    JOIN = "join"
    LEAVE = "leave"
    RESTART_SWITCH = "restart switch"
    RESTART_NODE = "restart node"
    FORGE = "forge"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a cable: (switch, "p3") or (host, "eth0")."""

    device: str
    port: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpairedEnd:
    """What happens to the frames that leave this end of a cable; without ``impairments`` they pass."""

    end: End
    impairments: tuple[Impairment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """A packet that a host's stack would not send; times in ``message`` are the customer's.

    ``destination`` None is that of the RFCs, and so is ``destination_mac``: that of the group.
    """

    message: Message | Hello
    source: Address
    source_mac: str
    destination: Address | None = None
    destination_mac: str | None = None
    hops: int = 1
    router_alert: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One timed change. ``text`` says it in words; ``line`` is where it is written.

    CONFIGURE: ``target`` switch takes ``behaviour`` whole. START/STOP_QUERIER: ``target`` switch or host
    (for a switch ``behaviour`` is what it then runs). LINK_DOWN/UP: ``ends`` are both ends of the cable,
    or none where the spanning tree keeps it from forwarding. SILENCE/RESTORE/IMPAIR/REPAIR: ``impaired`` are
    the ends that change, each with all that holds from then on. TOPOLOGY_CHANGE: the spanning tree tells
    ``target`` switch. JOIN/LEAVE: ``target`` node, ``stream`` number. RESTART_*: ``target``.
    FORGE: ``target`` host sends ``forgery``.
    ``mld`` is to IPv6 what ``behaviour`` is to IPv4; a querier that starts or stops is that of ``dialect``.
    """

    at_s: float
    kind: ActionKind
    text: str
    line: int
    name: str | None = None
    target: str = ""
    ends: tuple[End, ...] = ()
    impaired: tuple[ImpairedEnd, ...] = ()
    behaviour: SnoopingConfig | None = None
    mld: SnoopingConfig | None = None
    dialect: Dialect = Dialect.IGMP
    stream: int | None = None
    forgery: Forgery | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        """Return the switches and hosts that it is done to, each once."""
        ends = (*self.ends, *(one.end for one in self.impaired))
        target = (self.target,) if self.target else ()
        return tuple(dict.fromkeys((*target, *(end.device for end in ends))))


class Audience(Enum):
    """Whom an expectation is about."""

    MEMBERS = "members"
    NON_MEMBERS = "non-members"
    ROUTER_PORTS = "router-ports"
    NAMED = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Which datagrams an expectation looks at: of ``streams``, from ``senders``, due in [from_s, until_s).

    Receivers: MEMBERS are those joined when the datagram was sent (never the sender itself); NON_MEMBERS the
    other nodes; ROUTER_PORTS the routers; NAMED the hosts in ``names``.
    """

    streams: tuple[int, ...]
    senders: tuple[str, ...]
    audience: Audience
    names: tuple[str, ...]
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where an expectation is written, and its words as they stand there (for the report)."""

    file: Path
    line: int
    text: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectDelivery:
    """The share of loss per pair lies in [least, most]; "all" is (0, 0), "none" is (1, 1)."""

    where: Where
    subject: Subject
    loss_at_least: float
    loss_at_most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectMatrix:
    """For each sender exactly these receivers of the audience hear everything, the others nothing."""

    where: Where
    subject: Subject
    hears: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectStop:
    """Each pair hears everything until its last datagram, due in [earliest_s, latest_s], nothing after."""

    where: Where
    subject: Subject
    earliest_s: float
    latest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectHeal:
    """Each pair hears everything due at or after ``by_s`` (until the subject's end)."""

    where: Where
    subject: Subject
    since_s: float
    by_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectLoad:
    """Of the datagrams of others, the share that reaches hosts which did not ask for them."""

    where: Where
    subject: Subject
    share_at_least: float
    share_at_most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectTables:
    """The tables of a switch at one moment; None is not judged. Ports by name (p3)."""

    where: Where
    switch: str
    at_s: float
    groups: tuple[tuple[Address, tuple[str, ...]], ...] | None
    router_ports: tuple[str, ...] | None
    querier: IPv4Address | None
    querier_judged: bool
    """True with ``querier`` None: no querier must be known."""
    mld_router_ports: tuple[str, ...] | None = None
    mld_querier: IPv6Address | None = None
    mld_querier_judged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectReport:
    """What a probe tool reports, in the figures of ``hosts`` about ``peers`` (never about themselves).

    Bounds hold for every (host, peer); None is not judged. Loss is a share of what was asked, also where the
    tool counts from its first answer on. ``first`` is the number of that, ``last_s`` the moment of the last
    one, ``distance`` in hops, ``size`` in bytes of UDP payload of the largest answer. ``status`` is the
    tool's exit status on each of ``hosts``.
    """

    where: Where
    tool: int
    cast: str
    hosts: tuple[str, ...]
    peers: tuple[str, ...]
    ended_by_s: float
    """When the tool has ended, whatever happens."""
    loss: tuple[float, float] | None = None
    duplicates: tuple[int, int] | None = None
    first: tuple[int, int] | None = None
    last_s: tuple[float, float] | None = None
    distance: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    status: int | None = None


Expectation = (
    ExpectDelivery | ExpectMatrix | ExpectStop | ExpectHeal | ExpectLoad | ExpectTables | ExpectReport
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One variant, resolved. Without slots, so that what is looked up often is found once and kept."""

    title: str
    file: Path
    variant: str
    role: str | None
    speed: float
    seed: int
    duration_s: float
    prefix_length: int
    prefix_length6: int = 64
    ipv6: bool = False
    """Whether the hosts' own IPv6 may speak; otherwise a capture holds only what the scenario sends."""
    switches: tuple[PlanSwitch, ...]
    hosts: tuple[PlanHost, ...]
    links: tuple[PlanLink, ...]
    impaired: tuple[ImpairedEnd, ...] = ()
    """What cables do from the start."""
    relayed: tuple[tuple[End, End], ...] = ()
    """Cables that at some time hold frames back: those need more than a rule that drops."""
    streams: tuple[PlanStream, ...]
    tools: tuple[PlanTool, ...] = ()
    actions: tuple[Action, ...]
    expectations: tuple[Expectation, ...]
    quirk: str = ""
    """Why a real kernel and the model may part here; empty: they must not."""
    warnings: tuple[Problem, ...] = ()
    """What was read otherwise than it is written."""

    @property
    def name(self) -> str:
        """Return ``file-stem::variant``."""
        return f"{self.file.name.removesuffix('.scenario.yaml')}::{self.variant}"

    @cached_property
    def nodes(self) -> tuple[PlanHost, ...]:
        """Return the hosts that are no routers."""
        return tuple(host for host in self.hosts if host.kind is PeerKind.NODE)

    @cached_property
    def routers(self) -> tuple[PlanHost, ...]:
        """Return the routers."""
        return tuple(host for host in self.hosts if host.kind is PeerKind.ROUTER)

    @cached_property
    def askers(self) -> tuple[PlanHost, ...]:
        """Return the hosts that have a querier, whether or not it runs from the start."""
        return tuple(host for host in self.hosts if host.querier or host.mld_querier)

    def host(self, name: str) -> PlanHost:
        """Return a host by name; KeyError if there is none."""
        return self._hosts[name]

    def switch(self, name: str) -> PlanSwitch:
        """Return a switch by name; KeyError if there is none."""
        return self._switches[name]

    def stream(self, number: int) -> PlanStream:
        """Return a stream by its number on the wire; KeyError if there is none."""
        return self._streams[number]

    @cached_property
    def _hosts(self) -> dict[str, PlanHost]:
        return {host.name: host for host in self.hosts}

    @cached_property
    def _switches(self) -> dict[str, PlanSwitch]:
        return {switch.name: switch for switch in self.switches}

    @cached_property
    def _streams(self) -> dict[int, PlanStream]:
        return {stream.number: stream for stream in self.streams}

    @property
    def graph(self) -> networkx.MultiGraph[str]:
        """Return the network: nodes carry ``kind`` and their plan, edges ``ports``, ``mtu`` and ``up``.

        Switches are broadcast domains and carry ``chassis`` and ``vlan``; a trunk is an edge for each VLAN.
        """
        import networkx  # noqa: PLC0415  a quarter of a second, and only people who look at the plan need it

        graph: networkx.MultiGraph[str] = networkx.MultiGraph(name=self.name, speed=self.speed)
        for switch in self.switches:
            graph.add_node(switch.name, kind="switch", plan=switch, chassis=switch.chassis, vlan=switch.vlan)
        for host in self.hosts:
            graph.add_node(host.name, kind=host.kind.value, plan=host)
            graph.add_edge(host.name, host.switch, ports=("eth0", host.port), mtu=host.mtu, up=host.up)
        for link in self.links:
            graph.add_edge(link.a[0], link.b[0], ports=(link.a[1], link.b[1]), mtu=link.mtu, up=link.up)
        return graph
