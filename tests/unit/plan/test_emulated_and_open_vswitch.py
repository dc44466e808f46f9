"""Genuine switches and their emulation in a plan; what cannot be set on Open vSwitch."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.plan.build import build
from harness.plan.model import Plan
from harness.profiles import DataPlane
from harness.scenario.loader import load

TEXT = """\
scenario: A title
source: RFC 4541
network:
  switches: {{sw1: {switch}}}
  routers: {{r1: {{on: sw1}}}}
  nodes: {{n: {{count: 2, on: sw1}}}}
traffic: {{one: {{group: 239.192.0.1, rate: 1/s}}}}
timeline: [{step}]
expect: [{{deliver: one, result: all}}]
"""


def planned(folder: Path, switch: str, step: str = "") -> Plan:
    path = folder / "x.scenario.yaml"
    path.write_text(TEXT.format(switch=switch, step=step), encoding="utf-8")
    return build(load(path).variants[0])


def complaints(folder: Path, switch: str, step: str = "") -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        planned(folder, switch, step)
    return [problem.message for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("profile", "genuine"),
    [
        ("linux-bridge", DataPlane.LINUX_BRIDGE),
        ("ovs", DataPlane.OPENVSWITCH),
        ("ovs-strict", DataPlane.OPENVSWITCH),
        ("juniper-ex", DataPlane.EMULATED),
    ],
)
def test_emulated_changes_what_makes_a_switch_and_nothing_else(
    tmp_path: Path, profile: str, genuine: DataPlane
) -> None:
    before = planned(tmp_path, f"{{profile: {profile}}}").switches[0]
    after = planned(tmp_path, f"{{profile: {profile}, emulated: on}}").switches[0]
    assert (before.data_plane, before.platform) == (genuine, genuine)
    assert (after.data_plane, after.platform) == (DataPlane.EMULATED, genuine)
    assert before.behaviour == after.behaviour
    assert before.querier_ready == after.querier_ready


@pytest.mark.parametrize("emulated", ["", ", emulated: on"])
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("querier: on", "no querier"),
        ("querier: {version: 3}", "no querier"),
        ("fast_leave: off", "a leave always ends the entry"),
        ("unregistered: drop", "it drops none"),
        ("membership_interval: 14s", "after 15 s to 1 h (mcast-snooping-aging-time), not 14 s"),
        ("membership_interval: 0", "not never"),
        ("router_port_interval: 60s", "live for 180 s"),
        ("last_member_interval: 1s", "asks nobody after a leave"),
        ("last_member_count: 2", "asks nobody after a leave"),
        ("mld: {snooping: on}", "one setting for IGMP and MLD"),
    ],
)
def test_what_open_vswitch_does_not_have_is_a_mistake(
    tmp_path: Path, emulated: str, setting: str, words: str
) -> None:
    profile = f"profile: ovs-strict{emulated}"
    (told,) = complaints(tmp_path, f"{{{profile}, {setting}}}")
    assert words in told
    (later,) = complaints(tmp_path, f"{{{profile}}}", f"{{at: 5s, set: {{switch: sw1, {setting}}}}}")
    assert words in later


def test_all_mistakes_of_an_open_vswitch_come_at_once(tmp_path: Path) -> None:
    told = complaints(
        tmp_path, "{profile: ovs, querier: on, fast_leave: off}", "{at: 5s, start_querier: sw1}"
    )
    assert len(told) == 3


def test_the_router_beside_an_open_vswitch_may_query(tmp_path: Path) -> None:
    plan = planned(tmp_path, "{profile: ovs, snooping: on}", "{at: 5s, stop_querier: r1}")
    assert plan.routers[0].querier is not None


def test_what_open_vswitch_has_can_be_set(tmp_path: Path) -> None:
    behaviour = (
        planned(
            tmp_path,
            "{profile: ovs, snooping: on, unregistered: router-ports, membership_interval: 15s, "
            "router_ports: n1}",
        )
        .switches[0]
        .behaviour
    )
    assert (behaviour.snooping, behaviour.membership_interval_s) == (True, 15)
    assert behaviour.static_router_ports == ("p1",)
