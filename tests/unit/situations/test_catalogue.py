"""Situations become ordinary scenario files, for every profile and at a speed that a backend can hold."""

import pytest

from harness import profiles
from harness.errors import ScenarioError
from harness.run import backends
from harness.situations.catalogue import SITUATIONS, plan_of, write


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_has_a_plan_in_every_situation(name, tmp_path):
    profile, backend = profiles.load(name), backends.create(backends.DEFAULT)
    for situation in SITUATIONS:
        plan = plan_of(write(situation, profile, name, tmp_path), backend)
        assert not backend.refusals(plan)
        assert {switch.profile for switch in plan.switches} == {name}
        if situation.name == "one-switch":
            assert plan.duration_s > max(profile.membership_interval_s, profile.router_port_interval_s)


class Unable:
    name = "unable"
    virtual = False

    def refusals(self, plan):
        return (f"no lab at speed {plan.speed:g}",)


def test_a_backend_that_can_hold_it_at_no_speed_says_why(tmp_path):
    path = write(SITUATIONS[0], profiles.load("class-c"), "class-c", tmp_path)
    with pytest.raises(ScenarioError, match=r"no lab at speed 1$"):
        plan_of(path, Unable())
