"""What the spanning tree does at one moment reaches every switch before anything follows from it."""

from pathlib import Path

from harness.observations.model import Igmp, Mode
from harness.plan.build import build
from harness.run.predict import predict
from harness.scenario.loader import load

LINK_FAILS = Path(__file__).parents[2] / "scenarios" / "spanning-tree" / "link-fails.scenario.yaml"
CHANGED_S = 90.0


def test_every_switch_hears_of_a_topology_change_before_the_query_that_it_brings() -> None:
    plan = build(load(LINK_FAILS).variant("querier-is-asked-to-ask"))
    then = [
        one
        for one in predict(plan).records
        if isinstance(one, Mode) or (isinstance(one, Igmp) and one.what == "query")
        if one.at_s == CHANGED_S
    ]
    flooding = [one for one in then if isinstance(one, Mode) and not one.snooping]
    assert {one.switch for one in flooding} == {switch.name for switch in plan.switches}
    assert then[: len(flooding)] == flooding
    assert {one.switch for one in then if isinstance(one, Mode) and one.snooping} == {"sw1", "sw2", "sw3"}
