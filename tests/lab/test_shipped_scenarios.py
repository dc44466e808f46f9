"""Proof of cause: no shipped fault shows itself once its fix is applied, and no fix holds with its fault.

Each variant runs once. The expectations of the fault are judged on what was seen with the fix, and the other
way round: at least one must fail, or the scenario could not tell the two apart.
"""

import os
from itertools import product
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.observations.record import read
from harness.plan.build import build
from harness.run.pool import Pool
from harness.run.session import Request
from harness.scenario.loader import files, load
from harness.scenario.model import Role
from harness.verdicts.judge import Status, judge

pytestmark = pytest.mark.lab

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PLANS = {
    plan.name: plan for path in files([SCENARIOS]) for plan in map(build, load(path).variants) if plan.role
}


def pairs():
    """Every (fault, fix) of one file, by the names of their plans."""
    for path in files([SCENARIOS]):
        plans = [plan for plan in PLANS.values() if plan.file == path]
        faults, fixes = (
            [plan for plan in plans if plan.role == role.value] for role in (Role.FAULT, Role.FIX)
        )
        for fault, fix in product(faults, fixes):
            yield pytest.param(fault.name, fix.name, id=f"{fault.name}-{fix.variant}")


class Runs:
    """Every wanted variant once, concurrently; those that nobody announced run when they are asked for."""

    def __init__(self, pool, folder):
        self._pool = pool
        self._folder = folder
        self._submitted = set()
        self._records = {}

    def submit(self, name):
        if name not in self._submitted:
            self._submitted.add(name)
            self._pool.submit(name, Request(plan=PLANS[name], backend="netns", parent=self._folder))

    def observed(self, name, *, alone=False):
        """The records of a run whose own expectations held; ``alone``: of another, with nothing beside it."""
        key = f"{name}, alone" if alone else name
        if alone and key not in self._submitted:
            self._submitted.add(key)
            request = Request(plan=PLANS[name], backend="netns", parent=self._folder, suffix="-judged")
            self._pool.submit(key, request, alone=True)
        self.submit(name)
        outcome = self._pool.wait(key)
        if isinstance(outcome.error, HostError):
            pytest.skip(str(outcome.error))
        assert outcome.error is None, outcome.error
        wrong = [f"{one.expected}: {one.got}" for one in outcome.verdicts if one.status is not Status.PASSED]
        assert outcome.status is Status.PASSED, (name, wrong, outcome.impairments)
        if key not in self._records:
            self._records[key] = tuple(read(outcome.folder / "run.jsonl"))
        return self._records[key]


@pytest.fixture(scope="session")
def runs(request, tmp_path_factory):
    with Pool() as pool:
        found = Runs(pool, tmp_path_factory.mktemp("runs"))
        if "PYTEST_XDIST_WORKER" not in os.environ:  # there each worker has a share of the items
            for item in request.session.items:
                if item.path == Path(__file__):
                    found.submit(item.callspec.params["fault"])
                    found.submit(item.callspec.params["fix"])
        yield found


def statuses(observed, expected, runs):
    """What becomes of the expectations of one variant on the observations of the other.

    A machine that was late leaves less of a window than the other variant's expectations may need: then the
    run is made again, alone.
    """
    for alone in (False, True):
        verdicts = judge(PLANS[observed], runs.observed(observed, alone=alone), PLANS[expected].expectations)
        found = {verdict.expectation.where.text: verdict.status for verdict in verdicts}
        if Status.FAILED in found.values() or Status.INCONCLUSIVE not in found.values():
            break
    return found


@pytest.mark.parametrize(("fault", "fix"), list(pairs()))
def test_fault_and_fix_are_told_apart(fault, fix, runs):
    runs.submit(fault)
    runs.submit(fix)
    fault_when_fixed = statuses(fix, fault, runs)
    fix_when_faulty = statuses(fault, fix, runs)
    assert Status.FAILED in fault_when_fixed.values(), f"{fault} is seen with its fix too: {fault_when_fixed}"
    assert Status.FAILED in fix_when_faulty.values(), f"{fix} holds without the fix too: {fix_when_faulty}"
