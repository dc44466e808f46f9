"""Run folders: ``.harness/<stem>-<variant>-<backend>-<seed>/``, each held by one live run.

A folder is locked (flock(2)) for as long as its run lives, so that two runs at once never write into one: the
second takes the next free name. A folder that nobody holds any more is replaced as a whole.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HostError, Problem, ScenarioError
from harness.plan.model import Plan

DEFAULT_PARENT = Path(".harness")
LOG = "lab.log"
PLAN = "plan.json"
RECORDS = "run.jsonl"
SOURCE = "scenario-as-run.yaml"
"""Not named as scenario files are, so that nobody collects it for one."""
_ATTEMPTS = 1000
_GONE = ".gone-"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """A folder that this process holds until ``release``."""

    path: Path
    lock: int

    @property
    def log(self) -> Path:
        """What the lab's process wrote to stdout and stderr."""
        return self.path / LOG

    @property
    def plan(self) -> Path:
        """The plan that was run."""
        return self.path / PLAN

    @property
    def source(self) -> Path:
        """A copy of the scenario file."""
        return self.path / SOURCE

    @property
    def records(self) -> Path:
        """What the run saw."""
        return self.path / RECORDS

    def release(self) -> None:
        """Let go of the folder in this process; another that inherited the lock still holds it."""
        os.close(self.lock)


def check_folder(path: Path) -> None:
    """Raise ScenarioError for a folder that no run has left."""
    for name in (PLAN, RECORDS):
        if not (path / name).exists():
            message = f"has no {name}: it is not the folder of a run"
            raise ScenarioError((Problem(file=path, line=1, column=1, message=message),))


def name_of(plan: Plan, backend: str) -> str:
    """Return the folder's name for a run of this plan."""
    return f"{plan.name.replace('::', '-')}-{backend}-{plan.seed}"


def claim(parent: Path, name: str) -> RunFolder:
    """Make an empty folder for a run and hold it.

    A finished run's folder of the same name is replaced; if a live run holds it, ``name-2`` and so on is
    taken. Raises HostError when the place cannot be written.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob(f"{_GONE}*"):  # by a process that was killed while it removed
            shutil.rmtree(left, ignore_errors=True)
        for number in range(1, _ATTEMPTS):
            path = parent / (name if number == 1 else f"{name}-{number}")
            lock = _replace(path)
            if lock is not None:
                return RunFolder(path=path, lock=lock)
    except OSError as error:
        raise HostError(
            f"the run folder {parent}/{name} cannot be made: {error.strerror}", "use --folder DIR"
        ) from error
    raise HostError(f"{_ATTEMPTS} live runs hold folders named {name}", "use --folder DIR")


def _replace(path: Path) -> int | None:
    """Return the lock of a new folder at ``path``, or None if a live run holds the one that is there."""
    old = _try_lock(path)
    if old is not None:
        try:
            gone = path.with_name(f"{_GONE}{os.getpid()}-{path.name}")
            path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        finally:
            os.close(old)
    try:
        path.mkdir()
    except FileExistsError:
        return None
    return _try_lock(path)


def _try_lock(path: Path) -> int | None:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
