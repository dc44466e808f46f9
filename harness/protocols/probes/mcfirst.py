"""mcfirst 0.9.1 as a machine: what comes to a group and port, when the first came, and at which rate.

It only hears. Lines and status are those of the original, but for one figure: the seconds at the end are
rounded, where the original prints 0.1000 for 0.9996. An interrupt says the statistics, of which the original
dies without a word.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.protocols.probes.program import (
    Answered,
    Cast,
    Effect,
    Ended,
    Figures,
    Incoming,
    Join,
    Say,
    SocketsWanted,
)
from harness.protocols.probes.refusals import refusal
from harness.protocols.probes.ssmping_account import milliseconds
from harness.protocols.probes.ssmping_config import McFirstConfig

__all__ = ["McFirst", "McFirstConfig"]

_SECOND_US = 1_000_000
_HEADER_BYTES = {4: 28, 6: 48}
"""What a datagram has before its payload at least: headers of IP and UDP."""


class McFirst:
    """An mcfirst at work: a ``Program``. It ends with 0 if anything came, else 1.

    ``Answered`` is of who sent, ``Figures`` of the source, or of the group if any counts. It sends nothing.
    """

    def __init__(self, config: McFirstConfig) -> None:
        self._config = config
        self._start_s = 0.0
        self._end_s: float | None = None
        self._over = False
        self._received = 0
        self._bytes = 0
        self._first_bytes = 0
        self._first_us = 0
        self._last_us = 0

    @property
    def sockets(self) -> SocketsWanted:
        """The group's socket is what counts."""
        config = self._config
        return SocketsWanted(
            version=config.group.version, local=None, group=config.group, group_port=config.port
        )

    def start(self, now: float, port: int) -> Iterable[Effect]:
        """Join."""
        del port
        config = self._config
        self._start_s = now
        self._end_s = None if config.time_s is None else now + config.time_s
        channel = "(*,G) = (*" if config.source is None else f"(S,G) = ({config.source}"
        return [
            Join(group=config.group, source=config.source),
            Say(text=f"mcfirst joined {channel},{config.group})"),
        ]

    def receive(self, datagram: Incoming, now: float) -> Iterable[Effect]:
        """Count a datagram of the group."""
        if self._over or not datagram.by_group or self._is_late(now):
            return []
        config, size = self._config, len(datagram.payload)
        sender = datagram.sender.address
        self._last_us = round((now - self._start_s) * _SECOND_US)
        if not self._received:
            self._first_us, self._first_bytes = self._last_us, size
        self._received += 1
        self._bytes += size
        effects: list[Effect] = []
        if not config.rates_only:
            hops = -1 if datagram.hops is None else datagram.hops
            after = milliseconds(self._last_us)
            effects.append(
                Say(text=f"Received {size} bytes from {sender} after {after} ms (ttl/hops {hops})")
            )
        effects.append(Answered(peer=sender, cast=Cast.MULTICAST, sequence=self._received, size=size))
        return [*effects, *self._end()] if self._received == config.limit else effects

    def _is_late(self, now: float) -> bool:
        return self._end_s is not None and now >= self._end_s

    def tick(self, now: float) -> Iterable[Effect]:
        """End when the time is over."""
        return self._end() if self._is_late(now) and not self._over else []

    def next_deadline(self) -> float | None:
        """When the time is over."""
        return None if self._over else self._end_s

    def refused(self, error: int, now: float) -> Iterable[Effect]:
        """Say what the kernel said."""
        del now
        return [] if self._over else refusal("recv failed", error)

    def interrupt(self, now: float) -> Iterable[Effect]:
        """End now."""
        del now
        return [] if self._over else self._end()

    def report(self, now: float) -> Iterable[Effect]:
        """Say the statistics as they are now; the original cannot be asked to."""
        del now
        return [] if self._over else self._statistics()

    def _end(self) -> list[Effect]:
        self._over = True
        return [*self._statistics(), Ended(status=0 if self._received else 1)]

    def _statistics(self) -> list[Effect]:
        seconds = (self._last_us + 500) // 1000 / 1000
        lines = [
            f"{self._bytes} bytes (payload) and {self._received} packets received in {seconds:.3f} seconds"
        ]
        first = 1 if self._received else None
        elapsed_us = self._last_us - self._first_us
        if elapsed_us > 0:
            later = self._bytes - self._first_bytes
            whole = later + (self._received - 1) * _HEADER_BYTES[self._config.group.version]
            lines += [
                f"Average rate: {_kbits(later, elapsed_us)} kbits of payload per second",
                f"Estimated average rate including all headers: {_kbits(whole, elapsed_us)} kbits per second",
            ]
        about = self._config.source or self._config.group
        figures = Figures(peer=about, cast=Cast.MULTICAST, sent=0, received=self._received, first=first)
        return [*(Say(text=line) for line in lines), figures]


def _kbits(size: int, elapsed_us: int) -> str:
    return f"{size * 8 * 1000 / elapsed_us:.3f}"
