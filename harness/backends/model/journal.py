"""Turns what a device's machine says into records, at the moment of the scenario.

What happened before the scenario's zero is recorded at 0, as labs do.
"""

from __future__ import annotations

from harness.backends.base import Emit
from harness.backends.model.agenda import Agenda
from harness.observations.model import Igmp, Mode, TableLine
from harness.protocols.dialect import Dialect
from harness.protocols.effects import ForwardingMode, Heard, TableChange


class Journal:
    """One for all devices. ``zero_s`` is the scenario's zero on the agenda, None before it is known."""

    def __init__(self, agenda: Agenda, emit: Emit) -> None:
        self.emit = emit
        self.zero_s: float | None = None
        self._agenda = agenda

    def now(self) -> float:
        """Return the present moment of the scenario, to the microsecond."""
        return 0.0 if self.zero_s is None else round(self._agenda.now - self.zero_s, 6)

    def table(self, device: str, dialect: Dialect, change: TableChange) -> None:
        """Record a line of a table that came or went."""
        self.emit(
            TableLine(
                at_s=self.now(),
                switch=device,
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

    def mode(self, device: str, dialect: Dialect, mode: ForwardingMode) -> None:
        """Record how a switch forwards from now on."""
        self.emit(
            Mode(
                at_s=self.now(),
                switch=device,
                snooping=mode.snooping,
                unregistered=mode.unregistered.value,
                cause=mode.cause,
                protocol=dialect.value,
            )
        )

    def heard(self, device: str, dialect: Dialect, heard: Heard) -> None:
        """Record a message that a switch heard or sent."""
        self.emit(
            Igmp(
                at_s=self.now(),
                switch=device,
                port=heard.port,
                what=heard.what,
                source=str(heard.source),
                group=str(heard.group or ""),
                sent=heard.sent,
                protocol=dialect.value,
            )
        )
