from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ExitCode
from harness.run.pool import Pool

Mcast = Callable[..., Any]
Scenario = Callable[..., Path]

FAKE = ("run", "--backend", "fake")


def test_what_passes_is_a_line_and_exits_0(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*FAKE, str(scenario("a", "good")))

    assert told.code is ExitCode.PASSED
    (line,) = told.out.splitlines()
    assert line.startswith("a::good [fake seed=1]  PASSED")
    assert told.err == ""


def test_what_fails_ends_with_the_replay_command(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*FAKE, str(scenario("a", "lost")), "--seed", "9", "--speed", "50")

    assert told.code is ExitCode.FAILED
    assert told.out.splitlines()[-1].strip() == (
        "again: mcast run a.scenario.yaml::lost --backend fake --seed 9 --speed 50 --hold"
    )
    assert Path(".harness/a-lost-fake-9/run.jsonl").exists()


def test_many_are_counted_and_the_gravest_decides(mcast: Mcast, scenario: Scenario) -> None:
    scenario("a", "good", "lost")
    scenario("b", "good")

    told = mcast(*FAKE, ".")

    assert told.code is ExitCode.FAILED
    assert told.err.startswith("2 passed, 1 failed in ")
    assert [line.split()[0] for line in told.out.splitlines() if "::" in line and "[" in line] == [
        "a::good",
        "a::lost",
        "b::good",
    ]


def test_quiet_prints_only_what_did_not_pass(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*FAKE, "-q", str(scenario("a", "good", "lost")))

    assert "a::good" not in told.out
    assert "a::lost" in told.out


def test_a_variant_is_named_in_two_ways(mcast: Mcast, scenario: Scenario) -> None:
    file = scenario("a", "good", "lost")

    assert mcast(*FAKE, f"{file}::good").code is ExitCode.PASSED
    assert mcast(*FAKE, f"{file}::good[fake]").code is ExitCode.PASSED
    assert mcast(*FAKE, str(file), "--variant", "good").code is ExitCode.PASSED


def test_an_unknown_variant_is_a_usage_error_with_a_guess(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*FAKE, f"{scenario('a', 'good', 'lost')}::god")

    assert told.code is ExitCode.BAD_INPUT
    assert 'did you mean "good"?' in told.err
    assert not Path(".harness").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.yaml",), "nowhere.yaml: there is no such file or folder"),
        (("a.scenario.yaml", "--pcap", "sw1"), "SWITCH:PORT"),
        (("a.scenario.yaml", "--pcap", "sw1:p9"), "has no port sw1:p9"),
        (("a.scenario.yaml", "--hold"), "--hold keeps one lab, and these are 2"),
        (("a.scenario.yaml", "--backend", "nets"), "there is no backend 'nets'"),
        (("a.scenario.yaml", "--jobs", "0"), "--jobs"),
        (("--frobnicate",), "--frobnicate"),
    ],
)
def test_wrong_usage_exits_4_and_builds_nothing(
    mcast: Mcast, scenario: Scenario, arguments: tuple[str, ...], words: str
) -> None:
    scenario("a", "good", "lost")

    told = mcast(*FAKE, *arguments)

    assert told.code is ExitCode.BAD_INPUT
    assert words in told.err
    assert not Path(".harness").exists()


def test_mistakes_of_all_files_are_told_before_anything_runs(mcast: Mcast, scenario: Scenario) -> None:
    scenario("good", "good")
    for name in ("bad", "worse"):
        file = scenario(name, "good")
        file.write_text(file.read_text("utf-8").replace("traffic:", "trafic:"), "utf-8")

    told = mcast(*FAKE, ".")

    assert told.code is ExitCode.BAD_INPUT
    assert "bad.scenario.yaml:10:1: " in told.err
    assert "worse.scenario.yaml:10:1: " in told.err
    assert not Path(".harness").exists()


def test_a_speed_that_cannot_be_held_exits_4_at_its_line(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*FAKE, str(scenario("a", "good", speed=1000)))

    assert told.code is ExitCode.BAD_INPUT
    assert "a.scenario.yaml:3:8: every node: a timer is too short at speed 1000" in told.out


def test_a_host_that_cannot_exits_6_with_the_cure(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("run", "--backend", "fake-hostless", str(scenario("a", "good")))

    assert told.code is ExitCode.HOST_CANNOT
    assert "network namespaces are missing; cure: run as root" in told.out


def test_a_broken_lab_exits_3_with_its_words(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*FAKE, str(scenario("a", "broken")))

    assert told.code is ExitCode.INTERNAL
    assert "netlink: the kernel refused it" in told.out
    assert "Traceback" not in told.out + told.err


def test_an_empty_folder_exits_5(mcast: Mcast, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert mcast(*FAKE, str(tmp_path / "empty")).code is ExitCode.NOTHING


def test_json_is_one_document(mcast: Mcast, scenario: Scenario) -> None:
    file = scenario("a", "good", "lost")

    one = json.loads(mcast(*FAKE, "--json", f"{file}::good").out)
    many = json.loads(mcast(*FAKE, "--json", str(file)).out)

    assert one["status"] == "passed"
    assert one["folder"] == ".harness/a-good-fake-1"
    assert [each["status"] for each in many] == ["passed", "failed"]
    assert many[1]["replay"].startswith("mcast run a.scenario.yaml::lost")


def test_ctrl_c_tears_down_tells_and_exits_2(
    mcast: Mcast, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = Pool.wait
    calls: list[str] = []

    def interrupted(self: Pool, key: str) -> Any:
        calls.append(key)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return wait(self, key)

    monkeypatch.setattr(Pool, "wait", interrupted)

    told = mcast(*FAKE, str(scenario("a", "slow", speed=1)))

    assert told.code is ExitCode.INTERRUPTED
    assert "tearing down" in told.err
    assert "a::slow [fake seed=1]  INTERRUPTED" in told.out
    assert "again: mcast run" in told.out


def test_a_repetition_is_never_hidden(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast(*FAKE, str(scenario("a", "late")))

    assert told.code is ExitCode.PASSED
    assert "run again alone: at first this machine dropped 7 frames (backlog)" in told.out
