"""Every shipped scenario with a genuine switch in it comes to the same verdicts with the emulated one.

Linux bridges and Open vSwitches are replaced by the emulated control plane with their profiles, as
``emulated: on`` would have it, and every expectation of the file must hold. Scripts that are made up stand in
``test_genuine_and_emulated``.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.plan.build import build
from harness.profiles import DataPlane
from harness.run.pool import Pool
from harness.run.session import Request
from harness.scenario.loader import files, load
from harness.verdicts.judge import Status

pytestmark = pytest.mark.lab

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def emulated(plan):
    """The plan with every genuine switch emulated; None where all are emulated already."""
    if all(switch.data_plane is DataPlane.EMULATED for switch in plan.switches):
        return None
    switches = tuple(replace(switch, data_plane=DataPlane.EMULATED) for switch in plan.switches)
    return replace(plan, switches=switches)


PLANS = {
    plan.name: plan
    for path in files([SCENARIOS])
    for variant in load(path).variants
    if (plan := emulated(build(variant))) is not None
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("emulated")
    with Pool() as pool:
        for name, plan in PLANS.items():
            pool.submit(name, Request(plan=plan, backend="netns", parent=folder))
        yield pool


@pytest.mark.parametrize("name", list(PLANS))
def test_the_emulated_switch_comes_to_the_same_verdicts(name, pool):
    outcome = pool.wait(name)
    assert outcome.error is None, outcome.error
    wrong = [f"{one.expected}: {one.got}" for one in outcome.verdicts if one.status is not Status.PASSED]
    assert outcome.status is Status.PASSED, (wrong, outcome.impairments)
