"""A tool's process and its signals, with a program that is made for it."""

import signal
import subprocess
import sys

import pytest

LIMIT_S = 30.0
PROGRAM = """
import sys
from harness.protocols.probes.program import Ended, Say, SocketsWanted
from harness.sockets.groups import Via
from harness.tools.running import run, write

class Stubborn:
    sockets = SocketsWanted(version=4, local=None)
    def __init__(self, patience):
        self.left = patience
    def start(self, now, port):
        return [Say(text="started")]
    def next_deadline(self):
        return None
    def interrupt(self, now):
        self.left -= 1
        said = [Say(text=f"interrupted, {self.left} left")]
        return said if self.left else [*said, Ended(status=5)]
    def report(self, now):
        return [Say(text="report")]

def take(effect, at_s):
    if isinstance(effect, Say):
        write(effect.text)

sys.exit(run(Stubborn(int(sys.argv[1])), Via(), take))
"""


@pytest.fixture
def started():
    """Start the program with so much patience; ends with the test."""
    running = []

    def start(patience):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(patience)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        running.append(process)
        assert process.stdout.readline() == b"started\n"
        return process

    yield start
    for process in running:
        with process:
            if process.poll() is None:
                process.kill()


def _signal(process, number, answer):
    process.send_signal(number)
    assert process.stdout.readline().decode() == answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_program_in_its_own_way(started, number):
    process = started(1)
    _signal(process, number, "interrupted, 0 left\n")
    assert process.wait(LIMIT_S) == 5


def test_sigusr1_lets_it_report_and_go_on(started):
    process = started(1)
    for _ in range(2):
        _signal(process, signal.SIGUSR1, "report\n")
    _signal(process, signal.SIGINT, "interrupted, 0 left\n")
    assert process.wait(LIMIT_S) == 5


def test_the_third_sigint_kills_whoever_does_not_end(started):
    process = started(9)
    _signal(process, signal.SIGINT, "interrupted, 8 left\n")
    _signal(process, signal.SIGINT, "interrupted, 7 left\n")
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_S) == -signal.SIGINT
