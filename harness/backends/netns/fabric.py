"""The fabric of a lab: namespaces, bridges and cables, built in bulk and removed at once.

A switch is a namespace with one bridge, ``br0``; its ports are veth ends there. A host is a namespace with
``eth0``. Nothing has a name on the host: all is held by descriptors of this object. The order of steps is
what makes it fast (measured on Linux 6.18): snooping off until all ports exist and again before the end,
every veth in one message, addresses from each host's own socket, no link ever deleted by request, all
namespaces released together. Nothing here knows of multicast groups, scenarios or traffic.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from types import TracebackType
from typing import Self

from harness.backends.netns import host_ipv6, messages
from harness.backends.netns.cut_cables import CutCables
from harness.backends.netns.host_ipv6 import HostIPv6
from harness.backends.netns.messages import HostSettings, LinkState, OperState, VethEnd
from harness.backends.netns.namespaces import (
    create_namespace,
    creating_namespaces,
    inside,
    quiet_namespace,
    raise_fd_limit,
)
from harness.backends.netns.netlink import NetlinkSocket
from harness.backends.netns.sockets import INTERFACE, INTERFACE_INDEX
from harness.errors import LabError
from harness.wire.membership import Address

BRIDGE = "br0"
READY_LIMIT_S = 10.0
MAX_PORTS = 1023
"""The kernel's limit of ports on one bridge (BR_MAX_PORTS less one, measured: the 1024th is refused)."""

_BRIDGE_INDEX = 2
_FIRST_PORT_INDEX = 100
_POLL_S = 0.002
_FDS_BESIDE = 64


End = tuple[str, str]
"""(switch, port)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSpec:
    """A switch to build. ``options`` are ``messages.BRIDGE_OPTIONS``, in force once all ports exist.

    Without ``link_local`` it has no IPv6: it forwards that, and cannot speak it. ``bridged`` False: its ports
    are there and belong to no bridge; a program switches between them.
    """

    name: str
    mac: str
    mtu: int = 1500
    bridged: bool = True
    link_local: IPv6Address | None = None
    options: Mapping[str, int] = field(default_factory=lambda: {"mcast_snooping": 0})


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """A host to build, and the switch's port that it is plugged into.

    ``mtu`` holds for both ends of the cable unless ``port_mtu`` gives the switch's end another: what is too
    long for a port is dropped there without a word. ``up`` False: the switch's port begins administratively
    down, so the host has no carrier. ``igmp_version`` forces that version; None follows the querier. ``ipv6``
    lets the host's own IPv6 speak: link-local addresses, MLD and solicitations. ``inet6``: its addresses of
    IPv6, if it is to have any.
    """

    name: str
    mac: str
    address: IPv4Address
    prefix_length: int
    switch: str
    port: str
    port_mac: str
    mtu: int = 1500
    port_mtu: int | None = None
    up: bool = True
    unsolicited_v2_ms: int = messages.IGMPV2_REPORT_INTERVAL_MS
    unsolicited_v3_ms: int = messages.IGMPV3_REPORT_INTERVAL_MS
    igmp_version: int | None = None
    ipv6: bool = False
    inet6: HostIPv6 | None = None
    cut: bool = False
    """The cable ends in the middle, where a relay takes its frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """A cable between two switches. ``up`` False: end ``a`` begins administratively down."""

    a: End
    b: End
    a_mac: str
    b_mac: str
    mtu: int = 1500
    b_mtu: int | None = None
    up: bool = True
    cut: bool = False


@dataclass(slots=True, kw_only=True)
class _Port:
    """What is known of a port: whether it is set up, and the port at the other end if that is a switch's."""

    index: int
    up: bool
    peer: End | None = None


class Fabric:
    """Builds what the specifications say, and answers by name. Use ``build`` and ``close``, or ``with``."""

    def __init__(
        self, *, switches: Sequence[SwitchSpec], hosts: Sequence[HostSpec], links: Sequence[LinkSpec] = ()
    ) -> None:
        self._switches = tuple(switches)
        self._hosts = tuple(hosts)
        self._links = tuple(links)
        self._ports = _number_ports(self._switches, self._hosts, self._links)
        self._masters = {switch.name: _BRIDGE_INDEX if switch.bridged else 0 for switch in self._switches}
        self._switch_fds: dict[str, int] = {}
        self._host_fds: dict[str, int] = {}
        self._sockets: dict[str, NetlinkSocket] = {}
        self._link_locals: dict[str, IPv6Address | None] = {}
        """Of the bridges on which IPv6 was switched on."""
        self._cut: CutCables | None = None

    def __enter__(self) -> Self:
        self.build()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- life ---------------------------------------------------------------------------------------------

    def build(self, limit_s: float = READY_LIMIT_S) -> None:
        """Make everything and wait until every port that is up forwards.

        Raises HostError (this machine cannot) or LabError (the kernel refused, or the wait was in vain); what
        had been made is removed before.
        """
        try:
            raise_fd_limit(len(self._hosts) * 2 + len(self._switches) * 2 + _FDS_BESIDE)
            self._make_switches()
            with ExitStack() as stack:
                sockets = self._make_hosts(stack)
                self._plug_hosts()
                self._plug_links()
                self._configure_hosts(sockets)
            for switch in self._switches:
                if switch.bridged:
                    self.bridge_options(switch.name, switch.options)
                if switch.link_local is not None:
                    self.set_switch_link_local(switch.name, switch.link_local)
            self.wait_ready(limit_s)
        except BaseException:
            with suppress(LabError):
                self.close()
            raise

    def close(self) -> None:
        """Release everything, in the reverse order; a second time does nothing.

        The kernel removes the devices on its own time, all namespaces in one go. Raises LabError with every
        error, after all has been tried.
        """
        errors: list[str] = []
        for name, socket in reversed(self._sockets.items()):
            try:
                # With snooping on, every port that goes makes the bridge look at all others.
                if self._masters[name]:
                    socket.request(messages.bridge_options(_BRIDGE_INDEX, {"mcast_snooping": 0}))
            except (LabError, OSError) as error:
                errors.append(f"{name}: {error}")
            socket.close()
        for fds in (self._host_fds, self._switch_fds):
            for name, fd in reversed(fds.items()):
                try:
                    os.close(fd)
                except OSError as error:
                    errors.append(f"{name}: {error}")
        if self._cut is not None:
            self._cut.close()
        self._sockets, self._host_fds, self._switch_fds, self._cut = {}, {}, {}, None
        if errors:
            raise LabError("tear-down: " + "; ".join(errors))

    # --- doors --------------------------------------------------------------------------------------------

    def switch_fd(self, switch: str) -> int:
        """Return the namespace of a switch, for ``namespaces.inside``; KeyError if there is none."""
        return self._switch_fds[switch]

    def host_fd(self, host: str) -> int:
        """Return the namespace of a host, for ``namespaces.inside``; KeyError if there is none."""
        return self._host_fds[host]

    def port_index(self, switch: str, port: str) -> int:
        """Return the interface index of a port in its switch's namespace; KeyError if there is none."""
        return self._ports[switch, port].index

    def inner_end(self, device: str, port: str) -> tuple[int, str]:
        """Return namespace and name of the end in the middle of a cut cable that faces this one."""
        if self._cut is None:
            raise KeyError(device)
        return self._cut.fd, self._cut.name((device, port))

    def is_up(self, switch: str, port: str) -> bool:
        """Tell whether a port is administratively up; KeyError if there is none."""
        return self._ports[switch, port].up

    # --- what is there ------------------------------------------------------------------------------------

    def port_states(self, switch: str) -> dict[str, LinkState]:
        """Return the state of every port of a switch, by name, without counters."""
        bridged = bool(self._masters[switch])
        dump = self._sockets[switch].dump(messages.get_ports() if bridged else messages.get_links())
        states = (messages.link_state(message) for message in dump)
        return {state.name: state for state in states if state.port_state is not None or not bridged}

    def bridge_link(self, switch: str) -> bytes:
        """Return the kernel's RTM_NEWLINK of a switch's bridge, with all it knows."""
        return self._sockets[switch].ask(messages.get_link(_BRIDGE_INDEX))

    def wait_ready(self, limit_s: float = READY_LIMIT_S) -> None:
        """Wait until every port whose both ends are set up forwards.

        Raises LabError that says how many do, and the state of the first that does not.
        """
        wanted: dict[str, list[str]] = {switch.name: [] for switch in self._switches}
        for (switch, port), known in self._ports.items():
            if known.up and (known.peer is None or self._ports[known.peer].up):
                wanted[switch].append(port)
        total = sum(len(ports) for ports in wanted.values())
        deadline_s = time.monotonic() + limit_s
        while True:
            waiting: list[str] = []
            missing = 0
            for switch, ports in wanted.items():
                states = self.port_states(switch) if ports else {}
                lagging = [port for port in ports if not self._passes(switch, states.get(port))]
                missing += len(lagging)
                wanted[switch] = lagging
                waiting += [_complaint(switch, port, states.get(port)) for port in lagging[:1]]
            if not waiting:
                return
            if time.monotonic() > deadline_s:
                raise LabError(
                    f"waited {limit_s:g} s: {total - missing} of {total} ports forwarding; {waiting[0]}"
                )
            time.sleep(_POLL_S)

    def forwards(self, switch: str, port: str) -> bool:
        """Tell whether frames pass a switch's port, as the kernel sees it now."""
        return self._passes(switch, self.port_states(switch).get(port))

    def _passes(self, switch: str, state: LinkState | None) -> bool:
        if state is None:
            return False
        return state.passes if self._masters[switch] else state.oper_state is OperState.UP

    # --- changes ------------------------------------------------------------------------------------------

    def bridge_options(self, switch: str, options: Mapping[str, int]) -> None:
        """Set ``messages.BRIDGE_OPTIONS`` of a switch's bridge; a querier comes last. Raises RefusedError."""
        batch = messages.bridge_options(_BRIDGE_INDEX, options)
        self._sockets[switch].request(batch, f"options of {switch}: {', '.join(options)}")

    def port_options(self, switch: str, port: str, options: Mapping[str, int]) -> None:
        """Set ``messages.PORT_OPTIONS`` of a switch's port. Raises RefusedError."""
        message = messages.port_options(self.port_index(switch, port), options)
        self._sockets[switch].request((message,), f"options of {port} of {switch}")

    def set_switch_address(self, switch: str, address: IPv4Address) -> None:
        """Give a switch's bridge an address (/32): the source of its queries. Raises RefusedError."""
        message = messages.address(_BRIDGE_INDEX, IPv4Interface((address, 32)))
        self._sockets[switch].request((message,), f"address {address} of {switch}")

    def set_switch_link_local(self, switch: str, address: IPv6Address | None) -> None:
        """Give a switch's bridge another link-local address, from which its MLD queries come, or none.

        Raises RefusedError.
        """
        before = self._link_locals.get(switch)
        if before == address:
            return
        if switch not in self._link_locals:
            with inside(self._switch_fds[switch]):
                host_ipv6.enable_on(BRIDGE)
        batch = [
            host_ipv6.address(_BRIDGE_INDEX, IPv6Interface((one, 64)), gone=gone)
            for one, gone in ((before, True), (address, False))
            if one is not None
        ]
        self._sockets[switch].request(batch, f"link-local address of {switch}")
        self._link_locals[switch] = address

    def set_link(self, switch: str, port: str, *, up: bool) -> None:
        """Set a switch's port up or down, as its administrator would; the other end's carrier follows."""
        known = self._ports[switch, port]
        message = messages.set_link(known.index, up=up)
        self._sockets[switch].request((message,), f"{port} of {switch} {'up' if up else 'down'}")
        known.up = up
        if self._cut is not None:
            self._cut.follow((switch, port), up=up)

    def set_host_link(self, host: str, *, up: bool) -> None:
        """Set a host's eth0 up or down. Going down costs it its neighbours and routes, not its addresses.

        Those of IPv6, which the kernel takes away with the link, come back with it.
        """
        inet6 = next(spec.inet6 for spec in self._hosts if spec.name == host) if up else None
        addresses = () if inet6 is None else host_ipv6.addresses(INTERFACE_INDEX, inet6)
        self._host_request(host, (*addresses, messages.set_link(INTERFACE_INDEX, up=up)))
        if self._cut is not None:
            self._cut.follow((host, INTERFACE), up=up)

    def set_neighbours(self, host: str, neighbours: Iterable[tuple[Address, str]]) -> None:
        """Give a host permanent neighbour entries (address, MAC)."""
        batch = [messages.neighbour(INTERFACE_INDEX, address, mac) for address, mac in neighbours]
        self._host_request(host, batch)

    def _host_request(self, host: str, batch: Sequence[bytes | bytearray]) -> None:
        with inside(self._host_fds[host]):
            socket = NetlinkSocket()
        with socket:
            socket.request(batch, f"eth0 of {host}")

    # --- steps of the build -------------------------------------------------------------------------------

    def _make_switches(self) -> None:
        for switch in self._switches:
            fd = self._switch_fds[switch.name] = create_namespace()
            with inside(fd):
                self._sockets[switch.name] = NetlinkSocket()
                quiet_namespace()
            if not switch.bridged:
                continue
            bridge = messages.new_bridge(_BRIDGE_INDEX, BRIDGE, switch.mac, switch.mtu, {"mcast_snooping": 0})
            self._sockets[switch.name].request((bridge,), f"bridge of {switch.name}")

    def _make_hosts(self, stack: ExitStack) -> list[NetlinkSocket]:
        sockets: list[NetlinkSocket] = []
        with creating_namespaces() as create:
            for host in self._hosts:
                self._host_fds[host.name] = create()
                if host.inet6 is not None:
                    host_ipv6.write_defaults(host.inet6)
                sockets.append(stack.enter_context(NetlinkSocket()))
        return sockets

    def _plug_hosts(self) -> None:
        plugs: dict[str, list[tuple[str, bytearray]]] = {switch.name: [] for switch in self._switches}
        for host in self._hosts:
            known = self._ports[host.switch, host.port]
            mtu = host.mtu if host.port_mtu is None else host.port_mtu
            port = VethEnd(index=known.index, name=host.port, mac=host.port_mac, mtu=mtu)
            eth0 = VethEnd(index=INTERFACE_INDEX, name=INTERFACE, mac=host.mac, mtu=host.mtu)
            fd = self._host_fds[host.name]
            if host.cut:
                self._plug_cut(
                    {
                        (host.name, INTERFACE): (eth0, fd, True),
                        (host.switch, host.port): (port, self._switch_fds[host.switch], known.up),
                    }
                )
                continue
            message = messages.new_veth(port, self._masters[host.switch], eth0, fd, up=known.up)
            plugs[host.switch].append((host.name, message))
        for switch, cables in plugs.items():
            self._sockets[switch].request(
                [message for _, message in cables],
                [f"{host} on {switch}" for host, _ in cables],
            )

    def _plug_links(self) -> None:
        for link in self._links:
            a, b = self._ports[link.a], self._ports[link.b]
            b_mtu = link.mtu if link.b_mtu is None else link.b_mtu
            a_end = VethEnd(index=a.index, name=link.a[1], mac=link.a_mac, mtu=link.mtu)
            b_end = VethEnd(index=b.index, name=link.b[1], mac=link.b_mac, mtu=b_mtu)
            a_fd, b_fd = self._switch_fds[link.a[0]], self._switch_fds[link.b[0]]
            if link.cut:
                self._plug_cut({link.a: (a_end, a_fd, a.up), link.b: (b_end, b_fd, b.up)})
                continue
            cable = messages.new_veth(a_end, self._masters[link.a[0]], b_end, b_fd, up=a.up)
            what = f"cable from {link.a[1]} of {link.a[0]} to {link.b[1]} of {link.b[0]}"
            self._sockets[link.a[0]].request((cable,), what)
            join = messages.set_link(b.index, up=b.up, master=self._masters[link.b[0]])
            self._sockets[link.b[0]].request((join,), what)

    def _plug_cut(self, ends: Mapping[End, tuple[VethEnd, int, bool]]) -> None:
        """Make a cable in two halves; ends at switches become ports, those of hosts are configured later."""
        if self._cut is None:
            self._cut = CutCables(_FIRST_PORT_INDEX + len(self._ports))
        self._cut.plug(ends)
        for (device, port), (end, _, up) in ends.items():
            if (socket := self._sockets.get(device)) is not None:
                join = messages.set_link(end.index, up=up, master=self._masters[device])
                socket.request((join,), f"{port} of {device}")

    def _configure_hosts(self, sockets: Sequence[NetlinkSocket]) -> None:
        for host, socket in zip(self._hosts, sockets, strict=True):
            settings = HostSettings(
                igmpv2_report_interval_ms=host.unsolicited_v2_ms,
                igmpv3_report_interval_ms=host.unsolicited_v3_ms,
                force_igmp_version=host.igmp_version or 0,
                ipv6=host.ipv6,
            )
            inet6 = () if host.inet6 is None else host_ipv6.addresses(INTERFACE_INDEX, host.inet6)
            batch: tuple[bytes | bytearray, ...] = (
                messages.host_settings(INTERFACE_INDEX, settings),
                messages.address(INTERFACE_INDEX, IPv4Interface((host.address, host.prefix_length))),
                *inet6,
                messages.link_up(INTERFACE_INDEX),
            )
            socket.request(batch, f"eth0 of {host.name}")


def _number_ports(
    switches: Sequence[SwitchSpec], hosts: Sequence[HostSpec], links: Sequence[LinkSpec]
) -> dict[End, _Port]:
    """Give every port its interface index. LabError: used twice, an unknown switch, too many."""
    counts = dict.fromkeys((switch.name for switch in switches), 0)
    names = [switch.name for switch in switches] + [host.name for host in hosts]
    if len(set(names)) != len(names):
        raise LabError("two devices of one name in a fabric")
    ports: dict[End, _Port] = {}
    uses: list[tuple[End, bool, End | None]] = []
    uses += [((host.switch, host.port), host.up, None) for host in hosts]
    uses += [(link.a, link.up, link.b) for link in links]
    uses += [(link.b, True, link.a) for link in links]
    for end, up, peer in uses:
        switch, port = end
        if switch not in counts:
            raise LabError(f"port {port} is on {switch}, which is no switch of this fabric")
        if end in ports:
            raise LabError(f"port {port} of {switch} is used twice")
        # No two ends of a cable may have one index, even in different namespaces: the kernel would take the
        # link for one without a peer and tell of its carrier up to a second later (linkwatch_urgent_event).
        ports[end] = _Port(index=_FIRST_PORT_INDEX + len(ports), up=up, peer=peer)
        counts[switch] += 1
        if counts[switch] > MAX_PORTS:
            raise LabError(f"{switch} has more than {MAX_PORTS} ports, the kernel's limit for a bridge")
    return ports


def _complaint(switch: str, port: str, state: LinkState | None) -> str:
    if state is None:
        return f"{port} of {switch} is not there"
    bridged = "" if state.port_state is None else f" and {state.port_state.name}"
    return f"{port} of {switch} is {state.oper_state.name}{bridged}"
