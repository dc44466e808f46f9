"""What stands between a backend and the verdicts of one run: records are kept, progress is told.

Records go to whoever keeps them, a file (``observations.record.Recorder``) or ``Memory``. What comes after
the end of the scenario (a held lab that goes on, the tear-down) is not kept: the run was judged at its end.
Never builds, never decides what a verdict is, never prints.
"""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import harness
from harness.backends.base import Backend, Options
from harness.errors import HarnessError
from harness.observations.model import Ended, Impaired, Phase, Record, Remark, Started
from harness.plan.model import Plan
from harness.plan.text import digest
from harness.run.events import Entered, Held, Listen, Progress
from harness.run.outcome import Outcome
from harness.verdicts.judge import Verdict, judge, overall

HOLD_PHASE = "hold"
"""The phase in which a backend keeps a lab whose scenario is over; its detail says how to enter."""
_PROGRESS_EVERY_S = 0.2


class Keeper(Protocol):
    """Where the records of a run go."""

    def write(self, record: Record) -> None:
        """Keep one record."""
        ...

    def flush(self) -> None:
        """Make sure that whoever reads what was kept finds all of it."""
        ...


class Memory:
    """Keeps records in this process."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.write = self.records.append

    def flush(self) -> None:
        """Nothing is held back."""


class Watch:
    """Keeps the records of one run, tells listeners how far it is, and judges it when it has ended.

    ``kept`` gives all records so far. ``began_s`` is when the run began (time.monotonic).
    """

    def __init__(
        self,
        plan: Plan,
        backend: Backend,
        keeper: Keeper,
        kept: Callable[[], Iterable[Record]],
        *,
        listen: Listen,
        key: str,
        folder: Path | None,
        began_s: float,
    ) -> None:
        self._plan = plan
        self._backend = backend
        self._keeper = keeper
        self._kept = kept
        self._listen = listen
        self._key = key
        self._folder = folder
        self._began_s = began_s
        self._at_s = 0.0
        self._told_s = began_s
        self._status = ""
        self._real_s = 0.0
        self._impaired: list[Impaired] = []
        self._remarks: list[str] = []

    def walk(self, options: Options) -> HarnessError | None:
        """Run the backend from the first record to the last; return the error that broke the run."""
        self._keeper.write(_started(self._plan, self._backend))
        try:
            self._backend.run(self._plan, options, self.emit)
        except KeyboardInterrupt:
            self.end("interrupted", "the user interrupted")
        except HarnessError as error:
            self.end("broken", str(error))
            return error
        self.end("complete")
        return None

    def emit(self, record: Record) -> None:
        """Take one record of the backend."""
        if isinstance(record, Phase):
            self._listen(Entered(key=self._key, phase=record.name, real_s=record.real_s))
        if self._status:
            return
        self._keeper.write(record)
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
        real_s = 0.0 if self._backend.virtual else self._real_s
        self._keeper.write(Ended(at_s=self._at_s, status=status, detail=detail, real_s=real_s))
        self._keeper.flush()

    def outcome(self, error: HarnessError | None = None) -> Outcome:
        """Judge the records that were kept; a run that did not reach its end has no verdicts."""
        plan, virtual = self._plan, self._backend.virtual
        interrupted = self._status == "interrupted"
        verdicts: tuple[Verdict, ...] = ()
        if error is None and not interrupted:
            verdicts = judge(plan, self._kept())
        return Outcome(
            plan=plan,
            backend=self._backend.name,
            virtual=virtual,
            kernel="" if virtual else platform.release(),
            verdicts=verdicts,
            status=None if error or interrupted else overall(verdicts),
            folder=self._folder,
            real_s=self._real_s,
            error=error,
            interrupted=interrupted,
            impairments=impairments(self._impaired, plan.speed),
            remarks=tuple(self._remarks),
        )

    def _progress(self, at_s: float) -> None:
        self._at_s = max(self._at_s, at_s)
        now_s = time.monotonic()
        if now_s - self._told_s >= _PROGRESS_EVERY_S:
            self._told_s = now_s
            self._listen(Progress(key=self._key, at_s=self._at_s, of_s=self._plan.duration_s))


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


def _started(plan: Plan, backend: Backend) -> Started:
    """The first record. In virtual time neither the hour nor this machine's kernel means anything."""
    return Started(
        scenario=str(plan.file),
        variant=plan.variant,
        backend=backend.name,
        seed=plan.seed,
        speed=plan.speed,
        kernel="" if backend.virtual else platform.release(),
        version=harness.__version__,
        wall_clock="" if backend.virtual else datetime.now(tz=UTC).isoformat(timespec="milliseconds"),
        plan_digest=digest(plan),
    )
