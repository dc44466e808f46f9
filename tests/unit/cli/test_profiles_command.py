from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import profiles
from harness.errors import ExitCode
from harness.plan.build import build_all

Mcast = Callable[..., Any]
Scenario = Callable[..., Path]

CLASS_B = Path(profiles.__file__).with_name("class-b.yaml").read_text("utf-8")


def own(text: str, name: str = "lab") -> Path:
    """A profile file beside the scenarios of the test."""
    file = Path(f"{name}.profile.yaml")
    file.write_text(text.replace("name: class-b", f"name: {name}"), "utf-8")
    return file


def using(scenario: Scenario, profile: str, *variants: str) -> Path:
    file = scenario("mine", *variants or ("good",))
    file.write_text(file.read_text("utf-8").replace("profile: class-a", f"profile: {profile}"), "utf-8")
    return file


def test_the_table_has_a_line_for_each_profile(mcast: Mcast) -> None:
    told = mcast("profiles")

    assert told.code is ExitCode.PASSED
    lines = {line.split()[0]: line for line in told.out.split("\n\n")[0].splitlines()[1:]}
    assert tuple(lines) == profiles.names()
    strict = lines["ovs-strict"].removeprefix("ovs-strict").replace(profiles.load("ovs-strict").title, "")
    assert strict.split() == ["C", "on", "off", "router-ports", "never", "300", "s", "19", "of", "35"]


def test_one_profile_has_every_value_with_its_source_and_its_doubts(mcast: Mcast) -> None:
    told = mcast("profiles", "juniper-ex")

    assert told.code is ExitCode.PASSED
    lines = {line.split()[0]: line.split()[1:] for line in told.out.splitlines() if line.startswith("  ")}
    profile = profiles.load("juniper-ex")
    names = {
        origin.setting: origin.setting.removeprefix("querier_defaults.") for origin in profile.provenance
    }
    assert set(names.values()) <= set(lines)
    assert lines["membership_interval"][:2] == ["260", "s"]
    marked = {name for name, words in lines.items() if words[-2:] == ["not", "verified"]}
    assert marked == {names[setting] for setting in profile.doubts()}
    assert "Proxmox VE wiki, Multicast notes" in told.out


def test_for_ever_is_said_in_words(mcast: Mcast) -> None:
    assert "for ever" in mcast("profiles", "netgear-m4300").out


def test_json_of_all_and_of_one(mcast: Mcast) -> None:
    every = json.loads(mcast("profiles", "--json").out)
    one = json.loads(mcast("profiles", "ovs", "--json").out)

    assert [each["name"] for each in every] == list(profiles.names())
    assert one in every
    assert one["settings"]["membership_interval"]["value"] == 300
    assert one["settings"]["membership_interval"]["unit"] == "s"
    assert one["settings"]["querier"] | {"source": ""} == {
        "value": False, "unit": None, "source": "", "verified": True,
    }  # fmt: skip


def test_an_unknown_name_exits_4_with_the_nearest(mcast: Mcast) -> None:
    told = mcast("profiles", "juniper-xe")

    assert told.code is ExitCode.BAD_INPUT
    assert 'did you mean "juniper-ex"?' in told.err
    assert not told.out


def test_a_file_of_ones_own_is_shown_with_its_mistakes(mcast: Mcast, scenario: Scenario) -> None:
    scenario("any", "good")
    file = own(CLASS_B)
    assert mcast("profiles", f"./{file}").out.startswith("lab: Class B, no particular platform\n")

    own(CLASS_B.replace("value: flood,", "value: flod,"))
    told = mcast("profiles", str(file))

    assert told.code is ExitCode.BAD_INPUT
    assert told.err.startswith("lab.profile.yaml:27:23: ")
    assert 'did you mean "flood"?' in told.err


def test_a_scenario_uses_a_profile_in_a_file(mcast: Mcast, scenario: Scenario) -> None:
    shorter = CLASS_B.replace(
        "260s, source: rfc-2236, verified: true", "77s, source: rfc-2236, verified: false"
    )
    own(shorter)
    file = using(scenario, "./lab.profile.yaml")

    told = mcast("check", str(file))

    assert told.code is ExitCode.PASSED
    assert "profile lab.profile.yaml has values that nobody verified: membership_interval" in told.err
    (plan,) = build_all(file)
    assert plan.switches[0].behaviour.membership_interval_s == 77
    assert plan.switches[0].profile == "./lab.profile.yaml"


def test_the_file_is_found_beside_the_scenario(
    mcast: Mcast, scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(CLASS_B)
    file = using(scenario, "lab.profile.yaml").absolute()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert mcast("check", str(file)).code is ExitCode.PASSED


def test_mistakes_in_the_file_are_told_once_and_alone(mcast: Mcast, scenario: Scenario) -> None:
    own(CLASS_B.replace("value: flood,", "value: flod,"))
    told = mcast("check", str(using(scenario, "./lab.profile.yaml", "good", "lost")))

    assert told.code is ExitCode.BAD_INPUT
    assert [line.split(": ")[0] for line in told.err.splitlines()] == ["lab.profile.yaml:27:23"]


def test_a_file_that_is_not_there_is_a_mistake_where_it_is_named(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("check", str(using(scenario, "./lab.profile.yaml", "good", "lost")))

    assert told.code is ExitCode.BAD_INPUT
    assert told.err == 'mine.scenario.yaml:7:20: there is no file "./lab.profile.yaml"\n'


def test_a_run_is_judged_without_the_file(mcast: Mcast, scenario: Scenario) -> None:
    profile = own(CLASS_B)
    file = using(scenario, "./lab.profile.yaml")
    assert mcast("run", "--backend", "fake", str(file)).code is ExitCode.PASSED
    profile.unlink()
    file.unlink()

    assert mcast("judge", ".harness/mine-good-fake-1").code is ExitCode.PASSED
