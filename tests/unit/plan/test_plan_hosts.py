"""Which memberships a switch can learn of, and forged packets as a plan and a file hold them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from harness.backends.forged import frame_of
from harness.plan.build import build_all
from harness.plan.hosts import Learning, groups_in, learning
from harness.plan.model import ActionKind, Plan
from harness.profiles import DataPlane
from harness.protocols.dialect import Dialect
from harness.protocols.snooping_config import HeaderCheck
from harness.run import plan_file
from harness.wire import igmp, mld, pim
from harness.wire.membership import Query

GOLDEN = Path(__file__).parents[2] / "golden" / "hosts" / "in.scenario.yaml"
GOLDEN6 = GOLDEN.parents[1] / "hosts6" / "in.scenario.yaml"
FIREWALL = "firewall: {nft: add table inet f}"


def planned(folder: Path, node: str, group: str = "239.192.0.1") -> Plan:
    path = folder / "one.scenario.yaml"
    path.write_text(
        "scenario: one node\nsource: made up\n"
        "network:\n  switches: {sw1: {profile: class-c}}\n"
        f"  nodes: {{a: {{on: sw1}}, n: {{on: sw1, {node}}}}}\n"
        f'traffic: {{one: {{group: "{group}"}}}}\n'
        "expect: [{deliver: one, result: all, until: 5s}]\n",
        encoding="utf-8",
    )
    (plan,) = build_all(path)
    return plan


@pytest.mark.parametrize(
    ("node", "settings", "expected"),
    [
        ("igmp_version: 2", {}, Learning.CERTAIN),
        ("host: {}", {}, Learning.CERTAIN),
        ("host: {answers_queries: off}", {}, Learning.CERTAIN),
        ("host: {reports: off}", {}, Learning.NEVER),
        ("host: {reports: off}", {"snooping": False}, Learning.CERTAIN),
        ("host: {router_alert: off}", {}, Learning.CERTAIN),
        ("host: {router_alert: off}", {"checks": (HeaderCheck.ROUTER_ALERT,)}, Learning.NEVER),
        ("host: {ttl: 64}", {"checks": (HeaderCheck.ROUTER_ALERT,)}, Learning.CERTAIN),
        ("host: {ttl: 64}", {"checks": (HeaderCheck.HOPS,)}, Learning.NEVER),
        ("host: {}", {"checks": tuple(HeaderCheck)}, Learning.CERTAIN),
        ("host: {reports_to: 224.0.0.2}", {"checks": (HeaderCheck.DESTINATION,)}, Learning.NEVER),
        ("host: {reports_to: 224.0.0.2}", {}, Learning.CERTAIN),
        (FIREWALL, {}, Learning.POSSIBLE),
        (FIREWALL, {"snooping": False}, Learning.CERTAIN),
        ("igmp_version: 2", {"most_groups": 1}, Learning.POSSIBLE),
        ("igmp_version: 2", {"most_groups_per_port": 1}, Learning.POSSIBLE),
        ("igmp_version: 2", {"most_groups": 2}, Learning.CERTAIN),
        ("igmp_version: 2", {"any_source_in_ssm": False}, Learning.CERTAIN),
    ],
)
def test_what_a_switch_learns_of_a_membership(tmp_path, node, settings, expected):
    plan = planned(tmp_path, node)
    switch = replace(plan.switches[0], behaviour=replace(plan.switches[0].behaviour, **settings))
    assert learning(switch, plan.host("n"), plan.streams[0], groups=2) is expected


@pytest.mark.parametrize(
    ("node", "settings", "expected"),
    [
        ("host: {reports_to: 'ff02::2'}", {"checks": (HeaderCheck.DESTINATION,)}, Learning.NEVER),
        ("host: {reports_to: 224.0.0.2}", {"checks": (HeaderCheck.DESTINATION,)}, Learning.CERTAIN),
        ("host: {router_alert: off}", {"checks": (HeaderCheck.ROUTER_ALERT,)}, Learning.NEVER),
        ("host: {reports: off}", {}, Learning.NEVER),
        ("host: {reports: off}", {"snooping": False}, Learning.CERTAIN),
    ],
)
def test_what_a_switch_learns_of_a_membership_by_mld(tmp_path, node, settings, expected):
    plan = planned(tmp_path, node, group="ff15::1")
    switch = replace(plan.switches[0], mld=replace(plan.switches[0].mld, **{"snooping": True, **settings}))
    assert learning(switch, plan.host("n"), plan.streams[0], groups=1) is expected


@pytest.mark.parametrize(
    ("node", "versions"),
    [
        ("host: {}", (3, 2)),
        ("host: {version: 2}", (2, 1)),
        ("host: {version: 1}", (1, 1)),
        ("host: {version: 1, mld_version: 2}", (1, 2)),
    ],
)
def test_versions_of_both_protocols_go_together_unless_told_apart(tmp_path, node, versions):
    host = planned(tmp_path, node, group="ff15::1").host("n")
    assert tuple(machine.newest_version for machine in host.machines) == versions


def test_without_ipv6_the_kernel_speaks_mld_as_ever(tmp_path):
    host = planned(tmp_path, "host: {}").host("n")
    assert [machine.dialect for machine in host.machines] == [Dialect.IGMP]


def test_joins_without_a_source_in_the_range_for_sources(tmp_path):
    plan = planned(tmp_path, "igmp_version: 3", group="232.1.1.1")
    behaviour = replace(plan.switches[0].behaviour, any_source_in_ssm=False)
    switch = replace(plan.switches[0], behaviour=behaviour)
    stream = plan.streams[0]
    specific = replace(stream, source_specific=True)
    assert learning(switch, plan.host("n"), stream, groups=1) is Learning.NEVER
    # One that follows an older querier names no sources.
    assert learning(switch, plan.host("n"), specific, groups=1) is Learning.POSSIBLE
    assert learning(plan.switches[0], plan.host("n"), specific, groups=1) is Learning.CERTAIN
    assert groups_in(plan) == 1


def test_a_source_specific_join_of_oneself_alone_is_none(tmp_path):
    plan = planned(tmp_path, "igmp_version: 3", group="232.1.1.1")
    alone = replace(plan.streams[0], source_specific=True, senders=("n",))
    assert learning(plan.switches[0], plan.host("n"), alone, groups=1) is Learning.NEVER
    assert learning(plan.switches[0], plan.host("a"), alone, groups=1) is Learning.CERTAIN


@pytest.mark.parametrize(("senders", "expected"), [(32, Learning.CERTAIN), (33, Learning.POSSIBLE)])
def test_a_kernels_bridge_has_room_for_so_many_sources(tmp_path, senders, expected):
    plan = planned(tmp_path, "igmp_version: 3", group="232.1.1.1")
    bridge = replace(plan.switches[0], data_plane=DataPlane.LINUX_BRIDGE)
    names = tuple(f"s{number}" for number in range(senders))
    specific = replace(plan.streams[0], source_specific=True, senders=names)
    anybody = replace(specific, source_specific=False)
    assert learning(bridge, plan.host("n"), specific, groups=1) is expected
    assert learning(bridge, plan.host("n"), anybody, groups=1) is Learning.CERTAIN
    assert learning(plan.switches[0], plan.host("n"), specific, groups=1) is Learning.CERTAIN


@pytest.mark.parametrize("golden", [GOLDEN, GOLDEN6], ids=["IGMP", "MLD"])
def test_a_plan_with_hosts_and_forged_packets_comes_back_from_its_file(tmp_path, golden):
    (plan,) = build_all(golden)
    path = tmp_path / "plan.json"
    path.write_text(plan_file.dump(plan), encoding="utf-8")
    assert plan_file.load(path) == plan


def test_repeated_steps_are_actions_of_their_own_and_the_first_has_the_name():
    (plan,) = build_all(GOLDEN)
    forged = [action for action in plan.actions if action.kind is ActionKind.FORGE]
    assert [(one.at_s, one.name) for one in forged if one.line == forged[0].line] == [
        (5.0, "lied"),
        (15.0, None),
        (25.0, None),
    ]
    assert [one.at_s for one in plan.actions] == sorted(one.at_s for one in plan.actions)


def test_a_forged_querys_times_are_compressed_and_its_way_is_that_of_the_plan():
    (plan,) = build_all(GOLDEN)
    forged = [action.forgery for action in plan.actions if action.forgery is not None]
    general = igmp.parse_igmp_frame(frame_of(forged[0], speed=10))
    assert general.message == Query(version=2, max_response_s=0.5)
    (to_switch,) = (one for one in forged if one.destination_mac is not None)
    frame = frame_of(to_switch, speed=1)
    assert frame[:6].hex(":") == plan.switches[0].mac
    assert igmp.parse_igmp_frame(frame).destination == plan.switches[0].address


def test_forged_messages_of_mld_come_from_the_link():
    (plan,) = build_all(GOLDEN6)
    forged = [action.forgery for action in plan.actions if action.forgery is not None]
    frames = [frame_of(one, speed=10) for one in forged]
    read = [mld.parse_mld_frame(frame) for frame in frames]
    own = plan.host("plain").link_local
    assert read[0].source == IPv6Address("fe80::1")
    assert read[0].message == Query(version=1, max_response_s=0.5)
    assert (read[1].source, read[1].destination) == (own, mld.ALL_NODES)
    assert read[2].message.sources == (IPv6Address("fd77::1"), IPv6Address("fd77::2"))
    (to_switch,) = (number for number, one in enumerate(forged) if one.destination_mac is not None)
    assert frames[to_switch][:6].hex(":") == plan.switches[0].mac
    assert pim.parse_hello(frames[-1]) == pim.Hello(source=own, hold_time_s=10.0)
