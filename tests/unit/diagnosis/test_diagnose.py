"""Which causes fit which facts, best first."""

from pathlib import Path

import pytest
from figures import answers, mesh, pair
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnosis import diagnose, verdict
from harness.diagnosis.causes import BY_KEY, KINDS
from harness.diagnosis.facts import (
    Family,
    Filtered,
    GroupFlooded,
    HostFilter,
    InterfaceMtu,
    NoQuerier,
    PeerSilent,
    QuerierSeen,
    RouterPorts,
    Snooping,
    TableOverflow,
)
from harness.diagnosis.found_in_probes import is_alias
from harness.diagnosis.rules import RULES
from harness.protocols.probes.program import Cast

ALL, NONE = range(1, 601), range(0)
FORGOTTEN = range(1, 263)
NODES = ("n1", "n2", "n3")
NOBODY = NoQuerier(family=Family.IGMP, heard_for_s=130.0)
ROUTER = QuerierSeen(family=Family.IGMP, address="10.9.0.9", version=2, port="p5")
BRIDGE = Snooping(
    where="br0",
    family=Family.IGMP,
    on=True,
    querier=False,
    membership_s=260.0,
    query_interval_s=125.0,
    linux=True,
)
SWITCH = Snooping(where="sw1", family=Family.IGMP, on=True, membership_s=260.0)


def best(*facts):
    return diagnose(facts)[0].key


def keys(*facts):
    return [cause.key for cause in diagnose(facts)]


def test_dies_when_memberships_age():
    facts = mesh(NODES, lambda node, peer: FORGOTTEN)
    (cause, *_) = diagnose(facts)
    assert cause.key == "snooping-without-querier"
    assert "n2, n3 and n1 at n1, n2 and n3 stopped after 262 s" in cause.supports[0].text
    assert cause.kind.catalogue == "querier-missing/short-test-passes"
    assert verdict(facts, diagnose(facts)) == "looks like snooping without a querier"


def test_summary_alone_that_lost_what_no_membership_lasts_for():
    assert best(*pair("n1", "n2", 262), *pair("n1", "n3", 264)) == "snooping-without-querier"


def test_summary_that_lost_a_fifth_is_no_sign_of_ageing():
    assert keys(*pair("n1", "n2", 480)) == []


def test_nobody_queries_and_a_switch_snoops():
    cause = diagnose((NOBODY, SWITCH))[0]
    assert cause.key == "snooping-without-querier"
    assert [one.text.partition(" (")[0] for one in cause.supports] == [
        "no querier was heard for 130 s",
        "snooping is on at sw1",
    ]


def test_a_linux_bridge_alone_speaks_against_it():
    cause = diagnose((NOBODY, BRIDGE))[0]
    assert "Linux bridge br0" in cause.against[0].text
    assert cause.score < diagnose((NOBODY, SWITCH))[0].score


def test_a_querier_speaks_against_it_and_for_a_firewall():
    facts = (*mesh(NODES, lambda node, peer: FORGOTTEN if node == "n2" else ALL), ROUTER)
    found = {cause.key: cause for cause in diagnose(facts)}
    assert found["host-firewall-igmp"].score >= found["snooping-without-querier"].score


def test_ten_minutes_rule_it_out():
    assert keys(*mesh(NODES, lambda node, peer: ALL), NOBODY) == []


def test_ten_seconds_are_too_short_to_tell():
    facts = mesh(NODES, lambda node, peer: range(1, 11), of=10)
    assert keys(*facts) == ["short-test"]
    assert verdict(facts, diagnose(facts)) == (
        "nothing is wrong with what was pasted, and it is too short to tell: "
        "10 s of test end before the 260 s in which memberships age"
    )


def test_ten_seconds_with_a_querier_are_good():
    facts = (*mesh(NODES, lambda node, peer: range(1, 11), of=10), ROUTER)
    assert verdict(facts, diagnose(facts)) == "nothing is wrong with what was pasted"


def test_nothing_to_say():
    assert verdict((), ()) == "nothing was recognised"
    assert verdict((ROUTER,), diagnose((ROUTER,))).endswith("no probe's figures are among it")
    lost = pair("n1", "n2", 480)
    assert verdict(lost, diagnose(lost)).endswith("too little to say why")


def test_deaf_node():
    facts = mesh(NODES, lambda node, peer: NONE if node == "n3" else ALL)
    cause = diagnose(facts)[0]
    assert cause.key == "node-deaf"
    assert cause.supports[0].text.startswith("n3 lost the multicast of n1 and n2; n1 and n2 lost none")


def test_mute_node():
    facts = mesh(NODES, lambda node, peer: NONE if peer == "n3" else ALL)
    cause = diagnose(facts)[0]
    assert cause.key == "node-mute"
    assert cause.supports[0].text.startswith("n1 and n2 miss the multicast of n3, and no other")


def test_one_report_of_a_deaf_node_fits_several():
    found = keys(*pair("n3", "n1", NONE), *pair("n3", "n2", NONE))
    assert set(found[:2]) == {"all-multicast-filtered", "node-deaf"}
    assert {"node-deaf", "snooping-without-querier", "host-firewall-multicast"} <= set(found)


def test_nodes_on_two_switches():
    left = {"n1", "n2"}
    facts = mesh(
        ("n1", "n2", "n3", "n4"), lambda node, peer: ALL if (node in left) == (peer in left) else NONE
    )
    cause = diagnose(facts)[0]
    assert cause.key == "switches-keep-groups-apart"
    assert "n1 and n2; n3 and n4" in cause.supports[0].text


def test_nothing_comes_from_anybody():
    assert best(*mesh(NODES, lambda node, peer: NONE)) == "all-multicast-filtered"


def test_a_heard_query_speaks_against_a_filter_of_everything():
    with_query = {cause.key: cause for cause in diagnose((*mesh(NODES, lambda node, peer: NONE), ROUTER))}
    without = {cause.key: cause for cause in diagnose(mesh(NODES, lambda node, peer: NONE))}
    assert with_query["all-multicast-filtered"].score < without["all-multicast-filtered"].score


def test_group_of_the_ssm_range():
    facts = mesh(NODES, lambda node, peer: NONE, group="232.43.211.234")
    assert "ssm-range" in keys(*facts)
    assert "ssm-range" not in keys(*facts, *mesh(NODES, lambda node, peer: NONE))
    specific = mesh(NODES, lambda node, peer: NONE, group="232.43.211.234", source_specific=True)
    assert "ssm-range" not in keys(*specific)


@pytest.mark.parametrize(
    ("group", "alias"),
    [
        ("230.0.0.5", True),
        ("239.128.0.1", True),
        ("239.0.0.7", True),
        ("239.192.3.20", False),
        ("224.0.2.234", False),
        ("224.0.0.5", False),
        ("ff02::1", False),
        ("", False),
    ],
)
def test_groups_with_a_mac_address_of_the_link(group, alias):
    assert is_alias(group) is alias


def test_group_of_the_link_proves_nothing():
    assert best(*mesh(NODES, lambda node, peer: ALL, group="224.0.0.18")) == "link-local-alias"
    assert best(*mesh(NODES, lambda node, peer: ALL, group="230.0.0.5")) == "link-local-alias"


def test_on_and_off():
    gaps = {"first": 1, "last": 540, "gaps": ((126, 300), (426, 500)), "interval_s": 1.0}
    facts = pair("n1", "n2", 290, **gaps)
    assert best(*facts) == "querier-too-slow"


def test_intervals_that_contradict_each_other():
    slow = QuerierSeen(family=Family.IGMP, address="10.9.0.9", interval_s=300.0)
    forgetful = Snooping(where="sw1", family=Family.IGMP, on=True, membership_s=125.0)
    cause = diagnose((slow, forgetful))[0]
    assert cause.key == "querier-too-slow"
    assert "every 300 s, and sw1 forgets after 125 s" in cause.supports[0].text
    assert diagnose((ROUTER, forgetful)) == ()


def test_querier_without_an_address():
    assert best(QuerierSeen(family=Family.IGMP, address="0.0.0.0")) == "querier-zero-source"
    zero = Snooping(where="br0", family=Family.IGMP, on=True, querier=True, zero_source=True, linux=True)
    assert best(zero) == "querier-zero-source"


def test_querier_of_another_vlan():
    here = QuerierSeen(family=Family.IGMP, address="10.10.0.1", vlan="10")
    facts = (here, NoQuerier(family=Family.IGMP, vlan="20"))
    assert keys(*facts) == ["querier-in-other-vlan", "snooping-without-querier"]
    assert keys(*facts, *mesh(NODES, lambda node, peer: FORGOTTEN), SWITCH)[0] == "querier-in-other-vlan"


def test_querier_of_the_other_family():
    mld = QuerierSeen(family=Family.MLD, address="fe80::1")
    assert best(mld, NOBODY) == "querier-of-other-family"
    assert "querier-of-other-family" not in keys(mld, NOBODY, ROUTER)


def test_late_beginning():
    facts = pair("n1", "n2", range(62, 601))
    assert best(*facts) == "querier-late"
    assert keys(*pair("n1", "n2", range(3, 601))) == []


def test_firewalls():
    igmp = HostFilter(where="n1", drops=Filtered.IGMP, words="-A INPUT -p igmp -j DROP")
    forgotten = mesh(NODES, lambda node, peer: FORGOTTEN)
    assert set(keys(igmp, *forgotten, NOBODY)[:2]) == {"host-firewall-igmp", "snooping-without-querier"}
    assert best(igmp, ROUTER, *mesh(NODES, lambda node, peer: FORGOTTEN)) == "host-firewall-igmp"
    multicast = HostFilter(where="n1", drops=Filtered.MULTICAST, words="-P INPUT DROP")
    assert best(multicast) == "host-firewall-multicast"


def test_sizes():
    small = pair("n1", "n2", ALL, size=69)
    large = pair("n1", "n2", NONE, size=1472)
    assert "size-limit" in keys(*small, *large)
    ports = [
        InterfaceMtu(interface=name, mtu=mtu, bridge="br0") for name, mtu in (("p1", 9000), ("p2", 1500))
    ]
    assert best(*ports) == "size-limit"
    assert diagnose((ports[0], ports[0])) == ()


def test_flooding():
    assert best(Snooping(where="sw1", family=Family.IGMP, on=False)) == "snooping-off-floods"
    assert best(GroupFlooded(group="239.192.9.9", datagrams=30)) == "snooping-off-floods"
    assert best(GroupFlooded(group="230.0.0.5", datagrams=30)) == "link-local-alias"


def test_what_comes_twice():
    assert best(*pair("n1", "n2", ALL, duplicates=600)) == "duplicates"
    assert keys(*pair("n1", "n2", ALL, duplicates=1)) == []


def test_full_table():
    assert best(TableOverflow(limit=512, interface="br0")) == "table-overflow"


def test_absent_node():
    facts = (*pair("n1", "n2", ALL), PeerSilent(where="n1", peer="n3"))
    assert best(*facts) == "node-absent"
    found = {cause.key: cause for cause in diagnose((*facts, *pair("n2", "n3", ALL)))}
    assert found["node-absent"].against[0].text.startswith("n3 at n2 did answer")


def test_lost_unicast_is_no_matter_of_snooping():
    facts = (*pair("n1", "n2", 480, unicast=480), *pair("n2", "n1", ALL))
    assert best(*facts) == "path-loses"


def test_no_router_port_helps():
    without = diagnose((NOBODY,))[0].score
    assert diagnose((NOBODY, RouterPorts(where="sw1", ports=())))[0].score == without + 2


def test_ipv6_probes_ask_for_mld():
    facts = mesh(NODES, lambda node, peer: FORGOTTEN, group="ff15::1")
    mld = NoQuerier(family=Family.MLD, heard_for_s=130.0)
    assert diagnose((*facts, mld))[0].score > diagnose((*facts, NOBODY))[0].score


def test_every_rule_names_a_cause_and_every_cause_has_one_for_it():
    assert {rule.cause for rule in RULES} == set(BY_KEY)
    assert {rule.cause for rule in RULES if rule.weight > 0} == {kind.key for kind in KINDS}
    assert all(rule.reason for rule in RULES)


def test_every_catalogue_entry_is_a_shipped_file():
    scenarios = Path(__file__).parents[3] / "scenarios"
    named = [kind.catalogue for kind in KINDS if kind.catalogue]
    assert named
    assert [one for one in named if not (scenarios / f"{one}.scenario.yaml").exists()] == []


NAMES = st.sampled_from(["n1", "n2", "n3", ""])
COUNTS = st.integers(0, 700)
FIGURES = st.builds(
    answers,
    NAMES,
    NAMES,
    COUNTS,
    of=COUNTS,
    cast=st.sampled_from(Cast),
    first=st.none() | COUNTS,
    last=st.none() | COUNTS,
    gaps=st.none() | st.lists(st.tuples(COUNTS, COUNTS), max_size=3).map(tuple),
    interval_s=st.none() | st.floats(0, 10),
    duplicates=COUNTS,
    size=st.none() | COUNTS,
    group=st.sampled_from(
        ["", "239.192.3.20", "232.43.211.234", "230.0.0.1", "224.0.0.5", "ff15::1", "what"]
    ),
)
OTHERS = st.sampled_from([NOBODY, ROUTER, BRIDGE, SWITCH, PeerSilent(where="n1", peer="n3")])


@given(st.lists(FIGURES | OTHERS, max_size=12))
def test_any_facts_are_weighed(facts):
    causes = diagnose(facts)
    assert [cause.score for cause in causes] == sorted((cause.score for cause in causes), reverse=True)
    for cause in causes:
        weights = [one.weight for one in (*cause.supports, *cause.against)]
        assert cause.score == sum(weights) > 0
        assert all(one.facts for one in (*cause.supports, *cause.against))
    assert verdict(facts, causes)
