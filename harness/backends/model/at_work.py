"""A probe tool's machine (``protocols/probes/program.py``) in virtual time, on the model's sockets.

What ``harness/sockets/driver.py`` is on real ones, with the same calls: it hands the program what arrives and
what is due, and carries out its effects in their order. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from harness.backends.model.agenda import Agenda, Alarm
from harness.backends.model.udp import Udp
from harness.protocols.probes.program import (
    Answered,
    Asked,
    Effect,
    Ended,
    Figures,
    Incoming,
    Join,
    Leave,
    Program,
    Say,
    Transmit,
)
from harness.sockets.driver import Listener


class Moments:
    """The scenario's seconds on the agenda, as programs see them: they never run backwards.

    A moment that was asked for has come when it is there, whatever adding and taking off the zero make of its
    last digit.
    """

    __slots__ = ("_agenda", "_now_s", "_seen_s", "told_s", "zero_s")

    def __init__(self, agenda: Agenda, zero_s: float) -> None:
        self._agenda = agenda
        self.zero_s = zero_s
        self._seen_s = zero_s
        self._now_s = 0.0
        self.told_s = 0.0
        """The present moment as records have it, to the microsecond; ``now`` brings it up to date."""

    def now(self) -> float:
        """Return the present moment."""
        if self._agenda.now != self._seen_s:
            self._seen_s = self._agenda.now
            self._go_to(self._seen_s - self.zero_s)
        return self._now_s

    def is_due(self, due_s: float) -> bool:
        """Whether a moment has come."""
        if self.now() < due_s <= self._agenda.now - self.zero_s + 1e-9:
            self._go_to(due_s)
        return due_s <= self._now_s

    def _go_to(self, now_s: float) -> None:
        if now_s > self._now_s:
            self._now_s = now_s
            self.told_s = round(now_s, 6)


class ProgramAtWork:
    """Runs one program on a host from ``start`` to its end, or to ``close``.

    ``ended`` is its status once it has ended. Opening raises OSError as the kernel does.
    """

    __slots__ = (
        *(
            "_alarm",
            "_due_s",
            "_listener",
            "_moments",
            "_program",
            "_send",
            "_sockets",
            "ended",
            "group_beginning",
        ),
    )

    def __init__(
        self, program: Program, host: str, udp: Udp, agenda: Agenda, moments: Moments, listener: Listener
    ) -> None:
        self.ended: int | None = None
        self._program = program
        self._moments = moments
        self._listener = listener
        self._due_s: float | None = None
        self._alarm = Alarm(agenda, self._ring)
        self._sockets = udp.open(host, program.sockets, self)
        self._send = self._sockets.send
        self.group_beginning = program.sockets.group_beginning

    # --- from outside -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the program begin."""
        self._obey(self._program.start(self._moments.now(), self._sockets.port))

    def interrupt(self) -> None:
        """Let the program end, as the user's SIGINT does."""
        self._obey(self._program.interrupt(self._moments.now()))

    def close(self) -> None:
        """Close the sockets; a program that has not ended is left as it is. Closing twice is no error."""
        self._sockets.close()

    # --- from the model -----------------------------------------------------------------------------------

    def receive(self, datagram: Incoming) -> None:
        """Hand on what has arrived; nothing is read from closed sockets."""
        if self._sockets.is_open:
            self._obey(self._program.receive(datagram, self._moments.now()))

    def refused(self, error: int) -> None:
        """Hand on what an earlier datagram has earned."""
        if self._sockets.is_open:
            self._obey(self._program.refused(error, self._moments.now()))

    def _ring(self) -> None:
        if not self._sockets.is_open or self._due_s is None:
            return
        if self._moments.is_due(self._due_s):
            self._due_s = None
            self._obey(self._program.tick(self._moments.now()))
        else:
            self._alarm.set(self._moments.zero_s + self._due_s)

    def _obey(self, effects: Iterable[Effect]) -> None:
        moments = self._moments
        for effect in effects:
            match effect:
                case Answered() | Asked():
                    self._listener(effect, moments.told_s)
                case Transmit():
                    error = self._send(effect.payload, effect.to)
                    if error:
                        self._obey(self._program.refused(error, moments.now()))
                case Say() | Figures():
                    self._listener(effect, moments.told_s)
                case Join() | Leave():
                    self._sockets.change_membership(effect)
                    self._listener(effect, moments.told_s)
                case Ended():
                    self.ended = effect.status
                    self.close()
                    self._listener(effect, moments.told_s)
                case _:
                    assert_never(effect)
        if self._sockets.is_open:
            due_s = self._program.next_deadline()
            if due_s != self._due_s:
                self._due_s = due_s
                if due_s is not None:
                    self._alarm.set(moments.zero_s + due_s)
