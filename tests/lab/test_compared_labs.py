"""Runs of one scenario are alike: two labs of it, and a lab and the model, each by what the records say."""

from pathlib import Path

import pytest

from harness.comparison.compare import compare
from harness.comparison.model import Agreement
from harness.errors import HostError
from harness.observations.model import TableLine
from harness.observations.record import read
from harness.plan.build import build
from harness.run.pool import Pool
from harness.run.session import Request
from harness.scenario.loader import load

pytestmark = pytest.mark.lab

SCENARIO = Path(__file__).parents[2] / "scenarios" / "querier-lost" / "querier-dies.scenario.yaml"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    plan = build(load(SCENARIO).variant("one-querier"))
    folder = tmp_path_factory.mktemp("compared")
    with Pool() as pool:
        pool.submit("first", Request(plan=plan, backend="netns", parent=folder, compare="model"))
        pool.submit("second", Request(plan=plan, backend="netns", parent=folder, suffix="-second"))
        found = pool.wait("first"), pool.wait("second")
    for outcome in found:
        if isinstance(outcome.error, HostError):
            pytest.skip(str(outcome.error))
    return found


def test_a_lab_and_the_model_are_alike(outcomes):
    first, _ = outcomes
    assert first.error is None
    assert first.comparison.agreement is Agreement.ALIKE
    assert (first.comparison.left, first.comparison.right) == ("netns", "model")
    assert first.other.verdicts


def test_two_labs_are_alike(outcomes):
    first, second = outcomes
    found = compare(first.plan, read(first.folder), read(second.folder))
    assert found.agreement is Agreement.ALIKE


def test_a_lab_whose_switch_forgot_a_member_is_not(outcomes):
    first, second = outcomes
    records = read(second.folder)
    gone = next(
        one for one in records if isinstance(one, TableLine) and one.switch == "sw2" and one.port == "p1"
    )
    lost = TableLine(at_s=120.0, switch="sw2", table="member", present=False, port="p1", group=gone.group)
    found = compare(first.plan, read(first.folder), (*records, lost))
    assert found.agreement is Agreement.PARTED
    assert (found.first.hop, found.first.at_s) == ("sw2", 120.0)
