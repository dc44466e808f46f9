"""Every shipped scenario as the model sees it: its own verdicts hold, and faults differ from their fixes.

The labs of the same scenarios are asked for the same in tests/lab and in scenarios/; here it takes
milliseconds.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import pytest
from predicted import records_of

from harness.plan.build import build
from harness.scenario.loader import files, load
from harness.scenario.model import Role
from harness.verdicts.judge import Status, judge

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PLANS = {plan.name: plan for path in files([SCENARIOS]) for plan in map(build, load(path).variants)}
PAIRS = [
    (fault.name, fix.name)
    for fault, fix in product(PLANS.values(), PLANS.values())
    if fault.file == fix.file and (fault.role, fix.role) == (Role.FAULT.value, Role.FIX.value)
]


@cache
def observed(name):
    return records_of(PLANS[name])


def judged(seen, expected):
    verdicts = judge(PLANS[seen], observed(seen), PLANS[expected].expectations)
    return {verdict.expectation.where.text: verdict for verdict in verdicts}


@pytest.mark.parametrize("name", PLANS)
def test_what_is_expected_is_predicted(name):
    wrong = {text: one.got for text, one in judged(name, name).items() if one.status is not Status.PASSED}
    assert not wrong


@pytest.mark.parametrize(("fault", "fix"), PAIRS)
def test_fault_and_fix_are_predicted_apart(fault, fix):
    fault_when_fixed = {text: one.status for text, one in judged(fix, fault).items()}
    fix_when_faulty = {text: one.status for text, one in judged(fault, fix).items()}
    assert Status.FAILED in fault_when_fixed.values(), fault_when_fixed
    assert Status.FAILED in fix_when_faulty.values(), fix_when_faulty
