"""The devices of a lab: its fabric of namespaces and cables, and what runs on switches and routers.

One place that knows which name is which descriptor, which switch is emulated and which is the kernel's own
bridge. Everything else asks here.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from harness.backends.base import Emit
from harness.backends.netns import firewall
from harness.backends.netns.clock import Clock
from harness.backends.netns.emulated import EmulatedSwitch
from harness.backends.netns.emulated_host import EmulatedHost
from harness.backends.netns.fabric import Fabric, HostSpec, LinkSpec, SwitchSpec
from harness.backends.netns.forger import Forger
from harness.backends.netns.kernel_bridge import KernelBridge
from harness.backends.netns.limits import HOST_UNSOLICITED_V2_S, HOST_UNSOLICITED_V3_S
from harness.backends.netns.loop import Loop
from harness.backends.netns.namespaces import inside
from harness.backends.netns.router import RouterQuerier
from harness.backends.netns.silence import SilentLink
from harness.errors import LabError
from harness.plan.hosts import Learning, learning
from harness.plan.model import (
    ActionKind,
    Cast,
    End,
    Forgery,
    PeerKind,
    Plan,
    PlanHost,
    PlanLink,
    PlanStream,
    PlanSwitch,
    Port,
)
from harness.profiles import DataPlane
from harness.protocols.snooping import SnoopingConfig
from harness.wire.membership import Address


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
        self._switches: dict[str, SwitchDriver] = {}
        self._queriers: dict[str, RouterQuerier] = {}
        self._emulated: dict[str, EmulatedHost] = {}
        self._forgers: dict[str, Forger] = {}

    # --- life ---------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make namespaces and cables, wait until the ports forward, put drivers on switches and hosts.

        Then the hosts' own firewalls, whose tools are real programs. Switches stay free of rules.
        """
        self._fabric.build()
        self._set_neighbours(tuple(host.name for host in self._plan.hosts))
        for switch in self._plan.switches:
            self._switches[switch.name] = self._driver(switch)
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
            if host.querier is None and host.emulated is None and name not in forging:
                continue
            with self.enter_host(name):
                if host.querier is not None:
                    self._queriers[name] = RouterQuerier(host, self._loop, self._clock, self._emit)
                if host.emulated is not None:
                    self._emulated[name] = EmulatedHost(host, self._loop, self._clock, self._plan.seed)
                if name in forging:
                    self._forgers[name] = Forger(self._clock.speed)

    def _driver(self, switch: PlanSwitch) -> SwitchDriver:
        if switch.data_plane is DataPlane.LINUX_BRIDGE:
            return KernelBridge(switch, self._fabric, self._loop, self._clock, self._emit)
        namespace = self._fabric.switch_fd(switch.name)
        return EmulatedSwitch(switch, namespace, self._loop, self._clock, self._emit)

    def start(self) -> None:
        """Switch on every switch, and the hosts' queriers that run from the start."""
        for switch in self._switches.values():
            switch.start()
        for host in self._plan.askers:
            if host.querier_on:
                self._queriers[host.name].start()

    def close(self) -> None:
        """Remove everything, in the reverse order."""
        for owned in (self._queriers, self._emulated, self._forgers):
            for driver in owned.values():
                driver.close()
        for switch in self._switches.values():
            switch.close()
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
        """Tell whether every host that queries from the start has sent its first query."""
        return all(self._queriers[host.name].has_queried for host in self._asking() if host.up)

    def unheard(self) -> str:
        """Say which hosts have not queried yet."""
        silent = [host.name for host in self._asking() if not self._queriers[host.name].has_queried]
        return f"the first query of {', '.join(silent)}"

    def _asking(self) -> tuple[PlanHost, ...]:
        """The hosts that query from the start."""
        return tuple(host for host in self._plan.askers if host.querier_on)

    def queriers_of_old_versions(self) -> bool:
        """Tell whether a version 1 or 2 query may be heard at the start."""
        queriers = [switch.behaviour.standing_querier() for switch in self._plan.switches]
        queriers += [host.querier for host in self._asking()]
        forced = any(host.igmp_version in (1, 2) for host in self._plan.hosts)
        forced |= any(h.emulated is not None and h.emulated.newest_version < 3 for h in self._plan.hosts)
        return forced or any(querier is not None and querier.version < 3 for querier in queriers)

    def longest_response_s(self) -> float:
        """Return how long hosts may take to report, asked or on a join, in the customer's seconds."""
        queriers = [switch.behaviour.standing_querier() for switch in self._plan.switches]
        queriers += [host.querier for host in self._asking()]
        asked = (querier.max_response_s for querier in queriers if querier is not None)
        return max(asked, default=HOST_UNSOLICITED_V3_S)

    def is_certain(self, host: PlanHost, stream: PlanStream) -> bool:
        """Tell whether no switch is in doubt about a membership."""
        return not any(learning(switch, host, stream) is Learning.POSSIBLE for switch in self._plan.switches)

    def knows(self, host: PlanHost, stream: PlanStream) -> bool:
        """Tell whether the switches that must learn of a join have done so.

        A switch that never will, by what the plan says of it and of the host, is not among them.
        That is the host's own switch; if it does not snoop, reports pass it, and its neighbours must learn of
        it too, and so on.
        """
        waiting, seen = [(host.switch, host.port)], {host.switch}
        while waiting:
            name, port = waiting.pop()
            switch = self._plan.switch(name)
            if learning(switch, host, stream) is Learning.NEVER:
                continue
            if not self._switches[name].knows(stream.group, port):
                return False
            if switch.behaviour.snooping:
                continue
            for own in switch.ports:
                if own.peer_kind is PeerKind.SWITCH and own.peer not in seen and self._joined(switch, own):
                    seen.add(own.peer)
                    waiting.append((own.peer, own.peer_port))
        return True

    def _joined(self, switch: PlanSwitch, port: Port) -> bool:
        """Tell whether a port's cable to another switch is up from the start."""
        end = (switch.name, port.name)
        return any(link.up for link in self._plan.links if end in (link.a, link.b))

    def hush(self, hushed: bool) -> None:
        """Let kernel bridges flood nothing to hosts, or what they flood by their settings."""
        for switch in self._switches.values():
            if isinstance(switch, KernelBridge):
                switch.hush(hushed)

    def reported(self, host: PlanHost, stream: PlanStream) -> bool:
        """Tell whether no report of a join is still to come that a kernel bridge would flood."""
        driver = self._switches[host.switch]
        if learning(self._plan.switch(host.switch), host, stream) is Learning.NEVER:
            return True
        return not isinstance(driver, KernelBridge) or driver.reported(stream.group, host.port)

    def report_drops(self) -> None:
        """Hand out what this machine's switches lost."""
        for switch in self._switches.values():
            switch.report_drops()

    # --- changes ------------------------------------------------------------------------------------------

    def configure(self, switch: str, behaviour: SnoopingConfig) -> None:
        """Change a switch's settings."""
        self._switches[switch].configure(behaviour)

    def restart_switch(self, switch: str) -> None:
        """Lose a switch's tables."""
        self._switches[switch].restart()

    def set_querier(self, host: str, *, on: bool) -> None:
        """Start or stop a host's querier."""
        querier = self._queriers.get(host)
        if querier is None:
            msg = f"{host} is no host that could query"
            raise LabError(msg)
        (querier.start if on else querier.stop)()

    def forge(self, host: str, forgery: Forgery) -> None:
        """Let a host send a packet that its stack would not."""
        self._forgers[host].send(forgery)

    def change_membership(self, node: str, stream: PlanStream, *, joined: bool) -> None:
        """Tell an emulated host what its node's sockets have joined or left."""
        if (host := self._emulated.get(node)) is not None:
            senders = (
                self._plan.host(name).address_for(stream.group) for name in stream.senders if name != node
            )
            host.change_membership(stream, tuple(senders), joined=joined)

    def set_link(self, end: End, *, up: bool) -> None:
        """Take a switch's port down or up; the host at the other end loses or gains its carrier."""
        if (driver := self._switches.get(end.device)) is not None:
            self._fabric.set_link(end.device, end.port, up=up)
            driver.port_changed(end.port, up=up)

    def set_silence(self, end: End, *, silent: bool) -> None:
        """Let every frame that leaves this end of a cable vanish, or no more."""
        on_switch = end.device in self._switches
        fd = self._fabric.switch_fd(end.device) if on_switch else self._fabric.host_fd(end.device)
        if silent:
            SilentLink.silence(fd, end.port)
        else:
            SilentLink.restore(fd, end.port)

    def restart_host(self, name: str) -> None:
        """Take a host's interface down and up again: its stack leaves no goodbye, and reports anew."""
        self._fabric.set_host_link(name, up=False)
        self._fabric.set_host_link(name, up=True)
        self._set_neighbours((name,))
        if (host := self._emulated.get(name)) is not None:
            host.rejoin()

    def _set_neighbours(self, names: tuple[str, ...]) -> None:
        """Give the hosts that unicast permanent neighbour entries.

        The kernel's table is one for all namespaces of the machine, and full at 1024 learned entries; a mesh
        of 32 nodes would fill it. Permanent entries do not count, and keep ARP out of captures.
        """
        for stream in self._plan.streams:
            if stream.cast is Cast.MULTICAST:
                continue
            for name in names:
                if name in stream.senders:
                    others = (self._plan.host(other) for other in stream.receivers if other != name)
                    self._fabric.set_neighbours(name, [(o.address, o.mac) for o in others])


def _switch_spec(switch: PlanSwitch) -> SwitchSpec:
    return SwitchSpec(name=switch.name, mac=switch.mac, mtu=switch.mtu)


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
        up=host.up,
        unsolicited_v2_ms=max(1, round(HOST_UNSOLICITED_V2_S * 1000 / plan.speed)),
        unsolicited_v3_ms=max(1, round(HOST_UNSOLICITED_V3_S * 1000 / plan.speed)),
        igmp_version=host.igmp_version,
    )


def _link_spec(link: PlanLink, plan: Plan) -> LinkSpec:
    macs = [
        next(port.mac for port in plan.switch(switch).ports if port.name == name)
        for switch, name in (link.a, link.b)
    ]
    return LinkSpec(a=link.a, b=link.b, a_mac=macs[0], b_mac=macs[1], mtu=link.mtu, up=link.up)


def _in_first_user_namespace() -> bool:
    return Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", "4294967295"]
