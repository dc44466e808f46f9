from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.plan.model import Action, ActionKind, End, Plan
from harness.run import plan_file


def test_a_plan_comes_back_as_it_was(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    action = Action(
        at_s=3.0, kind=ActionKind.LINK_DOWN, text="down", line=4, ends=(End(device="sw1", port="p1"),)
    )
    plan = make_plan(actions=(action,))
    file = tmp_path / "plan.json"
    file.write_text(plan_file.dump(plan), encoding="utf-8")

    assert plan_file.load(file) == plan


def test_the_same_plan_is_the_same_text(make_plan: Callable[..., Plan]) -> None:
    assert plan_file.dump(make_plan()) == plan_file.dump(make_plan())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"is": "Popen"}', '{"is": "Plan"}', '{"is": "Path", "text": "x"}', "3"]
)
def test_something_else_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ScenarioError, match=r"plan\.json:1:1: is not the plan of a run"):
        plan_file.load(file)


def test_what_a_plan_cannot_hold_is_not_written(make_plan: Callable[..., Plan]) -> None:
    with pytest.raises(TypeError, match="object"):
        plan_file.dump(make_plan(title=object()))


def test_the_file_is_plain_json(make_plan: Callable[..., Plan]) -> None:
    found = json.loads(plan_file.dump(make_plan()))

    assert found["is"] == "Plan"
    assert found["hosts"][0]["address"] == {"is": "IPv4Address", "text": "10.77.1.1"}
