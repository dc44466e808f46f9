"""The runs behind the items of one pytest session: a pool of labs, asked ahead and waited for.

What is computed is not run ahead and needs no process of its own: it takes milliseconds when it is waited
for. Knows nothing of collecting and reporting. Closed at the session's end, whatever ended it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.run.backends import create
from harness.run.folder import DEFAULT_PARENT
from harness.run.load import places
from harness.run.outcome import Outcome
from harness.run.pool import Pool
from harness.run.session import Request, preload, run_plan


class Runner:
    """Runs by the ids of their items, each once."""

    def __init__(self, config: pytest.Config) -> None:
        given: Path | None = config.getoption("--harness-folder")
        self.parent = given or config.invocation_params.dir / DEFAULT_PARENT
        self._jobs: int | None = config.getoption("--harness-jobs")
        worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        if worker is not None:
            # The workers of xdist share this machine, and each has a pool of its own.
            self._jobs = max(1, (self._jobs or places()) // int(worker["workercount"]))
        self._pool: Pool | None = None
        self._asked: set[str] = set()
        self._computed: dict[str, Request] = {}

    def ahead(self, key: str, request: Request) -> None:
        """Queue a lab, unless it is queued already; what is computed only waits to be asked for."""
        if key in self._asked or key in self._computed:
            return
        if create(request.backend).virtual:
            self._computed[key] = request
            return
        if self._pool is None:
            self._pool = Pool(jobs=self._jobs)
        self._asked.add(key)
        self._pool.submit(key, request)

    def wait(self, key: str) -> Outcome:
        """Return what became of a run that was queued. KeyboardInterrupt ends what is computed here."""
        if key in self._computed:
            request = self._computed[key]
            preload(request)
            outcome = run_plan(request)
            if outcome.interrupted:
                raise KeyboardInterrupt
            return outcome
        assert self._pool is not None, key
        return self._pool.wait(key)

    def close(self) -> None:
        """Cancel what is left, and wait until it is torn down."""
        if self._pool is not None:
            self._pool.close()
