from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.plan.model import Plan
from harness.run import load


def test_the_busy_share_is_that_since_the_mark(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 800 0 0 0 0 0 0\n", encoding="ascii")
    cpu = load.CpuLoad(stat)
    assert cpu.share() is None

    stat.write_text("cpu  130 0 120 850 0 0 0 0 0 0\n", encoding="ascii")
    deadline_s = time.monotonic() + 5.0
    while (share := cpu.share()) is None:
        assert time.monotonic() < deadline_s, "the window never became long enough"

    assert share == 0.5


def test_a_kernel_that_does_not_tell_is_never_busy(tmp_path: Path) -> None:
    cpu = load.CpuLoad(tmp_path / "missing")
    deadline_s = time.monotonic() + 5.0
    while (share := cpu.share()) is None:
        assert time.monotonic() < deadline_s, "the window never became long enough"

    assert share == 0.0


def test_deliveries_count_senders_hearers_and_speed(make_plan: Callable[..., Plan]) -> None:
    assert load.deliveries_a_second(make_plan()) == 3 * 3 * 100


def test_big_labs_have_the_machine_for_themselves(make_plan: Callable[..., Plan]) -> None:
    small = make_plan()
    many_hosts = replace(small, hosts=small.hosts * 40)
    much_traffic = replace(small, streams=(replace(small.streams[0], period_s=0.01),))

    assert not load.wants_to_be_alone(small)
    assert load.wants_to_be_alone(many_hosts)
    assert load.wants_to_be_alone(much_traffic)
    assert load.weight(small) == 1 < load.weight(many_hosts) < load.weight(much_traffic)
