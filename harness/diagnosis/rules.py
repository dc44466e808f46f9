"""What speaks for a cause and against it: one row a rule, each with its weight and its reason.

A rule looks at a case and finds something or nothing. What it finds counts once, however many facts show it;
a cause's score is the sum of its rules' weights. There are no other numbers: five weights, and the thresholds
of ``patterns``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from harness.diagnosis import found_elsewhere as there
from harness.diagnosis import found_in_probes as probes
from harness.diagnosis.case import Case
from harness.diagnosis.found import Found


class Weight(IntEnum):
    """How much a finding says."""

    PROVES = 6
    """The fault itself was read: a rule that drops, two numbers that contradict each other."""
    POINTS = 3
    """The cause predicts just this, and few others do."""
    SUGGESTS = 2
    """The cause predicts this, and so do some others."""
    FITS = 1
    """The cause allows for this."""
    AGAINST = -2
    """The cause would have to be helped by something else."""
    RULES_OUT = -12
    """With this the cause cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row. ``reason``: why the finding says something about the cause."""

    cause: str
    weight: Weight
    find: Callable[[Case], Found | None]
    reason: str


def _rule(cause: str, weight: Weight, find: Callable[[Case], Found | None], reason: str) -> Rule:
    return Rule(cause=cause, weight=weight, find=find, reason=reason)


_QUERIER = "snooping-without-querier"
_APART = "switches-keep-groups-apart"
_ALL = "all-multicast-filtered"
_IGMP = "host-firewall-igmp"
_FIREWALL = "host-firewall-multicast"
_LOSES = "path-loses"
W = Weight

RULES = (
    _rule(
        _QUERIER, W.POINTS, probes.died_when_memberships_age, "a switch forgets members 260 to 300 s after"
    ),
    _rule(_QUERIER, W.POINTS, probes.lost_the_rest, "what came is as much as a membership lasts"),
    _rule(_QUERIER, W.FITS, probes.died_otherwise, "ageing may be set shorter, or the join be older"),
    _rule(_QUERIER, W.FITS, probes.never_came, "a switch may have forgotten before the test began"),
    _rule(_QUERIER, W.POINTS, there.nobody_queries, "without queries nobody renews memberships"),
    _rule(_QUERIER, W.FITS, there.snoops, "only a switch that snoops filters"),
    _rule(_QUERIER, W.SUGGESTS, there.no_router_port, "a switch that heard a querier knows a router port"),
    _rule(_QUERIER, W.AGAINST, there.somebody_queries, "a querier renews memberships"),
    _rule(_QUERIER, W.AGAINST, there.own_querier_on, "it should ask"),
    _rule(_QUERIER, W.AGAINST, there.only_linux_snoops, "a Linux bridge floods while it knows of no querier"),
    _rule(_QUERIER, W.AGAINST, there.nobody_snoops, "what does not snoop does not forget"),
    _rule(_QUERIER, W.AGAINST, probes.unicast_lost, "snooping leaves unicast alone"),
    _rule(_QUERIER, W.AGAINST, probes.on_and_off, "a membership that nobody renews does not come back"),
    _rule(_QUERIER, W.AGAINST, there.other_vlan_has_one, "there is one, if not here"),
    _rule(_QUERIER, W.AGAINST, there.other_family_has_one, "there is one, if not of this family"),
    _rule(_QUERIER, W.RULES_OUT, probes.all_came_for_long, "no membership lasts that long without queries"),
    _rule(_APART, W.POINTS, probes.two_sides, "each switch knows its own members and no router port"),
    _rule(_APART, W.FITS, probes.some_never_came, "those may be behind another switch"),
    _rule(_APART, W.AGAINST, there.somebody_queries, "queries make the trunk a router port"),
    _rule(_APART, W.RULES_OUT, probes.nothing_failed, "nobody is apart"),
    _rule("querier-zero-source", W.POINTS, there.zero_querier, "RFC 4541 2.1.1: no router port from 0.0.0.0"),
    _rule("querier-zero-source", W.POINTS, there.bridge_asks_from_zero, "mcast_query_use_ifaddr is 0"),
    _rule("querier-too-slow", W.PROVES, there.asks_too_seldom, "the entry is gone before the next query"),
    _rule("querier-too-slow", W.SUGGESTS, probes.on_and_off, "each query brings multicast back for a while"),
    _rule("querier-in-other-vlan", W.PROVES, there.other_vlan_has_one, "queries stay within their VLAN"),
    _rule("querier-of-other-family", W.PROVES, there.other_family_has_one, "IGMP and MLD are independent"),
    _rule("querier-late", W.POINTS, probes.came_late, "something opened the way after the test began"),
    _rule("node-deaf", W.POINTS, probes.one_is_deaf, "reports are about the reporter's own reception"),
    _rule("node-deaf", W.SUGGESTS, probes.never_came_to_one_node, "the others' reports are not here"),
    _rule("node-deaf", W.FITS, probes.one_report_lost_all, "the others' reports are not here"),
    _rule("node-mute", W.POINTS, probes.one_is_mute, "all others' reports miss the same one"),
    _rule("node-mute", W.FITS, probes.some_never_came, "reports of other nodes would tell"),
    _rule(_IGMP, W.PROVES, there.filter_drops_igmp, "a host that hears no query sends no report"),
    _rule(_IGMP, W.SUGGESTS, probes.died_though_queried, "a querier asks, and the members do not answer"),
    _rule(_IGMP, W.FITS, probes.one_died, "one node is forgotten, the others are not"),
    _rule(_FIREWALL, W.PROVES, there.filter_drops_multicast, "the host itself drops it"),
    _rule(_FIREWALL, W.SUGGESTS, probes.one_is_deaf, "a firewall is a node's own"),
    _rule(_FIREWALL, W.FITS, probes.never_came, "a closed INPUT chain lets no new multicast in"),
    _rule(_FIREWALL, W.FITS, probes.somebody_silent, "a firewall may drop requests too"),
    _rule("size-limit", W.POINTS, probes.only_long_lost, "short ones pass, long ones do not"),
    _rule("size-limit", W.POINTS, there.mtus_differ, "what fits one port is dropped at the other"),
    _rule(_ALL, W.POINTS, probes.never_came_to_anybody, "unicast passes and multicast nowhere"),
    _rule(_ALL, W.SUGGESTS, probes.never_came_to_one_node, "the others may fare alike"),
    _rule(_ALL, W.FITS, probes.never_came_to_the_one, "one pair is little"),
    _rule(_ALL, W.FITS, probes.nothing_heard, "a listener heard nothing"),
    _rule(_ALL, W.RULES_OUT, probes.some_multicast_came, "some of it does pass"),
    _rule(_ALL, W.AGAINST, there.query_was_heard, "queries are multicast themselves"),
    _rule(
        "ssm-range", W.SUGGESTS, probes.never_came_in_ssm_range, "strict gear ignores such joins (RFC 4607)"
    ),
    _rule("ssm-range", W.RULES_OUT, probes.other_groups_fail_too, "it is not the group"),
    _rule("link-local-alias", W.POINTS, probes.group_is_link_local, "RFC 4541 2.1.2: 224.0.0.x is flooded"),
    _rule("link-local-alias", W.SUGGESTS, probes.group_is_alias, "switches that look up MACs flood it"),
    _rule("link-local-alias", W.POINTS, there.alias_flooded, "it came to a host that had not joined"),
    _rule("snooping-off-floods", W.POINTS, there.nobody_snoops, "what does not snoop floods"),
    _rule("snooping-off-floods", W.POINTS, there.flooded, "it came to a host that had not joined"),
    _rule("snooping-off-floods", W.AGAINST, there.snoops, "a switch here does snoop"),
    _rule("duplicates", W.POINTS, probes.came_twice, "one answer came by two ways"),
    _rule("table-overflow", W.PROVES, there.table_was_full, "the switch says so"),
    _rule("table-overflow", W.SUGGESTS, there.table_is_full, "the next group does not fit"),
    _rule("node-absent", W.POINTS, probes.somebody_silent, "who runs the probe answers by unicast"),
    _rule("node-absent", W.AGAINST, probes.silent_to_some_only, "others got its answers"),
    _rule(_LOSES, W.POINTS, probes.unicast_lost, "snooping and groups leave unicast alone"),
    _rule(_LOSES, W.FITS, probes.scattered, "losses here and there are a cable's or a queue's"),
    _rule("short-test", W.FITS, probes.all_came_shortly, "nothing is forgotten so soon"),
)
