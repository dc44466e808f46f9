"""Scenario files and the plans, or the mistakes, that they become.

One folder a case: ``in.scenario.yaml``, and beside it ``plan.json`` (a list, one plan a variant) or
``errors.txt``. After a change that is meant, write them anew and read the difference:
``python -m tests.golden.test_golden`` in the root of the repository.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.plan.build import build_all
from harness.plan.text import as_json

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
CASES = sorted(path.parent.name for path in FOLDER.glob("*/in.scenario.yaml"))


def outcome(case: str) -> tuple[str, str]:
    """The name and the text of the file that a case must have."""
    path = FOLDER / case / "in.scenario.yaml"
    try:
        plans = [as_json(plan) for plan in build_all(path)]
    except ScenarioError as error:
        return "errors.txt", str(error).replace(f"{path}:", "").replace(f"{ROOT}/", "") + "\n"
    return "plan.json", json.dumps(plans, indent=1) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    name, text = outcome(case)
    expected = FOLDER / case / name
    assert expected.exists(), f"this case has no {name}; it gives:\n{text}"
    assert text == expected.read_text(encoding="utf-8")


def test_there_are_plans_and_mistakes() -> None:
    assert {outcome(case)[0] for case in CASES} == {"errors.txt", "plan.json"}


def update() -> None:
    """Write every case's file anew."""
    for case in CASES:
        name, text = outcome(case)
        for old in ("errors.txt", "plan.json"):
            (FOLDER / case / old).unlink(missing_ok=True)
        (FOLDER / case / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    update()
