"""ssmping and asmping 0.9.1 as a machine: one request a second, and answers by unicast and to the group.

ssmping joins a fixed group of the server's own (S,G), asmping any group whose end is fixed. What is accepted,
counted and said is as the originals do it; they look at the answer's own words only, so that a round trip is
the present moment less the timestamp that came back. Three things are not: an answer to what was never asked
is passed over, as is one without pid, sequence or timestamp, and a server's version is stripped of what a
terminal would obey.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from harness.protocols.probes.program import (
    Answered,
    Asked,
    Cast,
    Effect,
    Ended,
    Endpoint,
    Incoming,
    Join,
    Say,
    SocketsWanted,
    Transmit,
)
from harness.protocols.probes.refusals import refusal
from harness.protocols.probes.ssmping_account import Account, milliseconds
from harness.protocols.probes.ssmping_config import DEFAULT_HOPS, SsmpingConfig, SsmpingServerConfig
from harness.protocols.probes.ssmping_server import SsmpingServer
from harness.wire import ssmping
from harness.wire.malformed import Malformed
from harness.wire.membership import Address
from harness.wire.ssmping import Echo

__all__ = ["SsmpingClient", "SsmpingConfig", "SsmpingServer", "SsmpingServerConfig"]

_LONGEST_BYTES = 1024
"""Of an answer no more is read."""
_SECOND_US = 1_000_000
_OTHER_HOPS = 128
_TOLD_LATER = frozenset(
    (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.ENONET)
)
"""Errors that come by ICMP, so that it is a read that fails; others are of the send."""


class SsmpingClient:
    """An ssmping or asmping at work: a ``Program``. It ends with 0 if an answer came by multicast, else 1."""

    def __init__(self, config: SsmpingConfig) -> None:
        self._config = config
        self._accounts = {Cast.UNICAST: Account(), Cast.MULTICAST: Account()}
        self._to = Endpoint(address=config.server, port=config.port)
        self._sent = 0
        self._request_bytes = len(self._request(0.0))
        self._start_s = 0.0
        self._next_s: float | None = None
        self._over = False
        self.server_version: str | None = None
        """What the server said that it is; None until it says so."""

    @property
    def sockets(self) -> SocketsWanted:
        """A socket that is connected to the server, and the group's on the same port."""
        config = self._config
        return SocketsWanted(
            version=config.server.version,
            local=config.local,
            group=config.joined,
            hops=config.hops,
            peer=self._to,
        )

    def start(self, now: float, port: int) -> Iterable[Effect]:
        """Join, and ask for the first time."""
        del port  # answers to the group come to it, and the kernel puts it on every request
        config = self._config
        self._start_s = self._next_s = now
        joined = f"({config.source or '*'},{config.joined})"
        pinged = "S" if config.source else str(config.server)
        return [
            Join(group=config.joined, source=config.source),
            Say(text=f"{config.name} joined (S,G) = {joined}"),
            Say(text=f"pinging {pinged} from {config.local}"),
            *self.tick(now),
        ]

    def tick(self, now: float) -> Iterable[Effect]:
        """Ask when it is time to; one period after the last request it ends."""
        if self._over or self._next_s is None or now < self._next_s:
            return []
        if self._config.count is not None and self._sent >= self._config.count:
            return self._end(now)
        self._next_s += self._config.period_s
        self._sent += 1
        return [
            Transmit(payload=self._request(now), to=self._to),
            Asked(peer=self._config.server, sequence=self._sent),
        ]

    def _request(self, now: float) -> bytes:
        config = self._config
        request = ssmping.Request(
            pid=config.pid,
            sequence=self._sent,
            stamp_us=_microseconds(now),
            group=config.joined,
            wants_version=config.wants_version,
            size=config.size,
        )
        return ssmping.encode(request)

    def next_deadline(self) -> float | None:
        """When the next request is due, or the end."""
        return None if self._over else self._next_s

    # --- answers ------------------------------------------------------------------------------------------

    def receive(self, datagram: Incoming, now: float) -> Iterable[Effect]:
        """Account for an answer; tell what is none."""
        if self._over:
            return []
        data = datagram.payload[:_LONGEST_BYTES]
        cast = Cast.MULTICAST if datagram.by_group else Cast.UNICAST
        if (objection := self._objection(data, datagram.sender.address)) is not None:
            return [Say(text=objection)]
        try:
            answer = ssmping.echo(data)
        except Malformed:
            return []
        if answer.pid != self._config.pid:
            return [Say(text=f"received someone else's {cast.value} reply")]
        if not 1 <= answer.sequence <= self._sent:
            return []
        return [*self._remarks(answer, len(data)), *self._account(answer, cast, datagram, now)]

    def _objection(self, data: bytes, sender: Address) -> str | None:
        """Return what is wrong with a datagram before a word of it is read."""
        if len(data) < self._request_bytes:
            return "packet too small"
        if sender != self._config.server:
            return f"ignoring packet from wrong host ({sender})"
        return None if data[0] == ssmping.REPLY else "received non-reply packet"

    def _remarks(self, answer: Echo, size: int) -> list[Say]:
        """Return what is said before an answer's own line."""
        said = []
        if answer.server_version is not None and self.server_version is None:
            self.server_version = answer.server_version
            said.append(Say(text=f"Server version: {answer.server_version}"))
        wanted = self._config.size
        if wanted is not None and size != wanted:
            said.append(Say(text=f"Warning, requested packet size {wanted}, got {size}"))
        return said

    def _account(self, answer: Echo, cast: Cast, datagram: Incoming, now: float) -> list[Effect]:
        trip_us = max(0, _microseconds(now) - answer.stamp_us)
        distance = _distance(datagram.hops)
        account = self._accounts[cast]
        is_new = account.is_new(answer.sequence)
        if is_new:
            account.add(answer.sequence, trip_us)
        line = (
            f"{cast.value:>9} from {datagram.sender.address}, seq={answer.sequence} "
            f"dist={-1 if distance is None else distance} time={milliseconds(trip_us)} ms"
        )
        counted = Answered(
            peer=self._config.server,
            cast=cast,
            sequence=answer.sequence,
            size=len(datagram.payload),
            distance=distance,
            duplicate=not is_new,
        )
        return [Say(text=line if is_new else f"{line} (DUP!)"), counted]

    def refused(self, error: int, now: float) -> Iterable[Effect]:
        """Say what the kernel said."""
        del now
        if self._over:
            return []
        return refusal("recv failed" if error in _TOLD_LATER else "send", error)

    # --- the end ------------------------------------------------------------------------------------------

    def interrupt(self, now: float) -> Iterable[Effect]:
        """End now."""
        return [] if self._over else self._end(now)

    def report(self, now: float) -> Iterable[Effect]:
        """Say the statistics as they are now; the originals cannot be asked to."""
        return [] if self._over else self._statistics(now)

    def _end(self, now: float) -> list[Effect]:
        self._over = True
        return [*self._statistics(now), Ended(status=0 if self._accounts[Cast.MULTICAST].received else 1)]

    def _statistics(self, now: float) -> list[Effect]:
        unicast, multicast = self._accounts[Cast.UNICAST], self._accounts[Cast.MULTICAST]
        server, sent = self._config.server, self._sent
        lines = [
            "",
            f"--- {server} statistics ---",
            f"{sent} packets transmitted, time {_microseconds(now - self._start_s) // 1000} ms",
            "unicast:",
            f"   {unicast.received} packets received, {unicast.loss(sent)}% packet loss",
        ]
        if unicast.received:
            lines.append(unicast.trips())
        lines.append("multicast:")
        if multicast.received:
            lines.append(
                f"   {multicast.received} packets received, {multicast.loss_since_first(sent)}% packet loss "
                f"since first mc packet (seq {multicast.first}) recvd"
            )
            lines.append(multicast.trips())
        else:
            lines.append("   0 packets received, 100% packet loss")
        figures = (account.figures(server, cast, sent) for cast, account in self._accounts.items())
        return [*(Say(text=line) for line in lines), *figures]


def _microseconds(time_s: float) -> int:
    return round(time_s * _SECOND_US)


def _distance(hops: int | None) -> int | None:
    """Return how many routers an answer passed: it left with 64 hops, or with 128 from Windows."""
    if hops is None:
        return None
    return (_OTHER_HOPS if hops > DEFAULT_HOPS else DEFAULT_HOPS) - hops
