"""The network of a plan: every device with its addresses, every cable with the ports at both ends.

Ports are numbered switch by switch in the order of the file: nodes, routers, then links to other switches.
A mistake leaves out the device that it is in, so that the rest can still be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from harness.plan import addresses
from harness.plan.addresses import AddressPlan
from harness.plan.behaviour import Configured, NamedPorts, Settings, as_shipped, changed, router_querier
from harness.plan.cables import Link, PortRequest, number_ports, read_end, read_links
from harness.plan.firewall import Note, read_firewall
from harness.plan.hosts import emulated
from harness.plan.links import impaired_at_start
from harness.plan.model import (
    FirewallCommand,
    ImpairedEnd,
    PeerKind,
    PlanHost,
    PlanLink,
    PlanSwitch,
    Port,
)
from harness.plan.names import Loc, Mistakes, Names, chassis_of, domain_name
from harness.plan.open_vswitch import objections
from harness.plan.spanning_tree import TreeSettings, tree
from harness.plan.vlans import access, settings_of, written_address
from harness.profiles import DataPlane, Profile, is_file, load
from harness.scenario.links import SpanningTree as WrittenTree
from harness.scenario.network import Network, Nodes, Querier, Router, Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNetwork:
    """Devices and cables; ``configured`` is how each switch begins.

    Not ``complete``: mistakes left something out, and names that lead nowhere may be none of their own.
    """

    switches: tuple[PlanSwitch, ...]
    hosts: tuple[PlanHost, ...]
    links: tuple[PlanLink, ...]
    link_locs: tuple[Loc, ...]
    impaired: tuple[ImpairedEnd, ...]
    tree: TreeSettings | None
    configured: dict[str, Configured]
    notes: tuple[Note, ...]
    complete: bool
    mld: dict[str, Configured] = field(default_factory=dict)
    """How each switch begins for IPv6, where there is any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    """A device before its cables are known: what the file says of it, and where."""

    name: str
    number: int
    loc: Loc
    mac: str
    address: IPv4Address
    mtu: int
    vlan: int | None = None
    """Of a switch: the VLAN that this is, if it has some."""


def plan_network(
    network: Network, names: Names, mistakes: Mistakes, own: Mapping[str, Profile]
) -> PlannedNetwork:
    """Resolve a network. Mistakes are collected; what they touch is left out.

    ``own`` are the profiles of the author's files, by what is written in the scenario.
    """
    room = AddressPlan(
        subnet=network.subnet,
        nodes=len(names.nodes),
        routers=len(names.routers),
        switches=len(names.domains),
    )
    if not room.fits:
        mistakes.add(
            ("network", "subnet"),
            f"{network.subnet} is too small for its devices: nodes {room.nodes}, routers {room.routers}, "
            f"switches {room.switches}{' (each VLAN counts)' if names.vlans else ''}",
        )
    switches = _switches(network, room)
    nodes = _nodes(network, room)
    routers = _routers(network, room)
    _check_addresses(
        (*(node for node, _ in nodes), *(r for r, _ in routers), *(s for s, _ in switches)), room, mistakes
    )
    requests, links = _requests(network, names, nodes, routers, mistakes)
    numbers = number_ports(requests, mistakes)
    firewalls, notes = _firewalls(network, mistakes)
    hosts = _hosts(network, nodes, routers, requests, numbers, firewalls, mistakes)
    planned_links = _links(links, requests, numbers, {device.name: device.mtu for device, _ in switches})
    settings = _tree(network, names, mistakes)
    planned_links = _blocked(tuple(device.name for device, _ in switches), planned_links, settings)
    port_mtus = {device.name: node.port_mtu for device, node in nodes}
    port_mtus |= {device.name: router.port_mtu for device, router in routers}
    planned: list[PlanSwitch] = []
    configured: dict[str, Configured] = {}
    plugged = _plugged(hosts, planned_links)
    ports_of = {
        device.name: _ports(device, plugged.get(device.name, ()), port_mtus) for device, _ in switches
    }
    for device, written in switches:
        ports = ports_of[device.name]
        chassis = tuple(port for name in names.domains_of(chassis_of(device.name)) for port in ports_of[name])
        profile = _profile(device, written.profile, own, mistakes)
        begins = (
            None
            if profile is None
            else _configured(device, profile, written, ports, chassis, mistakes, names)
        )
        if profile is not None and begins is not None:
            configured[device.name] = begins
            planned.append(_switch(device, profile, written, begins, ports))
    return PlannedNetwork(
        switches=tuple(planned),
        hosts=hosts,
        links=tuple(link for link, _ in planned_links),
        link_locs=tuple(loc for _, loc in planned_links),
        impaired=impaired_at_start(network, names, hosts, planned_links, mistakes),
        tree=settings,
        configured=configured,
        notes=(*notes, *_unplugged(tuple(device for device, _ in switches), ports_of)),
        complete=len(mistakes) == 0,
    )


def _unplugged(switches: tuple[_Device, ...], ports_of: Mapping[str, tuple[Port, ...]]) -> Iterator[Note]:
    """A switch without a cable, as it comes of a variant that misspells one's name."""
    used = {chassis_of(name) for name, ports in ports_of.items() if ports}
    for device in switches:
        if chassis_of(device.name) not in used:
            yield device.loc, f"nothing is plugged into {chassis_of(device.name)}"


# --- devices -----------------------------------------------------------------------------------------------


def _expanded(name: str, count: int | None) -> tuple[str, ...]:
    return (name,) if count is None else tuple(f"{name}{number}" for number in range(1, count + 1))


def _later(address: IPv4Address, steps: int) -> IPv4Address:
    """The address that many further on, or the last that there is."""
    return IPv4Address(min(int(address) + steps, 2**32 - 1))


def _switches(network: Network, room: AddressPlan) -> tuple[tuple[_Device, Switch], ...]:
    found: list[tuple[_Device, Switch]] = []
    written = [("switches", name, one) for name, one in network.switches.items()]
    written += [("bridges", name, one) for name, one in network.bridges.items()]
    for section, written_name, switch in written:
        for index, name in enumerate(_expanded(written_name, switch.count)):
            for vlan in switch.vlans or (None,):
                number = len(found) + 1
                own, steps = written_address(switch, vlan, index)
                device = _Device(
                    name=domain_name(name, vlan),
                    number=number,
                    loc=("network", section, written_name),
                    mac=addresses.switch_mac(number),
                    address=room.switch(number) if own is None else _later(own, steps),
                    mtu=switch.mtu or network.mtu,
                    vlan=vlan,
                )
                found.append((device, switch))
    return tuple(found)


def _nodes(network: Network, room: AddressPlan) -> tuple[tuple[_Device, Nodes], ...]:
    found: list[tuple[_Device, Nodes]] = []
    for written_name, nodes in network.nodes.items():
        for index, name in enumerate(_expanded(written_name, nodes.count)):
            number = len(found) + 1
            device = _Device(
                name=name,
                number=number,
                loc=("network", "nodes", written_name),
                mac=addresses.node_mac(number),
                address=room.node(number) if nodes.address is None else _later(nodes.address, index),
                mtu=nodes.mtu or network.mtu,
            )
            found.append((device, nodes))
    return tuple(found)


def _routers(network: Network, room: AddressPlan) -> tuple[tuple[_Device, Router], ...]:
    return tuple(
        (
            _Device(
                name=name,
                number=number,
                loc=("network", "routers", name),
                mac=addresses.router_mac(number),
                address=router.address or room.router(number),
                mtu=router.mtu or network.mtu,
            ),
            router,
        )
        for number, (name, router) in enumerate(network.routers.items(), start=1)
    )


def _check_addresses(devices: tuple[_Device, ...], room: AddressPlan, mistakes: Mistakes) -> None:
    """Each address once, and inside of the subnet."""
    if not room.fits:
        return
    holders: dict[IPv4Address, str] = {}
    for device in devices:
        vlan = () if device.vlan is None else ("vlans", str(device.vlan))
        loc = (*device.loc, *vlan, "address")
        if not room.usable(device.address):
            message = f"{device.name} cannot have {device.address}: it is no host's address in {room.subnet}"
            mistakes.add(loc, message)
        elif device.address in holders:
            mistakes.add(loc, f"{holders[device.address]} and {device.name} both have {device.address}")
        holders.setdefault(device.address, device.name)


# --- cables ------------------------------------------------------------------------------------------------


def _requests(
    network: Network,
    names: Names,
    nodes: tuple[tuple[_Device, Nodes], ...],
    routers: tuple[tuple[_Device, Router], ...],
    mistakes: Mistakes,
) -> tuple[tuple[PortRequest, ...], tuple[Link, ...]]:
    """Who wants a port of which switch: one request for each host, two for each link, in that order."""
    requests: list[PortRequest] = []
    turns: dict[Loc, int] = {}
    places_of: dict[Loc, list[tuple[str, int | None, Loc]]] = {}
    for device, written in nodes:
        turn = turns[device.loc] = turns.get(device.loc, -1) + 1
        if turn == 0:
            places_of[device.loc] = [
                (switch, wanted, (*device.loc, "on", index))
                for index, text in enumerate(written.on)
                for switch, wanted in read_end(text, names, (*device.loc, "on", index), mistakes)
            ]
        places = places_of[device.loc]
        if places:
            requests += _request(device, places[turn % len(places)], written.vlan, names, mistakes)
    for device, router in routers:
        loc = (*device.loc, "on")
        for switch, wanted in read_end(router.on, names, loc, mistakes)[:1]:
            requests += _request(device, (switch, wanted, loc), router.vlan, names, mistakes)
    links = read_links(network.links, names, mistakes)
    for link in links:
        for (switch, wanted), (peer, _) in ((link.a, link.b), (link.b, link.a)):
            request = PortRequest(switch=switch, domain=switch, wanted=wanted, peer=peer, loc=link.loc)
            requests.append(request)
    return tuple(requests), links


def _request(
    device: _Device, place: tuple[str, int | None, Loc], vlan: int | None, names: Names, mistakes: Mistakes
) -> tuple[PortRequest, ...]:
    """What a host asks for at a place; nothing after a mistake."""
    name, wanted, loc = place
    domain = access(name, vlan, names, (loc, (*device.loc, "vlan")), mistakes)
    if domain is None:
        return ()
    switch = chassis_of(name)
    return (PortRequest(switch=switch, domain=domain, wanted=wanted, peer=device.name, loc=loc),)


def _hosts(
    network: Network,
    nodes: tuple[tuple[_Device, Nodes], ...],
    routers: tuple[tuple[_Device, Router], ...],
    requests: tuple[PortRequest, ...],
    numbers: tuple[int, ...],
    firewalls: dict[Loc, tuple[FirewallCommand, ...]],
    mistakes: Mistakes,
) -> tuple[PlanHost, ...]:
    places = {
        request.peer: (request.domain, f"p{number}")
        for request, number in zip(requests, numbers, strict=True)
    }
    hosts: list[PlanHost] = []
    for device, written in nodes:
        if device.name in places:
            host = _host(device, written, places[device.name], PeerKind.NODE)
            machine = None
            if written.host is not None:
                machine = emulated(written.host, host, network.subnet.prefixlen)
            host = replace(host, firewall=firewalls[device.loc], emulated=machine)
            hosts += _with_querier(host, written.querier, device, mistakes)
    for device, router in routers:
        if device.name in places:
            host = _host(device, router, places[device.name], PeerKind.ROUTER)
            hosts += _with_querier(host, router.querier, device, mistakes)
    return tuple(hosts)


def _with_querier(
    host: PlanHost, setting: Querier | bool | None, device: _Device, mistakes: Mistakes
) -> tuple[PlanHost, ...]:
    """The host with its querier, if it has one; nothing after a mistake in it."""
    if setting is None:
        return (host,)
    try:
        querier = router_querier(setting, mac=host.mac, address=host.address)
    except ValueError as error:
        mistakes.add((*device.loc, "querier"), str(error))
        return ()
    return (replace(host, querier=querier, querier_on=setting is not False),)


def _firewalls(
    network: Network, mistakes: Mistakes
) -> tuple[dict[Loc, tuple[FirewallCommand, ...]], tuple[Note, ...]]:
    """The firewall of each entry of nodes, by its place, and what was read otherwise than it is written."""
    firewalls: dict[Loc, tuple[FirewallCommand, ...]] = {}
    notes: list[Note] = []
    for name, nodes in network.nodes.items():
        loc = ("network", "nodes", name)
        firewalls[loc], found = read_firewall(nodes.firewall, (*loc, "firewall"), mistakes)
        notes.extend(found)
    return firewalls, tuple(notes)


def _host(device: _Device, written: Nodes | Router, place: tuple[str, str], kind: PeerKind) -> PlanHost:
    return PlanHost(
        name=device.name,
        kind=kind,
        number=device.number,
        mac=device.mac,
        address=device.address,
        switch=place[0],
        port=place[1],
        mtu=device.mtu,
        up=written.port == "up",
        igmp_version=written.igmp_version if isinstance(written, Nodes) else None,
    )


def _links(
    links: tuple[Link, ...], requests: tuple[PortRequest, ...], numbers: tuple[int, ...], mtus: dict[str, int]
) -> tuple[tuple[PlanLink, Loc], ...]:
    """What each cable carries, a link for each VLAN. The requests of links are the last, two for each."""
    first = len(requests) - 2 * len(links)
    planned: list[tuple[PlanLink, Loc]] = []
    for index, link in enumerate(links):
        at = first + 2 * index
        ports = tuple(f"p{numbers[end]}" for end in (at, at + 1))
        for lane in link.lanes:
            a, b = zip(lane, ports, strict=True)
            least = min(mtus.get(a[0], 1500), mtus.get(b[0], 1500))
            mtu, b_mtu = link.mtu or (least, least)
            planned.append((PlanLink(a=a, b=b, mtu=mtu, b_mtu=b_mtu, up=link.up), link.loc))
    return tuple(planned)


def _tree(network: Network, names: Names, mistakes: Mistakes) -> TreeSettings | None:
    """The spanning tree as it is written, or None without one."""
    written = network.spanning_tree
    if not written or not names.switches:
        return None
    settings = written if isinstance(written, WrittenTree) else WrittenTree()
    root = settings.root or names.switches[0]
    loc = ("network", "spanning_tree", "root")
    if not names.known("switch", root, names.switches, loc, mistakes):
        root = names.switches[0]
    return TreeSettings(root=root, change_over_s=settings.change_over)


def _blocked(
    switches: tuple[str, ...], links: tuple[tuple[PlanLink, Loc], ...], settings: TreeSettings | None
) -> tuple[tuple[PlanLink, Loc], ...]:
    """The links, those blocked that are plugged in and not in the tree."""
    if settings is None:
        return links
    joined = [(link.a[0], link.b[0]) for link, _ in links]
    up = [number for number, (link, _) in enumerate(links) if link.up]
    forwarding = tree(switches, joined, up, settings.root)
    return tuple(
        (replace(link, up=False, blocked=True), loc) if link.up and number not in forwarding else (link, loc)
        for number, (link, loc) in enumerate(links)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plug:
    """What is plugged into a port of a switch: a host's cable (``mtu`` None) or a link's."""

    port: str
    peer: tuple[str, str]
    kind: PeerKind
    mtu: int | None
    up: bool


def _plugged(hosts: tuple[PlanHost, ...], links: tuple[tuple[PlanLink, Loc], ...]) -> dict[str, list[_Plug]]:
    """The cables of each switch: those of hosts, then the links."""
    found: dict[str, list[_Plug]] = {}
    for host in hosts:
        plug = _Plug(port=host.port, peer=(host.name, "eth0"), kind=host.kind, mtu=None, up=host.up)
        found.setdefault(host.switch, []).append(plug)
    for link, _ in links:
        for here, there, mtu in ((link.a, link.b, link.mtu), (link.b, link.a, link.b_mtu)):
            plug = _Plug(port=here[1], peer=there, kind=PeerKind.SWITCH, mtu=mtu, up=link.up)
            found.setdefault(here[0], []).append(plug)
    return found


def _ports(switch: _Device, plugs: Iterable[_Plug], port_mtus: Mapping[str, int | None]) -> tuple[Port, ...]:
    """A port towards a host has the switch's MTU or its own, one towards a switch that of its end."""
    ports = [_port(switch, plug, plug.mtu or port_mtus.get(plug.peer[0]) or switch.mtu) for plug in plugs]
    return tuple(sorted(ports, key=lambda port: port.number))


def _port(switch: _Device, plug: _Plug, mtu: int) -> Port:
    number = int(plug.port[1:])
    return Port(
        name=plug.port,
        number=number,
        mac=addresses.port_mac(switch.number, number),
        peer=plug.peer[0],
        peer_port=plug.peer[1],
        peer_kind=plug.kind,
        mtu=mtu,
        up=plug.up,
    )


# --- switches ----------------------------------------------------------------------------------------------


def _profile(device: _Device, name: str, own: Mapping[str, Profile], mistakes: Mistakes) -> Profile | None:
    """A shipped profile, or one of the author's own; whatever was wrong in its file has been told."""
    if is_file(name) and name not in own:
        mistakes.add_told()
        return None
    try:
        profile = own[name] if is_file(name) else load(name)
    except ValueError as error:
        mistakes.add((*device.loc, "profile"), str(error), certain=True)
        return None
    if device.loc[1] == "bridges" and profile.data_plane is not DataPlane.LINUX_BRIDGE:
        message = "a bridge is linux-bridge; others stand under switches"
        mistakes.add((*device.loc, "profile"), message, certain=True)
        return None
    return profile


def _configured(
    device: _Device,
    profile: Profile,
    written: Switch,
    ports: tuple[Port, ...],
    chassis: tuple[Port, ...],
    mistakes: Mistakes,
    names: Names,
) -> Configured | None:
    """How a domain begins; ``chassis`` are the ports of its switch in all VLANs."""
    begins = as_shipped(profile, mac=device.mac, address=device.address)
    for settings, loc in settings_of(written, device.vlan, device.loc):
        own = device.name if loc != device.loc else chassis_of(device.name)
        named = ports_of(
            own,
            ports if loc != device.loc else chassis,
            settings,
            loc,
            mistakes,
            several=names.several,
            complete=len(mistakes) == 0,
        )
        if profile.data_plane is DataPlane.OPENVSWITCH:
            mistakes.add_all(loc, objections(settings))
        try:
            begins = changed(begins, settings, named.among({port.name for port in ports}))
        except ValueError as error:
            mistakes.add((*loc, "querier"), str(error))
            return None
    return begins


def _switch(
    device: _Device, profile: Profile, written: Switch, begins: Configured, ports: tuple[Port, ...]
) -> PlanSwitch:
    return PlanSwitch(
        name=device.name,
        chassis=chassis_of(device.name),
        vlan=device.vlan,
        profile=written.profile,
        title=profile.title,
        data_plane=DataPlane.EMULATED if written.emulated else profile.data_plane,
        platform=profile.data_plane,
        mac=device.mac,
        address=device.address,
        mtu=device.mtu,
        behaviour=begins.behaviour,
        querier_ready=begins.ready,
        ports=ports,
    )


def _called(switch: str, port: Port) -> set[str]:
    """What a port of a switch may be called in a file: p3, sw1:p3, or as the neighbour on it."""
    owners = {switch, chassis_of(switch)}
    return {port.name, port.peer, chassis_of(port.peer), *(f"{owner}:{port.name}" for owner in owners)}


def ports_of(
    switch: str,
    ports: tuple[Port, ...],
    settings: Settings,
    loc: Loc,
    mistakes: Mistakes,
    *,
    several: Mapping[str, tuple[str, ...]],
    complete: bool,
) -> NamedPorts:
    """The ports that settings name, which stand at ``loc``; all else as for :func:`named_ports`."""
    found = {
        key: named_ports(
            switch,
            ports,
            getattr(settings, key),
            (*loc, key),
            mistakes,
            several=several,
            complete=complete,
        )
        for key in ("router_ports", "fast_leave_ports")
    }
    return NamedPorts(**found)


def named_ports(
    switch: str,
    ports: tuple[Port, ...],
    written: tuple[str, ...] | None,
    loc: Loc,
    mistakes: Mistakes,
    *,
    several: Mapping[str, tuple[str, ...]],
    complete: bool,
) -> tuple[str, ...] | None:
    """Names of ports for what stands in a file: a port (p3), or the neighbour on it (n1, sw2).

    A name with a count stands for all of ``several`` that are neighbours.

    Unless ``complete``, other mistakes left out neighbours, and a name without a port is none of its own.
    """
    if written is None:
        return None
    found: dict[int, str] = {}
    for index, name in enumerate(written):
        meant = {name, *several.get(name, ())}
        matching = [port for port in ports if meant & _called(switch, port)]
        if not matching and complete:
            there = ", ".join(f"{port.name} ({port.peer})" for port in ports[:12])
            mistakes.add(
                (*loc, index), f'{switch} has no port "{name}" and no neighbour of that name; it has {there}'
            )
        found.update((port.number, port.name) for port in matching)
    return tuple(name for _, name in sorted(found.items()))
