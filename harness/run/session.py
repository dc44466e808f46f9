"""One run in this process: from a plan to an outcome, with a folder that can be judged again.

``prepare`` refuses what cannot work before anything is built; ``carry_out`` runs the lab, records and judges.
It may be called in a process of its own (``workers``), since a lab may move its process into namespaces. It
never decides what a verdict is and never prints.
"""

from __future__ import annotations

import platform
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import harness
from harness import source
from harness.backends.base import Backend, Options
from harness.errors import HarnessError, Problem, ScenarioError
from harness.observations.model import Ended, Impaired, Phase, Record, Remark, Started
from harness.observations.record import Recorder, read
from harness.plan.model import Plan
from harness.plan.text import digest
from harness.run import plan_file
from harness.run.backends import create
from harness.run.events import Entered, Held, Listen, Progress, ignore
from harness.run.folder import DEFAULT_PARENT, RunFolder, claim, name_of
from harness.run.outcome import Outcome
from harness.verdicts.judge import Verdict, judge, overall

HOLD_PHASE = "hold"
"""The phase in which a backend keeps a lab whose scenario is over; its detail says how to enter."""
_PROGRESS_EVERY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run that is wanted. ``captures`` are (switch, port); ``suffix`` marks a repeated run's folder."""

    plan: Plan
    backend: str
    parent: Path = DEFAULT_PARENT
    captures: tuple[tuple[str, str], ...] = ()
    hold: bool = False
    suffix: str = ""


def run_plan(request: Request, listen: Listen = ignore, key: str = "") -> Outcome:
    """Run a plan here and now. Errors of the run are in the outcome; KeyboardInterrupt becomes one too."""
    backend = create(request.backend)
    try:
        refuse(request.plan, backend)
        backend.check_host()
        backend.check_tools(request.plan)
        folder = claim_for(request)
    except HarnessError as error:
        return Outcome(plan=request.plan, backend=request.backend, error=error)
    try:
        return carry_out(request, backend, folder, listen, key)
    finally:
        folder.release()


def refuse(plan: Plan, backend: Backend) -> None:
    """Raise ScenarioError, at the file's ``speed``, for all that the backend cannot hold."""
    refusals = backend.refusals(plan)
    if refusals:
        line, column = _speed_position(plan)
        raise ScenarioError(
            tuple(Problem(file=plan.file, line=line, column=column, message=text) for text in refusals)
        )


def claim_for(request: Request) -> RunFolder:
    """Make the folder of a run and hold it. Raises HostError."""
    return claim(request.parent, name_of(request.plan, request.backend) + request.suffix)


def carry_out(
    request: Request, backend: Backend, folder: RunFolder, listen: Listen = ignore, key: str = ""
) -> Outcome:
    """Run the lab, record it, judge it. The folder is complete when this returns, whatever happened."""
    began_s = time.monotonic()
    plan = request.plan
    folder.plan.write_text(plan_file.dump(plan), encoding="utf-8")
    shutil.copy(plan.file, folder.source)
    options = Options(folder=folder.path, captures=request.captures, hold=request.hold)
    with Recorder(folder.records) as recorder:
        watch = _Watch(request, recorder, listen, key, folder, began_s, virtual=backend.virtual)
        recorder.write(_started(request, virtual=backend.virtual))
        try:
            backend.run(plan, options, watch.emit)
        except KeyboardInterrupt:
            watch.end("interrupted", "the user interrupted")
        except HarnessError as error:
            watch.end("broken", str(error))
            return watch.outcome(error=error)
        watch.end("complete")
    return watch.outcome()


class _Watch:
    """Writes the records of one run, tells listeners how far it is, and judges it when it has ended.

    What comes after the end of the scenario (a held lab that goes on, the tear-down) is not recorded: the run
    was judged at its end.
    """

    def __init__(
        self,
        request: Request,
        recorder: Recorder,
        listen: Listen,
        key: str,
        folder: RunFolder,
        began_s: float,
        *,
        virtual: bool,
    ) -> None:
        self._request = request
        self._recorder = recorder
        self._listen = listen
        self._key = key
        self._folder = folder
        self._began_s = began_s
        self._virtual = virtual
        self._at_s = 0.0
        self._told_s = began_s
        self._status = ""
        self._real_s = 0.0
        self._impaired: list[Impaired] = []
        self._remarks: list[str] = []

    def emit(self, record: Record) -> None:
        """Take one record of the backend."""
        if isinstance(record, Phase):
            self._listen(Entered(key=self._key, phase=record.name, real_s=record.real_s))
        if self._status:
            return
        self._recorder.write(record)
        match record:
            case Phase() if record.name == HOLD_PHASE:
                self.end("complete")
                self._listen(Held(key=self._key, doors=record.detail, outcome=self.outcome()))
            case Phase() | Started():
                pass
            case Impaired():
                self._impaired.append(record)
                self._progress(record.at_s)
            case Remark():
                self._remarks.append(record.text)
            case _:
                self._progress(record.at_s)

    def end(self, status: str, detail: str = "") -> None:
        """Write the last record, once; the first end counts."""
        if self._status:
            return
        self._status = status
        self._real_s = round(time.monotonic() - self._began_s, 6)
        real_s = 0.0 if self._virtual else self._real_s
        self._recorder.write(Ended(at_s=self._at_s, status=status, detail=detail, real_s=real_s))
        self._recorder.flush()

    def outcome(self, error: HarnessError | None = None) -> Outcome:
        """Judge the records as they stand in the folder; a run that did not reach its end has no verdicts."""
        request = self._request
        interrupted = self._status == "interrupted"
        verdicts: tuple[Verdict, ...] = ()
        if error is None and not interrupted:
            verdicts = judge(request.plan, read(self._folder.path))
        return Outcome(
            plan=request.plan,
            backend=request.backend,
            kernel="" if self._virtual else platform.release(),
            verdicts=verdicts,
            status=None if error or interrupted else overall(verdicts),
            folder=self._folder.path,
            real_s=self._real_s,
            error=error,
            interrupted=interrupted,
            impairments=impairments(self._impaired, request.plan.speed),
            remarks=tuple(self._remarks),
        )

    def _progress(self, at_s: float) -> None:
        self._at_s = max(self._at_s, at_s)
        now_s = time.monotonic()
        if now_s - self._told_s >= _PROGRESS_EVERY_S:
            self._told_s = now_s
            self._listen(Progress(key=self._key, at_s=self._at_s, of_s=self._request.plan.duration_s))


def impairments(records: Iterable[Impaired], speed: float) -> str:
    """Return in words, and in this machine's seconds, what it lost or delayed; empty for nothing."""
    dropped: Counter[str] = Counter()
    late_s = 0.0
    for record in records:
        late_s = max(late_s, record.late_s / speed)
        if record.count:
            dropped[record.what] += record.count
    words = [f"dropped {count} frames ({what})" for what, count in sorted(dropped.items())]
    if late_s:
        words.append(f"was late by {late_s:.2g} s")
    return f"this machine {' and '.join(words)}" if words else ""


def _started(request: Request, *, virtual: bool) -> Started:
    """The first record. In virtual time neither the hour nor this machine's kernel means anything."""
    plan = request.plan
    return Started(
        scenario=str(plan.file),
        variant=plan.variant,
        backend=request.backend,
        seed=plan.seed,
        speed=plan.speed,
        kernel="" if virtual else platform.release(),
        version=harness.__version__,
        wall_clock="" if virtual else datetime.now(tz=UTC).isoformat(timespec="milliseconds"),
        plan_digest=digest(plan),
    )


def _speed_position(plan: Plan) -> tuple[int, int]:
    """Return line and column of the ``speed`` that holds for this variant, or the file's beginning."""
    tree = source.read(plan.file)
    for loc in (("variants", plan.variant, "speed"), ("speed",)):
        if _has(tree, loc):
            where = source.find(tree, loc)
            return where.line, where.column
    return 1, 1


def _has(tree: source.Node, loc: tuple[str, ...]) -> bool:
    node: source.Node | None = tree
    for name in loc:
        node = node.get(name) if isinstance(node, source.Mapping) else None
    return node is not None
