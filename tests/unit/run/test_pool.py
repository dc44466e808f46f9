from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ExitCode, HostError, LabError, ScenarioError
from harness.plan.model import Plan
from harness.run import load, plan_file
from harness.run import pool as pool_module
from harness.run.events import Entered, Event, Finished, Held, Progress, Queued
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status

MakePlan = Callable[..., Plan]
LIMIT_S = 20.0


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., Request]:
    def make(plan: Plan, backend: str = "fake", **changes: object) -> Request:
        request = Request(plan=plan, backend=backend, parent=tmp_path / "runs")
        return replace(request, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def seen() -> list[Event]:
    return []


@pytest.fixture
def pool(seen: list[Event]) -> Iterator[Pool]:
    with Pool(listen=seen.append) as made:
        yield made


def test_a_run_passes(pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request]) -> None:
    plan = make_plan()
    pool.submit("a", request_of(plan))

    outcome = pool.wait("a")

    assert outcome.error is None
    assert outcome.status is Status.PASSED
    assert outcome.plan is plan
    assert outcome.exit_code is ExitCode.PASSED
    assert outcome.folder is not None
    assert sorted(path.name for path in outcome.folder.iterdir()) == [
        "fake.log",
        "lab.log",
        "plan.json",
        "run.jsonl",
        "scenario-as-run.yaml",
    ]


def test_a_lab_has_a_process_of_its_own(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request]
) -> None:
    pool.submit("a", request_of(make_plan()))

    folder = pool.wait("a").folder

    assert folder is not None
    pid = int((folder / "fake.log").read_text(encoding="ascii").split()[0])
    assert pid != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_was_expected_and_did_not_happen_fails(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request]
) -> None:
    pool.submit("a", request_of(make_plan("lost")))

    outcome = pool.wait("a")

    assert outcome.status is Status.FAILED
    assert outcome.exit_code is ExitCode.FAILED


def test_events_tell_the_run_in_order(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request], seen: list[Event]
) -> None:
    pool.submit("a", request_of(make_plan("slow", speed=20.0)))
    pool.wait("a")

    assert isinstance(seen[0], Queued)
    assert isinstance(seen[-1], Finished)
    phases = [event.phase for event in seen if isinstance(event, Entered)]
    assert phases == ["start", "build", "run", "tear down"]
    assert any(isinstance(event, Progress) and event.of_s == 10.0 for event in seen)


def test_several_run_at_once_while_the_machine_is_idle(
    pool: Pool,
    make_plan: MakePlan,
    request_of: Callable[..., Request],
    seen: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load.CpuLoad, "share", lambda self: 0.0)
    for seed in range(3):
        pool.submit(str(seed), request_of(make_plan("slow", speed=10.0, seed=seed)))

    assert [pool.wait(str(seed)).status for seed in range(3)] == [Status.PASSED] * 3

    names = [(type(event), event.key) for event in seen]
    ended = next(index for index, (kind, _) in enumerate(names) if kind is Finished)
    started = {event.key for event in seen[:ended] if isinstance(event, Entered)}
    assert len(started) > 1


def test_no_more_than_jobs_run_at_once(
    make_plan: MakePlan, request_of: Callable[..., Request], seen: list[Event]
) -> None:
    with Pool(jobs=1, listen=seen.append) as pool:
        for seed in range(3):
            pool.submit(str(seed), request_of(make_plan(seed=seed)))
        for seed in range(3):
            pool.wait(str(seed))

    alive = 0
    for event in seen:
        if isinstance(event, Entered) and event.phase == "start":
            alive += 1
        if isinstance(event, Finished):
            alive -= 1
        assert alive <= 1


def test_the_longest_starts_first_and_the_biggest_last(
    make_plan: MakePlan, request_of: Callable[..., Request], seen: list[Event]
) -> None:
    small = make_plan()
    with Pool(jobs=1, listen=seen.append) as pool:
        pool.submit("running", request_of(make_plan("slow", speed=50.0)))
        pool.submit("big", request_of(replace(small, seed=1, hosts=small.hosts * 40)))
        pool.submit("short", request_of(make_plan(seed=2)))
        pool.submit("long", request_of(make_plan(seed=3, duration_s=90.0)))
        for key in ("long", "short", "big"):
            pool.wait(key)

    started = [event.key for event in seen if isinstance(event, Entered) and event.phase == "start"]
    assert started == ["running", "long", "short", "big"]


def test_a_busy_machine_gets_no_further_lab(
    make_plan: MakePlan,
    request_of: Callable[..., Request],
    seen: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load.CpuLoad, "share", lambda self: 0.99)
    with Pool(listen=seen.append) as pool:
        for seed in range(3):
            pool.submit(str(seed), request_of(make_plan(seed=seed)))
        for seed in range(3):
            pool.wait(str(seed))

    order = [type(event) for event in seen if isinstance(event, Finished)]
    started = [
        event for event in seen if isinstance(event, Finished) or getattr(event, "phase", "") == "start"
    ]
    assert len(order) == 3
    assert [type(event) for event in started] == [Entered, Finished] * 3


def test_a_broken_lab_tells_what_broke(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request]
) -> None:
    pool.submit("a", request_of(make_plan("broken")))

    outcome = pool.wait("a")

    assert isinstance(outcome.error, LabError)
    assert str(outcome.error) == "netlink: the kernel refused it"
    assert outcome.status is None
    assert outcome.folder is not None
    assert '"broken"' in (outcome.folder / "run.jsonl").read_text(encoding="utf-8").splitlines()[-1]


@pytest.mark.parametrize(
    ("variant", "words"), [("crash", "SIGABRT"), ("bug", "ZeroDivisionError: a mistake in the lab")]
)
def test_a_lab_that_ends_without_a_result_shows_its_last_words(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request], variant: str, words: str
) -> None:
    pool.submit("a", request_of(make_plan(variant)))

    outcome = pool.wait("a")

    assert isinstance(outcome.error, LabError)
    assert "in phase 'build' without a result" in str(outcome.error)
    assert words in str(outcome.error)
    assert outcome.exit_code is ExitCode.INTERNAL


def test_a_host_that_cannot_is_told_with_the_cure(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request]
) -> None:
    pool.submit("a", request_of(make_plan(), "fake-hostless"))

    outcome = pool.wait("a")

    assert isinstance(outcome.error, HostError)
    assert (outcome.error.missing, outcome.error.cure) == ("network namespaces are missing", "run as root")
    assert outcome.folder is None
    assert outcome.exit_code is ExitCode.HOST_CANNOT


def test_a_plan_whose_tool_is_missing_is_refused_without_a_folder_and_others_run(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request]
) -> None:
    pool.submit("a", request_of(make_plan("toolless")))
    pool.submit("b", request_of(make_plan()))

    outcome = pool.wait("a")

    assert isinstance(outcome.error, HostError)
    assert outcome.exit_code is ExitCode.HOST_CANNOT
    assert outcome.folder is None
    assert pool.wait("b").status is Status.PASSED


def test_a_refused_speed_points_at_its_line_and_builds_nothing(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request], tmp_path: Path
) -> None:
    pool.submit("a", request_of(make_plan(speed=1000.0)))

    outcome = pool.wait("a")

    assert isinstance(outcome.error, ScenarioError)
    (problem,) = outcome.error.problems
    assert (problem.line, problem.column) == (3, 8)
    assert "speed 1000" in problem.message
    assert not (tmp_path / "runs").exists()


def test_what_this_machine_spoilt_is_run_again_alone_and_said(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request], seen: list[Event]
) -> None:
    pool.submit("a", request_of(make_plan("late")))

    outcome = pool.wait("a")

    assert outcome.status is Status.PASSED
    (remark,) = outcome.remarks
    assert remark.startswith("run again alone: at first this machine dropped 7 frames (backlog) and was late")
    assert "small-late-fake-7" in remark
    assert [event.alone for event in seen if isinstance(event, Queued)] == [False, True]


def test_a_run_of_which_nothing_is_expected_is_not_repeated(
    pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request], seen: list[Event]
) -> None:
    pool.submit("a", request_of(replace(make_plan(), expectations=())))

    outcome = pool.wait("a")

    assert (outcome.verdicts, outcome.remarks) == ((), ())
    assert len([event for event in seen if isinstance(event, Queued)]) == 1


def test_cancelling_tears_down(pool: Pool, make_plan: MakePlan, request_of: Callable[..., Request]) -> None:
    pool.submit("a", request_of(make_plan("slow", speed=1.0)))
    pool.submit("b", request_of(make_plan("slow", speed=1.0, seed=8)))
    began_s = time.monotonic()

    pool.cancel("a")
    pool.cancel("b")
    outcomes = pool.wait("a"), pool.wait("b")

    assert all(outcome.interrupted for outcome in outcomes)
    assert all(outcome.exit_code is ExitCode.INTERRUPTED for outcome in outcomes)
    assert time.monotonic() - began_s < 5.0


def test_closing_reaps_everything_and_outcomes_stay(
    make_plan: MakePlan, request_of: Callable[..., Request]
) -> None:
    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            raise KeyboardInterrupt  # as Ctrl-C would

    with Pool(listen=listen) as pool, pytest.raises(KeyboardInterrupt):
        pool.submit("a", request_of(make_plan("slow", speed=1.0)))
        pool.submit("b", request_of(make_plan("slow", speed=1.0, seed=8)))
        pool.wait("a")
    outcomes = pool.wait("a"), pool.wait("b")

    assert all(outcome.interrupted for outcome in outcomes)
    assert outcomes[0].folder is not None
    assert (outcomes[0].folder / "fake.log").read_text("ascii").endswith("torn down\n")
    assert '"interrupted"' in (outcomes[0].folder / "run.jsonl").read_text("utf-8").splitlines()[-1]


def test_a_lab_that_takes_too_long_is_ended_and_says_where_it_was(
    make_plan: MakePlan, request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "GRACE_S", -9.6)  # the scenario itself takes 10 s
    monkeypatch.setattr(pool_module, "GRACE_A_HOST_S", 0.0)
    with Pool() as pool:
        pool.submit("a", request_of(make_plan("slow", speed=1.0)))
        outcome = pool.wait("a")

    assert isinstance(outcome.error, LabError)
    assert "did not end within 0 s; it was last in phase 'run'" in str(outcome.error)


def test_a_held_lab_is_judged_and_ends_when_asked(
    make_plan: MakePlan, request_of: Callable[..., Request]
) -> None:
    held: list[Held] = []

    def listen(event: Event) -> None:
        if isinstance(event, Held):
            held.append(event)
            pool.cancel("a")

    with Pool(listen=listen) as pool:
        pool.submit("a", request_of(make_plan(), hold=True))
        outcome = pool.wait("a")

    assert held[0].doors == "nsenter --net=/proc/1/fd/9"
    assert held[0].outcome.status is Status.PASSED
    assert outcome.status is Status.PASSED
    assert not outcome.interrupted


_PARENT = """
import sys, time, pathlib
sys.path[:0] = {paths!r}
import fake_lab
from harness.run import plan_file
from harness.run.pool import Pool
from harness.run.session import Request
fake_lab.register()
plan = plan_file.load(pathlib.Path({plan!r}))
def listen(event):
    if getattr(event, "phase", "") == "run":
        print("running", flush=True)
pool = Pool(listen=listen)
pool.submit("a", Request(plan=plan, backend="fake", parent=pathlib.Path({runs!r})))
pool.wait("a")
"""


def test_a_killed_parent_leaves_no_process(make_plan: MakePlan, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(plan_file.dump(make_plan("slow", speed=1.0, duration_s=60.0)), encoding="utf-8")
    runs = tmp_path / "runs"
    script = _PARENT.format(paths=sys.path, plan=str(plan), runs=str(runs))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "running\n"
        child = int((runs / "small-slow-fake-7" / "fake.log").read_text("ascii").split()[0])
        pidfd = os.pidfd_open(child)
        parent.send_signal(signal.SIGKILL)

    ended, _, _ = select.select([pidfd], [], [], LIMIT_S)
    os.close(pidfd)
    assert ended, f"the lab's process {child} outlived its parent by {LIMIT_S:g} s"
