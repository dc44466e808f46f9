"""Turns what a device's machine says into records, at the moment of the scenario.

What happened before the scenario's zero is recorded at 0, as labs do.
"""

from __future__ import annotations

from harness.backends import told
from harness.backends.base import Emit
from harness.backends.model.agenda import Agenda
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
        self.emit(told.table_line(self.now(), device, dialect, change))

    def mode(self, device: str, dialect: Dialect, mode: ForwardingMode) -> None:
        """Record how a switch forwards from now on."""
        self.emit(told.mode_of(self.now(), device, dialect, mode))

    def heard(self, device: str, dialect: Dialect, heard: Heard) -> None:
        """Record a message that a switch heard or sent."""
        self.emit(told.message(self.now(), device, dialect, heard))
