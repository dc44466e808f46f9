from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.errors import ExitCode

Mcast = Callable[..., Any]
Scenario = Callable[..., Path]


def test_check_says_ok_and_warns_of_doubts(mcast: Mcast, scenario: Scenario) -> None:
    file = scenario("a", "good", "lost")
    file.write_text(file.read_text("utf-8").replace("class-a", "brocade-icx"), "utf-8")

    told = mcast("check", str(file))

    assert told.code is ExitCode.PASSED
    assert told.out == "a.scenario.yaml: ok (good, lost)\n"
    assert "profile brocade-icx has values that nobody verified" in told.err


def test_check_tells_every_mistake_of_every_file(mcast: Mcast, scenario: Scenario) -> None:
    scenario("good", "good")
    file = scenario("bad", "good")
    file.write_text(
        file.read_text("utf-8").replace("on: sw1", "on: sw9").replace("ring\n", "rang\n"), "utf-8"
    )
    scenario("fast", "good", speed=1000)

    told = mcast("check", "--backend", "fake", ".")

    assert told.code is ExitCode.BAD_INPUT
    assert "good.scenario.yaml: ok" in told.out
    places = [line.split(": ")[0] for line in told.err.splitlines() if "warning" not in line]
    assert places == ["bad.scenario.yaml:9:23", "bad.scenario.yaml:16:18", "fast.scenario.yaml:3:8"]


def test_check_warns_once_of_what_was_read_otherwise(mcast: Mcast, scenario: Scenario) -> None:
    file = scenario("a", "good", "lost")
    dash = "\u2013"
    walled = f"{{on: sw1, firewall: {{iptables: -A INPUT {dash}j DROP}}"
    file.write_text(
        file.read_text("utf-8").replace("{on: sw1", walled).replace("{count: 3, on: sw1", walled), "utf-8"
    )

    told = mcast("check", "--backend", "fake", str(file))

    assert told.code is ExitCode.PASSED, told.err
    warnings = [line for line in told.err.splitlines() if "typographic" in line]
    assert warnings == [
        f'a.scenario.yaml:9:39: warning: "{dash}j" has a typographic dash (U+2013); it is taken as "-j"'
    ]


def test_check_of_nothing_exits_5(mcast: Mcast, tmp_path: Path) -> None:
    assert mcast("check", str(tmp_path)).code is ExitCode.NOTHING


def test_plan_describes_each_variant(mcast: Mcast, scenario: Scenario) -> None:
    told = mcast("plan", str(scenario("a", "good", "lost")))

    assert told.code is ExitCode.PASSED
    assert "a::good" in told.out
    assert "a::lost" in told.out
    assert "239.192.0.1" in told.out


def test_plan_as_json_is_one_document(mcast: Mcast, scenario: Scenario) -> None:
    file = scenario("a", "good", "lost")

    assert json.loads(mcast("plan", "--json", f"{file}::good").out)["variant"] == "good"
    assert [each["variant"] for each in json.loads(mcast("plan", "--json", str(file)).out)] == [
        "good",
        "lost",
    ]


def test_judge_says_the_same_again_from_a_copy(mcast: Mcast, scenario: Scenario, tmp_path: Path) -> None:
    file = scenario("a", "lost")
    first = mcast("run", "--backend", "fake", str(file))
    shutil.copytree(".harness/a-lost-fake-1", tmp_path / "copy")
    shutil.rmtree(".harness")
    file.unlink()

    again = mcast("judge", str(tmp_path / "copy"))

    assert again.code is first.code is ExitCode.FAILED
    assert _but_folder(again.out) == _but_folder(first.out)


def test_judge_by_another_variants_expectations(mcast: Mcast, scenario: Scenario) -> None:
    file = scenario("a", "good")
    text = file.read_text("utf-8")
    other = (
        text.partition("variants:\n")[2].replace("good:", "nobody:").replace("result: all", "result: none")
    )
    file.write_text(text + other, "utf-8")
    mcast("run", "--backend", "fake", f"{file}::good")

    assert mcast("judge", ".harness/a-good-fake-1").code is ExitCode.PASSED
    told = mcast("judge", ".harness/a-good-fake-1", "--as", "nobody", "--json")
    assert told.code is ExitCode.FAILED
    assert json.loads(told.out)["variant"] == "nobody"
    assert mcast("judge", ".harness/a-good-fake-1", "--as", "god").code is ExitCode.BAD_INPUT


def test_judge_by_an_edited_file(mcast: Mcast, scenario: Scenario) -> None:
    mcast("run", "--backend", "fake", str(scenario("a", "good")))
    edited = scenario("edited", "good", result="none")

    assert mcast("judge", ".harness/a-good-fake-1", "--scenario", str(edited)).code is ExitCode.FAILED


def test_judge_of_a_killed_run_says_so(mcast: Mcast, scenario: Scenario) -> None:
    mcast("run", "--backend", "fake", str(scenario("a", "good")))
    records = Path(".harness/a-good-fake-1/run.jsonl")
    lines = records.read_text("utf-8").splitlines(keepends=True)
    records.write_text("".join(lines[: len(lines) // 2]), "utf-8")

    told = mcast("judge", ".harness/a-good-fake-1")

    assert told.code is ExitCode.FAILED
    assert "INCONCLUSIVE" in told.out
    assert "the run was killed" in told.out


def test_judge_of_another_folder_exits_4(mcast: Mcast, tmp_path: Path) -> None:
    told = mcast("judge", str(tmp_path))

    assert told.code is ExitCode.BAD_INPUT
    assert "has no plan.json" in told.err


def test_every_command_has_help_with_examples(mcast: Mcast) -> None:
    for name in ("run", "check", "plan", "judge", "doctor"):
        told = mcast(name, "--help")
        assert told.code is ExitCode.PASSED
        assert f"mcast {name}" in told.out.partition("Examples:")[2]
    assert mcast("--version").out == f"mcast, version {harness.__version__}\n"


def test_an_unknown_command_exits_4(mcast: Mcast) -> None:
    assert mcast("frobnicate").code is ExitCode.BAD_INPUT


@pytest.mark.lab
def test_doctor_finds_what_it_tried(mcast: Mcast) -> None:
    plain, as_json = mcast("doctor"), mcast("doctor", "--json")

    found = {each["name"]: each for each in json.loads(as_json.out)}
    assert plain.code is as_json.code
    assert found["Python"]["ok"]
    assert (plain.code is ExitCode.PASSED) == all(each["ok"] for each in found.values() if each["needed"])
    assert all(each["cure"] and each["cost"] for each in found.values() if not each["ok"])


def test_help_imports_nothing_heavy() -> None:
    script = "\n".join(
        (
            "import sys, harness.cli",
            "harness.cli.execute(['--help'])",
            "heavy = {'pydantic', 'pyroute2', 'networkx', 'yaml'} & set(sys.modules)",
            "sys.exit(f'imported {sorted(heavy)}' if heavy else 0)",
        )
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_mistake_of_ours_exits_3_and_keeps_its_traceback(tmp_path: Path) -> None:
    script = "\n".join(
        (
            "import harness.cli",
            "harness.cli.execute = lambda arguments: 1 // 0",
            "harness.cli.main()",
        )
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
    )

    assert done.returncode == ExitCode.INTERNAL
    assert "Traceback" not in done.stderr
    assert "internal error in <string>:2: ZeroDivisionError" in done.stderr
    (kept,) = tmp_path.glob("mcast-error-*.txt")
    assert "Traceback" in kept.read_text("utf-8")
    environment["MCAST_DEBUG"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
    )
    assert "Traceback" in done.stderr


def _but_folder(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.strip().startswith("run:")]
