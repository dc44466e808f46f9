"""The part of a plan that is of IPv6: addresses of hosts, and what switches and routers do with MLD.

A scenario has IPv6 where a stream goes to a group of it, or anything of it is set. All others are planned
without, so that their switches do not look for what nobody sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from harness.plan.addresses6 import link_local, node6, router6, usable6
from harness.plan.behaviour import Configured, router_querier
from harness.plan.hosts import emulated_mld
from harness.plan.mld import mld_as_shipped, mld_changed
from harness.plan.model import PeerKind, PlanHost, PlanSwitch
from harness.plan.names import Loc, Mistakes, Names, domain_name
from harness.plan.network import PlannedNetwork, ports_of
from harness.plan.vlans import settings_of
from harness.profiles import Profile, is_file, load
from harness.protocols.dialect import Dialect
from harness.scenario.expectations import SwitchState
from harness.scenario.model import Scenario
from harness.scenario.network import MldQuerier, MldSettings, Network, Nodes, Router, Switch
from harness.scenario.timeline import Step
from harness.scenario.traffic import version_of


def has_ipv6(scenario: Scenario) -> bool:
    """Whether a scenario has anything to do with IPv6 beside the hosts' own noise."""
    network = scenario.network
    return (
        any(version_of(traffic) == 6 for traffic in scenario.traffic.values())
        or any(_sets_mld(switch) for switch in (*network.switches.values(), *network.bridges.values()))
        or any(_of_ipv6(nodes) for nodes in network.nodes.values())
        or any(router.address6 or router.mld_querier for router in network.routers.values())
        or any(_of_mld(step) for step in scenario.timeline)
        or any(isinstance(one, SwitchState) and _about_mld(one) for one in scenario.expect)
    )


def _sets_mld(switch: Switch) -> bool:
    return bool(switch.mld or any(vlan.mld for vlan in (switch.vlans or {}).values()))


def _of_ipv6(nodes: Nodes) -> bool:
    to = None if nodes.host is None else nodes.host.reports_to
    own = nodes.host is not None and (nodes.host.mld_version or (to is not None and to.version == 6))
    return bool(nodes.address6 or nodes.mld_version or nodes.mld_querier is not None or own)


def _of_mld(step: Step) -> bool:
    forges = step.forge is not None and step.forge.packet.dialect is Dialect.MLD
    return bool(forges or step.start_mld_querier or step.stop_mld_querier or (step.set and step.set.mld))


def _about_mld(state: SwitchState) -> bool:
    return state.mld_querier is not None or state.mld_router_ports is not None


def with_ipv6(
    planned: PlannedNetwork,
    network: Network,
    names: Names,
    mistakes: Mistakes,
    own: Mapping[str, Profile],
) -> PlannedNetwork:
    """The network with its IPv6. Mistakes are collected; what they touch stays without."""
    hosts = tuple(_hosts(planned.hosts, network, names, mistakes))
    _check_addresses(hosts, network, names, mistakes)
    mld = dict(_switches(planned, network, names, mistakes, own))
    switches = tuple(
        replace(one, mld=mld[one.name].behaviour, mld_querier_ready=mld[one.name].ready)
        if one.name in mld
        else one
        for one in planned.switches
    )
    return replace(planned, hosts=hosts, switches=switches, mld=mld)


# --- hosts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What the file says of a host: its entry, where that is, and which of its count this is."""

    entry: Nodes | Router
    loc: Loc
    index: int


def _written(network: Network, names: Names) -> dict[str, _Written]:
    found: dict[str, _Written] = {}
    for name, nodes in network.nodes.items():
        loc = ("network", "nodes", name)
        for index, host in enumerate(names.several.get(name, (name,))):
            found[host] = _Written(entry=nodes, loc=loc, index=index)
    for name, router in network.routers.items():
        found[name] = _Written(entry=router, loc=("network", "routers", name), index=0)
    return found


def _hosts(
    hosts: tuple[PlanHost, ...], network: Network, names: Names, mistakes: Mistakes
) -> Iterable[PlanHost]:
    written = _written(network, names)
    for host in hosts:
        told = written[host.name]
        automatic = node6 if host.kind is PeerKind.NODE else router6
        first = told.entry.address6
        address6 = automatic(network.subnet6, host.number) if first is None else _later(first, told.index)
        addressed = replace(host, address6=address6, link_local=link_local(host.mac))
        if isinstance(told.entry, Nodes):
            addressed = replace(addressed, mld_version=told.entry.mld_version)
            if told.entry.host is not None:
                addressed = replace(addressed, emulated_mld=emulated_mld(told.entry.host, addressed))
        yield _with_querier(addressed, told.entry.mld_querier, told.loc, mistakes)


def _with_querier(
    host: PlanHost, setting: MldQuerier | bool | None, loc: Loc, mistakes: Mistakes
) -> PlanHost:
    """The host with its MLD querier, if it has one."""
    if setting is None:
        return host
    try:
        querier = router_querier(setting, mac=host.mac, address=link_local(host.mac), dialect=Dialect.MLD)
    except ValueError as error:
        mistakes.add((*loc, "mld_querier"), str(error))
        return host
    return replace(host, mld_querier=querier, mld_querier_on=setting is not False)


def _later(address: IPv6Address, steps: int) -> IPv6Address:
    return IPv6Address(min(int(address) + steps, 2**128 - 1))


def _check_addresses(hosts: tuple[PlanHost, ...], network: Network, names: Names, mistakes: Mistakes) -> None:
    """Each address once, and inside of the subnet."""
    written = _written(network, names)
    holders: dict[IPv6Address, str] = {}
    for host in hosts:
        if host.address6 is None:
            continue
        loc = (*written[host.name].loc, "address6")
        if not usable6(network.subnet6, host.address6):
            message = f"{host.name} cannot have {host.address6}: it is no host's address in {network.subnet6}"
            mistakes.add(loc, message)
        elif host.address6 in holders:
            mistakes.add(loc, f"{holders[host.address6]} and {host.name} both have {host.address6}")
        holders.setdefault(host.address6, host.name)


# --- switches -----------------------------------------------------------------------------------------------


def _switches(
    planned: PlannedNetwork,
    network: Network,
    names: Names,
    mistakes: Mistakes,
    own: Mapping[str, Profile],
) -> Iterable[tuple[str, Configured]]:
    layers = _settings(network, names)
    for switch in planned.switches:
        profile = own[switch.profile] if is_file(switch.profile) else load(switch.profile)
        configured: Configured | None = mld_as_shipped(
            profile, planned.configured[switch.name], mac=switch.mac
        )
        chassis = tuple(one for one in planned.switches if one.chassis == switch.chassis)
        for settings, loc in layers.get(switch.name, ()):
            if configured is not None:
                among = (switch,) if loc[3] == "vlans" else chassis
                configured = change(
                    switch, configured, settings, loc, names, mistakes, complete=planned.complete, among=among
                )
        if configured is not None:
            yield switch.name, configured


def _settings(network: Network, names: Names) -> dict[str, tuple[tuple[MldSettings, Loc], ...]]:
    found: dict[str, tuple[tuple[MldSettings, Loc], ...]] = {}
    for section, switches in (("switches", network.switches), ("bridges", network.bridges)):
        for name, switch in switches.items():
            made = [
                (device, vlan)
                for device in names.several.get(name, (name,))
                for vlan in names.vlans.get(device, (None,))
            ]
            for device, vlan in made:
                found[domain_name(device, vlan)] = tuple(
                    (settings.mld, (*loc, "mld"))
                    for settings, loc in settings_of(switch, vlan, ("network", section, name))
                    if settings.mld is not None
                )
    return found


def change(
    switch: PlanSwitch,
    configured: Configured,
    settings: MldSettings,
    loc: Loc,
    names: Names,
    mistakes: Mistakes,
    *,
    complete: bool,
    among: tuple[PlanSwitch, ...],
) -> Configured | None:
    """The configuration after settings that stand at ``loc``; None after a mistake.

    ``among`` are the switch, or all VLANs of one whose settings these are: they name ports of all.
    Unless ``complete``, other mistakes left out neighbours whose ports may be meant.
    """
    before = len(mistakes)
    named = ports_of(
        switch.name if len(among) == 1 else switch.chassis,
        tuple(port for one in among for port in one.ports),
        settings,
        loc,
        mistakes,
        several=names.several,
        complete=complete,
    )
    try:
        own = named.among({port.name for port in switch.ports})
        changed = mld_changed(configured, settings, own, platform=switch.platform)
    except ValueError as error:
        mistakes.add(loc, str(error))
        return None
    return changed if len(mistakes) == before else None
