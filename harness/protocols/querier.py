"""The IGMP querier: asks, yields to a better one, takes over when that falls silent.

The same machine is the querier inside a snooping switch and a router of its own on a lab's network. It never
sends or waits: frames come back as effects, and its owner calls ``tick`` no later than ``next_deadline``.
Follows RFC 2236 sections 3, 7 and 8 and RFC 9776 sections 6.6 and 8; version 1 queriers stand by the same
rules, since RFC 1112 has no election.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.protocols.deadlines import Deadlines
from harness.protocols.dialect import Dialect
from harness.protocols.effects import Effect, Heard, Send
from harness.protocols.election import Election
from harness.protocols.intents import Intent, heard, intents
from harness.wire import membership
from harness.wire.malformed import Malformed
from harness.wire.membership import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerierConfig:
    """A querier's configuration, in seconds, with the defaults of RFC 9776 section 8.

    ``address`` 0.0.0.0 asks without an address and yields to everybody. The three values that are None follow
    from the others by the formulas of the RFC; the properties give what holds. ``max_response_s`` goes on the
    wire as it stands, in tenths of a second. Raises ValueError for what the version cannot say.
    """

    dialect: Dialect = Dialect.IGMP
    address: Address
    mac: bytes
    version: int = 2
    query_interval_s: float = 125.0
    max_response_s: float = 10.0
    robustness: int = 2
    startup_interval_s: float | None = None
    startup_count: int | None = None
    other_querier_interval_s: float | None = None
    last_member_interval_s: float = 1.0
    last_member_count: int = 2
    zero_address_wins: bool = False

    def __post_init__(self) -> None:
        if self.query_interval_s <= 0 or self.max_response_s <= 0 or self.robustness < 1:
            raise ValueError("query interval, max response time and robustness variable must be above 0")
        self.dialect.representable_response_s(self.max_response_s, self.version)

    @property
    def startup_query_interval_s(self) -> float:
        """Startup Query Interval (RFC 9776 section 8.6)."""
        return self.query_interval_s / 4 if self.startup_interval_s is None else self.startup_interval_s

    @property
    def startup_query_count(self) -> int:
        """Startup Query Count (RFC 9776 section 8.7)."""
        return self.robustness if self.startup_count is None else self.startup_count

    @property
    def other_querier_present_interval_s(self) -> float:
        """Other Querier Present Interval (RFC 9776 section 8.5)."""
        if self.other_querier_interval_s is not None:
            return self.other_querier_interval_s
        return self.robustness * self.query_interval_s + self.max_response_s / 2

    @property
    def last_member_time_s(self) -> float:
        """How long after a leave a group without members is over (RFC 9776 section 8.10).

        Hosts have the max response time that the wire could say to answer the last query, which is more than
        the interval where that is no multiple of a tenth of a second.
        """
        if self.last_member_count == 0:
            return 0.0
        answer_s = self.dialect.representable_response_s(self.last_member_interval_s, self.version)
        return (self.last_member_count - 1) * self.last_member_interval_s + answer_s

    def scaled(self, speed: float) -> QuerierConfig:
        """The same querier ``speed`` times faster: every time divided, every count kept."""
        startup_s, other_s = self.startup_interval_s, self.other_querier_interval_s
        return replace(
            self,
            query_interval_s=self.query_interval_s / speed,
            max_response_s=self.max_response_s / speed,
            startup_interval_s=None if startup_s is None else startup_s / speed,
            other_querier_interval_s=None if other_s is None else other_s / speed,
            last_member_interval_s=self.last_member_interval_s / speed,
        )

    def election(self) -> Election:
        """A fresh election by this configuration's rules."""
        return Election(
            interval_s=self.other_querier_present_interval_s, zero_address_wins=self.zero_address_wins
        )


class Querier:
    """A querier that asks on all of ``ports``; a switch shares its election and changes its ports."""

    def __init__(
        self, config: QuerierConfig, *, ports: Sequence[str] = (), election: Election | None = None
    ) -> None:
        self._config = config
        self._ports = tuple(ports)
        self._election = config.election() if election is None else election
        self._running = False
        self._next_general_s: float | None = None
        self._startup_left = 0
        self._group_queries: Deadlines[tuple[Address, str]] = Deadlines()
        self._group_queries_left: dict[tuple[Address, str], int] = {}

    @property
    def config(self) -> QuerierConfig:
        """The configuration, which never changes: another one is another querier."""
        return self._config

    @property
    def acting(self) -> bool:
        """Whether it is the querier: it runs, and nobody better is known."""
        return self._running and self._election.won

    @property
    def querier_address(self) -> Address | None:
        """The querier that it believes in, itself included."""
        believed = self._election.believed
        return None if believed is None else believed.address

    def start(self, now: float, cause: str = "querier started") -> list[Effect]:
        """Begin as querier with startup queries (RFC 9776 section 8.6), unless a better one is known."""
        self._running = True
        self._startup_left = self._config.startup_query_count
        return self._election.stand(self._config.address, cause) + self._follow(now)

    def stop(self, now: float, cause: str = "querier stopped") -> list[Effect]:
        """Fall silent without a word, as a querier does that dies or is configured away."""
        self._running = False
        return self._election.withdraw(cause) + self._follow(now)

    def receive(self, port: str, frame: bytes, now: float) -> list[Effect]:
        """A frame arrived at a router: weigh queries, follow leaves up. Damaged frames are dropped."""
        try:
            read = self._config.dialect.parse(frame)
        except Malformed:
            return []
        if read is None or not self._running:
            return []
        effects: list[Effect] = [heard(port, read)]
        if isinstance(read.message, membership.Query):
            return effects + self.receive_query(read.source, now, port)
        for intent, group in intents(read.message):
            if intent is Intent.JOIN:
                self.confirm(group, port)
            else:
                effects += self.query_group(group, port, now)
        return effects

    def receive_query(self, source: Address, now: float, port: str = "") -> list[Effect]:
        """Another querier's query: a lower address silences this one (RFC 9776 section 6.6.2)."""
        return self._election.hear(source, port, now) + self._follow(now)

    def query_group(self, group: Address, port: str, now: float) -> list[Effect]:
        """Ask on this port whether the group still has members (RFC 2236 section 3). Only the querier does.

        Version 1 has no such question. A round of questions that is under way is not begun again.
        """
        key = (group, port)
        if not self.acting or self._config.version == 1 or key in self._group_queries:
            return []
        self._group_queries_left[key] = self._config.last_member_count
        return self._send_group(key, now)

    def confirm(self, group: Address, port: str) -> None:
        """A member answered: no more group queries for it (RFC 2236 section 7, Checking Membership)."""
        self._group_queries.discard((group, port))
        self._group_queries_left.pop((group, port), None)

    def set_ports(self, ports: Sequence[str]) -> None:
        """Ask on these ports from now on; what was under way on the others is over."""
        self._ports = tuple(ports)
        for group, port in self._group_queries.pending():
            if port not in self._ports:
                self.confirm(group, port)

    def query_port(self, port: str) -> list[Effect]:
        """Ask on one port out of turn, as for a link that has just come up."""
        return self._send(self._general(), (port,)) if self.acting else []

    def tick(self, now: float) -> list[Effect]:
        """Do what has fallen due."""
        effects = self._election.expire(now) + self._follow(now)
        if self._next_general_s is not None and self._next_general_s <= now:
            effects += self._send_general(now)
        for key in self._group_queries.pop_due(now):
            effects += self._send_group(key, now)
        return effects

    def next_deadline(self) -> float | None:
        """When ``tick`` must be called next; None while there is nothing to wait for."""
        moments = (self._next_general_s, self._group_queries.next(), self._election.next_deadline())
        return min((moment for moment in moments if moment is not None), default=None)

    def _follow(self, now: float) -> list[Effect]:
        """Bring the queries in line with the election's result (RFC 2236 section 7)."""
        if self.acting and self._next_general_s is None:
            return self._send_general(now)
        if not self.acting:
            self._next_general_s = None
            self._group_queries.clear()
            self._group_queries_left.clear()
            if self._running:
                self._startup_left = 0
        return []

    def _send_general(self, now: float) -> list[Effect]:
        self._startup_left = max(self._startup_left - 1, 0)
        startup_s, usual_s = self._config.startup_query_interval_s, self._config.query_interval_s
        self._next_general_s = now + (startup_s if self._startup_left else usual_s)
        return self._send(self._general(), self._ports)

    def _send_group(self, key: tuple[Address, str], now: float) -> list[Effect]:
        left = self._group_queries_left.pop(key, 0)
        if left == 0:
            return []
        if left > 1:
            self._group_queries_left[key] = left - 1
            self._group_queries.set(key, now + self._config.last_member_interval_s)
        group, port = key
        return self._send(self._query(group, self._config.last_member_interval_s), (port,))

    def _general(self) -> membership.Query:
        return self._query(None, self._config.max_response_s)

    def _query(self, group: Address | None, max_response_s: float) -> membership.Query:
        if self._config.version != 3:
            return membership.Query(group=group, max_response_s=max_response_s, version=self._config.version)
        return membership.Query(
            group=group,
            max_response_s=max_response_s,
            version=3,
            robustness=self._config.robustness,
            query_interval_s=self._config.query_interval_s,
        )

    def _send(self, query: membership.Query, ports: Sequence[str]) -> list[Effect]:
        frame = self._config.dialect.frame(query, source_mac=self._config.mac, source=self._config.address)
        what = "query" if query.group is None else "group query"
        said = Heard(what=what, port="", source=self._config.address, group=query.group, sent=True)
        return [said, *(Send(port=port, frame=frame) for port in ports)]
