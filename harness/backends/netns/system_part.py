"""What a host does for a probe tool by the program that is installed, in a process of its own.

What the program writes is all that is known of it (``tool_output``). It is ended by SIGINT, as a user does,
and killed if that does not end it. Its requests are not known, only what it says of them at its end.
"""

from __future__ import annotations

from pathlib import Path

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.installed import SERVER_PORT
from harness.backends.netns.tool_output import ToolOutput
from harness.backends.netns.tool_process import ToolProcess
from harness.backends.programs import Hosted, Role
from harness.backends.tool_records import Account
from harness.observations.model import Remark
from harness.plan.tools import Tool
from harness.protocols.probes.program import Ended, Say
from harness.sockets.loop import Loop

ENDS_WITHIN_S = 3.0
"""How long a program may take to end when it is interrupted; then it is killed."""


class SystemPart:
    """One program. ``start`` it, ``interrupt`` it; ``close`` always works."""

    def __init__(
        self,
        hosted: Hosted,
        argv: tuple[str, ...],
        account: Account,
        loop: Loop,
        clock: Clock,
        devices: Devices,
        emit: Emit,
    ) -> None:
        self._argv = argv
        self._hosted = hosted
        self._account = account
        self._output = ToolOutput(account.tool)
        self._reads = hosted.role is not Role.SERVER
        self._has_terminal = account.tool.tool is Tool.OMPING
        self._loop = loop
        self._clock = clock
        self._devices = devices
        self._emit = emit
        self._process: ToolProcess | None = None
        self._is_interrupted = False

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self._account.has_ended

    # --- life ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Nothing: the program opens its own sockets."""

    def start(self) -> None:
        """Start the program, unless it runs. Raises HostError and LabError."""
        if self._process is None:
            with self._devices.enter_host(self._hosted.host):
                self._process = ToolProcess(
                    self._argv, self._loop, self._on_line, self._on_end, terminal=self._has_terminal
                )

    def interrupt(self) -> None:
        """Ask it to end, and see to it that it does; again is no more than once."""
        if self._process is None or self.has_ended or self._is_interrupted:
            return
        self._is_interrupted = True
        self._process.interrupt()
        self._loop.call_at(self._loop.now() + ENDS_WITHIN_S, self._insist)

    def end(self) -> None:
        """Ask it to end, if nobody has."""
        self.interrupt()

    def _insist(self) -> None:
        if self._process is not None and self._process.status is None:
            text = (
                f"waited {ENDS_WITHIN_S:g} s for {self._argv[0]} on {self._hosted.host} to end after SIGINT, "
                "and killed it"
            )
            self._emit(Remark(at_s=self._clock.now(), text=text))
            self._process.kill()

    def close(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.close()

    # --- a server's port ----------------------------------------------------------------------------------

    def is_bound(self) -> bool:
        """Whether the server's port is bound in its namespace, or the server has ended."""
        with self._devices.enter_host(self._hosted.host):
            return self.has_ended or any(
                int(line.split()[1].rpartition(":")[2], 16) == SERVER_PORT
                for name in ("udp", "udp6")
                for line in _sockets(name)
            )

    def unbound(self) -> str:
        """Say what is waited for."""
        return f"{self._argv[0]} on {self._hosted.host} to bind port {SERVER_PORT}"

    # --- what it says -------------------------------------------------------------------------------------

    def _on_line(self, line: str, error: bool) -> None:
        at_s = self._clock.now()
        if error or not self._reads:
            self._account(Say(text=line, error=error), at_s)
            return
        for told in self._output.feed(line):
            self._account(told, at_s)

    def _on_end(self, status: int) -> None:
        at_s = self._clock.now()
        for told in self._output.close():
            self._account(told, at_s)
        self._account(Ended(status=status), at_s)

    @staticmethod
    def newly_dropped() -> int:
        """Return 0: what its own sockets lose is the program's doing, and in its figures."""
        return 0


def _sockets(name: str) -> list[str]:
    """Return the lines of the namespace's UDP sockets, without the headings; none without IPv6."""
    path = Path("/proc/thread-self/net") / name
    return path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else []
