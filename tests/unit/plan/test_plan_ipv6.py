"""IPv6 in a plan: whose it is, what follows from a MAC, and that nothing of IGMP holds for MLD."""

from __future__ import annotations

import textwrap
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from pathlib import Path

import pytest

from harness.plan import addresses6
from harness.plan.build import build_all
from harness.plan.model import ActionKind, Plan
from harness.plan.text import describe
from harness.protocols.dialect import Dialect
from harness.run import plan_file

BASE = """\
scenario: IPv6
source: me
network:
  switches:
    sw: {SWITCH}
  bridges:
    vmbr0: {BRIDGE}
  routers: {r: {on: sw}}
  nodes: {n: {count: 12, on: sw}, g: {on: vmbr0}}
  links: chain
traffic:
  one: {group: GROUP, senders: n1}
expect: [{deliver: one, result: all}]
"""


def planned(
    folder: Path,
    *,
    group: str = "ff15::1",
    switch: str = "profile: class-c",
    bridge: str = "",
    rest: str = "",
) -> Plan:
    path = folder / "ipv6.scenario.yaml"
    text = BASE.replace("GROUP", group).replace("SWITCH", switch).replace("BRIDGE", bridge)
    path.write_text(text + textwrap.dedent(rest), encoding="utf-8")
    (plan,) = build_all(path)
    return plan


def test_link_local_addresses_are_those_that_linux_makes_of_a_mac() -> None:
    assert addresses6.link_local("02:00:00:00:00:12") == IPv6Address("fe80::ff:fe00:12")
    assert addresses6.link_local("52:54:00:12:34:56") == IPv6Address("fe80::5054:ff:fe12:3456")


def test_numbers_can_be_read_in_addresses() -> None:
    subnet = IPv6Network("fd77::/64")
    assert addresses6.node6(subnet, 1234) == IPv6Address("fd77::1234")
    assert addresses6.router6(subnet, 12) == IPv6Address("fd77::a:12")
    assert not addresses6.usable6(subnet, subnet.network_address)
    assert not addresses6.usable6(subnet, IPv6Address("fd78::1"))


def test_a_scenario_without_ipv6_is_planned_without(tmp_path: Path) -> None:
    plan = planned(tmp_path, group="239.192.0.1")
    assert {host.address6 for host in plan.hosts} == {host.link_local for host in plan.hosts} == {None}
    assert {switch.mld for switch in plan.switches} == {None}
    assert plan.host("r").mld_querier is None
    with pytest.raises(ValueError, match="n1 has no IPv6 address"):
        plan.host("n1").address_for(IPv6Address("ff15::1"))


@pytest.mark.parametrize(
    "rest",
    [
        "timeline: [{at: 1s, start_mld_querier: sw}]\n",
        "timeline: [{at: 1s, set: {switch: sw, mld: {snooping: on}}}]\n",
        "variants: {one: {network: {nodes: {n: {mld_version: 1}}}}}\n",
        "variants: {one: {network: {routers: {r: {mld_querier: on}}}}}\n",
        "variants: {one: {network: {switches: {sw: {mld: {snooping: on}}}}}}\n",
        "variants: {one: {expect: [{switch: sw, at: 1s, mld_querier: none}]}}\n",
    ],
)
def test_whatever_is_of_ipv6_brings_it(tmp_path: Path, rest: str) -> None:
    plan = planned(tmp_path, group="239.192.0.1", rest=rest)
    assert plan.host("n12").address6 == IPv6Address("fd77::12")
    assert plan.switch("sw").mld is not None


def test_the_source_of_a_datagram_is_of_the_scope_of_its_group(tmp_path: Path) -> None:
    host = planned(tmp_path).host("n12")
    assert host.address_for(IPv4Address("239.192.0.1")) == IPv4Address("10.77.0.12")
    assert host.address_for(IPv6Address("ff15::1")) == IPv6Address("fd77::12")
    assert host.address_for(IPv6Address("ff02::1")) == IPv6Address("fe80::ff:fe00:12")
    assert host.unicast_for(IPv6Address("ff02::1")) == IPv6Address("fd77::12")


def test_nothing_that_is_set_for_igmp_holds_for_mld(tmp_path: Path) -> None:
    settings = "profile: class-c, querier: on, fast_leave: on, membership_interval: 9s, mld: {snooping: on}"
    switch = planned(tmp_path, switch=settings).switch("sw")
    assert (switch.behaviour.fast_leave, switch.behaviour.membership_interval_s) == (True, 9)
    assert switch.mld is not None
    assert (switch.mld.fast_leave, switch.mld.membership_interval_s) == (False, 260)
    assert (switch.mld.dialect, switch.mld.querier) == (Dialect.MLD, None)
    assert switch.mld.unregistered is switch.behaviour.unregistered


def test_snooping_is_asked_by_the_family_of_a_group(tmp_path: Path) -> None:
    switch = planned(tmp_path, switch="profile: class-c, snooping: off, mld: {snooping: on}").switch("sw")
    assert switch.snoops(IPv6Address("ff15::1"))
    assert not switch.snoops(IPv4Address("239.192.0.1"))


def test_a_linux_bridge_does_with_ipv6_what_it_is_told_for_ipv4(tmp_path: Path) -> None:
    rest = "timeline: [{at: 1s, set: {switch: vmbr0, querier: off, membership_interval: 7s}}]\n"
    plan = planned(tmp_path, bridge="querier: {query_interval: 60s}, fast_leave: on", rest=rest)
    mld = plan.switch("vmbr0").mld
    assert mld is not None and mld.fast_leave
    querier = mld.standing_querier()
    assert querier is not None
    assert (querier.query_interval_s, querier.version) == (60, 1)
    assert querier.address == IPv6Address("fe80::5c:ff:fe00:2")
    (action,) = plan.actions
    assert action.mld is not None
    assert (action.mld.querier, action.mld.membership_interval_s) == (None, 7)


def test_a_bridge_without_a_link_local_address_has_no_mld_querier(tmp_path: Path) -> None:
    plan = planned(tmp_path, bridge='querier: on, mld: {querier: {address: "::"}}')
    switch = plan.switch("vmbr0")
    assert switch.behaviour.standing_querier() is not None
    assert switch.mld is not None and switch.mld.standing_querier() is None


def test_the_queriers_of_a_switch_start_and_stop_one_by_one(tmp_path: Path) -> None:
    steps = "{at: 1s, stop_mld_querier: sw}, {at: 2s, stop_querier: sw}, {at: 3s, start_mld_querier: sw}"
    settings = "profile: class-c, querier: on, mld: {snooping: on, querier: on}"
    plan = planned(tmp_path, switch=settings, rest=f"timeline: [{steps}]\n")
    both = [(action.behaviour, action.mld) for action in plan.actions]
    runs = [tuple(one is not None and one.querier is not None for one in pair) for pair in both]
    assert runs == [(True, False), (False, False), (False, True)]
    assert [action.kind for action in plan.actions] == [
        ActionKind.STOP_QUERIER,
        ActionKind.STOP_QUERIER,
        ActionKind.START_QUERIER,
    ]
    assert [action.dialect for action in plan.actions] == [Dialect.MLD, Dialect.IGMP, Dialect.MLD]


def test_a_plan_with_ipv6_survives_its_file(tmp_path: Path) -> None:
    plan = planned(tmp_path, switch="profile: class-c, mld: {snooping: on, querier: on}")
    path = tmp_path / "plan.json"
    path.write_text(plan_file.dump(plan), encoding="utf-8")
    assert plan_file.load(path) == plan


def test_the_text_of_a_plan_tells_what_is_of_ipv6(tmp_path: Path) -> None:
    rest = 'timeline: [{at: 1s, set: {switch: vmbr0, mld: {querier: {address: "fe80::9"}}}}]\n'
    settings = "profile: class-c, mld: {snooping: on, querier: {version: 2}}"
    text = describe(planned(tmp_path, switch=settings, bridge="querier: on", rest=rest))
    for line in (
        "  MLD snooping: on; unregistered groups: router ports; floods until: never",
        "  MLD querier: version 2 from fe80::5c:ff:fe00:1, every 125 s",
        "1 one [ff15::1]:5405: from n1",
        "n12      10.77.0.12      02:00:00:00:00:12  sw:p12, MTU 1500, fd77::12 fe80::ff:fe00:12",
        "vmbr0: MLD querier (address fe80::9)",
    ):
        assert line in text
    assert "MLD" not in describe(planned(tmp_path, group="239.192.0.1"))
