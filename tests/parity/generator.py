"""Random scenarios: a number in, the text of a scenario file out, the same on every machine.

What is drawn is wide (switches of all kinds, queriers, old hosts and bad ones, cables that lose frames, steps
of every kind) and held within what a lab can hold and what is decided: the timers stay above the floors of
``harness/backends/netns/limits.py`` at the scenario's speed, and steps stand so far apart that their order is
no question of luck. Nothing is expected of what comes out but the same in a lab and in the model.

Only ``Random(seed)``'s ``random``, ``randrange`` and ``choice`` are used, whose sequences Python guarantees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

SPEED = 100
GAP_S = 14
"""Steps stand at least this far apart, in the customer's seconds."""
_LAST_S = 30
"""Nothing is done so shortly before the end."""
_EMULATED = (
    *("arista", "aruba-cx", "brocade-icx", "cisco-catalyst", "cisco-nxos", "cisco-sg300", "class-a"),
    *("class-b", "class-c", "class-d", "comware", "cumulus", "dell-force10", "dell-n", "hp-procurve"),
    *("hp-procurve-data-driven", "juniper-els", "juniper-ex", "juniper-srx", "linux-3.11", "linux-4.20"),
    *("mikrotik", "netgear-m4300", "netgear-smart", "netiron", "unifi", "vmware-vds", "vmware-vds-snooping"),
    "vmware-vss",
)
_SNOOPING = ("cisco-catalyst", "class-a", "class-b", "class-c", "dell-n", "juniper-ex", "linux-4.20")
"""Some that snoop as shipped, drawn more often than the others."""
_GENUINE = ("linux-bridge", "ovs", "ovs-strict")
_GROUPS = ("239.192.1.1", "239.192.1.2", "239.255.7.9", "224.1.1.1", "225.1.1.1", "232.1.1.5", "224.0.0.251")
_GROUPS6 = ("ff15::1:1", "ff15::1:2", "ff05::7:9", "ff35::1:5")
_FAULTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("leaves", ("off",)),
    ("reports_to", ("224.0.0.2",)),
    ("router_alert", ("off",)),
    ("ttl", (2, 64)),
)
_FAULTS_OF_ANSWERS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("extra_delay", ("5s", "20s")),
    ("ignores_queries", (["from-zero"], ["off-subnet"], ["from-zero", "ttl"], ["without-router-alert"])),
)
"""What a host does wrong that answers queries."""
_ONLY_2 = (2,)
"""A Linux host of version 1 takes up to ten of this machine's seconds to answer a query of version 3 ..."""
_ONLY_MACHINES = (1, 2, 3)
"""... and every Linux host does, to answer one of version 1: then all hosts are the harness's own."""
_SSM_ONLY = {"232.1.1.5", "ff35::1:5"}

Value = str | int | float | list[Any] | dict[str, Any]


@dataclass(slots=True, kw_only=True)
class _Network:
    """What has been drawn so far, in the language's own words."""

    speed: int
    ipv6: bool
    versions: tuple[int, ...] = (2, 3)
    """The versions of IGMP that are asked with."""
    vlans: tuple[int, ...] = ()
    ring: bool = False
    switches: dict[str, dict[str, Any]] = field(default_factory=dict)
    routers: dict[str, dict[str, Any]] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)

    def profile(self, switch: str) -> str:
        return str(self.switches[switch]["profile"])

    def genuine(self, switch: str) -> str:
        """The kind of a genuine switch, such as "ovs-strict"; empty for an emulated one."""
        profile = self.profile(switch)
        return profile if profile in _GENUINE and "emulated" not in self.switches[switch] else ""


def scenario(seed: int) -> str:
    """The text of the scenario file of a seed."""
    chance = Random(seed)
    network = _draw_network(chance)
    duration_s = chance.randrange(150, 361, 10)
    _draw_traffic(chance, network)
    steps = _Steps(chance, network, duration_s).draw()
    lines = [
        "# yaml-language-server: $schema=../../../schema/scenario.schema.json",
        f"scenario: Generated from seed {seed}",
        "source: tests/parity/generator.py",
        f"speed: {network.speed}",
        f"seed: {seed}",
        f"duration: {duration_s}s",
        "network:",
    ]
    if network.ring:
        lines.append("  spanning_tree: {change_over: 30s}")
    if network.ipv6:
        lines.append("  subnet6: fd77::/64")
    for name, members in (
        ("switches", network.switches),
        ("routers", network.routers),
        ("nodes", network.nodes),
    ):
        if members:
            lines.append(f"  {name}:")
            lines += [f"    {member}: {flow(settings)}" for member, settings in members.items()]
    if network.links:
        lines.append("  links:")
        lines += [f"    - {flow(list(link))}" for link in network.links]
    lines.append("traffic:")
    lines += [f"  {name}: {flow(stream)}" for name, stream in network.streams.items()]
    if steps:
        lines.append("timeline:")
        lines += [f"  - {flow(step)}" for step in steps]
    return "\n".join(lines) + "\n"


def flow(value: Value) -> str:
    """A value in YAML's flow style; words that hold a colon are quoted."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str() if ":" in value:
            return f'"{value}"'
        case _:
            return str(value)


def _likely(chance: Random, share: float) -> bool:
    return chance.random() < share


def _some(chance: Random, names: Sequence[str], least: int, most: int) -> list[str]:
    """Some of the names, in their order."""
    left = list(names)
    wanted = min(len(left), chance.randrange(least, most + 1))
    while len(left) > wanted:
        left.pop(chance.randrange(len(left)))
    return left


# --- the network --------------------------------------------------------------------------------------------


def _draw_network(chance: Random) -> _Network:
    count = chance.choice((1, 1, 1, 2, 2, 3, 3, 4))
    network = _Network(speed=SPEED, ipv6=_likely(chance, 0.25))
    network.versions = chance.choice(((2, 3), (2, 3), (2, 3), (2, 2, 3), _ONLY_2, _ONLY_2, _ONLY_MACHINES))
    if count > 1 and _likely(chance, 0.12):
        network.vlans = (10, 20)
    names = [f"sw{number}" for number in range(1, count + 1)]
    asking = chance.choice(("none", "switch", "switch", "router", "router", "node", "several"))
    genuine = _likely(chance, 0.2) and not network.vlans
    for name in names:
        network.switches[name] = _draw_switch(chance, network, genuine=genuine)
    for index, name in enumerate(names[1:], 1):
        network.links.append((names[chance.randrange(index)], name))
    _close_a_ring(chance, network)
    _draw_hosts(chance, network, asking)
    if asking in ("switch", "several"):
        for name in _some(chance, names, 1, 2):
            _give_querier(chance, network, name)
    return network


def _close_a_ring(chance: Random, network: _Network) -> None:
    names = list(network.switches)
    if len(names) < 3 or network.vlans or not _likely(chance, 0.25):
        return
    missing = [
        (a, b) for index, a in enumerate(names) for b in names[index + 1 :] if (a, b) not in network.links
    ]
    network.links.append(chance.choice(missing))
    network.ring = True


def _draw_switch(chance: Random, network: _Network, *, genuine: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    profile = chance.choice(_SNOOPING) if _likely(chance, 0.5) else chance.choice(_EMULATED)
    if genuine and _likely(chance, 0.7):
        profile = chance.choice(("linux-bridge", "linux-bridge", "ovs", "ovs-strict"))
    elif _likely(chance, 0.06):
        profile = chance.choice(_GENUINE)
        settings["emulated"] = "on"
    settings = {"profile": profile, **settings}
    is_genuine = profile in _GENUINE and "emulated" not in settings
    if network.vlans:
        settings["vlans"] = list(network.vlans)
    if _likely(chance, 0.85):
        settings["snooping"] = "on" if _likely(chance, 0.85) else "off"
    if profile.startswith("vmware") or _likely(chance, 0.7):
        settings["membership_interval"] = f"{chance.choice((40, 60, 80, 100, 130, 260))}s"
    if profile not in ("ovs", "ovs-strict"):
        settings["last_member_interval"] = "10s"
    if not is_genuine and not profile.startswith("ovs"):
        settings |= _draw_habits(chance)
    elif profile == "linux-bridge" and _likely(chance, 0.2):
        settings["source_filtering"] = "on"
    elif profile != "linux-bridge" and _likely(chance, 0.3):
        settings["unregistered"] = chance.choice(("flood", "router-ports"))
    if network.ipv6 and profile not in _GENUINE:
        settings["mld"] = _draw_mld(chance)
    return settings


def _draw_habits(chance: Random) -> dict[str, Any]:
    """Settings that every emulated switch takes, a few of them at a time."""
    drawn: dict[str, Any] = {}
    choices: tuple[tuple[str, tuple[Value, ...]], ...] = (
        ("unregistered", ("flood", "router-ports", "drop")),
        ("router_port_interval", ("50s", "90s", "0")),
        ("fast_leave", ("on",)),
        ("lookup", ("mac",)),
        ("source_filtering", ("on",)),
        ("any_source_in_ssm", ("off",)),
        ("report_suppression", ("on",)),
        ("relay_reports_to", ("all", "router-ports")),
        ("relay_records_to", ("all", "router-ports")),
        ("learn_router_from_pim", ("on",)),
        ("most_groups", (1, 2)),
        ("above_most_groups", ("refuse", "snooping-off")),
        ("on_topology_change", ("flood", "query", "solicit")),
        ("checks", (["router-alert"], ["hops"], ["destination"], ["router-alert", "hops"])),
    )
    for key, values in choices:
        if _likely(chance, 0.09):
            drawn[key] = chance.choice(values)
    return drawn


def _draw_mld(chance: Random) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "snooping": "on" if _likely(chance, 0.8) else "off",
        "last_member_interval": "10s",
    }
    if _likely(chance, 0.7):
        drawn["membership_interval"] = f"{chance.choice((40, 60, 100, 260))}s"
    if drawn["snooping"] == "on" and _likely(chance, 0.35):
        drawn["querier"] = {"version": chance.choice((1, 2)), **_draw_times(chance)}
        if _likely(chance, 0.15):
            drawn["querier"]["address"] = "::"
    if _likely(chance, 0.2):
        drawn["source_filtering"] = "on"
    return drawn


def _draw_times(chance: Random) -> dict[str, Any]:
    """How often a querier asks."""
    interval_s = chance.choice((20, 30, 40, 60, 125))
    times: dict[str, Any] = {"query_interval": f"{interval_s}s", "max_response": "10s"}
    if _likely(chance, 0.3):
        times["robustness"] = chance.choice((1, 2, 3))
    if _likely(chance, 0.3):
        times["startup_interval"] = f"{chance.choice((10, 20))}s"
        times["startup_count"] = chance.choice((0, 1, 2, 3))
    if _likely(chance, 0.3):
        times["other_querier_interval"] = f"{chance.choice((45, 70, 110))}s"
    if _likely(chance, 0.1):
        times["start_delay"] = f"{chance.choice((15, 40))}s"
    return times


def _give_querier(chance: Random, network: _Network, name: str) -> None:
    """A querier on a switch, from an address or none."""
    kind = network.genuine(name)
    if kind in ("ovs", "ovs-strict") or network.profile(name) in ("ovs", "ovs-strict"):
        return
    if kind == "linux-bridge":
        # The kernel's bridge holds no interval under a second.
        querier: dict[str, Any] = {
            "version": max(2, chance.choice(network.versions)),
            "query_interval": f"{chance.choice((100, 125))}s",
            "startup_interval": "100s",
            "max_response": "10s",
        }
    else:
        querier = {"version": chance.choice(network.versions), **_draw_times(chance)}
    address = chance.choice(("", "", "", "0.0.0.0", "own"))
    if address == "own" or (kind and not address):
        address = f"10.77.254.{chance.randrange(1, 250)}"
    if address:
        querier["address"] = address
    network.switches[name]["querier"] = querier


# --- hosts --------------------------------------------------------------------------------------------------


def _draw_hosts(chance: Random, network: _Network, asking: str) -> None:
    switches = list(network.switches)
    for number in range(1, chance.randrange(3, 13)):
        settings: dict[str, Any] = {"on": chance.choice(switches)}
        if network.vlans:
            settings["vlan"] = chance.choice(network.vlans)
        drawn = chance.random()
        if network.versions == _ONLY_MACHINES or drawn < 0.2:
            settings["host"] = _draw_host(chance)
        elif drawn < 0.4:
            settings["igmp_version"] = chance.choice((1, 2, 2) if network.versions == _ONLY_2 else (2, 2, 3))
        if network.ipv6 and "host" not in settings and _likely(chance, 0.15):
            settings["mld_version"] = chance.choice((1, 2))
        network.nodes[f"n{number}"] = settings
    if asking in ("node", "several") and network.versions != _ONLY_MACHINES:
        name = chance.choice(list(network.nodes))
        network.nodes[name].pop("host", None)
        network.nodes[name]["querier"] = {"version": chance.choice(network.versions), **_draw_times(chance)}
    if asking in ("router", "several"):
        for number in range(1, chance.choice((2, 2, 3))):
            network.routers[f"r{number}"] = _draw_router(chance, network)


def _draw_router(chance: Random, network: _Network) -> dict[str, Any]:
    settings: dict[str, Any] = {"on": chance.choice(list(network.switches))}
    if network.vlans:
        settings["vlan"] = chance.choice(network.vlans)
    settings["querier"] = {"version": chance.choice(network.versions), **_draw_times(chance)}
    if _likely(chance, 0.12):
        settings["querier"]["address"] = chance.choice(("0.0.0.0", "10.77.0.250", "10.99.0.1"))
    if network.ipv6 and _likely(chance, 0.7):
        settings["mld_querier"] = {"version": chance.choice((1, 2)), **_draw_times(chance)}
    return settings


def _draw_host(chance: Random) -> dict[str, Any]:
    """A host of the harness's own, without a fault or with one or two."""
    if _likely(chance, 0.1):
        return {"reports": "off"}
    host: dict[str, Any] = {}
    if _likely(chance, 0.4):
        host["version"] = chance.choice((1, 2, 3))
    if not _likely(chance, 0.12):
        faults = _FAULTS_OF_ANSWERS + _FAULTS
    else:
        host["answers_queries"] = "off"
        faults = _FAULTS
    for key, values in faults:
        if _likely(chance, 0.12):
            host[key] = chance.choice(values)
    return host


# --- traffic ------------------------------------------------------------------------------------------------


def _draw_traffic(chance: Random, network: _Network) -> None:
    nodes = list(network.nodes)
    used: set[str] = set()
    for number in range(1, chance.choice((2, 3, 3, 4))):
        groups = _GROUPS6 if network.ipv6 and _likely(chance, 0.6) else _GROUPS
        group = chance.choice(groups)
        senders = _some(chance, nodes, 1, 3)
        stream: dict[str, Any] = {"group": group, "senders": senders}
        if _likely(chance, 0.7):
            stream["receivers"] = _some(chance, nodes, 1, len(nodes))
        if group in _SSM_ONLY or _likely(chance, 0.12):
            stream["source_specific"] = "on"
        stream["rate"] = "1/s" if _likely(chance, 0.5) else "30/m"
        if _likely(chance, 0.1):
            stream["size"] = chance.choice((64, 1000, 1472, 3000))
        if group not in used:
            used.add(group)
            network.streams[f"s{number}"] = stream
    if _likely(chance, 0.3):
        mesh = _some(chance, nodes, 2, 4)
        if len(mesh) > 1:
            network.streams["mesh"] = {"mesh": mesh, "group": "239.192.55.50", "interval": "2s"}


# --- the timeline -------------------------------------------------------------------------------------------


class _Steps:
    """Draws a timeline in the order of its moments, and keeps track of what is possible at each."""

    def __init__(self, chance: Random, network: _Network, duration_s: int) -> None:
        self._chance = chance
        self._network = network
        self._now_s = 0
        self._last_s = duration_s - _LAST_S
        self._down: list[Value] = []
        self._silent: list[dict[str, Any]] = []
        self._impaired: list[Value] = []
        self._absent: dict[str, list[str]] = {
            name: [
                node
                for node in network.nodes
                if node not in stream.get("receivers", stream.get("mesh", list(network.nodes)))
            ]
            for name, stream in network.streams.items()
        }

    def draw(self) -> list[dict[str, Any]]:
        """Up to ten steps."""
        chance = self._chance
        steps: list[dict[str, Any]] = []
        at_s = chance.randrange(8, 40)
        for _ in range(chance.randrange(1, 11)):
            if at_s >= self._last_s:
                break
            self._now_s = at_s
            step = self._step()
            if step is not None:
                steps.append({"at": f"{at_s}s", **step})
                at_s += chance.randrange(GAP_S, 60)
        return steps

    def _step(self) -> dict[str, Any] | None:
        draw = self._chance.choice(
            (
                *(self._leave, self._leave, self._join, self._join, self._forge_query, self._forge_report),
                *(self._forge_leave, self._stop_querier, self._start_querier, self._link, self._link),
                *(self._silence, self._silence, self._impair, self._configure, self._configure),
                *(self._restart_switch, self._restart_node, self._forge_hello),
            )
        )
        return draw()

    def _node(self) -> str:
        return self._chance.choice(list(self._network.nodes))

    def _leave(self) -> dict[str, Any] | None:
        stream = self._chance.choice(list(self._absent))
        present = [node for node in self._network.nodes if node not in self._absent[stream]]
        if not present or stream == "mesh":
            return None
        node = self._chance.choice(present)
        self._absent[stream].append(node)
        return {"leave": {"node": node, "stream": stream}}

    def _join(self) -> dict[str, Any] | None:
        stream = self._chance.choice(list(self._absent))
        if not self._absent[stream] or stream == "mesh":
            return None
        node = self._chance.choice(self._absent[stream])
        self._absent[stream].remove(node)
        return {"join": {"node": node, "stream": stream}}

    def _forged_group(self) -> str:
        groups = [str(stream["group"]) for stream in self._network.streams.values()]
        return self._chance.choice((*groups, "239.200.0.1"))

    def _forge_query(self) -> dict[str, Any]:
        chance = self._chance
        query: dict[str, Any] = {"max_response": "10s"}
        source = chance.choice(("", "", "0.0.0.0", "10.77.0.200", "10.99.0.5"))
        group = self._forged_group() if _likely(chance, 0.3) else ""
        if ":" in group or (self._network.ipv6 and not group and _likely(chance, 0.4)):
            query |= {"version": chance.choice((1, 2))}
            query |= {"group": group} if group else {"protocol": "mld"}
        else:
            version = chance.choice(self._network.versions)
            query |= {"version": max(2, version) if group else version}
            query |= {"source": source} if source else {}
            query |= {"group": group} if group else {}
            if _likely(chance, 0.1):
                query["router_alert"] = "off"
        forge: dict[str, Any] = {"node": self._node(), "query": query}
        every_s = chance.choice((30, 60))
        if not group and self._now_s + every_s < self._last_s and _likely(chance, 0.3):
            forge |= {"every": f"{every_s}s", "times": 2}
        return {"forge": forge}

    def _forge_report(self) -> dict[str, Any]:
        group = self._forged_group()
        report: dict[str, Any] = {
            "group": group,
            "version": self._chance.choice((1, 2) if ":" in group else (1, 2, 3)),
        }
        return {"forge": {"node": self._node(), "report": report}}

    def _forge_leave(self) -> dict[str, Any]:
        group = self._forged_group()
        leave: dict[str, Any] = {
            "group": group,
            "version": self._chance.choice((1, 2) if ":" in group else (2, 3)),
        }
        return {"forge": {"node": self._node(), "leave": leave}}

    def _forge_hello(self) -> dict[str, Any]:
        return {
            "forge": {"node": self._node(), "pim_hello": {"hold": self._chance.choice(("0", "100s", "200s"))}}
        }

    def _askers(self, protocol: str) -> list[str]:
        network = self._network
        key = f"{protocol}querier"
        found = [name for name, host in {**network.routers, **network.nodes}.items() if key in host]
        if not protocol:
            switches = (name for name in network.switches if not network.genuine(name))
            found += [name for name in switches if "querier" in network.switches[name]]
        return found

    def _stop_querier(self) -> dict[str, Any] | None:
        protocol = "mld_" if self._network.ipv6 and _likely(self._chance, 0.3) else ""
        askers = self._askers(protocol)
        return {f"stop_{protocol}querier": self._chance.choice(askers)} if askers else None

    def _start_querier(self) -> dict[str, Any] | None:
        protocol = "mld_" if self._network.ipv6 and _likely(self._chance, 0.3) else ""
        askers = self._askers(protocol)
        return {f"start_{protocol}querier": self._chance.choice(askers)} if askers else None

    def _cable(self) -> tuple[list[str], Value]:
        """Its two ends, and what the language calls it."""
        network = self._network
        if network.links and _likely(self._chance, 0.5):
            link = list(self._chance.choice(network.links))
            return link, link
        node = self._chance.choice([*network.nodes, *network.routers])
        host = network.nodes.get(node) or network.routers[node]
        return [node, f"{host['on']}.{host['vlan']}" if network.vlans else host["on"]], node

    def _link(self) -> dict[str, Any]:
        if self._down and _likely(self._chance, 0.7):
            return {"link_up": self._down.pop(self._chance.randrange(len(self._down)))}
        _, cable = self._cable()
        if cable in self._down:
            self._down.remove(cable)
            return {"link_up": cable}
        self._down.append(cable)
        return {"link_down": cable}

    def _silence(self) -> dict[str, Any] | None:
        if self._silent and _likely(self._chance, 0.6):
            return {"restore": self._silent.pop(self._chance.randrange(len(self._silent)))}
        ends, cable = self._cable()
        if cable in self._impaired:
            return None
        way: dict[str, Any] = {"between": ends}
        if _likely(self._chance, 0.6):
            a, b = ends if _likely(self._chance, 0.5) else ends[::-1]
            way = {"from": a, "to": b}
        if _likely(self._chance, 0.6):
            kinds = ("multicast", "unicast", "igmp", *(("mld",) if self._network.ipv6 else ()))
            way["only"] = self._chance.choice(kinds)
        if way in self._silent:
            return None
        self._silent.append(way)
        return {"silence": way}

    def _impair(self) -> dict[str, Any] | None:
        chance = self._chance
        if self._impaired and _likely(chance, 0.5):
            return {"repair": self._impaired.pop(chance.randrange(len(self._impaired)))}
        ends, cable = self._cable()
        if cable in self._impaired or any(self._is_of(way, ends) for way in self._silent):
            return None
        self._impaired.append(cable)
        what: dict[str, Any] = {"between": ends}
        drawn = chance.random()
        if drawn < 0.5:
            what |= {"loss": "100%", "larger_than": chance.choice((100, 1200))}
        elif drawn < 0.7:
            what |= {"loss": f"{chance.choice((20, 40))}%", "only": chance.choice(("igmp", "multicast"))}
        elif drawn < 0.85:
            what |= {"delay": f"{chance.choice((1, 2))}s"}
        else:
            what |= {"duplicate": "100%"}
        return {"impair": what}

    @staticmethod
    def _is_of(way: dict[str, Any], ends: list[str]) -> bool:
        return set(way.get("between", (way.get("from"), way.get("to")))) == set(ends)

    def _configure(self) -> dict[str, Any] | None:
        network, chance = self._network, self._chance
        name = chance.choice(list(network.switches))
        if network.profile(name) in _GENUINE:
            change: dict[str, Any] = {"snooping": chance.choice(("on", "off"))}
        else:
            choices: tuple[dict[str, Any], ...] = (
                {"snooping": "on"},
                {"snooping": "off"},
                {"membership_interval": chance.choice(("40s", "120s"))},
                {"unregistered": chance.choice(("flood", "router-ports", "drop"))},
                {"fast_leave": chance.choice(("on", "off"))},
                {"report_suppression": chance.choice(("on", "off"))},
                {"source_filtering": chance.choice(("on", "off"))},
                {"lookup": chance.choice(("ip", "mac"))},
                {"router_port_interval": chance.choice(("60s", "200s"))},
            )
            change = chance.choice(choices)
            if network.ipv6 and _likely(chance, 0.3):
                change = {"mld": chance.choice(({"snooping": "on"}, {"snooping": "off"}))}
        return {"set": {"switch": name, **change}}

    def _restart_switch(self) -> dict[str, Any]:
        return {"restart_switch": self._chance.choice(list(self._network.switches))}

    def _restart_node(self) -> dict[str, Any]:
        return {"restart_node": self._node()}
