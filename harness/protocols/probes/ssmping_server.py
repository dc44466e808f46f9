"""ssmpingd 0.9.1 as a machine: it answers each request to its client and to the group that it names.

Both answers are the request's own bytes. A client may ask for more of them (its server's version, padding up
to 64 KiB), and whoever forges a client's address would so have a stranger flooded: longer answers are
rationed (docs/decisions/0014-no-amplification.md). So are groups: ssmpingd looks at the end of an address
only, and sends to hosts too if it is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.protocols.probes.program import (
    Effect,
    Ended,
    Endpoint,
    Incoming,
    Say,
    SocketsWanted,
    Transmit,
)
from harness.protocols.probes.refusals import refusal
from harness.protocols.probes.ssmping_config import SsmpingServerConfig
from harness.wire import ssmping
from harness.wire.membership import Address
from harness.wire.ssmping import DEFAULT_GROUPS, Wishes

_AT_ONCE = 3
"""So many longer answers a client may have one after the other: its second is not exactly ours."""
_ANSWERS = 2
"""To the client, and to the group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a server did: requests read, bytes of payload in and out, longer answers given and withheld."""

    requests: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    longer: int = 0
    withheld: int = 0


class SsmpingServer:
    """An ssmpingd at work: a ``Program``. It ends when it is interrupted, with 0."""

    def __init__(self, config: SsmpingServerConfig) -> None:
        self._config = config
        self._ration = _Ration(config)
        self._over = False
        self.served = Served()

    @property
    def sockets(self) -> SocketsWanted:
        """One socket on the server's port; clients on the same host hear their group too."""
        config = self._config
        return SocketsWanted(
            version=config.version, local=config.local, port=config.port, hops=config.hops, loop=True
        )

    def start(self, now: float, port: int) -> Iterable[Effect]:
        """Wait for requests."""
        del now, port
        return []

    def receive(self, datagram: Incoming, now: float) -> Iterable[Effect]:
        """Answer a request to its client, and to its group if it is one of ours."""
        request, client = datagram.payload, datagram.sender
        wishes = None if self._over else ssmping.wishes(request)
        if wishes is None:
            return []
        granted = self._grant(wishes, len(request), client.address, now)
        answer = ssmping.reply(request, granted)
        group = DEFAULT_GROUPS[self._config.version] if wishes.group is None else wishes.group
        effects: list[Effect] = [
            Say(text=f"received request from {client.address}"),
            Transmit(payload=answer, to=client, source=datagram.to),
        ]
        if group.version == self._config.version and ssmping.is_served(group):
            to = Endpoint(address=group, port=client.port)
            effects.append(Transmit(payload=answer, to=to, source=datagram.to))
        else:
            effects.append(Say(text=f"received request with invalid group address {group}"))
        self._count(request, answer, sum(isinstance(effect, Transmit) for effect in effects))
        return effects

    def _grant(self, wishes: Wishes, request_bytes: int, client: Address, now: float) -> Wishes:
        """Return the wishes that are granted: all, or none that makes the answer longer than the request."""
        length = wishes.reply_bytes(request_bytes)
        if length <= request_bytes:
            return wishes
        served = self.served
        if not self._config.rationed or self._ration.take(client, _ANSWERS * length, now):
            self.served = replace(served, longer=served.longer + 1)
            return wishes
        self.served = replace(served, withheld=served.withheld + 1)
        return Wishes(group=wishes.group)

    def _count(self, request: bytes, answer: bytes, answers: int) -> None:
        served = self.served
        self.served = replace(
            served,
            requests=served.requests + 1,
            received_bytes=served.received_bytes + len(request),
            sent_bytes=served.sent_bytes + answers * len(answer),
        )

    def refused(self, error: int, now: float) -> Iterable[Effect]:
        """Say what the kernel said."""
        del now
        return [] if self._over else refusal("sendto", error)

    def tick(self, now: float) -> Iterable[Effect]:
        """Nothing is ever due."""
        del now
        return []

    def next_deadline(self) -> float | None:
        """Nothing is ever due."""
        return None

    def interrupt(self, now: float) -> Iterable[Effect]:
        """End, without a word."""
        del now
        if self._over:
            return []
        self._over = True
        return [Ended(status=0)]

    def report(self, now: float) -> Iterable[Effect]:
        """Say nothing: a server has no statistics."""
        del now
        return []


class _Ration:
    """Who may have a longer answer: each client one a period, all together so many bytes a second.

    A client's entry is the moment up to which it has had its share (GCRA); an entry of the past says nothing
    and is dropped. What all have together bounds the number of entries.
    """

    def __init__(self, config: SsmpingServerConfig) -> None:
        self._every_s = config.longer_every_s
        self._bytes_per_s = config.longer_bytes_per_s
        self._left = config.longer_bytes_per_s
        self._counted_s: float | None = None
        self._shares: dict[Address, float] = {}

    def take(self, client: Address, cost: int, now: float) -> bool:
        """Take a share if there is one left."""
        self._refill(now)
        share_s = max(now, self._shares.get(client, now)) + self._every_s
        if cost > self._left or share_s - now > _AT_ONCE * self._every_s:
            return False
        self._left -= cost
        self._shares.pop(client, None)
        self._shares[client] = share_s
        return True

    def _refill(self, now: float) -> None:
        passed_s = 0.0 if self._counted_s is None else now - self._counted_s
        self._counted_s = now
        self._left = min(self._bytes_per_s, self._left + passed_s * self._bytes_per_s)
        while self._shares:
            oldest = next(iter(self._shares))
            if self._shares[oldest] > now:
                break
            del self._shares[oldest]
