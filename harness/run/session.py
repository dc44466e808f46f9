"""One run in this process: from a plan to an outcome, with a folder that can be judged again.

``refuse`` says what cannot work before anything is built; ``carry_out`` runs the lab, records and judges.
It may be called in a process of its own (``workers``), since a lab may move its process into namespaces. It
never decides what a verdict is and never prints.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from harness import source
from harness.backends.base import Backend, Options
from harness.errors import HarnessError, Problem, ScenarioError
from harness.observations.record import Recorder, read
from harness.plan.model import Plan
from harness.run import backends, plan_file
from harness.run.backends import MODEL, create
from harness.run.events import Listen, ignore
from harness.run.folder import DEFAULT_PARENT, RunFolder, claim, name_of
from harness.run.outcome import Outcome
from harness.run.transcripts import Transcripts
from harness.run.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run that is wanted. ``captures`` are (switch, port); ``suffix`` marks a repeated run's folder.

    ``compare`` names a backend in virtual time whose run of the same plan is held against this one;
    ``compare_leads`` makes that the run which is judged and told, and this one the other.
    """

    plan: Plan
    backend: str
    parent: Path = DEFAULT_PARENT
    captures: tuple[tuple[str, str], ...] = ()
    hold: bool = False
    suffix: str = ""
    compare: str = ""
    compare_leads: bool = False


def two(backend: str, compare: str) -> tuple[str, str, bool]:
    """Return ``backend``, ``compare`` and ``compare_leads`` of a request for a run that is to be compared.

    ``backend`` is the one asked for first. Raises ValueError, for people, where the two cannot be compared.
    """
    if backend == compare:
        raise ValueError(f"{compare} is compared with another backend, and {backend} is the one that runs")
    if create(compare).virtual:
        return backend, compare, False
    if create(backend).virtual:
        return compare, backend, True
    raise ValueError(f"{backend} and {compare} both build labs; one of the two is {MODEL}")


def preload(request: Request) -> None:
    """Import what a run needs, so that processes forked from this one have it already."""
    backends.preload(request.backend)
    if request.compare:
        backends.preload(request.compare)
        import_module("harness.comparison.compare")


def run_plan(request: Request, listen: Listen = ignore, key: str = "") -> Outcome:
    """Run a plan here and now. Errors of the run are in the outcome; KeyboardInterrupt becomes one too."""
    backend = create(request.backend)
    try:
        refuse(request.plan, backend)
        backend.check_host()
        backend.check_tools(request.plan)
        folder = claim_for(request)
    except HarnessError as error:
        return Outcome(plan=request.plan, backend=request.backend, virtual=backend.virtual, error=error)
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
    """Run the lab, record it, judge it, and compare it if that is wanted.

    The folder is complete when this returns, whatever happened.
    """
    outcome = _carry_out(request, backend, folder, listen, key)
    if not request.compare or outcome.status is None:
        return outcome
    other = run_plan(replace(request, backend=request.compare, captures=(), compare=""))
    if request.compare_leads:
        outcome, other = other, outcome
    comparison = None
    if outcome.folder and other.folder and outcome.status and other.status:
        from harness.comparison.compare import compare  # noqa: PLC0415  most runs are compared with nothing

        comparison = compare(request.plan, read(outcome.folder), read(other.folder))
    return replace(outcome, other=other, comparison=comparison)


def _carry_out(request: Request, backend: Backend, folder: RunFolder, listen: Listen, key: str) -> Outcome:
    began_s = time.monotonic()
    plan = request.plan
    folder.plan.write_text(plan_file.dump(plan), encoding="utf-8")
    shutil.copy(plan.file, folder.source)
    options = Options(folder=folder.path, captures=request.captures, hold=request.hold)
    with Recorder(folder.records) as recorder, Transcripts(recorder, folder.path, plan) as keeper:
        watch = Watch(
            plan,
            backend,
            keeper,
            lambda: read(folder.path),
            listen=listen,
            key=key,
            folder=folder.path,
            began_s=began_s,
        )
        error = watch.walk(options)
    return watch.outcome(error)


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
