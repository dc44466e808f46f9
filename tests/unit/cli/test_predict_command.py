from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_lab
import pytest

from harness.errors import ExitCode
from harness.run import backends

Mcast = Callable[..., Any]
Scenario = Callable[..., Path]


@pytest.fixture(autouse=True)
def _faked_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks for the model; here it is one that does as the variant's name says."""
    monkeypatch.setitem(backends._FACTORIES, backends.MODEL, fake_lab.VirtualBackend)


def test_the_report_is_that_of_a_run_without_a_folder(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("predict", str(scenario("a", "good", "lost")))

    assert told.code is ExitCode.FAILED
    lines = told.out.splitlines()
    assert lines[0].startswith("a::good [fake-virtual seed=1]  PASSED  1 expectation in ")
    assert lines[-1].strip() == "again: mcast predict a.scenario.yaml::lost --seed 1 --speed 100"
    assert told.err.startswith("1 passed, 1 failed in ")
    assert not Path(".harness").exists()


def test_seed_and_speed_are_the_command_lines(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("predict", f"{scenario('a', 'lost')}::lost", "--seed", "9", "--speed", "50")

    assert told.out.splitlines()[-1].endswith("--seed 9 --speed 50")


def test_run_folders_only_where_they_are_wanted(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("predict", str(scenario("a", "good")), "--folder", "runs", "--json")

    assert told.code is ExitCode.PASSED
    found = json.loads(told.out)
    assert (found["status"], found["kernel"]) == ("passed", "")
    assert (Path(found["folder"]) / "run.jsonl").exists()
    assert mcast("judge", found["folder"]).code is ExitCode.PASSED


def test_mistakes_of_all_files_come_before_any_prediction(mcast: Mcast, scenario: Scenario) -> None:
    scenario("a", "good")
    scenario("b", "good", result="al")

    told = mcast("predict", ".")

    assert told.code is ExitCode.BAD_INPUT
    assert told.out == ""
    assert "b.scenario.yaml:18:17" in told.err


def test_ctrl_c_ends_with_what_there_is(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("predict", str(scenario("a", "good", "stopped", "other")))

    assert told.code is ExitCode.INTERRUPTED
    assert [line.split()[0] for line in told.out.splitlines() if "seed=1]" in line] == [
        "a::good",
        "a::stopped",
    ]
    assert "1 passed, 1 interrupted" in told.err


def test_run_in_virtual_time_needs_no_process(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("run", "--backend", "fake-virtual", str(scenario("a", "lost")))

    assert told.code is ExitCode.FAILED
    assert told.out.splitlines()[-1].strip() == (
        "again: mcast run a.scenario.yaml::lost --backend fake-virtual --seed 1 --speed 100"
    )
    assert Path(".harness/a-lost-fake-virtual-1/run.jsonl").exists()
    again = mcast("judge", ".harness/a-lost-fake-virtual-1")
    assert not again.out.splitlines()[-1].endswith("--hold")


@pytest.mark.parametrize("option", [("--hold",), ("--pcap", "sw1:p1")])
def test_what_only_a_lab_can_do_is_refused(mcast: Mcast, scenario: Scenario, option: tuple[str, ...]) -> None:
    told = mcast("run", "--backend", "fake-virtual", str(scenario("a", "good")), *option)

    assert told.code is ExitCode.BAD_INPUT
    assert option[0] in told.err
    assert "the backend fake-virtual builds none; use --backend netns" in told.err
    assert not Path(".harness").exists()
