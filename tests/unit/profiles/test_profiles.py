"""The profiles that are shipped, and what the author of a new one is told."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from harness import profiles
from harness.errors import ScenarioError
from harness.profiles import BehaviourClass, DataPlane
from harness.profiles.schema import schema_for_profiles
from harness.protocols.effects import Unregistered
from harness.protocols.snooping_config import (
    FloodUntil,
    GroupLimit,
    HeaderCheck,
    Lookup,
    RelayTo,
    TopologyChange,
)
from harness.source import read, to_data

SHIPPED = (
    "arista",
    "aruba-cx",
    "brocade-icx",
    "cisco-catalyst",
    "cisco-nxos",
    "cisco-sg300",
    "class-a",
    "class-b",
    "class-c",
    "class-d",
    "comware",
    "cumulus",
    "dell-force10",
    "dell-n",
    "hp-procurve",
    "hp-procurve-data-driven",
    "juniper-els",
    "juniper-ex",
    "juniper-srx",
    "linux-3.11",
    "linux-4.20",
    "linux-bridge",
    "mikrotik",
    "netgear-m4300",
    "netgear-smart",
    "netiron",
    "ovs",
    "ovs-strict",
    "unifi",
    "vmware-vds",
    "vmware-vds-snooping",
    "vmware-vss",
)
GOOD = Path(profiles.__file__).with_name("juniper-ex.yaml").read_text()


def test_these_profiles_are_shipped() -> None:
    assert profiles.names() == SHIPPED


GENUINE = {"linux-bridge", "ovs", "ovs-strict"}
"""Not emulated, which a profile of one's own cannot be."""


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_holds_together(name: str) -> None:
    profile = profiles.load(name)
    assert profile.name == name
    settings = [origin.setting for origin in profile.provenance]
    assert len(settings) == len(set(settings)) == 35
    assert all(len(origin.source) > 20 for origin in profile.provenance)
    assert set(profile.doubts()) <= set(settings)
    timers = profile.querier_defaults
    assert timers.max_response_s < timers.query_interval_s
    longest_silence_s = timers.robustness * timers.query_interval_s + timers.max_response_s
    assert profile.membership_interval_s == 0 or profile.membership_interval_s >= longest_silence_s
    assert profile.router_port_interval_s == 0 or profile.router_port_interval_s > timers.query_interval_s


@pytest.mark.parametrize("name", SHIPPED)
def test_the_class_agrees_with_the_settings(name: str) -> None:
    profile = profiles.load(name)
    match profile.behaviour_class:
        case BehaviourClass.A:
            assert profile.flood_until is not FloodUntil.NEVER
        case BehaviourClass.B:
            floods = profile.unregistered is Unregistered.FLOOD
            assert floods or profile.flood_until is FloodUntil.ROUTER_PORT
        case BehaviourClass.C:
            assert profile.unregistered is not Unregistered.FLOOD
            assert profile.flood_until is FloodUntil.NEVER
        case BehaviourClass.D:
            assert not profile.snooping


def test_open_vswitch_ages_by_its_own_clock() -> None:
    for name, unregistered in (("ovs", Unregistered.FLOOD), ("ovs-strict", Unregistered.ROUTER_PORTS)):
        profile = profiles.load(name)
        assert profile.unregistered is unregistered
        assert (profile.membership_interval_s, profile.router_port_interval_s) == (300, 180)
        assert (profile.last_member_count, profile.fast_leave) == (0, True)


def test_documented_choices_are_in_the_profiles() -> None:
    catalyst, force10, dell = (profiles.load(name) for name in ("cisco-catalyst", "dell-force10", "dell-n"))
    assert catalyst.report_suppression
    assert (catalyst.on_topology_change, catalyst.topology_change_queries) == (TopologyChange.SOLICIT, 2)
    assert force10.querier_yields_to_router_port
    assert (dell.checks, dell.on_topology_change) == ((HeaderCheck.ROUTER_ALERT,), TopologyChange.QUERY)
    assert profiles.load("cisco-sg300").querier_defaults.start_delay_s == 60
    assert profiles.load("brocade-icx").lookup is Lookup.MAC
    assert profiles.load("cisco-nxos").source_filtering
    bridge = profiles.load("linux-bridge")
    assert (bridge.most_groups, bridge.above_most_groups) == (4096, GroupLimit.SNOOPING_OFF)
    assert (bridge.relay_reports_to, bridge.relay_records_to) == (RelayTo.ROUTER_PORTS, RelayTo.ALL)
    assert [name for name in SHIPPED if profiles.load(name).mld_snooping] == [
        *("cumulus", "linux-3.11", "linux-4.20", "linux-bridge", "ovs-strict"),
        *("vmware-vds", "vmware-vds-snooping", "vmware-vss"),
    ]
    named = (
        *((catalyst, "report_suppression"), (catalyst, "on_topology_change"), (dell, "checks")),
        *((force10, "querier_yields_to_router_port"), (bridge, "most_groups")),
    )
    assert all(profile.source_of(setting).verified for profile, setting in named)


def test_the_kernels_differ_where_their_history_says() -> None:
    today, before, old = (profiles.load(name) for name in ("linux-bridge", "linux-4.20", "linux-3.11"))
    assert (today.learn_router_from_zero, before.learn_router_from_zero) == (True, False)
    assert (before.flood_until, old.flood_until) == (FloodUntil.QUERIER, FloodUntil.NEVER)
    assert before.data_plane is old.data_plane is DataPlane.EMULATED


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_remembered_or_assumed_is_never_called_verified(name: str) -> None:
    marks = ("general knowledge", "no document", "not looked up")
    for origin in profiles.load(name).provenance:
        assert not (origin.verified and any(mark in origin.source.lower() for mark in marks)), origin


def test_the_seed_switch_snoops_without_a_querier() -> None:
    profile = profiles.load("juniper-ex")
    assert (profile.snooping, profile.querier) == (True, False)
    assert profile.unregistered is Unregistered.ROUTER_PORTS
    assert profile.membership_interval_s == 260
    assert "unregistered" in profile.doubts()
    assert "querier_defaults.startup_count" in profile.doubts()
    assert profile.source_of("querier").source.startswith("Proxmox VE wiki")
    assert profile.source_of("querier").verified
    with pytest.raises(KeyError):
        profile.source_of("colour")
    with pytest.raises(FrozenInstanceError):
        profile.name = "other"  # type: ignore[misc]


def test_the_kernel_bridge_is_measured_throughout() -> None:
    profile = profiles.load("linux-bridge")
    assert profile.doubts() == ()
    assert profile.data_plane is DataPlane.LINUX_BRIDGE
    assert profile.querier_defaults.zero_address_wins


def test_the_classes_are_definitions_and_not_in_doubt() -> None:
    assert [profiles.load(f"class-{letter}").doubts() for letter in "abcd"] == [(), (), (), ()]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("juniper-xe", '"juniper-xe" is no profile; did you mean "juniper-ex"?'),
        ("../x", f'"../x" is no profile; there are: {", ".join(SHIPPED)}'),
    ],
)
def test_an_unknown_profile_is_told_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(ValueError, match="is no profile") as caught:
        profiles.load(name)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "value: on, source: snooping",
            "value: onn, source: snooping",
            ['34:19: "onn" is neither on nor off'],
        ),
        (
            "value: never",
            "value: nevr",
            ['41:22: "nevr" is not one of never, querier, router-port; did you mean "never"?'],
        ),
        (
            "value: 260s",
            "value: 260",
            ['43:30: "260" is no duration: it has no unit; write 260s for seconds (or ms, m, h)'],
        ),
        (
            "fast_leave:",
            "fast-leave:",
            ['1:1: "fast_leave" is missing', '46:1: unknown key "fast-leave"; did you mean "fast_leave"?'],
        ),
        (
            "last_member_count: {value: 2",
            "last_member_count: {value: 11",
            ['45:28: "11" is no whole number from 0 to 10'],
        ),
        (
            "source: wiki",
            "source: wikki",
            ['36:31: "wikki" is not among the sources above; did you mean "wiki"?'],
        ),
        ("verified: true", "verified: maybe", ['34:57: "maybe" is neither true nor false']),
        ("class: C", "class: E", ['4:8: "E" is not one of A, B, C, D']),
        ("name: juniper-ex", "name: other", ['1:7: the name is that of the file: "juniper-ex"']),
        ("  version: {value: 2, source: wiki, verified: true}\n", "", ['68:3: "version" is missing']),
        (
            "querier_defaults:",
            "querier_default:",
            [
                '1:1: "querier_defaults" is missing',
                '67:1: unknown key "querier_default"; did you mean "querier_defaults"?',
            ],
        ),
        (
            "data_plane: emulated",
            "data_plane: {value: emulated}",
            ['5:13: "data_plane" is one value, not a collection'],
        ),
        (
            "snooping: {value: on, source: snooping-guide, verified: true}",
            "snooping: on",
            ['34:11: "snooping" is a mapping of keys and values'],
        ),
        (
            "checks: {value: []",
            "checks: {value: [router-alert, hop, hops, hops]",
            [
                (
                    '54:32: "hop" is not one of router-alert, hops, traffic-class, destination; '
                    'did you mean "hops"?'
                ),
                "54:43: this stands twice in the list",
            ],
        ),
        (
            "checks: {value: []",
            "checks: {value: hops",
            ['54:17: "value" is a list; [] is an empty one'],
        ),
        (
            "  timers: >-",
            "  idle: nothing cites this one\n  timers: >-",
            ['21:3: nothing cites the source "idle"'],
        ),
    ],
)
def test_a_mistake_in_a_profile_is_pointed_at(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    assert old in GOOD
    path = tmp_path / "juniper-ex.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ScenarioError) as caught:
        profiles.read_profile(path)
    assert [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems] == said


def test_a_profile_of_ones_own_is_named_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "lab.profile.yaml"
    path.write_text(GOOD.replace("name: juniper-ex", "name: lab"))
    profile = profiles.read_profile(path)
    assert (profile.name, profile.membership_interval_s) == ("lab", 260)
    path.write_text(GOOD.replace("data_plane: emulated", "data_plane: linux-bridge"))
    with pytest.raises(ScenarioError) as caught:
        profiles.read_profile(path)
    assert [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems] == [
        '1:7: the name is that of the file: "lab"',
        "5:13: a profile of your own is emulated; the kernel's bridge is the profile linux-bridge",
    ]
    path.write_text(GOOD.replace("name: juniper-ex\n", "name: lab\n").replace(": emulated", ": openvswitch"))
    with pytest.raises(ScenarioError, match="emulated; the genuine Open vSwitch is the profile ovs or"):
        profiles.read_profile(path)


def test_values_by_their_names_in_the_file() -> None:
    profile = profiles.load("juniper-ex")
    settings = ("snooping", "unregistered", "last_member_count", "querier_defaults.startup_interval")
    assert [profile.value_of(setting) for setting in settings] == [True, "router-ports", 2, 31.25]
    with pytest.raises(KeyError):
        profile.value_of("querier_defaults.colour")


def test_a_list_is_no_profile(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("- 1\n")
    with pytest.raises(ScenarioError, match="1:1: a profile is a mapping"):
        profiles.read_profile(path)


def fits(schema: dict[str, Any], data: Any) -> bool:  # noqa: PLR0911  one a form of schema
    """Whether data fits a schema, as far as the schema of profiles uses the language."""
    match schema:
        case {"enum": choices}:
            return data in choices
        case {"const": only}:
            return bool(data == only)
        case {"anyOf": arms}:
            return any(fits(arm, data) for arm in arms)
        case {"type": "object", "properties": properties, "required": required}:
            return set(required) == set(data) and all(fits(properties[key], data[key]) for key in data)
        case {"type": "object", "additionalProperties": each}:
            return all(fits(each, value) for value in data.values())
        case {"type": "string"}:
            return isinstance(data, str) and re.search(schema.get("pattern", ""), data) is not None
        case {"type": "integer", "minimum": least}:
            return isinstance(data, int) and data >= least
        case {"type": "boolean"}:
            return isinstance(data, bool)
        case {"type": "array", "items": each}:
            return isinstance(data, list) and all(fits(each, item) for item in data)
        case _:
            raise AssertionError(schema)


@pytest.mark.parametrize("name", sorted(set(SHIPPED) - GENUINE))
def test_the_schema_for_editors_takes_what_the_loader_takes(name: str) -> None:
    data: Any = to_data(read(Path(profiles.__file__).with_name(f"{name}.yaml")))
    assert fits(schema_for_profiles(), data)
    data["querier_defaults"]["query_interval"]["value"] = 125
    assert not fits(schema_for_profiles(), data)
