"""``pytest --harness-compare``: every item runs on two backends, and fails where they part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

# Runs in this process forget what they import; yaml's C part must not be imported twice.
import harness.pytest_plugin.items  # noqa: F401

pytest_plugins = "pytester"

CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import fake_lab
fake_lab.register()
"""
HEAD = """scenario: Three nodes on one switch
source: a test
speed: 100
duration: 11s
network:
  switches: {sw1: {profile: class-a}}
  nodes: {n: {count: 3, on: sw1}}
traffic:
  ring: {group: 239.192.0.1, rate: 1/s}
expect:
  - {deliver: ring, until: 10s, result: all}
variants:
"""

Scenario = Callable[..., Path]


@pytest.fixture
def scenario(pytester: pytest.Pytester) -> Scenario:
    """Write scenario files; the names of variants tell the fake backends what goes wrong."""
    pytester.makeconftest(CONFTEST)
    options = "--strict-markers --strict-config -p no:hypothesispytest"
    pytester.makeini(f"[pytest]\naddopts = {options}\nfilterwarnings = error\n")

    def write(name: str, *variants: str, quirk: str = "") -> Path:
        file = pytester.path / f"{name}.scenario.yaml"
        change = f"{{quirk: {quirk}}}" if quirk else "{}"
        file.write_text(HEAD + "".join(f"  {each}: {change}\n" for each in variants), encoding="utf-8")
        return file

    return write


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    compare = "--harness-compare=fake-virtual"
    return pytester.runpytest_inprocess("--harness-backend", "fake", compare, *options)


def test_two_that_part_fail_with_the_text_of_the_command_line(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("a", "good", "parts")

    result = run(pytester)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*a::parts*PASSED*; parts from fake-virtual, and should not",
            "*fake and fake-virtual part at 5.0 s: between n1 and n2",
            "*fake brings 6 of 6 datagrams of ring from n1 to n2 until 10.0 s",
            "*fake-virtual brings none",
            "*again: mcast run a.scen*::parts --backend fake --compare fake-virtual*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_quirk_is_told_and_passes(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "parts", "good", quirk="a measured habit")

    result = run(pytester)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*a.scenario.yaml::parts*part at 5.0 s*the quirk that explains it: a measured habit",
            "*a.scenario.yaml::good*do not part, although a quirk is named: a measured habit",
        ]
    )


def test_the_computed_run_may_be_the_one_that_is_judged(
    pytester: pytest.Pytester, scenario: Scenario
) -> None:
    scenario("a", "parts")

    result = pytester.runpytest_inprocess("--harness-backend", "fake-virtual", "--harness-compare", "fake")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a::parts [[]fake-virtual seed=1]*FAILED*", "*fake-virtual and fake part*"])


def test_a_host_that_cannot_skips(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "good")

    result = pytester.runpytest_inprocess(
        "--harness-backend", "fake-virtual", "--harness-compare", "fake-hostless", "-rs"
    )

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*network namespaces are missing*"])


def test_labs_are_interrupted_as_ever_by_exitfirst(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "parts", "good", "lost")

    result = run(pytester, "-x")

    result.assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--harness-compare=nothing",), "*--harness-compare: there is no backend 'nothing'*"),
        (("--harness-compare", "some/folder"), "*files go before this option*"),
        (("--harness-backend", "fake", "--harness-compare=fake"), "*compared with another backend*"),
        (("--harness-backend", "fake", "--harness-compare=fake-hostless"), "*both build labs*"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(
    pytester: pytest.Pytester, scenario: Scenario, options: tuple[str, ...], words: str
) -> None:
    scenario("a", "good")

    result = pytester.runpytest_inprocess(*options)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([words])


def test_without_a_name_it_is_the_model(pytester: pytest.Pytester, scenario: Scenario) -> None:
    scenario("a", "parts", quirk="the fake has no tables")

    result = pytester.runpytest_inprocess("--harness-backend", "fake", ".", "--harness-compare")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*fake and model part at 0.0 s: sw1*"])
    assert (pytester.path / ".harness" / "a-parts-model-1" / "run.jsonl").exists()
