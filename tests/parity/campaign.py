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

from harness.comparison.compare import compare
from harness.comparison.model import Agreement
from harness.errors import HarnessError, HostError
from harness.observations.model import Impaired
from harness.observations.record import read
from harness.plan.build import build
from harness.plan.model import ActionKind, Plan
from harness.profiles import DataPlane
from harness.run.outcome import Outcome
from harness.run.pool import Pool
from harness.run.session import Request
from harness.scenario.loader import load

from .envelope import SEEDS, SEEDS_IN_DOUBT, Parting, as_held, partings, predicted
from .generator import scenario

_SPOILT_REAL_S = 0.1
"""A lab that is later than this is compared with nothing."""


class Status(Enum):
    """What became of a scenario."""

    SAME = "same"
    PARTED = "parted"
    BROKEN = "broken"
    QUIRK = "a quirk of the kernel or of a daemon"
    ALARM = "same, though two single runs part"
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


def name_of(path: Path) -> str:
    """What a scenario file is called here."""
    return path.name.removesuffix(".scenario.yaml")


def quirk_of(plan: Plan, first: Parting) -> str:
    """Which quirk of docs/kernel-quirks.md that is not emulated makes the first parting; empty for none."""
    kinds = {one.name: one.data_plane for one in plan.switches}
    switch, _, line = first.fact.partition(": ")
    restarted = (one for one in plan.actions if one.kind is ActionKind.RESTART_SWITCH)
    if kinds.get(switch) is DataPlane.LINUX_BRIDGE and any(one.target == switch for one in restarted):
        return "a Linux bridge remembers its querier when snooping is switched off and on"
    if DataPlane.OPENVSWITCH in kinds.values() and (first.lab, first.model) == (2, 1):
        return "Open vSwitch sends twice to a member's port that has become a router port"
    if kinds.get(switch) is not DataPlane.OPENVSWITCH or first.model is not None:
        return ""
    if "router port" in line:
        return "Open vSwitch has one list of router ports for IGMP and MLD"
    return "Open vSwitch looks for aged members in one group at a time" if " on p" in line else ""


class Campaign:
    """Scenarios in the labs of a pool that repeats nothing by itself; what they record is in ``folder``."""

    def __init__(self, pool: Pool, folder: Path) -> None:
        self._pool = pool
        self._folder = folder
        self._plans: dict[Path, Plan | HarnessError] = {}

    def submit(self, path: Path) -> None:
        """Queue a scenario's lab."""
        if path in self._plans:
            return
        try:
            self._plans[path] = plan = build(load(path).variants[0])
        except HarnessError as error:
            self._plans[path] = error
            return
        self._pool.submit(name_of(path), Request(plan=plan, backend="netns", parent=self._folder))

    def result(self, path: Path) -> Result:
        """Wait for a scenario's lab, which is submitted if it was not, and compare it with the model."""
        self.submit(path)
        name, plan = name_of(path), self._plans[path]
        if isinstance(plan, HarnessError):
            return Result(name=name, path=path, status=Status.BROKEN, detail=str(plan))
        result = _judged(path, plan, self._pool.wait(name), SEEDS)
        if result.status in (Status.PARTED, Status.SPOILT):
            again = f"{name}, again"
            request = Request(plan=plan, backend="netns", parent=self._folder, suffix="-again")
            self._pool.submit(again, request, alone=True)
            result = _judged(path, plan, self._pool.wait(again), SEEDS_IN_DOUBT)
        if result.status is Status.SAME:
            for run in self._folder.glob(f"{name}-base-netns-*"):
                shutil.rmtree(run, ignore_errors=True)
        return result

    def results(self, paths: Iterable[Path], *, ahead: int = 16) -> Iterator[Result]:
        """The results of many scenarios, in their order; ``ahead`` labs are queued at once."""
        waiting: deque[Path] = deque()
        for path in paths:
            self.submit(path)
            waiting.append(path)
            if len(waiting) >= ahead:
                yield self.result(waiting.popleft())
        while waiting:
            yield self.result(waiting.popleft())


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
    if not found:
        compared = compare(plan, records, predicted(as_held(plan), 0))
        if compared.agreement is Agreement.PARTED:
            return Result(name=name, path=path, status=Status.ALARM, detail=str(compared.first))
        return Result(name=name, path=path, status=Status.SAME)
    if quirk := quirk_of(plan, found[0]):
        return Result(name=name, path=path, status=Status.QUIRK, detail=quirk, partings=found)
    detail = f"run {outcome.folder}"
    return Result(name=name, path=path, status=Status.PARTED, detail=detail, partings=found)
