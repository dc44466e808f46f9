"""``mcast run --compare``: two backends side by side at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ExitCode

Mcast = Callable[..., Any]
Scenario = Callable[..., Path]

COMPARED = ("run", "--backend", "fake", "--compare", "fake-virtual")


def with_quirk(file: Path) -> Path:
    file.write_text(file.read_text(encoding="utf-8") + "quirk: a measured habit\n", encoding="utf-8")
    return file


def test_two_that_are_alike_pass_in_one_line(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, str(scenario("a", "good")))

    assert told.code is ExitCode.PASSED
    (line,) = told.out.splitlines()
    assert line.startswith("a::good [fake seed=1]  PASSED")
    assert line.endswith("; the same on fake-virtual")
    assert sorted(path.name for path in Path(".harness").iterdir()) == [
        "a-good-fake-1",
        "a-good-fake-virtual-1",
    ]


def test_two_that_part_fail_and_say_where(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, str(scenario("a", "parts")))

    assert told.code is ExitCode.FAILED
    lines = [line.strip() for line in told.out.splitlines()]
    assert lines[0].endswith("; parts from fake-virtual, and should not")
    assert lines[1] == "fake and fake-virtual part at 5.0 s: between n1 and n2"
    assert lines[2] == "fake brings 6 of 6 datagrams of ring from n1 to n2 until 10.0 s"
    assert lines[3] == "fake-virtual brings none"
    assert "run: .harness/a-parts-fake-1/" in lines
    assert "run: .harness/a-parts-fake-virtual-1/" in lines
    assert lines[-1] == (
        "again: mcast run a.scenario.yaml::parts --backend fake --compare fake-virtual --seed 1 --speed 100"
    )


def test_a_named_quirk_explains_a_parting(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, str(with_quirk(scenario("a", "parts"))))

    assert told.code is ExitCode.PASSED
    assert "; parts from fake-virtual, by the quirk that it names" in told.out
    assert "the quirk that explains it: a measured habit" in told.out


def test_a_quirk_that_explains_nothing_is_remarked(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, str(with_quirk(scenario("a", "good"))))

    assert told.code is ExitCode.PASSED
    assert "do not part, although a quirk is named: a measured habit" in told.out


def test_the_other_way_round_the_computed_run_is_told(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("run", "--backend", "fake-virtual", "--compare", "fake", str(scenario("a", "parts")))

    assert told.code is ExitCode.FAILED
    assert told.out.startswith("a::parts [fake-virtual seed=1]  FAILED")
    assert "fake-virtual and fake part at 5.0 s" in told.out
    assert "fake-virtual brings none of 6 datagrams" in told.out


def test_a_run_that_fails_says_both(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, str(scenario("a", "lost")))

    assert told.code is ExitCode.FAILED
    assert told.out.startswith("a::lost [fake seed=1]  FAILED")
    assert "; the same on fake-virtual" in told.out.splitlines()[0]


def test_what_this_machine_disturbed_is_compared_again_alone(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, str(scenario("a", "uncertain")))

    assert told.code is ExitCode.PASSED
    assert "the same on fake-virtual" in told.out
    assert "run again alone: at first this machine dropped 7 frames (backlog)" in told.out


def test_a_lab_that_breaks_is_not_compared(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, str(scenario("a", "broken")))

    assert told.code is ExitCode.INTERNAL
    assert not Path(".harness/a-broken-fake-virtual-1").exists()


def test_json_holds_both_runs_and_the_comparison(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*COMPARED, "--json", str(scenario("a", "parts")))

    found = json.loads(told.out)
    assert found["comparison"]["agreement"] == "parted"
    first = found["comparison"]["partings"][0]
    assert (first["subject"], first["at_s"], first["hosts"]) == ("delivery", 5.0, ["n1", "n2"])
    assert found["other"]["backend"] == "fake-virtual"
    assert found["other"]["status"] == "failed"
    alone = json.loads(mcast("run", "--backend", "fake", "--json", str(scenario("a", "good"))).out)
    assert "comparison" not in alone


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--compare", "modell"), "there is no backend 'modell'"),
        (("--compare", "fake"), "fake is compared with another backend"),
        (("--compare", "fake-hostless"), "fake and fake-hostless both build labs; one of the two is model"),
        (("--compare", "model", "--hold"), "--hold keeps a lab"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_runs(
    mcast: Mcast, scenario: Scenario, options: tuple[str, ...], words: str
) -> None:
    told = mcast("run", "--backend", "fake", *options, str(scenario("a", "good")))

    assert told.code is ExitCode.BAD_INPUT
    assert words in told.err
    assert not Path(".harness").exists()


def test_an_empty_quirk_is_a_mistake(mcast: Mcast, scenario: Scenario) -> None:
    file = scenario("a", "good")
    file.write_text(file.read_text(encoding="utf-8") + 'quirk: ""\n', encoding="utf-8")

    told = mcast("check", str(file))

    assert told.code is ExitCode.BAD_INPUT
    assert "a.scenario.yaml:19:8: too short" in told.err
