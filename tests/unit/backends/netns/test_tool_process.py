"""Programs of this machine as children: their lines, their ends, and that none is left."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from harness.backends.netns.tool_process import ToolProcess
from harness.errors import HostError
from harness.sockets.loop import Loop

pytestmark = pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")

LIMIT_S = 20.0


class Told:
    """Runs a shell's text and keeps what is told of it."""

    def __init__(self, loop, text, **more):
        self.loop = loop
        self.lines = []
        self.status = None
        self.process = ToolProcess(("sh", "-c", text), loop, self._line, self._end, **more)

    def _line(self, line, error):
        assert self.status is None, "a line after the end"
        self.lines.append((line, error))

    def _end(self, status):
        self.status = status

    def wait(self):
        self.loop.wait_for(lambda: self.status is not None, LIMIT_S, lambda: "the shell to end")
        return self.status

    def wait_for_line(self, line):
        self.loop.wait_for(lambda: (line, False) in self.lines, LIMIT_S, lambda: f"{line}: {self.lines}")


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def _open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def descriptors():
    before = _open_descriptors()
    yield
    assert _open_descriptors() == before


@pytest.mark.parametrize("terminal", [False, True])
def test_lines_of_both_outputs_come_before_the_end(loop, descriptors, terminal):
    told = Told(loop, "echo one; echo ouch >&2; printf 'two\\nrest'; exit 3", terminal=terminal)
    assert told.wait() == 3
    assert [line for line, error in told.lines if not error] == ["one", "two", "rest"]
    assert [line for line, error in told.lines if error] == ["ouch"]


def test_a_terminal_brings_lines_while_the_program_runs(loop, descriptors):
    """Python holds lines back from a pipe as omping does, and not from a terminal."""
    text = f"exec {sys.executable} -c 'import time; print(\"waiting\"); time.sleep(60)'"
    told = Told(loop, text, terminal=True)
    told.wait_for_line("waiting")
    told.process.kill()
    assert told.wait() == -signal.SIGKILL


def test_much_output_is_read_whole(loop, descriptors):
    told = Told(loop, "seq 1 200000")
    assert told.wait() == 0
    assert [line for line, _ in told.lines] == [str(number) for number in range(1, 200001)]


def test_a_line_without_end_does_not_fill_the_memory(loop, descriptors):
    told = Told(loop, "head -c 1000000 /dev/zero | tr '\\0' x")
    assert told.wait() == 0
    assert sum(len(line) for line, _ in told.lines) == 1000000
    assert len(told.lines) > 1


def test_an_interrupt_is_a_sigint(loop, descriptors):
    told = Told(loop, "trap 'echo bye; exit 5' INT; echo ready; while :; do sleep 0.01; done")
    told.wait_for_line("ready")
    told.process.interrupt()
    assert told.wait() == 5
    assert told.lines[-1] == ("bye", False)


def test_close_ends_it_and_tells_nothing(loop, descriptors):
    told = Told(loop, "trap '' INT TERM; echo ready; while :; do sleep 1; done")
    told.wait_for_line("ready")
    told.process.close()
    told.process.close()
    assert told.process.status == -signal.SIGKILL
    assert told.status is None
    with pytest.raises(ProcessLookupError):
        os.kill(told.process.pid, 0)


def test_the_environment_is_not_passed_on(loop, descriptors, monkeypatch):
    monkeypatch.setenv("SECRET", "word")
    told = Told(loop, 'echo "[$SECRET]$LC_ALL"')
    told.wait()
    assert told.lines == [("[]C", False)]


def test_a_missing_program_is_told_and_leaves_nothing_open(loop, descriptors):
    with pytest.raises(HostError, match="no-such-probe is not installed"):
        ToolProcess(("no-such-probe",), loop, lambda line, error: None, lambda status: None)


def test_it_dies_with_the_process_that_started_it():
    text = """
        import os, signal
        from harness.backends.netns.tool_process import ToolProcess
        from harness.sockets.loop import Loop

        loop, seen = Loop(), []
        tool = ToolProcess(
            ("sh", "-c", "echo ready; exec sleep 1000"), loop, lambda *line: seen.append(line), print
        )
        loop.wait_for(lambda: bool(seen), 20, lambda: "the first line")
        print(tool.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        (sys.executable, "-c", textwrap.dedent(text)), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, end_s = int(done.stdout), time.monotonic() + LIMIT_S
    while _is_running(pid):
        assert time.monotonic() < end_s, f"process {pid} lives on after {LIMIT_S} s"


def _is_running(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
