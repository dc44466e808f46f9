"""Lab tests need a host that can hold labs: where it cannot, they are skipped with the cure."""

import pytest

from harness.backends.netns import NetnsBackend
from harness.errors import HostError


@pytest.fixture(autouse=True, scope="session")
def _host_can_hold_labs():
    try:
        NetnsBackend().check_host()
    except HostError as error:
        pytest.skip(str(error))
