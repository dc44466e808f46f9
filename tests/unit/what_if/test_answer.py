from __future__ import annotations

import multiprocessing
from collections.abc import Callable

import pytest

from harness.run.outcome import Outcome
from harness.run.predict import Prediction
from harness.verdicts.model import Status
from harness.what_if import answer as module
from harness.what_if.answer import Row, answers
from harness.what_if.question import Question

Ask = Callable[..., Question]


def cells(row: Row) -> list[str]:
    return [cell.text for cell in row.cells]


def test_a_row_for_each_setting_and_a_cell_for_each_expectation(ask: Ask) -> None:
    rows = list(answers(ask("switches.*.querier=off,on"), jobs=1))

    assert [[value.text for value in row.setting] for row in rows] == [["off"], ["on"]]
    assert [[cell.status for cell in row.cells] for row in rows] == [
        [Status.FAILED, Status.PASSED],
        [Status.PASSED, Status.PASSED],
    ]
    assert cells(rows[1]) == ["passed", "passed: 0%"]


def test_a_cell_says_when_and_how_much(ask: Ask) -> None:
    (row,) = answers(ask("switches.*.querier=off"), jobs=1)

    cell = row.cells[0]
    assert cell.first_wrong is not None
    assert cell.text.startswith(f"failed: lost at {cell.first_wrong.at_s:g} s (")
    assert cell.text.endswith("%)")
    assert cell.cause != ""


def test_a_setting_that_is_no_scenario_is_refused_and_the_others_are_not(ask: Ask) -> None:
    rows = list(answers(ask("traffic.totem.start=0s,400s"), jobs=1))

    assert [bool(row.cells) for row in rows] == [True, False]
    assert "starts at 400 s" in rows[1].refusal


def test_processes_give_the_same_rows_in_the_same_order(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    question = ask("seed=1..6", "switches.*.querier=on,off", "traffic.totem.start=0s,400s")
    here = list(answers(question, jobs=1))

    monkeypatch.setattr(module, "PATIENCE_S", 0.0)

    assert list(answers(question, jobs=3)) == here
    assert len(here) == 24


def test_who_stops_asking_leaves_no_process(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    before = len(multiprocessing.active_children())
    rows = answers(ask("seed=1..50"), jobs=2)
    for _ in range(3):
        next(rows)
    assert len(multiprocessing.active_children()) > before

    rows.close()

    assert len(multiprocessing.active_children()) == before


def test_an_interruption_is_passed_on(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(plan: object) -> Prediction:
        return Prediction(outcome=Outcome(plan=plan, backend="model", interrupted=True), records=())  # type: ignore[arg-type]

    monkeypatch.setattr(module, "predict", interrupted)

    with pytest.raises(KeyboardInterrupt):
        next(answers(ask("seed=1,2"), jobs=1))
