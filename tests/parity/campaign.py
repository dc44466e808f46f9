"""Scenarios through lab and model, many at once: which are the same in both, which part, which broke.

A parting must be confirmed: the lab runs again with nothing beside it, and the model with many more seeds.
What this machine spoilt says nothing and is told as such. Nothing is asserted or printed here.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from harness.errors import HarnessError, HostError
from harness.observations.model import Impaired
from harness.observations.record import read
from harness.plan.build import build
from harness.plan.model import Plan
from harness.run.outcome import Outcome
from harness.run.pool import Pool
from harness.run.session import Request
from harness.scenario.loader import load

from .envelope import SEEDS, SEEDS_IN_DOUBT, Parting, partings
from .generator import scenario

_SPOILT_REAL_S = 0.1
"""A lab that is later than this is compared with nothing."""


class Status(Enum):
    """What became of a scenario."""

    SAME = "same"
    PARTED = "parted"
    BROKEN = "broken"
    SPOILT = "spoilt by this machine"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One scenario's end. ``detail`` says why where it is not the same."""

    name: str
    path: Path
    status: Status
    detail: str = ""
    partings: tuple[Parting, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.status.value}{f': {self.detail}' if self.detail else ''}"]
        return "\n".join((*lines, *(f"  {parting}" for parting in self.partings)))


def written(seeds: Iterable[int], folder: Path) -> Iterator[Path]:
    """The scenario files of seeds, written when they are asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        path = folder / f"seed-{seed}.scenario.yaml"
        path.write_text(scenario(seed), encoding="utf-8")
        yield path


def results(paths: Iterable[Path], pool: Pool, folder: Path, *, ahead: int = 16) -> Iterator[Result]:
    """The result of every scenario, in order. ``ahead`` labs are queued at once; runs go to ``folder``."""
    waiting: deque[tuple[Path, Plan | HarnessError]] = deque()
    for path in paths:
        waiting.append((path, _submitted(path, pool, folder)))
        if len(waiting) >= ahead:
            yield _result(*waiting.popleft(), pool, folder)
    while waiting:
        yield _result(*waiting.popleft(), pool, folder)


def name_of(path: Path) -> str:
    """What a scenario file is called here."""
    return path.name.removesuffix(".scenario.yaml")


def _submitted(path: Path, pool: Pool, folder: Path) -> Plan | HarnessError:
    try:
        plan = build(load(path).variants[0])
    except HarnessError as error:
        return error
    pool.submit(name_of(path), Request(plan=plan, backend="netns", parent=folder))
    return plan


def _result(path: Path, plan: Plan | HarnessError, pool: Pool, folder: Path) -> Result:
    name = name_of(path)
    if isinstance(plan, HarnessError):
        return Result(name=name, path=path, status=Status.BROKEN, detail=str(plan))
    result = _judged(path, plan, pool.wait(name), SEEDS)
    if result.status in (Status.PARTED, Status.SPOILT):
        again = f"{name}, again"
        request = Request(plan=plan, backend="netns", parent=folder, suffix="-again")
        pool.submit(again, request, alone=True)
        result = _judged(path, plan, pool.wait(again), SEEDS_IN_DOUBT)
    if result.status is Status.SAME:
        for run in folder.glob(f"{name}-base-netns-*"):
            shutil.rmtree(run, ignore_errors=True)
    return result


def _judged(path: Path, plan: Plan, outcome: Outcome, seeds: int) -> Result:
    name = name_of(path)
    if outcome.error is not None or outcome.folder is None:
        status = Status.SKIPPED if isinstance(outcome.error, HostError) else Status.BROKEN
        return Result(name=name, path=path, status=status, detail=str(outcome.error))
    records = tuple(read(outcome.folder / "run.jsonl"))
    late_s = max((one.late_s for one in records if isinstance(one, Impaired)), default=0.0) / plan.speed
    lost = any(one.count for one in records if isinstance(one, Impaired))
    if late_s > _SPOILT_REAL_S or lost:
        return Result(name=name, path=path, status=Status.SPOILT, detail=outcome.impairments)
    found = partings(plan, records, seeds=seeds)
    status = Status.PARTED if found else Status.SAME
    return Result(
        name=name, path=path, status=status, partings=found, detail=f"run {outcome.folder}" if found else ""
    )
