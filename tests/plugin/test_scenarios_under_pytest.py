"""The plugin as a user meets it: whole pytest runs, with a backend that needs no kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

# Runs in this process forget what they import; yaml's C part must not be imported twice.
import harness.pytest_plugin.items  # noqa: F401
from harness.run import load

pytest_plugins = "pytester"

HERE = Path(__file__).parent
LIMIT_S = 30.0

CONFTEST = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import fake_lab
fake_lab.register()
"""

HEAD = """scenario: Three nodes on one switch
source: a test
speed: {speed}
duration: {duration}
network:
  switches:
    sw1: {{profile: class-a}}
  nodes:
    n: {{count: 3, on: sw1}}
traffic:
  ring: {{group: 239.192.0.1, rate: 1/s}}
variants:
"""
VARIANT = """  {name}:
    role: {role}
    expect:
      - deliver: ring
        until: 10s
        result: all
"""

Scenario = Callable[..., Path]


@pytest.fixture
def scenario(pytester: pytest.Pytester) -> Scenario:
    """Write scenario files; the names of variants tell the fake backend what goes wrong."""
    pytester.makeconftest(CONFTEST)
    options = "--strict-markers --strict-config -p no:hypothesispytest"
    pytester.makeini(f"[pytest]\naddopts = {options}\nfilterwarnings = error\n")

    def write(name: str, *variants: str, speed: int = 100, duration: str = "11s") -> Path:
        file = pytester.path / f"{name}.scenario.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        roles = {"lost": "fault"}
        parts = [VARIANT.format(name=each, role=roles.get(each, "fix")) for each in variants]
        file.write_text(HEAD.format(speed=speed, duration=duration) + "".join(parts), encoding="utf-8")
        return file

    return write


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("--harness-backend", "fake", *options)


def runs(pytester: pytest.Pytester) -> list[str]:
    """The folders of the labs that were started."""
    folder = pytester.path / ".harness"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_each_variant_is_an_item_with_a_stable_id(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("querier/lost", "good", "lost")

    result = run(pytester, "--collect-only", "-q")

    result.stdout.fnmatch_lines(
        ["querier/lost.scenario.yaml::good[[]fake]", "querier/lost.scenario.yaml::lost[[]fake]"]
    )
    assert runs(pytester) == []


def test_passes_and_failures_are_reported_each_by_its_own_item(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("a", "good", "lost")
    scenario("b", "good")

    result = run(pytester)

    result.assert_outcomes(passed=2, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*a::lost*FAILED*", "*a.scenario.yaml:22*", "*again: mcast run a.scen*::lost*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert runs(pytester) == ["a-good-fake-1", "a-lost-fake-1", "b-good-fake-1"]


def test_what_is_computed_runs_in_this_process_when_its_turn_comes(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("a", "good", "lost", "late")

    result = pytester.runpytest_inprocess("--harness-backend", "fake-virtual", "-k", "not late")

    result.assert_outcomes(passed=1, failed=1, deselected=1)
    result.stdout.fnmatch_lines(
        ["*a::lost*FAILED*", "*again: mcast run a.scen*::lost --backend fake-virtual*"]
    )
    assert runs(pytester) == ["a-good-fake-virtual-1", "a-lost-fake-virtual-1"]
    logs = [path.name for path in (pytester.path / ".harness").rglob("lab.log")]
    assert logs == []


def test_the_model_runs_where_nothing_else_can(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good", "other")

    result = pytester.runpytest_inprocess(
        "--harness-backend", "model", "--harness-backend", "fake-hostless", "--harness-require"
    )

    result.assert_outcomes(passed=2, failed=2)
    assert runs(pytester) == ["a-good-model-1", "a-other-model-1"]


def test_ctrl_c_in_what_is_computed_ends_the_session(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "stopped", "good")

    result = pytester.runpytest_inprocess("--harness-backend", "fake-virtual", no_reraise_ctrlc=True)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert runs(pytester) == ["a-stopped-fake-virtual-1"]


def test_an_id_and_k_and_m_select_and_only_those_are_started(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("a", "good", "lost", "other")

    run(pytester, "a.scenario.yaml::good[fake]").assert_outcomes(passed=1)
    assert runs(pytester) == ["a-good-fake-1"]
    run(pytester, "-k", "other").assert_outcomes(passed=1, deselected=2)
    assert runs(pytester) == ["a-good-fake-1", "a-other-fake-1"]
    run(pytester, "-m", "fault").assert_outcomes(failed=1, deselected=2)
    run(pytester, "-m", "scenario").assert_outcomes(passed=2, failed=1)


def test_last_failed_runs_only_the_failed(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good", "lost", "other")
    run(pytester)

    run(pytester, "--lf").assert_outcomes(failed=1)


def test_the_labs_run_at_once_while_the_machine_is_idle(
    pytester: pytest.Pytester, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load.CpuLoad, "share", lambda self: 0.0)
    for name in ("a", "b", "c", "d"):
        scenario(name, "slow", speed=10)

    run(pytester).assert_outcomes(passed=4)

    began, ended = [], []
    for folder in (pytester.path / ".harness").iterdir():
        first, *_, last = (
            json.loads(line) for line in (folder / "run.jsonl").read_text("utf-8").splitlines()
        )
        at = datetime.fromisoformat(first["wall_clock"])
        began.append(at)
        ended.append(at + timedelta(seconds=last["real_s"]))
    assert len(began) == 4
    assert max(began) < min(ended), "the last lab began after the first had ended"


def test_exit_first_cancels_the_rest(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "lost")
    scenario("b", "slow", speed=1)
    began_s = time.monotonic()

    run(pytester, "-x").assert_outcomes(failed=1)

    assert time.monotonic() - began_s < 8.0
    for folder in (pytester.path / ".harness").glob("b-*"):
        pid = int((folder / "fake.log").read_text("ascii").split()[0])
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_bad_file_tells_every_mistake_and_the_others_are_collected(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("good", "good")
    bad = scenario("bad", "good")
    bad.write_text(
        bad.read_text("utf-8").replace("traffic:", "trafic:").replace("on: sw1", "on: sw9"), "utf-8"
    )

    result = run(pytester, "--continue-on-collection-errors")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["bad.scenario.yaml:*:*: *trafic*"])
    assert runs(pytester) == ["good-good-fake-1"]
    assert run(pytester).ret == pytest.ExitCode.INTERRUPTED


def test_reports_point_at_the_line_of_the_variant(pytester: pytest.Pytester, scenario: Scenario) -> None:
    file = scenario("a", "good", "lost")
    lines = file.read_text("utf-8").splitlines()

    items, _ = pytester.inline_genitems("--harness-backend", "fake")

    places = [item.reportinfo()[1] for item in items]
    assert [lines[place or 0].strip() for place in places] == ["good:", "lost:"]


def test_a_host_that_cannot_is_a_skip_with_the_cure_or_a_failure_if_required(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("a", "good")

    result = pytester.runpytest_inprocess("--harness-backend", "fake-hostless", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*network namespaces are missing; cure: run as root*"])

    result = pytester.runpytest_inprocess("--harness-backend", "fake-hostless", "--harness-require")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*network namespaces are missing; cure: run as root*"])


@pytest.mark.parametrize(
    ("variant", "words"),
    [("broken", "netlink: the kernel refused it"), ("bug", "*ZeroDivisionError: a mistake in the lab")],
)
def test_a_broken_lab_fails_in_its_own_words(
    pytester: pytest.Pytester, scenario: Scenario, variant: str, words: str
) -> None:
    scenario("a", variant)

    result = run(pytester)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([words])


def test_a_run_that_the_machine_spoilt_is_repeated(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "late")

    result = run(pytester)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["a.scenario.yaml::late[[]fake]: run again alone: at first this machine *"])
    assert runs(pytester) == ["a-late-fake-1", "a-late-fake-1-alone"]


def test_xfail_for_failed_delivery_does_not_hide_a_broken_lab(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("a", "lost", "broken")
    pytester.makeconftest(
        CONFTEST
        + """
import pytest
def pytest_collection_modifyitems(items):
    from harness.pytest_plugin.items import DeliveryFailedError
    for item in items:
        item.add_marker(pytest.mark.xfail(raises=DeliveryFailedError))
"""
    )

    run(pytester).assert_outcomes(xfailed=1, failed=1)


def test_a_skipped_item_has_no_lab(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good")
    pytester.makeconftest(
        CONFTEST
        + """
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip(reason="not today"))
"""
    )

    run(pytester).assert_outcomes(skipped=1)
    assert runs(pytester) == []


def test_junit_carries_what_replays_a_run(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "lost")

    run(pytester, "--junitxml=out.xml", "--harness-seed", "42")

    (case,) = ET.parse(pytester.path / "out.xml").getroot().iter("testcase")
    found = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert found["backend"] == "fake"
    assert found["seed"] == "42"
    assert found["kernel"] == os.uname().release
    assert Path(found["run_folder"] or "").name == "a-lost-fake-42"
    failure = case.find("failure")
    assert failure is not None
    assert "a::lost" in (failure.text or "")


def test_several_backends_are_several_items(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good")

    run(pytester, "--harness-backend", "fake-hostless").assert_outcomes(passed=1, skipped=1)


def test_an_unknown_backend_is_a_usage_error(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good")

    result = pytester.runpytest_inprocess("--harness-backend", "nets")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no backend 'nets'*fake*netns*"])


def test_runs_go_where_they_are_wanted(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good")

    run(pytester, "--harness-folder", "elsewhere", "--harness-jobs", "1").assert_outcomes(passed=1)

    assert (pytester.path / "elsewhere" / "a-good-fake-1" / "run.jsonl").exists()


def test_other_tests_are_left_alone(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good")
    pytester.makepyfile(test_mine="def test_one():\n    assert 1 == 1\n")

    run(pytester).assert_outcomes(passed=2)


def test_without_scenarios_nothing_heavy_is_imported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_mine="""
        import sys

        def test_imports():
            heavy = {"pydantic", "pyroute2", "networkx", "yaml", "click"}
            assert heavy & set(sys.modules) == set()
        """
    )

    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")

    result.assert_outcomes(passed=1)


def test_workers_of_xdist_run_their_items(pytester: pytest.Pytester, scenario: Scenario) -> None:
    for name in ("a", "b"):
        scenario(name, "good", "lost")

    result = pytester.runpytest_subprocess("--harness-backend", "fake", "-n", "2", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=2, failed=2)
    assert runs(pytester) == ["a-good-fake-1", "a-lost-fake-1", "b-good-fake-1", "b-lost-fake-1"]


def test_html_reports_show_the_run(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "lost")

    pytester.runpytest_subprocess("--harness-backend", "fake", "--html", "out.html", "--self-contained-html")

    assert "again: mcast run" in (pytester.path / "out.html").read_text("utf-8")


def test_ctrl_c_tears_down_and_ends(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "slow", speed=1, duration="60s")
    log = pytester.path / ".harness" / "a-slow-fake-1" / "fake.log"
    command = (sys.executable, "-m", "pytest", "--harness-backend", "fake")
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, text=True) as process:
        deadline_s = time.monotonic() + LIMIT_S
        while not (log.exists() and log.read_text("ascii").endswith("\n")):
            assert time.monotonic() < deadline_s, "the lab did not start"
            assert process.poll() is None, "pytest ended before its lab started"
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=LIMIT_S)

    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in output
    assert log.read_text("ascii").endswith("torn down\n")
    records = [json.loads(line) for line in (log.parent / "run.jsonl").read_text("utf-8").splitlines()]
    assert records[-1]["status"] == "interrupted"
