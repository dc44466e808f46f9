"""Parity needs a host that can hold labs: where it cannot, its tests are skipped with the cure."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.backends.netns import NetnsBackend
from harness.errors import HostError
from harness.run.pool import Pool

from .campaign import Campaign, Status

collect_ignore_glob = ["found/*"]
"""Scenarios that are run here, in a lab and in the model, not as items of their own."""
COUNTS = pytest.StashKey[Counter[Status]]()


@pytest.fixture(scope="session")
def campaign(tmp_path_factory):
    try:
        NetnsBackend().check_host()
    except HostError as error:
        pytest.skip(str(error))
    with Pool(repeats=False) as pool:
        yield Campaign(pool, tmp_path_factory.mktemp("parity"))


@pytest.fixture(scope="session")
def counts(request):
    return request.config.stash.setdefault(COUNTS, Counter())


def pytest_terminal_summary(terminalreporter, config):
    if found := config.stash.get(COUNTS, None):
        words = ", ".join(f"{found[status]} {status.value}" for status in Status if found[status])
        terminalreporter.write_line(f"parity of lab and model: {words}")
