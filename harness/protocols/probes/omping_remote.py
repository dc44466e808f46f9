"""What an omping knows of one peer: how far the two have come, and what came back.

Only accounting and state; nothing here is sent or said. Duplicates are known as omping knows them: by the
numbers that came last, of each cast.
"""

from __future__ import annotations

import math
from array import array
from enum import Enum

from harness.protocols.probes.omping_config import OmpingConfig, Peer
from harness.protocols.probes.program import Cast, Endpoint, Figures
from harness.protocols.probes.round_trips import RoundTrips

ALLOWANCE_BYTES = 256
"""More than was received that a listed peer may be sent by unicast in answers, at all (decision 14)."""


class Stage(Enum):
    """How far a client has come: not yet answered, asking, or done."""

    INITIAL = "initial"
    ASKING = "asking"
    STOPPED = "stopped"


class Tally:
    """What came of one cast. ``first`` is the number of the first answer; ``remembered`` 0 finds no
    duplicates.
    """

    __slots__ = ("_remembered", "_seen", "duplicates", "first", "received", "trips")

    def __init__(self, remembered: int) -> None:
        self.received = 0
        self.duplicates = 0
        self.first: int | None = None
        self.trips = RoundTrips()
        self._remembered = remembered
        self._seen = array("I")

    def count(self, sequence: int, trip_s: float | None) -> bool:
        """Account an answer; True if it was a duplicate, which counts as nothing else."""
        if self._remembered and self._was_seen(sequence):
            self.duplicates += 1
            return True
        if self.first is None:
            self.first = sequence
        self.received += 1
        if trip_s is not None:
            self.trips.add(trip_s)
        return False

    def _was_seen(self, sequence: int) -> bool:
        at = sequence % self._remembered
        if at >= len(self._seen):
            self._seen.extend(bytes(at + 1 - len(self._seen)))
        was_seen = self._seen[at] == sequence
        self._seen[at] = sequence
        return was_seen


class Remote:
    """A peer: as a server that is asked (``stage`` to ``info``), and as a client that asks (the rest)."""

    __slots__ = (
        "address",
        "arrives_s",
        "asked_at_s",
        "client_id",
        "credit_bytes",
        "due_s",
        "greets_at_s",
        "info",
        "last_init_s",
        "name",
        "number",
        "own_session",
        "sent",
        "sequence",
        "session",
        "stage",
        "tallies",
        "to",
    )

    def __init__(self, number: int, peer: Peer, config: OmpingConfig, *, casts: tuple[Cast, ...]) -> None:
        self.number = number
        self.name = peer.name
        self.address = peer.address
        self.to = Endpoint(address=peer.address, port=config.port)
        self.stage = Stage.INITIAL
        self.client_id = b""
        self.session: bytes | None = None
        self.sequence = 0
        self.sent = 0
        self.greets_at_s = -math.inf
        self.asked_at_s = -math.inf
        self.due_s = math.inf
        self.tallies = {cast: Tally(config.remembered) for cast in casts}
        self.info: bytes | None = None
        # what it asks of this one
        self.own_session: bytes | None = None
        self.last_init_s = -math.inf
        self.arrives_s = -math.inf
        self.credit_bytes = ALLOWANCE_BYTES

    def spend(self, size: int) -> bool:
        """Take bytes for an answer by unicast; False if it would get more than it sent, and the allowance."""
        if size > self.credit_bytes:
            return False
        self.credit_bytes -= size
        return True

    def figures(self) -> tuple[Figures, ...]:
        """Return the numbers of each cast."""
        return tuple(self._figures(cast, tally) for cast, tally in self.tallies.items())

    def _figures(self, cast: Cast, tally: Tally) -> Figures:
        trips = tally.trips
        return Figures(
            peer=self.address,
            cast=cast,
            sent=self.sent,
            received=tally.received,
            duplicates=tally.duplicates,
            first=tally.first,
            least_s=trips.least_s if trips.count else None,
            mean_s=trips.mean_s if trips.count else None,
            most_s=trips.most_s if trips.count else None,
            deviation_s=trips.deviation_s(sample=True) if trips.count else None,
        )
