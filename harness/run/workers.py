"""One child process for one lab: forked, watched, and ended without a trace.

A lab needs a process of one thread that may move into namespaces for good, so each gets a fork of its own.
The child dies with its parent, however that dies (PR_SET_PDEATHSIG), and the kernel then removes its
namespaces. It has a process group of its own: Ctrl-C in a terminal reaches the parent alone, which passes it
on once. Messages come back over a pipe, each a length and a pickle; the pipe's other end is our own fork.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import io
import os
import pickle
import signal
import struct
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from harness.backends.base import Backend
from harness.errors import HostError, ScenarioError
from harness.plan.model import Plan
from harness.run.events import Event, Finished, Progress
from harness.run.folder import RunFolder
from harness.run.session import Request, carry_out

_PR_SET_PDEATHSIG = 1
_HEADER = struct.Struct("!I")
_CRASHED = 70
"""EX_SOFTWARE of sysexits.h: the child ended by a mistake of ours; its traceback is in the lab's log."""
_READ_SIZE = 1 << 16
_ENDING = frozenset({signal.SIGINT, signal.SIGTERM})

_libc = ctypes.CDLL(None, use_errno=True)


class _Pickler(pickle.Pickler):
    """Pickles an event; the plan stays behind, since the parent has it, and errors keep their arguments."""

    def __init__(self, file: io.BytesIO, plan: Plan) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._plan = plan

    def persistent_id(self, obj: object) -> str | None:
        """Name the plan instead of pickling it."""
        return "plan" if obj is self._plan else None

    def reducer_override(self, obj: object) -> Any:
        """Errors whose arguments are not their message."""
        match obj:
            case HostError():
                return HostError, (obj.missing, obj.cure)
            case ScenarioError():
                return ScenarioError, (obj.problems,)
            case _:
                return NotImplemented


class _Unpickler(pickle.Unpickler):
    """The other end of ``_Pickler``."""

    def __init__(self, file: io.BytesIO, plan: Plan) -> None:
        super().__init__(file)
        self._plan = plan

    def persistent_load(self, pid: str) -> Plan:
        """Return the plan, the only thing that is named."""
        assert pid == "plan"
        return self._plan


class Worker:
    """A child process with one lab. ``pipe`` has messages, ``pidfd`` is readable when the child has ended."""

    def __init__(self, request: Request, backend: Backend, folder: RunFolder, key: str) -> None:
        reader, writer = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        with signals_held() as mask:
            pid = _fork()
            if pid == 0:
                _child(lambda: _lab(request, backend, folder, key, writer), folder, parent, mask)
        os.close(writer)
        os.set_blocking(reader, False)
        self.key = key
        self.pid = pid
        self.pipe = reader
        self.pidfd = os.pidfd_open(pid)
        self._plan = request.plan
        self._buffer = bytearray()
        self._reaped = False

    def events(self) -> list[Event]:
        """Return the events that have come since the last call."""
        while chunk := self._read():
            self._buffer += chunk
        found: list[Event] = []
        while len(self._buffer) >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._buffer)
            end = _HEADER.size + length
            if len(self._buffer) < end:
                break
            data = io.BytesIO(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            found.append(_Unpickler(data, self._plan).load())
        return found

    def interrupt(self) -> None:
        """Ask the lab to tear down and end, as Ctrl-C does."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End the lab's process at once; the kernel removes what it held."""
        self._signal(signal.SIGKILL)

    def has_ended(self) -> bool:
        """Return whether the child is over, so that ``reap`` does not wait."""
        return os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def reap(self) -> str:
        """Collect the ended child, and whatever of its process group is left; return how it ended."""
        os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError, PermissionError):
            # The child is a zombie still, so its group's number cannot be anybody else's yet.
            os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self._reaped = True
        os.close(self.pipe)
        os.close(self.pidfd)
        if os.WIFSIGNALED(status):
            return f"it was ended by {signal.Signals(os.WTERMSIG(status)).name}"
        return f"it exited with {os.WEXITSTATUS(status)}"

    def _read(self) -> bytes:
        try:
            return os.read(self.pipe, _READ_SIZE)
        except BlockingIOError:
            return b""

    def _signal(self, number: signal.Signals) -> None:
        if not self._reaped:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process, a fork of ``parent``, when that ends, however it does."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_CRASHED)


@contextmanager
def signals_held() -> Iterator[set[signal.Signals]]:
    """Hold SIGINT and SIGTERM back in the block, so that a child is never made without being noted.

    Gives the mask of before, as a set of signals.
    """
    mask = {signal.Signals(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)}
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _fork() -> int:
    """Fork, also from a process that has other threads (a pytest-xdist worker).

    The child is left with the one thread that called, touches no lock of the others, replaces the standard
    streams, and ends by ``os._exit``; Python 3.12 warns of such forks in general.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _child(run: Callable[[], None], folder: RunFolder, parent: int, mask: set[signal.Signals]) -> NoReturn:
    """Become a lab's process, run, and end. Never returns into the parent's code."""
    code = _CRASHED
    try:
        gc.freeze()  # what the parent left is not ours to finalise
        die_with_parent(parent)
        os.setpgid(0, 0)
        _redirect(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask - _ENDING)
        run()
        code = 0
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


def _redirect(folder: RunFolder) -> None:
    """Send what the lab's process prints to the run's log, past the streams that the parent had."""
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)
    faulthandler.enable(sys.stderr)  # pytest may have pointed it at the terminal


def _lab(request: Request, backend: Backend, folder: RunFolder, key: str, writer: int) -> None:
    def tell(event: Event) -> None:
        _send(writer, event, request.plan)

    tell(Finished(key=key, outcome=carry_out(request, backend, folder, tell, key)))


def _send(writer: int, event: Event, plan: Plan) -> None:
    """Write an event. Progress that nobody reads is dropped; what matters waits until there is room."""
    body = io.BytesIO()
    _Pickler(body, plan).dump(event)
    data = memoryview(_HEADER.pack(body.tell()) + body.getvalue())
    os.set_blocking(writer, not isinstance(event, Progress))
    try:
        while data:
            data = data[os.write(writer, data) :]
    except BlockingIOError:
        pass  # a write below PIPE_BUF goes whole or not at all, so the next message is not torn
