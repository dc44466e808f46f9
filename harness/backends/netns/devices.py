"""The devices of a lab: its fabric of namespaces and cables, and what runs on switches and routers.

One place that knows which name is which descriptor, which switch is emulated and which is the kernel's own
bridge. Everything else asks here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from ipaddress import IPv6Address
from pathlib import Path
from typing import Protocol, assert_never

from harness.backends.base import Emit
from harness.backends.netns import firewall
from harness.backends.netns.clock import Clock
from harness.backends.netns.emulated import EmulatedSwitch
from harness.backends.netns.emulated_host import EmulatedHost
from harness.backends.netns.fabric import Fabric, HostSpec, LinkSpec, SwitchSpec
from harness.backends.netns.forger import Forger
from harness.backends.netns.host_ipv6 import HostIPv6
from harness.backends.netns.impaired import ImpairedCables
from harness.backends.netns.kernel_bridge import KernelBridge
from harness.backends.netns.namespaces import inside
from harness.backends.netns.offload import compute_checksums
from harness.backends.netns.open_vswitch import OpenVSwitch
from harness.backends.netns.router import RouterQuerier
from harness.backends.netns.sockets import INTERFACE
from harness.backends.netns.vswitchd import bring_up
from harness.backends.programs import address_of
from harness.errors import LabError
from harness.observations.model import Impaired
from harness.plan.hosts import (
    UNSOLICITED_V2_S,
    UNSOLICITED_V3_S,
    Learning,
    groups_in,
    learning,
    queriers_at_start,
)
from harness.plan.model import (
    ActionKind,
    Cast,
    End,
    Forgery,
    ImpairedEnd,
    PeerKind,
    Plan,
    PlanHost,
    PlanLink,
    PlanStream,
    PlanSwitch,
    Port,
)
from harness.plan.tools import PlanTool, Tool
from harness.profiles import DataPlane
from harness.protocols.dialect import Dialect
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter
from harness.protocols.snooping_config import SnoopingConfig
from harness.sockets.loop import Loop
from harness.wire.membership import Address

_FORWARDS_WITHIN_S = 0.01
"""How long the kernel may take to see a carrier on a busy machine (measured: 0.5 ms on an idle one)."""


class SwitchDriver(Protocol):
    """What a switch of a lab can be told, whatever it is made of."""

    name: str

    def start(self) -> None:
        """Switch it on."""

    def knows(self, group: Address, port: str, sources: tuple[Address, ...] = ()) -> bool:
        """Tell whether a port receives a group, and from these sources, or need not be a member to do so."""

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings, in the customer's seconds."""

    def port_changed(self, port: str, *, up: bool) -> None:
        """Be told that a port went down or came up."""

    def restart(self) -> None:
        """Lose all tables and begin again."""

    def hush(self, hushed: bool) -> None:
        """Keep reports from hosts, or let them pass as its settings say."""

    def topology_changed(self) -> None:
        """Be told that the spanning tree has changed."""

    def report_drops(self) -> None:
        """Hand out what this machine lost."""

    def close(self) -> None:
        """Release every descriptor."""


class Devices:
    """Builds, addresses and removes everything that is not traffic."""

    def __init__(self, plan: Plan, loop: Loop, clock: Clock, emit: Emit) -> None:
        self._plan = plan
        self._loop = loop
        self._clock = clock
        self._emit = emit
        self._fabric = Fabric(
            switches=tuple(_switch_spec(switch) for switch in plan.switches),
            hosts=tuple(_host_spec(host, plan) for host in plan.hosts),
            links=tuple(_link_spec(link, plan) for link in plan.links),
        )
        self._groups = groups_in(plan)
        self._switches: dict[str, SwitchDriver] = {}
        self._cables: ImpairedCables | None = None
        self._queriers: dict[tuple[Dialect, str], RouterQuerier] = {}
        self._emulated: dict[str, EmulatedHost] = {}
        self._forgers: dict[str, Forger] = {}
        self._behaviours = {
            (behaviour.dialect, switch.name): behaviour
            for switch in plan.switches
            for behaviour in (switch.behaviour, switch.mld)
            if behaviour is not None
        }

    # --- life ---------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make namespaces and cables, wait until the ports forward, put drivers on switches and hosts.

        Then the hosts' own firewalls, whose tools are real programs. Switches stay free of rules.
        """
        self._fabric.build()
        self._cables = ImpairedCables(self._plan, self._fabric, self._loop)
        self._set_neighbours(tuple(host.name for host in self._plan.hosts))
        for switch in self._plan.switches:
            self._switches[switch.name] = self._driver(switch)
        self._bring_up_open_vswitches()
        self._equip_hosts()
        for host in self._plan.hosts:
            if host.firewall:
                with self.enter_host(host.name):
                    firewall.set_up(host)

    def _equip_hosts(self) -> None:
        """Give hosts what they have beside their stack: queriers, machines of their own, forgers."""
        forging = {action.target for action in self._plan.actions if action.kind is ActionKind.FORGE}
        for host in self._plan.hosts:
            name = host.name
            dialects = tuple(_dialects(host))
            if not dialects and not host.machines and name not in forging:
                continue
            with self.enter_host(name):
                for dialect in dialects:
                    self._queriers[dialect, name] = RouterQuerier(
                        host, self._loop, self._clock, self._emit, dialect=dialect
                    )
                if host.machines:
                    self._emulated[name] = EmulatedHost(host, self._loop, self._clock, self._plan.seed)
                if name in forging:
                    self._forgers[name] = Forger(self._clock.speed)

    def _driver(self, switch: PlanSwitch) -> SwitchDriver:
        namespace = self._fabric.switch_fd(switch.name)
        match switch.data_plane:
            case DataPlane.LINUX_BRIDGE:
                return KernelBridge(switch, self._fabric, self._loop, self._clock, self._emit)
            case DataPlane.OPENVSWITCH:
                return OpenVSwitch(switch, namespace, self._loop, self._clock, self._emit)
            case DataPlane.EMULATED:
                return EmulatedSwitch(switch, namespace, self._loop, self._clock, self._emit)
            case _:
                assert_never(switch.data_plane)

    def _bring_up_open_vswitches(self) -> None:
        """Start the daemons of all Open vSwitches together; they want every host's checksums complete."""
        drivers = [driver for driver in self._switches.values() if isinstance(driver, OpenVSwitch)]
        bring_up([(driver.vswitchd, driver.settings()) for driver in drivers])
        for host in self._plan.hosts if drivers else ():
            with self.enter_host(host.name):
                compute_checksums(INTERFACE)

    def start(self) -> None:
        """Switch on every switch, and the hosts' queriers that run from the start."""
        for switch in self._switches.values():
            switch.start()
        for querier in self._asking():
            self._queriers[querier].start()

    def close(self) -> None:
        """Remove everything, in the reverse order."""
        for owned in (self._queriers, self._emulated, self._forgers):
            for driver in owned.values():
                driver.close()
        for switch in self._switches.values():
            switch.close()
        if self._cables is not None:
            self._cables.close()
        self._fabric.close()

    # --- doors --------------------------------------------------------------------------------------------

    def enter_host(self, name: str) -> AbstractContextManager[None]:
        """Enter a host's network namespace for the length of a with-block."""
        return inside(self._fabric.host_fd(name))

    def enter_switch(self, name: str) -> AbstractContextManager[None]:
        """Enter a switch's network namespace for the length of a with-block."""
        return inside(self._fabric.switch_fd(name))

    def doors(self) -> str:
        """Return the commands that enter the namespaces of this lab, a line each."""
        descriptors = [(switch.name, self._fabric.switch_fd(switch.name)) for switch in self._plan.switches]
        descriptors += [(host.name, self._fabric.host_fd(host.name)) for host in self._plan.hosts]
        user = f"--user=/proc/{os.getpid()}/ns/user --preserve-credentials "
        prefix = "" if os.geteuid() == 0 and _in_first_user_namespace() else user
        return "\n".join(
            f"{name}: nsenter {prefix}--net=/proc/{os.getpid()}/fd/{fd}" for name, fd in descriptors
        )

    # --- settling -----------------------------------------------------------------------------------------

    def queriers_heard(self) -> bool:
        """Tell whether every host that queries from the start has sent its first query, or yields."""
        asking = (self._queriers[asks] for asks in self._asking() if self._plan.host(asks[1]).up)
        return all(querier.is_settled for querier in asking)

    def unheard(self) -> str:
        """Say which hosts have not queried yet."""
        silent = [asks[1] for asks in self._asking() if not self._queriers[asks].is_settled]
        return f"the first query of {', '.join(dict.fromkeys(silent))}"

    def _asking(self) -> tuple[tuple[Dialect, str], ...]:
        """Return the hosts' queriers that run from the start."""
        igmp = ((Dialect.IGMP, host.name) for host in self._plan.hosts if host.querier_on)
        mld = ((Dialect.MLD, host.name) for host in self._plan.hosts if host.mld_querier_on)
        return (*igmp, *mld)

    def queriers_of_old_versions(self) -> bool:
        """Tell whether a query may be heard at the start that hosts do not answer with records."""
        forced = any(host.igmp_version in (1, 2) or host.mld_version == 1 for host in self._plan.hosts)
        machines = (machine for host in self._plan.hosts for machine in host.machines)
        forced |= any(machine.newest_version < machine.dialect.records_version for machine in machines)
        old = (querier.version < querier.dialect.records_version for querier in queriers_at_start(self._plan))
        return forced or any(old)

    def is_certain(self, host: PlanHost, stream: PlanStream) -> bool:
        """Tell whether no switch is in doubt about a membership."""
        return not any(
            self._learning(switch, host, stream) is Learning.POSSIBLE for switch in self._plan.switches
        )

    def knows(self, host: PlanHost, stream: PlanStream) -> bool:
        """Tell whether the switches that must learn of a join have done so.

        A switch that never will, by what the plan says of it and of the host, is not among them. What is
        joined from some sources they must have learned of each of these.
        That is the host's own switch; if it does not snoop, reports pass it, and its neighbours must learn of
        it too, and so on.
        """
        waiting, seen = [(host.switch, host.port)], {host.switch}
        sources = self._sources(host.name, stream) if stream.source_specific else ()
        while waiting:
            name, port = waiting.pop()
            switch = self._plan.switch(name)
            if self._learning(switch, host, stream) is Learning.NEVER:
                continue
            if not self._switches[name].knows(stream.group, port, sources):
                return False
            if switch.snoops(stream.group):
                continue
            for own in switch.ports:
                if own.peer_kind is PeerKind.SWITCH and own.peer not in seen and self._joined(switch, own):
                    seen.add(own.peer)
                    waiting.append((own.peer, own.peer_port))
        return True

    def _learning(self, switch: PlanSwitch, host: PlanHost, stream: PlanStream) -> Learning:
        return learning(switch, host, stream, self._groups)

    def _joined(self, switch: PlanSwitch, port: Port) -> bool:
        """Tell whether a port's cable to another switch is up from the start."""
        end = (switch.name, port.name)
        return any(link.up for link in self._plan.links if end in (link.a, link.b))

    def hush(self, hushed: bool) -> None:
        """Keep reports from hosts, or let them pass as each switch does by its settings."""
        for switch in self._switches.values():
            switch.hush(hushed)

    def reported(self, host: PlanHost, stream: PlanStream) -> bool:
        """Tell whether no report of a join is still to come that a kernel bridge would flood."""
        driver = self._switches[host.switch]
        if self._learning(self._plan.switch(host.switch), host, stream) is Learning.NEVER:
            return True
        return not isinstance(driver, KernelBridge) or driver.reported(stream.group, host.port)

    def last_due_s(self) -> float | None:
        """Return when the last frame that a cable holds will be out; None if there is none."""
        return None if self._cables is None else self._cables.last_due_s()

    def catch_up(self) -> None:
        """Wait until switches that are programs have forwarded what was sent, through all of them."""
        drivers = [driver for driver in self._switches.values() if isinstance(driver, OpenVSwitch)]
        for _ in drivers:
            for driver in drivers:
                driver.catch_up()

    def report_drops(self) -> None:
        """Hand out what this machine's switches lost."""
        for switch in self._switches.values():
            switch.report_drops()
        lost = 0 if self._cables is None else self._cables.newly_dropped()
        if lost:
            self._emit(Impaired(at_s=self._clock.now(), what="socket", count=lost, host="the relay"))

    # --- changes ------------------------------------------------------------------------------------------

    def configure(self, switch: str, *behaviours: SnoopingConfig | None) -> None:
        """Change a switch's settings, of IGMP and of MLD; those that are as before are left alone."""
        for behaviour in behaviours:
            if behaviour is None or behaviour == self._behaviours[behaviour.dialect, switch]:
                continue
            self._behaviours[behaviour.dialect, switch] = behaviour
            driver, querier = self._switches[switch], behaviour.querier
            if isinstance(driver, KernelBridge) and querier is not None:
                self._set_link_local(switch, querier.address)
            driver.configure(behaviour)

    def _set_link_local(self, switch: str, address: Address) -> None:
        """Give a kernel bridge the address that it is to ask IPv6 hosts from, or take it away."""
        if isinstance(address, IPv6Address):
            self._fabric.set_switch_link_local(switch, None if address.is_unspecified else address)

    def restart_switch(self, switch: str) -> None:
        """Lose a switch's tables."""
        self._switches[switch].restart()

    def set_querier(self, host: str, dialect: Dialect, *, on: bool) -> None:
        """Start or stop a host's querier."""
        querier = self._queriers.get((dialect, host))
        if querier is None:
            msg = f"{host} is no host that could query in {dialect.name}"
            raise LabError(msg)
        (querier.start if on else querier.stop)()

    def forge(self, host: str, forgery: Forgery) -> None:
        """Let a host send a packet that its stack would not."""
        self._forgers[host].send(forgery)

    def change_membership(self, node: str, stream: PlanStream, *, joined: bool) -> None:
        """Tell an emulated host what its node's sockets have joined or left."""
        wanted = None
        if joined:
            sources = tuple(sorted(self._sources(node, stream), key=int))
            named = SourceFilter(mode=FilterMode.INCLUDE, sources=sources)
            wanted = named if stream.source_specific else EVERY_SOURCE
        self.want(node, stream.number, stream.group, wanted)

    def want(self, node: str, number: int, group: Address, wanted: SourceFilter | None) -> None:
        """Tell an emulated host what a stream or tool on its node now wants of a group; None: nothing."""
        if (host := self._emulated.get(node)) is not None:
            host.want(number, group, wanted)

    def _sources(self, node: str, stream: PlanStream) -> tuple[Address, ...]:
        """Return the addresses of the others that send a stream, from which a node joins its group."""
        return tuple(
            self._plan.host(name).address_for(stream.group) for name in stream.senders if name != node
        )

    def set_link(self, end: End, *, up: bool) -> None:
        """Take a switch's port down or up; the host at the other end loses or gains its carrier."""
        if (driver := self._switches.get(end.device)) is not None:
            self._fabric.set_link(end.device, end.port, up=up)
            driver.port_changed(end.port, up=up)

    def let_forward(self, ends: tuple[End, ...]) -> None:
        """Wait until a cable between switches that came up passes frames, or a few milliseconds at most.

        The kernel drops what is sent before it has seen the carrier, and what follows in the timeline at the
        same moment is to come after it.
        """
        if not all(end.device in self._switches and self._fabric.is_up(end.device, end.port) for end in ends):
            return
        limit_s = self._loop.now() + _FORWARDS_WITHIN_S
        while self._loop.now() < limit_s:
            if all(self._fabric.forwards(end.device, end.port) for end in ends):
                return

    def impair(self, ends: Iterable[ImpairedEnd]) -> None:
        """Do this, and nothing else, to the frames that leave these ends of cables."""
        if self._cables is not None:
            for impaired in ends:
                self._cables.set(impaired)

    def topology_changed(self, switch: str) -> None:
        """Tell a switch what the spanning tree tells it."""
        self._switches[switch].topology_changed()

    def restart_host(self, name: str) -> None:
        """Take a host's interface down and up again: its stack leaves no goodbye, and reports anew.

        Its switch sees the link go and come, unless the port is down anyhow. The port is set down too, since
        a kernel bridge hears of a carrier that is back at once as if it had never been away.
        """
        host = self._plan.host(name)
        end = End(device=host.switch, port=host.port)
        plugged = self._fabric.is_up(end.device, end.port)
        for up in (False, True):
            self._fabric.set_host_link(name, up=up)
            if plugged:
                self.set_link(end, up=up)
        self._set_neighbours((name,))
        if (emulated := self._emulated.get(name)) is not None:
            emulated.rejoin()

    def _set_neighbours(self, names: tuple[str, ...]) -> None:
        """Give the hosts that unicast permanent neighbour entries.

        The kernel's table is one for all namespaces of the machine, and full at 1024 learned entries; a mesh
        of 32 nodes would fill it. Permanent entries do not count, and keep ARP out of captures.
        """
        for tool in self._plan.tools:
            for name in names:
                if name in tool.parties and tool.tool is not Tool.MCFIRST:
                    self._set_neighbours_of_tool(name, tool)
        for stream in self._plan.streams:
            if stream.cast is Cast.MULTICAST:
                continue
            for name in names:
                if name in stream.senders:
                    others = (self._plan.host(other) for other in stream.receivers if other != name)
                    self._fabric.set_neighbours(name, [(o.unicast_for(stream.group), o.mac) for o in others])

    def _set_neighbours_of_tool(self, name: str, tool: PlanTool) -> None:
        others = (self._plan.host(other) for other in tool.parties if other != name)
        self._fabric.set_neighbours(name, [(address_of(other, tool), other.mac) for other in others])


def _switch_spec(switch: PlanSwitch) -> SwitchSpec:
    own = switch.mld_querier_ready
    asks = switch.data_plane is DataPlane.LINUX_BRIDGE and own is not None
    link_local = own.address if asks and own is not None else None
    if isinstance(link_local, IPv6Address) and not link_local.is_unspecified:
        return SwitchSpec(name=switch.name, mac=switch.mac, mtu=switch.mtu, link_local=link_local)
    bridged = switch.data_plane is not DataPlane.OPENVSWITCH
    return SwitchSpec(name=switch.name, mac=switch.mac, mtu=switch.mtu, bridged=bridged)


def _host_spec(host: PlanHost, plan: Plan) -> HostSpec:
    port = next(port for port in plan.switch(host.switch).ports if port.name == host.port)
    return HostSpec(
        name=host.name,
        mac=host.mac,
        address=host.address,
        prefix_length=plan.prefix_length,
        ipv6=plan.ipv6,
        switch=host.switch,
        port=host.port,
        port_mac=port.mac,
        mtu=host.mtu,
        port_mtu=port.mtu,
        up=host.up,
        unsolicited_v2_ms=max(1, round(UNSOLICITED_V2_S * 1000 / plan.speed)),
        unsolicited_v3_ms=max(1, round(UNSOLICITED_V3_S * 1000 / plan.speed)),
        igmp_version=host.igmp_version,
        inet6=_inet6(host, plan),
        cut=any(end.device == host.name for cable in plan.relayed for end in cable),
    )


def _inet6(host: PlanHost, plan: Plan) -> HostIPv6 | None:
    if host.address6 is None or host.link_local is None:
        return None
    return HostIPv6(
        link_local=host.link_local,
        address=host.address6,
        prefix_length=plan.prefix_length6,
        mldv1_ms=max(1, round(UNSOLICITED_V2_S * 1000 / plan.speed)),
        mldv2_ms=max(1, round(UNSOLICITED_V3_S * 1000 / plan.speed)),
        mld_version=host.mld_version or 0,
        quiet=not plan.ipv6,
    )


def _dialects(host: PlanHost) -> Iterator[Dialect]:
    """The protocols that a host can query in."""
    if host.querier is not None:
        yield Dialect.IGMP
    if host.mld_querier is not None:
        yield Dialect.MLD


def _link_spec(link: PlanLink, plan: Plan) -> LinkSpec:
    macs = [
        next(port.mac for port in plan.switch(switch).ports if port.name == name)
        for switch, name in (link.a, link.b)
    ]
    return LinkSpec(
        a=link.a,
        b=link.b,
        a_mac=macs[0],
        b_mac=macs[1],
        mtu=link.mtu,
        b_mtu=link.b_mtu,
        up=link.up,
        cut=any((end.device, end.port) == link.a for cable in plan.relayed for end in cable),
    )


def _in_first_user_namespace() -> bool:
    return Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", "4294967295"]
