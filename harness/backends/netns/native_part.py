"""What a host does for a probe tool by a program of ours, on sockets in its namespace and on the lab's loop.

A tool that cannot open its sockets ends as the real one does: it says why and exits with 1. That is an
observation, no failure of the lab.
"""

from __future__ import annotations

from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.sockets import INTERFACE_INDEX, overflows
from harness.backends.programs import Hosted
from harness.backends.tool_records import Account
from harness.protocols.probes.program import Ended, Say
from harness.sockets.driver import Driver
from harness.sockets.groups import Via
from harness.sockets.loop import Loop
from harness.sockets.packet import grow_buffer
from harness.wire.membership import Address

_FAILED = 1
_INTERRUPTS = 2
_ASKED_EACH = 10
"""The namespace's own count takes a file to be read, so it is looked at every so many calls only."""


class NativePart:
    """One program. ``open`` its sockets, ``start`` it, ``interrupt`` it; ``close`` always works."""

    def __init__(
        self,
        hosted: Hosted,
        address: Address,
        account: Account,
        loop: Loop,
        clock: Clock,
        devices: Devices,
    ) -> None:
        self._hosted = hosted
        self._account = account
        self._loop = loop
        self._clock = clock
        self._devices = devices
        self._address = address
        self._driver: Driver | None = None
        self._reported = 0
        self._overflows = 0
        self._asked = 0
        self._is_settled = False

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self._account.has_ended

    def open(self) -> None:
        """Open its sockets, so that what others send is not refused before it begins."""
        via = Via(index=INTERFACE_INDEX, address=self._address)
        with self._devices.enter_host(self._hosted.host):
            try:
                self._driver = Driver(
                    self._hosted.program, self._loop, self._account, via=via, clock=self._clock
                )
            except OSError as error:
                self._fail(error, "Can't open its sockets")
                return
        for sock in (self._driver.sockets.own, self._driver.sockets.group):
            if sock is not None:
                grow_buffer(sock)

    def start(self) -> None:
        """Let it begin, unless its sockets could not be opened; one that cannot join ends."""
        if self._driver is None:
            return
        try:
            self._driver.start()
        except OSError as error:
            self._driver.close()
            self._driver = None
            self._fail(error, "Can't join multicast group")

    def interrupt(self) -> None:
        """End it as Ctrl-C does, unless it has ended or never began."""
        if self._driver is not None and not self.has_ended:
            self._driver.interrupt()

    def end(self) -> None:
        """End it whatever it still has to do; one interrupt may leave it telling its peers."""
        for _ in range(_INTERRUPTS):
            self.interrupt()

    def newly_dropped(self) -> int:
        """Return how many datagrams its sockets lost since the last call because nobody read in time."""
        if self._driver is None:
            return 0
        sockets = self._driver.sockets
        if sockets.is_filtered and not self._is_settled:
            self._asked += 1
            self._is_settled = self.has_ended
            if self._is_settled or self._asked % _ASKED_EACH == 0:
                with self._devices.enter_host(self._hosted.host):
                    self._overflows = overflows()
        before, self._reported = self._reported, sockets.dropped() + self._overflows
        return self._reported - before

    def close(self) -> None:
        """Close its sockets without a word."""
        if self._driver is not None:
            self._driver.close()

    def _fail(self, error: OSError, what: str) -> None:
        at_s = self._clock.now()
        self._account(Say(text=f"{what}: {error.strerror}", error=True), at_s)
        self._account(Ended(status=_FAILED), at_s)
