"""What a switch or router of a lab writes into the run's record, in words that all kinds of them share.

Whatever decided it, a machine of the harness, the kernel or a daemon, tells it as effects of ``protocols``.
Moments are those of the loop (``real_s``), the present one unless given.
"""

from __future__ import annotations

from harness.backends import told
from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.observations.model import Impaired
from harness.protocols.dialect import Dialect
from harness.protocols.effects import ForwardingMode, Heard, TableChange
from harness.sockets.packet import Tap


class Journal:
    """The record of one device, by its name."""

    def __init__(self, device: str, clock: Clock, emit: Emit) -> None:
        self._device = device
        self._clock = clock
        self._emit = emit

    def changed(self, dialect: Dialect, change: TableChange, real_s: float | None = None) -> None:
        """A line of a table came or went."""
        self._emit(told.table_line(self._at_s(real_s), self._device, dialect, change))

    def forwards(self, dialect: Dialect, mode: ForwardingMode, real_s: float | None = None) -> None:
        """Datagrams are forwarded in another way."""
        self._emit(told.mode_of(self._at_s(real_s), self._device, dialect, mode))

    def heard(self, dialect: Dialect, heard: Heard, real_s: float) -> None:
        """A message was heard, or sent by the device itself."""
        self._emit(told.message(self._at_s(real_s), self._device, dialect, heard))

    def report_drops(self, tap: Tap) -> None:
        """Hand out how many frames a tap lost since the last call, if any."""
        if lost := tap.drops():
            self._emit(Impaired(at_s=self._clock.now(), what="socket", count=lost, host=self._device))

    def _at_s(self, real_s: float | None) -> float:
        return self._clock.now() if real_s is None else self._clock.scenario(real_s)
