"""Scenario files as pytest collectors, and each variant on each backend as an item.

Collecting reads files and resolves plans; it builds nothing. An item's id is ``variant[backend]``. What a
failed item prints is the terminal report, never a traceback.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import source
from harness.comparison.model import Agreement
from harness.errors import HarnessError, HostError, LabError, ScenarioError
from harness.plan.build import build_all
from harness.plan.model import Plan
from harness.pytest_plugin import REMARK, RUNNER_KEY, START_KEY
from harness.pytest_plugin.runner import Runner
from harness.report import comparison, outcomes
from harness.run import backends
from harness.run.outcome import Outcome
from harness.run.session import Request, two
from harness.verdicts.judge import Status


class DeliveryFailedError(Exception):
    """A scenario ran, and did not do what its file expects. The only failure that ``xfail`` should name."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        failed = sum(verdict.status is Status.FAILED for verdict in outcome.verdicts)
        super().__init__(f"{failed} of {len(outcome.verdicts)} expectations failed")


class InconclusiveError(Exception):
    """This machine disturbed the run, alone and twice, so that nothing can be said of the scenario."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(f"inconclusive: {outcome.impairments or 'too little was observed'}")


class PartedError(Exception):
    """Two backends do not make the same of a scenario, and it names no quirk that explains it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(
            "" if outcome.comparison is None else "; ".join(comparison.lines(outcome.comparison))
        )


class ScenarioFile(pytest.File):
    """One ``*.scenario.yaml``."""

    def collect(self) -> Iterable[pytest.Item]:
        """Return the items of all variants. Raises CollectError with every mistake of the file."""
        names = self.config.getoption("--harness-backend") or [backends.DEFAULT]
        file = _shown(self.path)
        try:
            plans = self._plans(file)
            tree = source.read(file)
        except ScenarioError as error:
            raise self.CollectError("\n".join(str(problem) for problem in error.problems)) from None
        runner = _runner(self.config)
        items = []
        for plan in plans:
            line = source.find(tree, ("variants", plan.variant), key=True).line
            for name in names:
                request = self._request(plan, name, runner.parent)
                items.append(
                    ScenarioItem.from_parent(
                        self,
                        name=f"{plan.variant}[{name}]",
                        # Said in full: pytest 9.2 does not take a name apart, and --lf would not find it.
                        nodeid=f"{self.nodeid}::{plan.variant}[{name}]",
                        request=request,
                        runner=runner,
                        line=line,
                    )
                )
        return items

    def _request(self, plan: Plan, backend: str, parent: Path) -> Request:
        compare = self.config.getoption("--harness-compare")
        lab, other, leads = two(backend, compare) if compare else (backend, "", False)
        return Request(plan=plan, backend=lab, parent=parent, compare=other, compare_leads=leads)

    def _plans(self, file: Path) -> tuple[Plan, ...]:
        """Return the plans of all variants; raises ScenarioError with the mistakes of all."""
        seed = self.config.getoption("--harness-seed")
        return tuple(plan if seed is None else replace(plan, seed=seed) for plan in build_all(file))


class ScenarioItem(pytest.Item):
    """One variant on one backend."""

    def __init__(self, *, request: Request, runner: Runner, line: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.request = request
        self.outcome: Outcome | None = None
        self._runner = runner
        self._line = line
        self.stash[START_KEY] = self.start
        self.add_marker("scenario")
        if request.plan.role is not None:
            self.add_marker(request.plan.role)

    def start(self) -> None:
        """Queue the lab of this item, if it is not queued yet and no marker skips the item."""
        if self.get_closest_marker("skip") is None:
            self._runner.ahead(self.nodeid, self.request)

    def runtest(self) -> None:
        """Wait for the run, and raise what became of it."""
        self.start()
        outcome = self.outcome = self._runner.wait(self.nodeid)
        self.user_properties += [
            ("backend", outcome.backend),
            ("seed", outcome.plan.seed),
            ("kernel", outcome.kernel),
            ("run_folder", str(outcome.folder or "")),
            *((REMARK, remark) for remark in outcome.remarks),
            *self._compared(outcome),
        ]
        if isinstance(outcome.error, HostError) and not self.config.getoption("--harness-require"):
            pytest.skip(str(outcome.error))
        if outcome.error is not None:
            raise outcome.error
        if outcome.interrupted:
            raise LabError("the lab was interrupted")
        if outcome.status is Status.INCONCLUSIVE:
            raise InconclusiveError(outcome)
        if outcome.status is not Status.PASSED:
            raise DeliveryFailedError(outcome)
        self._raise_if_parted(outcome)

    def _compared(self, outcome: Outcome) -> Iterator[tuple[str, object]]:
        """Yield user properties: what a comparison came to, and, if it passes, what it has to say."""
        if outcome.comparison is not None:
            yield "compared", f"{outcome.comparison.right}: {outcome.comparison.agreement.value}"
            if outcome.comparison.passes and (told := comparison.lines(outcome.comparison)):
                yield REMARK, f"{told[0]}; {told[-1]}" if len(told) > 1 else told[0]

    def _raise_if_parted(self, outcome: Outcome) -> None:
        other = outcome.other
        if other is not None and other.error is not None:
            if isinstance(other.error, HostError) and not self.config.getoption("--harness-require"):
                pytest.skip(str(other.error))
            raise other.error
        if other is not None and other.interrupted:
            raise LabError("the run to compare with was interrupted")
        if outcome.comparison is None or outcome.comparison.passes:
            return
        if outcome.comparison.agreement is Agreement.INCONCLUSIVE:
            raise InconclusiveError(outcome)
        raise PartedError(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the terminal report for a run's own failures; pytest's words for anything else."""
        if self.outcome is not None and isinstance(
            excinfo.value, DeliveryFailedError | InconclusiveError | PartedError | HarnessError
        ):
            colour = self.config.get_terminal_writer().hasmarkup
            return outcomes.text(self.outcome, colour=colour)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the file, the variant's line (from 0), and the id."""
        return self.path, self._line - 1, f"{self.request.plan.name}[{self.request.backend}]"


def _runner(config: pytest.Config) -> Runner:
    runner = config.stash.get(RUNNER_KEY, None)
    if runner is None:
        runner = config.stash[RUNNER_KEY] = Runner(config)
    return runner


def _shown(path: Path) -> Path:
    """Return the path as a person at this prompt writes it."""
    shown = Path(os.path.relpath(path))
    return path if ".." in shown.parts else shown
