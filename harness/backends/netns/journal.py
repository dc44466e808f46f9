"""What a switch or router of a lab writes into the run's record, in words that all kinds of them share.

Whatever decided it, a machine of the harness, the kernel or a daemon, tells it as effects of ``protocols``.
Moments are those of the loop (``real_s``), the present one unless given.
"""

from __future__ import annotations

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.packet import Tap
from harness.observations.model import Igmp, Impaired, Mode, TableLine
from harness.protocols.dialect import Dialect
from harness.protocols.effects import ForwardingMode, Heard, TableChange


class Journal:
    """The record of one device, by its name."""

    def __init__(self, device: str, clock: Clock, emit: Emit) -> None:
        self._device = device
        self._clock = clock
        self._emit = emit

    def changed(self, dialect: Dialect, change: TableChange, real_s: float | None = None) -> None:
        """A line of a table came or went."""
        self._emit(
            TableLine(
                at_s=self._at_s(real_s),
                switch=self._device,
                table=change.table.value,
                present=change.present,
                port=change.port,
                group=str(change.group or ""),
                address=str(change.address or ""),
                cause=change.cause,
                filter=str(change.filter) if change.present else "",
                protocol=dialect.value,
            )
        )

    def forwards(self, dialect: Dialect, mode: ForwardingMode, real_s: float | None = None) -> None:
        """Datagrams are forwarded in another way."""
        self._emit(
            Mode(
                at_s=self._at_s(real_s),
                switch=self._device,
                snooping=mode.snooping,
                unregistered=mode.unregistered.value,
                cause=mode.cause,
                protocol=dialect.value,
            )
        )

    def heard(self, dialect: Dialect, heard: Heard, real_s: float) -> None:
        """A message was heard, or sent by the device itself."""
        self._emit(
            Igmp(
                at_s=self._at_s(real_s),
                switch=self._device,
                port=heard.port,
                what=heard.what,
                source=str(heard.source),
                group=str(heard.group or ""),
                sent=heard.sent,
                protocol=dialect.value,
            )
        )

    def report_drops(self, tap: Tap) -> None:
        """Hand out how many frames a tap lost since the last call, if any."""
        if lost := tap.drops():
            self._emit(Impaired(at_s=self._clock.now(), what="socket", count=lost, host=self._device))

    def _at_s(self, real_s: float | None) -> float:
        return self._clock.now() if real_s is None else self._clock.scenario(real_s)
