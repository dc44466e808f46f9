"""Who is the querier of a network, as one device sees it.

Keeps the addresses that were heard asking, each until it has been silent for the other querier present
interval, and believes in the lowest (RFC 2236 sections 3 and 7, RFC 9776 section 6.6.2). Remembering more
than the winner means that when it falls silent, a second router that is already asking is known at once.

0.0.0.0 and :: are the sources of switches that ask without an address. By RFC 4541 sections 2.1.1 and 3 they
take no part; a Linux bridge lets 0.0.0.0 win over every real address (measured on Linux 6.18), which
``zero_address_wins`` selects. MLD elects by the same rule (RFC 9777 section 7.6.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.protocols.deadlines import Deadlines, moment
from harness.protocols.effects import Effect, Table, TableChange
from harness.wire.membership import Address

MOST_HEARD = 64
"""Rivals that are remembered at most: forged queries (RFC 9776 section 9) must not eat memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """The querier that a device believes in; ``port`` is empty when it is the device itself."""

    address: Address
    port: str


class Election:
    """The election as seen by one device, which may stand in it itself or only look on."""

    def __init__(self, *, interval_s: float, zero_address_wins: bool) -> None:
        self.interval_s = interval_s
        self.zero_address_wins = zero_address_wins
        self.remembers_losers = True
        self._own: Address | None = None
        self._rivals: Deadlines[Address] = Deadlines()
        self._ports: dict[Address, str] = {}
        self._believed: Believed | None = None

    @property
    def believed(self) -> Believed | None:
        """The querier as it stands now."""
        return self._believed

    @property
    def won(self) -> bool:
        """Whether the device itself is the querier."""
        return self._own is not None and self._believed == Believed(address=self._own, port="")

    def stand(self, own: Address, cause: str) -> list[Effect]:
        """Take part with this address; wins at once unless a better one is known."""
        self._own = own
        return self._settle(cause)

    def withdraw(self, cause: str) -> list[Effect]:
        """Take part no longer, and go on watching the others."""
        self._own = None
        return self._settle(cause)

    def accepts(self, source: Address) -> bool:
        """Whether a query of this source would make it the querier, or is the querier's own."""
        if source.is_unspecified and not self.zero_address_wins:
            return False
        believed = self._believed
        if believed is None or believed.address.is_unspecified:
            return True
        return int(source) <= int(believed.address)

    def hear(self, source: Address, port: str, now: float) -> list[Effect]:
        """A query arrived."""
        if source.is_unspecified and not self.zero_address_wins:
            return []
        if not self.remembers_losers:
            if not self.accepts(source):
                return []
            self._rivals.clear()
            self._ports.clear()
        if source not in self._rivals and len(self._rivals) >= MOST_HEARD:
            highest = max(self._rivals.pending(), key=int)
            if int(source) > int(highest):
                return []
            self._forget(highest)
        self._rivals.set(source, moment(now, self.interval_s))
        self._ports[source] = port
        return self._settle(f"query from {source}")

    def expire(self, now: float) -> list[Effect]:
        """Forget the rivals that fell silent."""
        effects: list[Effect] = []
        for address in self._rivals.pop_due(now):
            del self._ports[address]
            effects += self._settle(f"no query from {address} for the other querier present interval")
        return effects

    def forget_all(self, cause: str) -> list[Effect]:
        """Lose everything, the own candidacy too."""
        self._own = None
        self._rivals.clear()
        self._ports.clear()
        return self._settle(cause)

    def next_deadline(self) -> float | None:
        """When the next rival will have been silent for too long."""
        return self._rivals.next()

    def _forget(self, address: Address) -> None:
        self._rivals.discard(address)
        del self._ports[address]

    def _winner(self) -> Believed | None:
        rival = min(self._rivals.pending(), key=int, default=None)
        if self._own is not None and (rival is None or not self._beats_own(rival)):
            return Believed(address=self._own, port="")
        return None if rival is None else Believed(address=rival, port=self._ports[rival])

    def _beats_own(self, rival: Address) -> bool:
        """A device that asks from 0.0.0.0 gives way to everybody; 0.0.0.0 is heard only where it may win."""
        return self._own is not None and (self._own.is_unspecified or int(rival) < int(self._own))

    def _settle(self, cause: str) -> list[Effect]:
        before, after = self._believed, self._winner()
        if before == after:
            return []
        self._believed = after
        return [
            TableChange(
                table=Table.QUERIER, present=present, port=side.port, address=side.address, cause=cause
            )
            for side, present in ((before, False), (after, True))
            if side is not None
        ]
