"""Many labs at once on one machine: a queue, a bound by CPU load, and limits on everything.

One thread. Nothing happens between calls but the labs themselves, each in its own process: ``wait`` and
``close`` pump events, start what fits and end what takes too long. Labs start longest first; big ones
have the machine for themselves, after the others. A run that this machine spoilt is repeated once, alone.
"""

from __future__ import annotations

import selectors
import time
from dataclasses import dataclass, replace

from harness.comparison.model import Agreement
from harness.errors import HarnessError, HostError, LabError
from harness.run import load
from harness.run.backends import create
from harness.run.events import Entered, Event, Finished, Listen, Queued, ignore
from harness.run.folder import RunFolder
from harness.run.outcome import Outcome
from harness.run.session import Request, claim_for, preload, refuse
from harness.run.watch import HOLD_PHASE
from harness.run.workers import Worker, signals_held
from harness.verdicts.judge import Status

GRACE_S = 60.0
"""What building and tearing down may take beside the scenario's own time ..."""
GRACE_A_HOST_S = 0.1
"""... and for each host on top (measured: 2 ms on an idle machine)."""
TEAR_DOWN_LIMIT_S = 15.0
"""How long an interrupted lab may take to tear down before its process is killed."""
_POLL_S = 0.02
_IDLE_POLL_S = 1.0
_LOG_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    key: str
    request: Request
    alone: bool
    weight: int
    expected_s: float
    first: Outcome | None = None
    """What this machine spoilt, when this is the repetition."""


@dataclass(slots=True, kw_only=True)
class _Running:
    job: _Job
    worker: Worker
    folder: RunFolder
    began_s: float
    interrupted_s: float | None = None
    reason: str = ""
    phase: str = "start"
    outcome: Outcome | None = None


class Pool:
    """Runs labs in child processes, at most ``jobs`` small ones at once (None: as many as the load allows).

    ``repeats`` False leaves it to the caller what becomes of a run that this machine spoilt. Use it as a
    context manager: leaving it cancels and reaps everything.
    """

    def __init__(self, *, jobs: int | None = None, listen: Listen = ignore, repeats: bool = True) -> None:
        self._repeats = repeats
        self._places = jobs or load.places()
        self._listen = listen
        self._queue: list[_Job] = []
        self._running: dict[str, _Running] = {}
        self._finished: dict[str, Outcome] = {}
        self._selector = selectors.DefaultSelector()
        self._load = load.CpuLoad()
        self._host_errors: dict[str, HostError | None] = {}
        self._closing = False

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # --- what callers want --------------------------------------------------------------------------------

    def submit(self, key: str, request: Request, *, alone: bool = False) -> None:
        """Queue a run under a new key, and start what fits. ``alone``: with no other lab beside it."""
        plan = request.plan
        job = _Job(
            key=key,
            request=request,
            alone=alone or load.wants_to_be_alone(plan),
            weight=min(load.weight(plan), self._places),
            expected_s=load.expected_real_s(plan),
        )
        self._enqueue(job)
        self._start_what_fits(None)

    def wait(self, key: str) -> Outcome:
        """Pump events until this run has ended, and return its outcome (again, if asked again)."""
        while key not in self._finished:
            if key not in self._running and all(job.key != key for job in self._queue):
                raise KeyError(key)
            self._start_what_fits(key)
            self._pump()
        return self._finished[key]

    def cancel(self, key: str) -> None:
        """Take a run out of the queue, or interrupt it; its outcome says that it was interrupted."""
        for job in [job for job in self._queue if job.key == key]:
            self._queue.remove(job)
            self._finish(job, _interrupted(job))
        if key in self._running:
            self._interrupt(self._running[key], "")

    def close(self) -> None:
        """Cancel what is left and wait for every lab's tear-down, within limits. A second Ctrl-C kills.

        Outcomes can still be asked for; nothing can be submitted any more.
        """
        if self._closing:
            return
        self._closing = True
        for key in [job.key for job in self._queue]:
            self.cancel(key)
        try:
            for running in self._running.values():
                self._interrupt(running, "")
            while self._running:
                self._pump()
        except KeyboardInterrupt:
            for running in self._running.values():
                running.worker.kill()
            while self._running:
                self._pump()
            raise
        finally:
            self._selector.close()

    # --- starting -----------------------------------------------------------------------------------------

    def _enqueue(self, job: _Job) -> None:
        self._queue.append(job)
        self._queue.sort(key=lambda job: (job.alone, -job.expected_s))
        self._listen(Queued(key=job.key, alone=job.alone))

    def _start_what_fits(self, urgent: str | None) -> None:
        """Start queued labs while there is room; ``urgent``, which somebody waits for, goes first."""
        while self._queue:
            together = [job for job in self._queue if not job.alone]
            job = next((job for job in together if job.key == urgent), (together or self._queue)[0])
            if not self._has_room(job):
                return
            self._queue.remove(job)
            self._start(job)

    def _has_room(self, job: _Job) -> bool:
        if not self._running:
            return True
        if job.alone or any(running.job.alone for running in self._running.values()):
            return False
        taken = sum(running.job.weight for running in self._running.values())
        if taken + job.weight > self._places:
            return False
        share = self._load.share()
        return share is not None and share < load.BUSY_SHARE

    def _start(self, job: _Job) -> None:
        request = job.request
        try:
            backend = create(request.backend)
            refuse(request.plan, backend)
            self._check_host(request.backend)
            backend.check_tools(request.plan)
            folder = claim_for(request)
        except HarnessError as error:
            self._finish(job, Outcome(plan=request.plan, backend=request.backend, error=error))
            return
        preload(request)
        with signals_held():
            worker = Worker(request, backend, folder, job.key)
            running = _Running(job=job, worker=worker, folder=folder, began_s=time.monotonic())
            self._running[job.key] = running
        folder.release()
        self._selector.register(worker.pipe, selectors.EVENT_READ, running)
        self._selector.register(worker.pidfd, selectors.EVENT_READ, running)
        self._load.mark()
        self._listen(Entered(key=job.key, phase="start", real_s=0.0))

    def _check_host(self, name: str) -> None:
        """Ask the backend once whether this machine will do; the answer holds for all runs."""
        if name not in self._host_errors:
            try:
                create(name).check_host()
                self._host_errors[name] = None
            except HostError as error:
                self._host_errors[name] = error
        found = self._host_errors[name]
        if found is not None:
            raise HostError(found.missing, found.cure)

    # --- watching -----------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Wait shortly for anything, and take it."""
        timeout_s = _POLL_S if self._queue else _IDLE_POLL_S
        ready = {key.data.job.key: key.data for key, _ in self._selector.select(timeout_s)}
        for running in ready.values():
            self._read(running)
            if running.worker.has_ended():
                self._read(running)
                self._reap(running)
        for running in self._running.values():
            self._hurry(running)

    def _read(self, running: _Running) -> None:
        for event in running.worker.events():
            if isinstance(event, Finished):
                running.outcome = event.outcome
                continue
            if isinstance(event, Entered):
                running.phase = event.phase
            self._listen(event)

    def _reap(self, running: _Running) -> None:
        worker = running.worker
        self._selector.unregister(worker.pipe)
        self._selector.unregister(worker.pidfd)
        del self._running[running.job.key]
        ending = worker.reap()
        outcome = running.outcome
        if outcome is None:
            outcome = _lost(running, ending)
        if running.reason:
            outcome = replace(outcome, error=LabError(running.reason), interrupted=False, status=None)
        self._take(running.job, outcome)

    def _hurry(self, running: _Running) -> None:
        """Interrupt a lab that takes too long, and kill one whose tear-down does."""
        now_s = time.monotonic()
        plan = running.job.request.plan
        if running.interrupted_s is not None:
            if now_s - running.interrupted_s > TEAR_DOWN_LIMIT_S:
                running.worker.kill()
            return
        limit_s = plan.duration_s / plan.speed + GRACE_S + GRACE_A_HOST_S * len(plan.hosts)
        held = running.phase == HOLD_PHASE
        if now_s - running.began_s > limit_s and not held:
            self._interrupt(
                running,
                f"the lab did not end within {limit_s:.0f} s; it was last in phase {running.phase!r}",
            )

    def _interrupt(self, running: _Running, reason: str) -> None:
        if running.interrupted_s is None:
            running.interrupted_s = time.monotonic()
            running.reason = reason
            running.worker.interrupt()

    # --- ending -------------------------------------------------------------------------------------------

    def _take(self, job: _Job, outcome: Outcome) -> None:
        """Take the outcome of a run, or repeat the run alone if this machine spoilt it.

        A run of which nothing is expected has no verdicts, and is spoilt only where something was impaired.
        """
        again = self._repeats and job.first is None and not job.request.hold and not self._closing
        if again and _is_spoilt(outcome):
            request = replace(job.request, suffix=f"{job.request.suffix}-alone")
            self._enqueue(replace(job, request=request, alone=True, first=outcome))
            return
        if job.first is not None:
            why = _impairments(job.first) or "this machine spoilt the first run"
            seen = f" (first run: {job.first.folder})" if job.first.folder else ""
            outcome = replace(outcome, remarks=(*outcome.remarks, f"run again alone: at first {why}{seen}"))
        self._finish(job, outcome)

    def _finish(self, job: _Job, outcome: Outcome) -> None:
        self._finished[job.key] = outcome
        event: Event = Finished(key=job.key, outcome=outcome)
        self._listen(event)


def _is_spoilt(outcome: Outcome) -> bool:
    judged = outcome.verdicts or outcome.impairments
    if judged and outcome.status is Status.INCONCLUSIVE:
        return True
    comparison = outcome.comparison
    return comparison is not None and comparison.agreement is Agreement.INCONCLUSIVE


def _impairments(outcome: Outcome) -> str:
    return outcome.impairments or (outcome.other.impairments if outcome.other is not None else "")


def _interrupted(job: _Job) -> Outcome:
    return Outcome(plan=job.request.plan, backend=job.request.backend, interrupted=True)


def _lost(running: _Running, ending: str) -> Outcome:
    """Return the outcome of a lab whose process ended without one: what it printed last says why."""
    request = running.job.request
    if running.interrupted_s is not None and not running.reason:
        return Outcome(
            plan=request.plan, backend=request.backend, folder=running.folder.path, interrupted=True
        )
    try:
        tail = running.folder.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        tail = []
    where = f"in phase {running.phase!r} without a result: {ending}; see {running.folder.log}"
    return Outcome(
        plan=request.plan,
        backend=request.backend,
        folder=running.folder.path,
        real_s=time.monotonic() - running.began_s,
        error=LabError("\n".join((f"the lab's process ended {where}", *tail))),
    )
