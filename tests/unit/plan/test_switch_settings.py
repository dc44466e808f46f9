"""What an administrator can set on a switch, what a profile ships, and what the machine is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harness import profiles
from harness.errors import ScenarioError
from harness.plan.build import build
from harness.plan.model import Plan
from harness.plan.text import describe
from harness.protocols.snooping_config import (
    GroupLimit,
    HeaderCheck,
    Lookup,
    RelayTo,
    SnoopingConfig,
    TopologyChange,
)
from harness.scenario.loader import load

SCENARIO = """\
scenario: settings of a switch
source: RFC 4541
network:
  switches:
    sw1: {{{settings}}}
  nodes:
    n: {{count: 3, on: sw1}}
traffic:
  one: {{group: {group}, senders: n1, receivers: all, rate: 1/s}}
timeline: [{steps}]
expect:
  - {{deliver: one, result: all, until: 10s}}
"""
EVERYTHING = (
    "lookup: mac, source_filtering: on, any_source_in_ssm: off, most_groups: 100, most_groups_per_port: 7, "
    "above_most_groups: snooping-off, checks: [hops, router-alert], learn_router_from_pim: on, "
    "relay_reports_to: all, relay_records_to: all, report_suppression: on, on_topology_change: flood, "
    "topology_change_queries: 3, fast_leave_ports: [n2, p3]"
)
SET: dict[str, Any] = {
    "lookup": Lookup.MAC,
    "source_filtering": True,
    "any_source_in_ssm": False,
    "most_groups": 100,
    "most_groups_per_port": 7,
    "above_most_groups": GroupLimit.SNOOPING_OFF,
    "checks": (HeaderCheck.HOPS, HeaderCheck.ROUTER_ALERT),
    "learn_router_from_pim": True,
    "relay_reports_to": RelayTo.ALL,
    "relay_records_to": RelayTo.ALL,
    "report_suppression": True,
    "on_topology_change": TopologyChange.FLOOD,
    "topology_change_queries": 3,
    "fast_leave_ports": frozenset({"p2", "p3"}),
}


def planned(folder: Path, settings: str, *, steps: str = "", group: str = "239.192.0.1") -> Plan:
    path = folder / "x.scenario.yaml"
    path.write_text(SCENARIO.format(settings=settings, steps=steps, group=group), encoding="utf-8")
    return build(load(path).variants[0])


def of(behaviour: SnoopingConfig | None) -> dict[str, Any]:
    assert behaviour is not None
    return {name: getattr(behaviour, name) for name in SET}


def test_every_setting_reaches_the_machine(tmp_path: Path) -> None:
    shipped = planned(tmp_path, "profile: class-c").switch("sw1").behaviour
    assert all(of(shipped)[name] != value for name, value in SET.items())
    assert of(planned(tmp_path, f"profile: class-c, {EVERYTHING}").switch("sw1").behaviour) == SET


def test_settings_change_while_it_runs_and_are_told_in_words(tmp_path: Path) -> None:
    steps = f"{{at: 1s, set: {{switch: sw1, {EVERYTHING}}}}}, {{at: 2s, set: {{switch: sw1, checks: [], "
    plan = planned(tmp_path, "profile: class-c", steps=f"{steps}most_groups: 0, fast_leave_ports: p1}}}}")
    first, second = plan.actions
    assert of(first.behaviour) == SET
    assert of(second.behaviour) == {
        **SET,
        "checks": (),
        "most_groups": 0,
        "fast_leave_ports": frozenset({"p1"}),
    }
    assert second.text == "sw1: most groups without limit, checks none, fast leave at p1"
    assert "report suppression on" in first.text and "on topology change flood" in first.text
    assert "checks hops, router-alert, fast leave at p2, p3" in first.text


def test_each_protocol_has_its_own_settings(tmp_path: Path) -> None:
    own = "mld: {snooping: on, lookup: mac, most_groups: 5, fast_leave_ports: n1}"
    switch = planned(tmp_path, f"profile: class-c, {own}", group="ff15::1").switch("sw1")
    assert switch.mld is not None
    assert (switch.mld.lookup, switch.mld.most_groups) == (Lookup.MAC, 5)
    assert switch.mld.fast_leave_ports == {"p1"}
    assert (switch.behaviour.lookup, switch.behaviour.most_groups) == (Lookup.IP, 0)
    assert not switch.behaviour.fast_leave_ports


@pytest.mark.parametrize(("profile", "snoops"), [("class-c", False), ("ovs-strict", True)])
def test_a_profile_says_whether_mld_is_snooped_as_shipped(tmp_path: Path, profile: str, snoops: bool) -> None:
    switch = planned(tmp_path, f"profile: {profile}", group="ff15::1").switch("sw1")
    assert switch.mld is not None and switch.mld.snooping is snoops


def test_a_querier_can_be_told_to_listen_first(tmp_path: Path) -> None:
    """Cisco's small business switches do so for 60 s; the time is divided as all others are."""
    shipped = planned(tmp_path, "profile: cisco-sg300, snooping: on, querier: on").switch("sw1").behaviour
    assert shipped.querier is not None and shipped.querier.start_delay_s == 60
    assert shipped.scaled(10).querier is not None and shipped.scaled(10).querier.start_delay_s == 6
    told = planned(tmp_path, "profile: cisco-sg300, querier: {start_delay: 0}").switch("sw1").behaviour
    assert told.querier is not None and told.querier.start_delay_s == 0


@pytest.mark.parametrize("name", profiles.names())
def test_a_switch_begins_as_its_profile_says(tmp_path: Path, name: str) -> None:
    """Every field that the two have in common, by its name."""
    profile = profiles.load(name)
    behaviour = planned(tmp_path, f"profile: {name}").switch("sw1").behaviour
    held = {field.name for field in dataclasses.fields(profile)}
    common = held & {field.name for field in dataclasses.fields(behaviour)}
    assert held - common == {
        *("name", "title", "vendor", "about", "behaviour_class", "data_plane", "habits"),
        *("provenance", "mld_snooping", "querier_defaults"),
    }
    for field in common - {"querier"}:
        assert getattr(behaviour, field) == getattr(profile, field), field
    assert (behaviour.querier is not None) is profile.querier


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("lookup: macs", '"macs" is not one of ip, mac; did you mean "mac"?'),
        ("checks: [ttl]", '"ttl" is not one of router-alert, hops, traffic-class'),
        ("above_most_groups: refused", "is not one of refuse, snooping-off"),
        ("relay_records_to: everyone", "is not one of router-ports, all"),
        ("on_topology_change: floods", 'did you mean "flood"?'),
        ("most_groups: -1", "is out of bounds: it must be at least 0"),
        ("fast_leave_ports: n9", 'sw1 has no port "n9"'),
        ("report_supression: on", 'did you mean "report_suppression"?'),
    ],
)
def test_mistakes_in_settings(tmp_path: Path, settings: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        planned(tmp_path, f"profile: class-c, {settings}")
    (problem,) = caught.value.problems
    assert said in problem.message
    assert problem.line == 5


def test_open_vswitch_has_none_of_them(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        planned(tmp_path, f"profile: ovs, {EVERYTHING}")
    said = [problem.message for problem in caught.value.problems]
    assert sorted(said) == [f"Open vSwitch has no setting like {name}" for name in sorted(SET)]


def test_a_plan_in_words_tells_what_is_special(tmp_path: Path) -> None:
    plain = describe(planned(tmp_path, "profile: class-c"))
    assert "rules:" not in plain
    told = describe(planned(tmp_path, f"profile: class-c, {EVERYTHING}"))
    assert (
        "rules: looks up MAC addresses; filters by source; no joins of any source in the SSM range; "
        "fast leave at p2, p3; checks hops, router-alert; 100 groups, floods above; "
        "7 groups a port, floods above; router ports from PIM; reports to all ports; "
        "reports with sources and leaves to all ports; suppresses reports; on a topology change: flood"
    ) in told
