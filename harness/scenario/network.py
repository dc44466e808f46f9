"""The network as it is written: switches, bridges, routers, nodes and the cables between them.

Names are names and counts are counts; ``harness.plan`` resolves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from harness.profiles.loader import MOST_GROUPS
from harness.scenario.fields import (
    VLANS,
    Address,
    Count,
    Duration,
    HostAddress6,
    Length,
    Mtu,
    Mtus,
    Name,
    Names,
    OnOff,
    OnOffOrSettings,
    Pair,
    QuerySource6,
    Subnet,
    Subnet6,
    Texts,
    VlanId,
    VlanKey,
)
from harness.scenario.hosts import EmulatedHost
from harness.scenario.links import CableImpairments, SpanningTree
from harness.scenario.strict import Strict
from harness.scenario.values import parse_words

MOST_NODES = 1_000_000
"""What is planned at most; how many a lab can hold, its backend knows."""
MOST_SWITCHES = 9999
"""As many as their MAC addresses can be read of."""


class QuerierTimes(Strict):
    """When a querier asks, of IGMP or of MLD."""

    query_interval: Length | None = Field(None, description="from one general query to the next")
    max_response: Length | None = Field(
        None, description="hosts answer within this time, each at a random moment of it"
    )
    robustness: int | None = Field(
        None, ge=1, le=7, description="the robustness variable: how many lost packets are put up with"
    )
    startup_interval: Length | None = Field(None, description="from one query to the next, at the start")
    startup_count: int | None = Field(
        None, ge=0, le=10, description="how many queries at the start are that close; 0 for none"
    )
    other_querier_interval: Length | None = Field(
        None, description="how long it keeps silent after another querier's last query"
    )
    start_delay: Duration | None = Field(None, description="how long it listens before its first query")


class Querier(QuerierTimes):
    """Who asks for members. Times left out take the profile's, or those of RFC 2236 section 8."""

    address: Address | None = Field(None, description="source address of the queries; 0.0.0.0 is allowed")
    version: Literal[1, 2, 3] | None = Field(None, description="of IGMP, in which it asks")


class MldQuerier(QuerierTimes):
    """Who asks for listeners of IPv6. Times left out take the profile's, or those of RFC 9777 section 9."""

    address: QuerySource6 | None = Field(
        None, description="link-local source of the queries; with :: it has none and stays silent"
    )
    version: Literal[1, 2] | None = Field(None, description="of MLD, in which it asks")


class UnregisteredRule(StrEnum):
    """What a snooping switch does with a group without members."""

    FLOOD = "flood"
    ROUTER_PORTS = "router-ports"
    DROP = "drop"


def _on_off_or_mapping(value: Any) -> str:
    return "settings" if isinstance(value, dict | QuerierTimes | SpanningTree) else "switch"


QuerierSetting = Annotated[
    Annotated[OnOffOrSettings, Tag("switch")] | Annotated[Querier, Tag("settings")],
    Discriminator(_on_off_or_mapping),
]
MldQuerierSetting = Annotated[
    Annotated[OnOffOrSettings, Tag("switch")] | Annotated[MldQuerier, Tag("settings")],
    Discriminator(_on_off_or_mapping),
]


TreeSetting = Annotated[
    Annotated[OnOffOrSettings, Tag("switch")] | Annotated[SpanningTree, Tag("settings")],
    Discriminator(_on_off_or_mapping),
]

HeaderCheckWord = Literal["router-alert", "hops", "traffic-class", "destination"]
_CHECKS = ["router-alert", "hops", "traffic-class", "destination"]
HeaderChecks = Annotated[
    tuple[HeaderCheckWord, ...],
    BeforeValidator(parse_words),
    WithJsonSchema({"anyOf": [{"enum": _CHECKS}, {"type": "array", "items": {"enum": _CHECKS}}]}),
]
RelayToWord = Literal["router-ports", "all"]


class SnoopingSettings(Strict):
    """What can be configured for IGMP and for MLD alike, each by itself. Left out: the profile's default."""

    snooping: OnOff | None = Field(None, description="whether groups go to their members alone")
    fast_leave: OnOff | None = Field(
        None, description="a leave ends the membership of its port at once, on all ports"
    )
    router_ports: Names | None = Field(
        None,
        description="static multicast router ports: a port's name (p3), or the neighbour on it (n1, sw2)",
    )
    unregistered: UnregisteredRule | None = Field(
        None,
        description="groups without a member; set by hand it always holds, also before a querier is known",
    )
    membership_interval: Duration | None = Field(None, description="0 never ages")
    router_port_interval: Duration | None = Field(
        None, description="how long a port stays a router port after a query; 0 never ages"
    )
    last_member_interval: Length | None = Field(
        None, description="from one question after a leave to the next"
    )
    last_member_count: int | None = Field(None, ge=1, le=10, description="how many questions after a leave")
    fast_leave_ports: Names | None = Field(
        None, description="ports on which a leave ends the membership at once, named as router_ports are"
    )
    lookup: Literal["ip", "mac"] | None = Field(
        None, description="mac: groups that share a MAC address share their members (RFC 1112 section 6.4)"
    )
    source_filtering: OnOff | None = Field(
        None, description="whether the sources of IGMPv3 and MLDv2 decide what is forwarded, or groups alone"
    )
    any_source_in_ssm: OnOff | None = Field(
        None, description="off ignores joins without sources in 232.0.0.0/8 and ff3x::/32 (RFC 4604)"
    )
    most_groups: int | None = Field(
        None, ge=0, le=MOST_GROUPS, description="of the whole switch; 0: no limit"
    )
    most_groups_per_port: int | None = Field(None, ge=0, le=MOST_GROUPS, description="0: no limit")
    above_most_groups: Literal["refuse", "snooping-off"] | None = Field(
        None, description="refuse: no more groups are entered; snooping-off: everything floods"
    )
    checks: HeaderChecks | None = Field(
        None, description="what reports, leaves and queries must have, else they are dropped; [] for none"
    )
    learn_router_from_pim: OnOff | None = Field(None, description="a PIM hello makes a router port")
    relay_reports_to: RelayToWord | None = Field(
        None, description="where reports of IGMPv1, IGMPv2 and MLDv1 go"
    )
    relay_records_to: RelayToWord | None = Field(
        None, description="where reports of IGMPv3 and MLDv2 go, and leaves"
    )
    report_suppression: OnOff | None = Field(
        None, description="of a group's reports (IGMPv1, IGMPv2, MLDv1) one is relayed for each query"
    )
    on_topology_change: Literal["nothing", "flood", "query", "solicit"] | None = Field(
        None, description="when the spanning tree has changed; solicit floods and asks for a query"
    )
    topology_change_queries: int | None = Field(
        None, ge=1, le=10, description="how many queries end the flooding after a change"
    )


class MldSettings(SnoopingSettings):
    """What a switch does with IPv6, independent of what it does with IPv4 (RFC 4541 section 3)."""

    querier: MldQuerierSetting | None = Field(None, description="on, off, or its settings; left out: off")


class SwitchSettings(SnoopingSettings):
    """What can be configured on a switch, at the start and while it runs. Left out: the profile's default."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "mld_querier": "of a switch it is mld: {querier: on}",
        "mld_snooping": "it is mld: {snooping: on}",
        "host": "nodes have one",
        "firewall": "nodes have one",
        "impair": "write it at the node or the link whose cable it is",
        "port_mtu": "write it at the node or router whose port it is",
        "igmp_version": "it is querier: {version: 2}; nodes have an igmp_version",
    }
    querier: QuerierSetting | None = Field(None, description="on, off, or its settings")
    mld: MldSettings | None = Field(
        None, description="of IPv6; a Linux bridge has one setting for both, and takes its querier's only"
    )


class Vlan(SwitchSettings):
    """One VLAN of a switch: what is set here goes before what is set for the whole switch."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **SwitchSettings.elsewhere,
        **dict.fromkeys(("profile", "emulated", "count", "mtu", "vlans"), "it is of the whole switch"),
    }
    address: Address | None = Field(
        None, description="the switch's address in this VLAN; queries come from it"
    )


Vlans = Annotated[dict[VlanKey, Vlan], *VLANS]


class Switch(SwitchSettings):
    """A switch, or ``count`` equal ones: sw with count 3 is sw1, sw2, sw3.

    What is set here holds in all of its VLANs; each snoops, asks and forwards by itself.
    """

    profile: str = Field(
        "linux-bridge",
        description="behaviour: a vendor's platform, linux-bridge, or a file of your own (./my.profile.yaml)",
    )
    emulated: OnOff = Field(
        False,
        description="for linux-bridge, ovs and ovs-strict: the emulated switch in place of the genuine one",
    )
    count: Count | None = Field(
        None,
        ge=1,
        le=MOST_SWITCHES,
        description="so many equal ones: sw with count 3 is sw1, sw2, sw3; 100 / 47: one to 47 of 100",
    )
    vlans: Vlans | None = Field(
        None, description="its VLANs with their settings, or a list of numbers; left out, it knows none"
    )
    address: Address | None = Field(None, description="from which it queries")
    mtu: int | None = Field(None, ge=68, le=65520, description="of all of its ports")


_ACCESS = "the VLAN of its port, where the switch has VLANs; on: sw1.20 says the same"


class Firewall(Strict):
    """Rules as a customer sends them, for the tool of that name. They hold from before the first second."""

    iptables: Texts | None = Field(
        None, description="rules (-A INPUT ...), one or many, or iptables-save's output"
    )
    ip6tables: Texts | None = Field(None, description="as iptables, for IPv6")
    nft: Texts | None = Field(None, description="a ruleset, as nft -f reads it")

    @model_validator(mode="after")
    def _has_rules(self) -> Self:
        if not any((self.iptables, self.ip6tables, self.nft)):
            raise ValueError("a firewall without rules: write some under iptables, ip6tables or nft")
        return self


_PORT_MTU = "the switch's port; what is longer is dropped there without a word. Left out: the switch's MTU"
_IMPAIR = "what the cable does to frames from the start; one impairment or a list"
_CURES = {
    "igmp_version": "write version there",
    "mld_version": "write it there",
    "querier": "give the querier to another node",
    "mld_querier": "give the querier to another node",
    "firewall": "what the host hears does not pass the rules; choose one of the two",
}


_OF_A_CABLE = {
    key: f"it stands under impair: {{{key}: ...}}" for key in ("loss", "delay", "jitter", "duplicate", "rate")
}


class Nodes(Strict):
    """A node, or ``count`` equal ones: n with count 8 is n1 to n8."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "mld": "switches have one; of a node it is mld_version",
        "snooping": "switches snoop",
        "vlans": "its port is in one: vlan: 10",
        "profile": "switches have one",
    } | _OF_A_CABLE

    count: Count | None = Field(
        None, ge=1, le=MOST_NODES, description="so many equal ones: n with count 8 is n1 to n8"
    )
    on: Names = Field(
        description="the switch (sw1) or a port of it (sw1:p7); of several switches the nodes take turns"
    )
    vlan: VlanId | None = Field(None, description=_ACCESS)
    address: Address | None = Field(None, description="IPv4; left out, the next one of the subnet")
    mtu: int | None = Field(
        None, ge=68, le=65520, description="the node's own; what is longer it sends in fragments"
    )
    igmp_version: Literal[1, 2, 3] | None = Field(
        None, description="forced; else the stack follows the querier"
    )
    address6: HostAddress6 | None = Field(
        None, description="IPv6, of subnet6; left out, it ends as the IPv4 address does"
    )
    mld_version: Literal[1, 2] | None = Field(
        None, description="forced; else the stack follows the MLD querier"
    )
    host: EmulatedHost | None = Field(
        None,
        description="IGMP and MLD spoken by the harness, not the kernel, with the faults that stand here",
    )
    querier: QuerierSetting | None = Field(
        None, description="a querier on the node, such as a PIM daemon; off: one that can be started"
    )
    mld_querier: MldQuerierSetting | None = Field(None, description="the same for IPv6")
    firewall: Firewall | None = Field(None, description="the node's own rules")
    port: Literal["up", "down"] = Field("up", description="down: the cable is not connected until link_up")
    port_mtu: Mtu | None = Field(None, description=_PORT_MTU)
    impair: CableImpairments = Field((), description=_IMPAIR)

    @model_validator(mode="after")
    def _one_speaks_igmp(self) -> Self:
        """The emulated host takes the kernel's place, which the others are settings of."""
        for key, cure in _CURES.items():
            if self.host is not None and getattr(self, key) is not None:
                message = f"{key} is the kernel's, and with host it speaks neither IGMP nor MLD: {cure}"
                raise ValueError(message)
        return self


class Router(Strict):
    """A multicast router as its network sees it: it queries, and its port becomes a router port."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "count": "write a router for each",
        "mld": "of a router it is mld_querier",
        "vlans": "its port is in one: vlan: 10",
    } | _OF_A_CABLE

    on: str = Field(description="the switch (sw1) or a port of it (sw1:p7)")
    vlan: VlanId | None = Field(None, description=_ACCESS)
    address: Address | None = Field(None, description="IPv4; left out, one at the end of the subnet")
    mtu: int | None = Field(None, ge=68, le=65520, description="the router's own")
    querier: QuerierSetting = Field(True, description="of IGMP: on, off, or its settings")
    address6: HostAddress6 | None = Field(None, description="IPv6, of subnet6")
    mld_querier: MldQuerierSetting = Field(False, description="of MLD: on, off, or its settings")
    port: Literal["up", "down"] = Field("up", description="down: the cable is not connected until link_up")
    port_mtu: Mtu | None = Field(None, description=_PORT_MTU)
    impair: CableImpairments = Field((), description=_IMPAIR)


class Link(Strict):
    """A cable between two switches: a trunk where both have VLANs, or in one VLAN (``vlan``)."""

    elsewhere: ClassVar[Mapping[str, str]] = _OF_A_CABLE

    between: Pair = Field(
        description="both ends: switches, ports of them (sw1:p7), or VLANs of them (sw1.20)"
    )
    vlan: VlanId | None = Field(
        None, description="an access link in this VLAN; needed where only one of the two has VLANs"
    )
    vlans: tuple[VlanId, ...] | None = Field(
        None, min_length=1, description="of a trunk; left out, it carries every VLAN that both ends have"
    )
    mtu: Mtus | None = Field(None, description="of both ends, or one for each in the order of between")
    state: Literal["up", "down"] = Field("up", description="down: the cable is not connected until link_up")
    impair: CableImpairments = Field((), description=_IMPAIR)

    @model_validator(mode="after")
    def _access_or_trunk(self) -> Self:
        if self.vlan is not None and self.vlans is not None:
            raise ValueError("vlan makes an access link, vlans a trunk: write one of them")
        return self


class Layout(StrEnum):
    """How all switches are joined, in the order of the file.

    A star is around the first. Of a tree each entry is a level, below that of the entry before: its switches
    take turns on those.
    """

    CHAIN = "chain"
    STAR = "star"
    TREE = "tree"


def _links_kind(value: Any) -> str:
    return "layout" if isinstance(value, str) else "list"


def _link_kind(value: Any) -> str:
    return "link" if isinstance(value, dict | Link) else "pair"


AnyLink = Annotated[Annotated[Pair, Tag("pair")] | Annotated[Link, Tag("link")], Discriminator(_link_kind)]
Links = Annotated[
    Annotated[Layout, Tag("layout")] | Annotated[tuple[AnyLink, ...], Tag("list")], Discriminator(_links_kind)
]


class Network(Strict):
    """Switches, bridges, routers, nodes and the links between switches."""

    switches: dict[Name, Switch] = Field(
        default_factory=dict, description="by name; a profile says what each does as shipped"
    )
    bridges: dict[Name, Switch] = Field(
        default_factory=dict, description="as switches; the profile is linux-bridge"
    )
    routers: dict[Name, Router] = Field(
        default_factory=dict, description="multicast routers, of which the querier matters"
    )
    nodes: dict[Name, Nodes] = Field(default_factory=dict, description="the hosts")
    links: Links = Field(
        (),
        description="cables between switches: chain, star (around the first), tree (each entry a level), or "
        "a list of pairs",
    )
    spanning_tree: TreeSetting = Field(
        False, description="on, or its settings: rings are legal, and redundant links are blocked"
    )
    mtu: int = Field(1500, ge=68, le=65520, description="of everything that has none of its own")
    subnet: Subnet = Field(IPv4Network("10.77.0.0/16"), description="of all IPv4 addresses")
    subnet6: Subnet6 = Field(
        IPv6Network("fd77::/64"),
        description="of the nodes' IPv6 addresses, where a stream or a setting is of IPv6",
    )
    ipv6: OnOff = Field(False, description="the nodes' own IPv6 noise: MLD reports and solicitations")
