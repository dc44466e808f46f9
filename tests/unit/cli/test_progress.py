from __future__ import annotations

import io

import pytest

from harness.cli import progress
from harness.cli.progress import ProgressLine
from harness.run.events import Entered, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that progress sees."""
    now_s = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now_s[0])
    monkeypatch.setenv("TERM", "xterm")
    return now_s


def test_the_first_second_is_silent(clock: list[float]) -> None:
    stream = Terminal()
    line = ProgressLine(stream, 1)
    clock[0] += 0.9
    line.listen(Entered(key="a", phase="build", real_s=0.0))

    assert stream.getvalue() == ""


def test_a_terminal_has_one_line_that_is_rewritten(clock: list[float]) -> None:
    stream = Terminal()
    line = ProgressLine(stream, 2)
    line.listen(Entered(key="a", phase="build", real_s=0.0))
    for at_s in (10.0, 20.0):
        clock[0] += 1.5
        line.listen(Progress(key="a", at_s=at_s, of_s=30.0))
    line.clear()

    assert stream.getvalue() == (
        "\r\033[K2 s: 0 of 2 done, a: 10 of 30 s\r\033[K3 s: 0 of 2 done, a: 20 of 30 s\r\033[K"
    )


def test_elsewhere_a_plain_line_comes_now_and_then(clock: list[float]) -> None:
    stream = io.StringIO()
    line = ProgressLine(stream, 1)
    for _ in range(12):
        clock[0] += 1.0
        line.listen(Progress(key="a", at_s=clock[0] - 100, of_s=30.0))

    assert stream.getvalue().splitlines() == ["1 s: a: 1 of 30 s", "6 s: a: 6 of 30 s", "11 s: a: 11 of 30 s"]


def test_quiet_shows_nothing(clock: list[float]) -> None:
    stream = Terminal()
    line = ProgressLine(stream, 1, quiet=True)
    clock[0] += 9.0
    line.listen(Progress(key="a", at_s=1.0, of_s=30.0))

    assert stream.getvalue() == ""


def test_what_has_no_events_tells_how_many_are_done(clock: list[float]) -> None:
    stream = Terminal()
    line = ProgressLine(stream, 300)
    clock[0] += 1.5
    line.reach(20, "querier=on count=4")

    assert stream.getvalue() == "\r\033[K2 s: 20 of 300 done, querier=on count=4: predict"
