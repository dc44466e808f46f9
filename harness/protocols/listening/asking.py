"""Who asks in one network: one protocol in one VLAN.

Keeps each querier's queries and what they say of its timers, the election as every device there should see it
(``harness.protocols.election``), and how long nobody has asked. Intervals are the querier's own where version
3 of IGMP and version 2 of MLD tell them, else the defaults of RFC 9776 section 8 with the max response time
that was heard: 255 s until a querier is taken for gone, 260 s until a membership ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.protocols.dialect import Dialect
from harness.protocols.election import Election
from harness.protocols.listening.events import Event, NobodyAsks, QuerierChanged, QueryHeard
from harness.protocols.listening.faults import faults
from harness.protocols.listening.frames import Frame, Vlans
from harness.protocols.listening.limits import MOST_MOMENTS, MOST_QUERIERS, Table
from harness.protocols.listening.summary import Querier
from harness.wire.membership import Address, ControlFrame, Query

QUERY_INTERVAL_S, ROBUSTNESS, MAX_RESPONSE_S = 125.0, 2, 10.0
"""RFC 9776 sections 8.1 to 8.3."""
_MOST_GAPS = 1024


@dataclass(slots=True, kw_only=True)
class _Asker:
    """What is known of one querier."""

    mac: bytes
    here: bool
    versions: list[int] = field(default_factory=list)
    general: int = 0
    specific: int = 0
    last_general_s: float | None = None
    moments_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    said: Query | None = None
    other_macs: int = 0
    lost_but_asked: int = 0
    faults: list[str] = field(default_factory=list)


class Asking:
    """The queriers of one network."""

    def __init__(self, dialect: Dialect, vlans: Vlans, began_s: float) -> None:
        self._dialect, self._vlans = dialect, vlans
        self._askers: Table[Address, _Asker] = Table(MOST_QUERIERS)
        self._robustness, self._query_interval_s, self._max_response_s = (
            ROBUSTNESS,
            QUERY_INTERVAL_S,
            MAX_RESPONSE_S,
        )
        self._election = Election(interval_s=self.other_querier_s, zero_address_wins=False)
        self._began_s = began_s
        self._last_s: float | None = None
        self._missed_at_s: float | None = began_s + self.other_querier_s
        self._longest_silence_s = 0.0
        self.general = 0

    @property
    def other_querier_s(self) -> float:
        """Other Querier Present Interval (RFC 9776 section 8.5)."""
        return self._robustness * self._query_interval_s + self._max_response_s / 2

    @property
    def membership_s(self) -> float:
        """Group Membership Interval (RFC 9776 section 8.4)."""
        return self._robustness * self._query_interval_s + self._max_response_s

    @property
    def last_s(self) -> float | None:
        """When the last general query that hosts heed came."""
        return self._last_s

    @property
    def refused(self) -> int:
        """Queries of queriers beyond those that are remembered."""
        return self._askers.refused

    def hear(self, frame: Frame, message: ControlFrame, query: Query, now: float, here: bool) -> list[Event]:
        """A query came."""
        heeded = not self._dialect.discards(message)
        wrong = faults(frame, message)
        asker = self._askers.get_or_make(message.source, lambda: _Asker(mac=frame.source_mac, here=here))
        if asker is not None:
            self._note(asker, frame, query, wrong, now)
        silence_s = None
        if heeded and query.group is None:
            silence_s = self._general(query, now)
        told: list[Event] = [
            QueryHeard(
                at_s=now,
                dialect=self._dialect,
                vlans=self._vlans,
                source=message.source,
                mac=frame.source_mac,
                query=query,
                here=here,
                heeded=heeded,
                faults=wrong,
                silence_s=silence_s,
            )
        ]
        return told + (self._elect(message.source, asker, now) if heeded else [])

    def tick(self, now: float) -> list[Event]:
        """Take for gone who has been silent for too long, each at the moment when it was."""
        told: list[Event] = []
        while (due_s := self.next_deadline()) is not None and due_s <= now:
            told += self._silent(due_s)
        return told

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to do."""
        moments = (self._missed_at_s, self._election.next_deadline())
        return min((moment for moment in moments if moment is not None), default=None)

    def queriers(self) -> tuple[Querier, ...]:
        """Everybody who asked, in the order of their first queries."""
        return tuple(self._summed(address, asker) for address, asker in self._askers.items())

    def longest_silence_s(self, now: float) -> float:
        """The longest time in which nobody asked, the time since the last query and before the first too."""
        return max(self._longest_silence_s, now - (self._began_s if self._last_s is None else self._last_s))

    # --- parts --------------------------------------------------------------------------------------------

    def _silent(self, due_s: float) -> list[Event]:
        told: list[Event] = []
        if self._missed_at_s is not None and self._missed_at_s <= due_s:
            self._missed_at_s = None
            told.append(
                NobodyAsks(
                    at_s=due_s,
                    dialect=self._dialect,
                    vlans=self._vlans,
                    for_s=self.other_querier_s,
                    last_s=self._last_s,
                )
            )
        before = self._believed
        self._election.expire(due_s)
        return told + self._changed(before, due_s, f"no query came from {before} for too long")

    @property
    def _believed(self) -> Address | None:
        return None if self._election.believed is None else self._election.believed.address

    def _note(self, asker: _Asker, frame: Frame, query: Query, wrong: tuple[str, ...], now: float) -> None:
        if query.version not in asker.versions:
            asker.versions.append(query.version)
        asker.other_macs += frame.source_mac != asker.mac
        for fault in wrong:
            if fault not in asker.faults and len(asker.faults) < MOST_MOMENTS:
                asker.faults.append(fault)
        if query.group is not None:
            asker.specific += 1
            return
        if asker.last_general_s is not None and len(asker.gaps_s) < _MOST_GAPS:
            asker.gaps_s.append(now - asker.last_general_s)
        asker.general += 1
        asker.said = query
        asker.last_general_s = now
        if len(asker.moments_s) < MOST_MOMENTS:
            asker.moments_s.append(now)

    def _general(self, query: Query, now: float) -> float | None:
        """Take over the timers that a query tells; return the silence before it if that was too long."""
        self.general += 1
        gap_s = now - (self._began_s if self._last_s is None else self._last_s)
        self._longest_silence_s = max(self._longest_silence_s, gap_s)
        silence_s = gap_s if self._missed_at_s is None else None
        self._robustness = query.robustness or ROBUSTNESS
        self._query_interval_s = query.query_interval_s or QUERY_INTERVAL_S
        self._max_response_s = query.max_response_s
        self._election.interval_s = self.other_querier_s
        self._last_s = now
        self._missed_at_s = now + self.other_querier_s
        return silence_s

    def _elect(self, source: Address, asker: _Asker | None, now: float) -> list[Event]:
        before = self._believed
        if asker is not None and before is not None and not self._election.accepts(source):
            asker.lost_but_asked += 1
        self._election.hear(source, "", now)
        return self._changed(before, now, f"{source} asked")

    def _changed(self, before: Address | None, now: float, why: str) -> list[Event]:
        after = self._believed
        if before == after:
            return []
        change = QuerierChanged(
            at_s=now, dialect=self._dialect, vlans=self._vlans, before=before, after=after, why=why
        )
        return [change]

    def _summed(self, address: Address, asker: _Asker) -> Querier:
        gaps = sorted(asker.gaps_s)
        return Querier(
            address=address,
            mac=asker.mac,
            here=asker.here,
            versions=tuple(asker.versions),
            general=asker.general,
            specific=asker.specific,
            moments_s=tuple(asker.moments_s),
            last_s=asker.last_general_s,
            every_s=gaps[len(gaps) // 2] if gaps else None,
            longest_gap_s=gaps[-1] if gaps else None,
            max_response_s=None if asker.said is None else asker.said.max_response_s,
            robustness=(asker.said.robustness or None) if asker.said else None,
            query_interval_s=(asker.said.query_interval_s or None) if asker.said else None,
            wins=address == self._believed,
            asked_after_losing=asker.lost_but_asked,
            other_macs=asker.other_macs,
            faults=tuple(asker.faults),
        )
