"""A program of this machine at work in a lab: started in the thread's namespace, read by the loop, ended.

Its lines are handed out as they come and its exit status after the last of them. It cannot outlive the lab:
the kernel ends it with the process that started it (PR_SET_PDEATHSIG), and ``close`` kills it. It sees no
environment but what is written here. Knows nothing of probe tools.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import termios
from collections.abc import Callable, Sequence

from harness.errors import HostError, LabError
from harness.sockets.loop import Loop

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SETPRIV = "setpriv"
_READ_SIZE = 1 << 16
_LONGEST_LINE = 1 << 16
_OUTPUT_FLAGS = 1  # of what tcgetattr returns

Line = Callable[[str, bool], None]
"""Is given a line without its line feed, and whether it came by standard error."""


def find(program: str) -> str | None:
    """Return where a program is, None if it is not installed."""
    return shutil.which(program, path=PATH)


class _Output:
    """One output of the process, cut into lines."""

    def __init__(self, descriptor: int, loop: Loop, tell: Callable[[str], None]) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._loop = loop
        self._tell = tell
        self._rest = bytearray()
        self._is_open = True
        loop.watch(descriptor, self.read)

    def read(self) -> None:
        """Hand out the lines that are there."""
        while self._is_open:
            try:
                data = os.read(self._descriptor, _READ_SIZE)
            except BlockingIOError:
                return
            except OSError:  # EIO: nobody has the other end of the terminal open
                data = b""
            if not data:
                self.close()
                return
            self._rest += data
            *lines, rest = self._rest.split(b"\n")
            self._rest = rest
            for line in lines:
                self._say(line)
            if len(rest) >= _LONGEST_LINE:
                self._say(rest)
                self._rest = bytearray()

    def _say(self, line: bytearray) -> None:
        self._tell(line.decode(errors="replace").removesuffix("\r"))

    def close(self) -> None:
        """Hand out a last line that nothing ended, and close."""
        if not self._is_open:
            return
        self._is_open = False
        self._loop.unwatch(self._descriptor)
        os.close(self._descriptor)
        if self._rest:
            self._say(self._rest)


class ToolProcess:
    """One child process. ``on_end`` is given its exit status, minus the number of a signal that ended it.

    With ``terminal`` its standard output is a terminal, for programs that hold their lines back from a pipe.
    Raises HostError if the program is missing, LabError if it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        loop: Loop,
        on_line: Line,
        on_end: Callable[[int], None],
        *,
        terminal: bool = False,
    ) -> None:
        self._loop = loop
        self._on_end = on_end
        self._status: int | None = None
        reader, writer = _terminal() if terminal else os.pipe()
        error_reader, error_writer = os.pipe()
        try:
            self._process = _launch(argv, writer, error_writer)
        except (HostError, LabError):
            os.close(reader)
            os.close(error_reader)
            raise
        finally:
            os.close(writer)
            os.close(error_writer)
        self.pid = self._process.pid
        self._outputs = (
            _Output(reader, loop, lambda line: on_line(line, False)),
            _Output(error_reader, loop, lambda line: on_line(line, True)),
        )
        self._pidfd = os.pidfd_open(self.pid)
        loop.watch(self._pidfd, self._ended)

    @property
    def status(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self._status

    def interrupt(self) -> None:
        """Ask it to end, as Ctrl-C does."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """End it without a word, and collect it. Closing twice is no error."""
        if self._status is None:
            self.kill()
            self._collect()

    def _signal(self, number: signal.Signals) -> None:
        if self._status is None:
            signal.pidfd_send_signal(self._pidfd, number)

    def _ended(self) -> None:
        """What it wrote is there, since it wrote before it ended."""
        for output in self._outputs:
            output.read()
        self._on_end(self._collect())

    def _collect(self) -> int:
        self._status = self._process.wait()
        for output in self._outputs:
            output.close()
        self._loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        return self._status


def _launch(argv: Sequence[str], output: int, errors: int) -> subprocess.Popen[bytes]:
    paths = [find(name) for name in (SETPRIV, argv[0])]
    for name, path in zip((SETPRIV, argv[0]), paths, strict=True):
        if path is None:
            raise HostError(f"{name} is not installed", f"install {name}")
    setpriv, program = (path or "" for path in paths)
    try:
        return subprocess.Popen(  # noqa: S603  known programs by their full paths, without a shell
            (setpriv, "--pdeathsig", "KILL", program, *argv[1:]),
            env={"PATH": PATH, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
    except OSError as error:
        raise LabError(f"{argv[0]} could not be started: {error.strerror}") from error


def _terminal() -> tuple[int, int]:
    """Return both ends of a terminal that passes line feeds on as they are."""
    reader, writer = os.openpty()
    settings = termios.tcgetattr(writer)
    settings[_OUTPUT_FLAGS] &= ~termios.OPOST
    termios.tcsetattr(writer, termios.TCSANOW, settings)
    return reader, writer
