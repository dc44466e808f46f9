from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ExitCode, LabError, ScenarioError
from harness.observations.model import Ended, Started
from harness.observations.record import read
from harness.plan.model import Plan
from harness.run.events import Entered, Event
from harness.run.predict import predict
from harness.run.session import Request, run_plan
from harness.verdicts.judge import Status

MakePlan = Callable[..., Plan]
VIRTUAL = "fake-virtual"


def test_a_prediction_has_verdicts_and_all_records(make_plan: MakePlan) -> None:
    found = predict(make_plan("lost"), backend=VIRTUAL)

    assert found.outcome.status is Status.FAILED
    assert found.outcome.exit_code is ExitCode.FAILED
    assert isinstance(found.records[0], Started)
    assert isinstance(found.records[-1], Ended)
    assert found.records[-1].status == "complete"


def test_it_leaves_nothing_behind(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan()
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    assert predict(plan, backend=VIRTUAL).outcome.folder is None
    assert list(empty.iterdir()) == []


def test_memory_and_folder_hold_the_same_records(make_plan: MakePlan, tmp_path: Path) -> None:
    plan = make_plan()

    kept = run_plan(Request(plan=plan, backend=VIRTUAL, parent=tmp_path / "runs"))

    assert kept.folder is not None
    # Phases tell how long they took here: the one thing that is not the model's.
    assert [type(one) for one in read(kept.folder)] == [
        type(one) for one in predict(plan, backend=VIRTUAL).records
    ]
    assert kept.verdicts == predict(plan, backend=VIRTUAL).outcome.verdicts


def test_neither_the_hour_nor_the_kernel_is_in_the_records(make_plan: MakePlan) -> None:
    found = predict(make_plan(), backend=VIRTUAL)
    started, ended = found.records[0], found.records[-1]

    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert (started.kernel, started.wall_clock, ended.real_s) == ("", "", 0.0)
    assert found.outcome.kernel == ""


def test_what_cannot_be_computed_is_refused_at_its_place(make_plan: MakePlan) -> None:
    found = predict(make_plan(speed=1000.0), backend=VIRTUAL)

    assert isinstance(found.outcome.error, ScenarioError)
    assert found.outcome.error.problems[0].line == 3
    assert found.records == ()


def test_an_error_on_the_way_keeps_the_records_so_far(make_plan: MakePlan) -> None:
    found = predict(make_plan("broken"), backend=VIRTUAL)

    assert isinstance(found.outcome.error, LabError)
    assert isinstance(found.records[-1], Ended)
    assert found.records[-1].status == "broken"


def test_an_interruption_is_an_outcome(make_plan: MakePlan) -> None:
    outcome = predict(make_plan("stopped"), backend=VIRTUAL).outcome

    assert outcome.interrupted
    assert outcome.exit_code is ExitCode.INTERRUPTED


def test_listeners_hear_the_phases(make_plan: MakePlan) -> None:
    heard: list[Event] = []

    predict(make_plan(), backend=VIRTUAL, listen=heard.append, key="a::b")

    assert [(event.key, event.phase) for event in heard if isinstance(event, Entered)] == [
        ("a::b", "build"),
        ("a::b", "run"),
        ("a::b", "tear down"),
    ]


def test_the_replay_command_keeps_no_lab(make_plan: MakePlan, tmp_path: Path) -> None:
    plan = make_plan("lost")
    folder = tmp_path / "runs"

    in_memory = predict(plan, backend=VIRTUAL).outcome
    in_folder = run_plan(Request(plan=plan, backend=VIRTUAL, parent=folder))

    assert in_memory.replay == f"mcast predict {plan.file}::lost --seed 7 --speed 100"
    assert in_folder.replay == f"mcast run {plan.file}::lost --backend fake-virtual --seed 7 --speed 100"


def test_a_lab_predicts_nothing(make_plan: MakePlan) -> None:
    with pytest.raises(ValueError, match="fake runs in real time"):
        predict(make_plan(), backend="fake")
