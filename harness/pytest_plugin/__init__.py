"""The pytest plugin: ``pytest scenarios/`` collects ``*.scenario.yaml`` and runs labs ahead, several at once.

Loaded into every pytest run on this machine, so nothing is imported here but pytest, and everything else only
when a scenario file is collected. It leaves other tests alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.runner import Runner

SUFFIX = ".scenario.yaml"
MARKERS = (
    "scenario: a variant of a scenario file",
    "fault: a variant that shows a fault",
    "fix: a variant that heals a fault",
    "control: a variant to compare with",
)
REMARK = "remark"
"""The user property that holds what the summary must not hide."""
RUNNER_KEY: pytest.StashKey[Runner] = pytest.StashKey()
"""Of the configuration: the labs of this session."""
START_KEY: pytest.StashKey[Callable[[], None]] = pytest.StashKey()
"""Of an item that has a lab: starts it ahead."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("harness", "multicast scenarios")
    group.addoption(
        "--harness-backend",
        action="append",
        metavar="NAME",
        help="what makes the labs (default: netns); may be repeated, each variant then runs on each",
    )
    group.addoption(
        "--harness-compare",
        nargs="?",
        const="model",
        metavar="NAME",
        help="run each variant on this backend too (default: model); where the two part, it fails",
    )
    group.addoption("--harness-jobs", type=int, metavar="N", help="at most N labs at once")
    group.addoption(
        "--harness-folder", type=Path, metavar="DIR", help="where run folders are made (default: .harness)"
    )
    group.addoption(
        "--harness-require",
        action="store_true",
        help="a scenario that this host cannot run fails instead of being skipped",
    )
    group.addoption("--harness-seed", type=int, metavar="SEED", help="instead of the files' seeds")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and refuse backends that do not exist."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    wanted = config.getoption("--harness-backend") or []
    compare = config.getoption("--harness-compare")
    if wanted or compare:
        _check_backends(wanted, compare)


def _check_backends(wanted: list[str], compare: str | None) -> None:
    """Raise UsageError for backends that do not exist, and for two that cannot be compared."""
    from harness.run import backends, session  # noqa: PLC0415  only where somebody asks

    for name in wanted:
        if name not in backends.names():
            raise pytest.UsageError(f"--harness-backend: {backends.UnknownBackendError(name)}")
    if compare is None:
        return
    if compare not in backends.names():
        hint = "" if "/" not in compare else "; files go before this option, or write --harness-compare=model"
        raise pytest.UsageError(f"--harness-compare: {backends.UnknownBackendError(compare)}{hint}")
    for name in wanted or [backends.DEFAULT]:
        try:
            session.two(name, compare)
        except ValueError as error:
            raise pytest.UsageError(f"--harness-compare: {error}") from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files."""
    if not file_path.name.endswith(SUFFIX):
        return None
    from harness.pytest_plugin.items import ScenarioFile  # noqa: PLC0415  only where there are scenarios

    collector: pytest.Collector = ScenarioFile.from_parent(parent, path=file_path)
    return collector


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Start the labs of the selected items ahead; pytest's own loop then runs the items."""
    if session.config.option.collectonly or _collection_failed(session) or _is_worker(session.config):
        return
    for item in session.items:
        start = item.stash.get(START_KEY, None)
        if start is not None:
            start()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """In a worker of xdist, which learns of items one by one, start this item's lab and the next one's."""
    if not _is_worker(item.config):
        return
    for near in (item, nextitem):
        start = near.stash.get(START_KEY, None) if near is not None else None
        if start is not None:
            start()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Cancel and reap the labs that nobody waited for: after ``-x``, after Ctrl-C."""
    runner = session.config.stash.get(RUNNER_KEY, None)
    if runner is not None:
        runner.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was remarkable, also of runs that passed: a run that was repeated is never hidden."""
    found = {
        f"{report.nodeid}: {value}": None
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == REMARK
    }
    if found:
        terminalreporter.section("scenarios")
        for text in found:
            terminalreporter.line(text)


def _collection_failed(session: pytest.Session) -> bool:
    return bool(session.testsfailed) and not session.config.option.continue_on_collection_errors


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
