"""A probe tool's program on this host, until it ends: its sockets, its signals, its lines.

SIGINT and SIGTERM let the program end in its own way, with its summary; the third one kills. SIGUSR1 lets
it say how it stands. Every line is out as soon as it is said, so that nothing is lost when the process is
killed.
"""

from __future__ import annotations

import gc
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from harness.protocols.probes.program import Program
from harness.sockets.driver import Driver, Listener
from harness.sockets.groups import Via
from harness.sockets.loop import Loop

_INTERRUPTS_THAT_KILL = 3
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def run(program: Program, via: Via, listener: Listener, *, opened: Callable[[], None] = lambda: None) -> int:
    """Run a program and return its status; ``opened`` is called when its sockets are open.

    Raises OSError as the kernel does: until ``opened`` of the sockets, then of joins and reading.
    """
    loop = Loop()
    driver = Driver(program, loop, listener, via=via)
    try:
        opened()
        until_ended([driver], loop)
    finally:
        driver.close()
        loop.close()
    assert driver.ended is not None, "the loop waits for the end"
    return driver.ended


def until_ended(drivers: Sequence[Driver], loop: Loop) -> None:
    """Start programs whose sockets are open, and serve them until all have ended."""
    gc.enable()  # `mcast` has switched it off for its short commands
    with _signals(loop, drivers):
        for driver in drivers:
            driver.start()
        loop.wait_until(lambda: all(driver.ended is not None for driver in drivers), math.inf)


@contextmanager
def _signals(loop: Loop, drivers: Sequence[Driver]) -> Iterator[None]:
    """Hand signals to the loop, so that a program is never entered in the middle of another call."""
    waker, awoken = socket.socketpair()
    interrupts = 0

    def note(number: int, frame: object) -> None:
        del frame
        nonlocal interrupts
        if number in _INTERRUPTS:
            interrupts += 1
            if interrupts == _INTERRUPTS_THAT_KILL:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    def obey() -> None:
        for number in awoken.recv(64):
            for driver in drivers:
                if number in _INTERRUPTS:
                    driver.interrupt()
                elif number == signal.SIGUSR1:
                    driver.report()

    with waker, awoken:
        waker.setblocking(False)
        before = [(number, signal.signal(number, note)) for number in (*_INTERRUPTS, signal.SIGUSR1)]
        woken_before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        loop.watch(awoken.fileno(), obey)
        try:
            yield
        finally:
            loop.unwatch(awoken.fileno())
            signal.set_wakeup_fd(woken_before)
            for number, handler in before:
                signal.signal(number, handler)


def write(text: str, *, error: bool = False) -> None:
    """Write a line to standard output, or to standard error, at once."""
    stream = sys.stderr if error else sys.stdout
    stream.write(text + "\n")
    stream.flush()
