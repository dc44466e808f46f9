"""The causes that are known: what each is called, what would tell it from others, what cures it.

``catalogue`` names the file below scenarios/ that shows the fault, as docs/faults.md has it. What speaks for
a cause and against it is not here: that is ``rules``.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.diagnosis.facts import Fact

_LISTEN = "mcast listen eth0 --for 130s"
_LONG = "omping -c 600 -i 1 -q NODE..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Something that speaks for a cause or against it: in words, with its facts and its weight."""

    text: str
    facts: tuple[Fact, ...]
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A cause as it is known before anything was measured.

    ``at`` says where ``command`` is run, if not just anywhere. ``fault`` is False for what is only a remark.
    """

    key: str
    title: str
    command: str
    tells: str
    remedy: str
    at: str = ""
    catalogue: str = ""
    fault: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cause that fits what was seen. Of two the one with the higher ``score`` fits better."""

    kind: Kind
    score: int
    supports: tuple[Evidence, ...]
    against: tuple[Evidence, ...]

    @property
    def key(self) -> str:
        """Its name for programs."""
        return self.kind.key

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.kind.title


KINDS = (
    Kind(
        key="snooping-without-querier",
        title="snooping without a querier",
        command=_LISTEN,
        tells="a querier asks at least every 125 s; if none is heard, nobody renews the switch's members",
        remedy="switch a querier on in this VLAN (a router's, or the switch's own, with an address of the"
        " VLAN), or snooping off",
        catalogue="querier-missing/short-test-passes",
    ),
    Kind(
        key="switches-keep-groups-apart",
        title="two switches that snoop without a querier keep the group each to its own members",
        command=_LISTEN,
        tells="without queries a switch learns no router port towards the other; with them it does",
        remedy="switch a querier on in this VLAN, or make the ports between the switches router ports",
        catalogue="two-switches/cisco-catalyst",
    ),
    Kind(
        key="querier-zero-source",
        title="a querier without an address, asking from 0.0.0.0",
        command=_LISTEN,
        tells="the source of the queries is printed; switches learn no router port from 0.0.0.0 (RFC 4541)",
        remedy="give the querier an address of the VLAN (Linux: mcast_query_use_ifaddr 1 and an address)",
        catalogue="linux-bridge/querier-behind-switch",
    ),
    Kind(
        key="querier-too-slow",
        title="the querier asks less often than the switch forgets",
        command="mcast listen eth0 --for 400s",
        tells="the distance between two queries, to be held against the switch's membership interval",
        remedy="make the query interval shorter than half of the membership interval, on both",
        catalogue="querier-lost/asks-too-seldom",
    ),
    Kind(
        key="querier-in-other-vlan",
        title="the querier is in another VLAN",
        command=_LISTEN,
        tells="run it on a node of the cluster: a querier of another VLAN is not heard there",
        remedy="switch the querier on in the cluster's VLAN too, with an address of that VLAN",
        catalogue="querier-missing/wrong-vlan",
    ),
    Kind(
        key="querier-of-other-family",
        title="there is a querier for the other family only (IGMP and MLD know nothing of each other)",
        command=_LISTEN,
        tells="queries of IGMP and of MLD are told apart",
        remedy="switch the querier on for the cluster's family too",
        catalogue="querier-missing/only-mld-querier",
    ),
    Kind(
        key="querier-late",
        title="multicast begins only once a query was sent",
        command=_LISTEN,
        tells="the first query comes when multicast begins",
        remedy="leave the querier on for good; a switch's own may listen for a minute before it asks",
        catalogue="querier-missing/querier-waits-a-minute",
    ),
    Kind(
        key="node-deaf",
        title="one node hears nobody's multicast, and everybody hears it",
        command="mcfirst -t 10 GROUP PORT",
        at="on that node, with tcpdump -ni eth0 net 224.0.0.0/4 beside it",
        tells="seen by tcpdump and not by mcfirst is the node's firewall; seen by neither is its switch port",
        remedy="let its firewall accept multicast and IGMP, or look why the switch has no member on its port",
        catalogue="nodes-and-links/link-flaps",
    ),
    Kind(
        key="node-mute",
        title="one node's multicast reaches nobody, and it hears everybody",
        command="tcpdump -ni eth0 src NODE and net 224.0.0.0/4",
        at="on another node of the same switch",
        tells="whether its datagrams leave its switch port at all",
        remedy="look at its outgoing firewall, its multicast interface and its switch port's filters",
    ),
    Kind(
        key="host-firewall-igmp",
        title="a host's firewall drops IGMP",
        command="iptables-save; nft list ruleset",
        at="on the nodes",
        tells="a rule or policy that drops protocol 2: the node never sees a query, so it never answers",
        remedy="accept IGMP on every node: iptables -I INPUT -p igmp -j ACCEPT",
        catalogue="host-firewall/drops-igmp",
    ),
    Kind(
        key="host-firewall-multicast",
        title="a host's firewall drops the probe or the cluster's multicast",
        command="iptables-save; nft list ruleset",
        at="on the nodes",
        tells="a policy of DROP without a rule that accepts multicast",
        remedy="iptables -I INPUT -m addrtype --dst-type MULTICAST -j ACCEPT on every node",
        catalogue="host-firewall/drops-multicast",
    ),
    Kind(
        key="size-limit",
        title="what is longer than some MTU on the way is lost",
        command="ping -M do -s 1472 NODE; ping -M do -s 8972 NODE",
        tells="which sizes pass; multicast that is too long vanishes without a word",
        remedy="one MTU on all nodes and switch ports, or a lower netmtu in corosync.conf",
        catalogue="size/jumbo-mismatch",
    ),
    Kind(
        key="all-multicast-filtered",
        title="the network carries no multicast at all (a provider's filter, or a switch that drops it)",
        command="omping -M ipbc NODE...; " + _LISTEN,
        tells="no query, no report and no datagram of others is ever heard where everything is filtered",
        remedy="where the network is not yours: transport udpu or knet, or a tunnel between the nodes",
        catalogue="cables/multicast-filtered",
    ),
    Kind(
        key="ssm-range",
        title="the probe's group lies in 232.0.0.0/8, which is for source-specific joins",
        command="omping -m 239.192.3.20 NODE...",
        tells="another group passes where this one does not",
        remedy="test with the cluster's own group or another one of 239.192.0.0/14",
        catalogue="addressing/ssm-range",
    ),
    Kind(
        key="link-local-alias",
        title="the group is flooded whatever the switch knows: it is of 224.0.0.0/24, or has such a MAC",
        command="omping -m 239.192.3.20 NODE...",
        tells="a group that is snooped shows what the cluster's will meet",
        remedy="use groups of 239.192.0.0/14 whose second octet is not 0 or 128",
        catalogue="addressing/alias-of-a-local-group",
    ),
    Kind(
        key="snooping-off-floods",
        title="nothing is snooped: multicast comes to every port",
        command="mcast listen eth0 --for 30s",
        tells="groups are heard that this host has not joined",
        remedy="nothing fails; where the load matters, switch snooping on together with a querier",
        catalogue="snooping-off/netgear-m4300",
    ),
    Kind(
        key="duplicates",
        title="answers come twice: a loop, or two ways between switches",
        command="tcpdump -e -ni eth0 net 224.0.0.0/4",
        tells="the same datagram twice with one source MAC address has gone round",
        remedy="look for a second way between switches that the spanning tree does not block, and for bonds"
        " whose modes differ",
    ),
    Kind(
        key="table-overflow",
        title="the switch's table of groups is full, and it stopped snooping",
        command="dmesg | grep -i 'multicast hash'; bridge mdb show | wc -l",
        tells="the kernel says so once, and everything floods from then on",
        remedy="raise mcast_hash_max and switch mcast_snooping on again",
        catalogue="linux-bridge/too-many-groups",
    ),
    Kind(
        key="node-absent",
        title="a node answers nobody, neither by unicast nor by multicast",
        command="ping NODE; ss -lun 'sport = :4321'",
        at="the second on that node",
        tells="whether the host is there, and whether a probe runs on it",
        remedy="run the probe on all nodes at the same time, with the same list, group and port, and let UDP"
        " port 4321 through",
    ),
    Kind(
        key="path-loses",
        title="unicast is lost too: a cable, a port or a host that cannot keep up",
        command="ping -f -c 1000 NODE; ip -s link show eth0",
        tells="errors and drops are counted at the port that makes them",
        remedy="replace the cable or the port; look at duplex, speed and the load of the host",
        catalogue="cables/one-bad-cable",
    ),
    Kind(
        key="short-test",
        title="the test ended before memberships age",
        command=_LONG,
        tells="600 s outlast every ageing time that is known",
        remedy="test for ten minutes",
        catalogue="querier-missing/short-test-passes",
        fault=False,
    ),
)
"""In the order in which equal scores are told."""

BY_KEY = {kind.key: kind for kind in KINDS}
