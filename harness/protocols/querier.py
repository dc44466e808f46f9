"""The querier of IGMP and MLD: asks, yields to a better one, takes over when that falls silent.

The same machine is the querier inside a snooping switch and a router of its own on a lab's network. It never
sends or waits: frames come back as effects, and its owner calls ``tick`` no later than ``next_deadline``.
Follows RFC 2236 sections 3, 7 and 8 and RFC 9776 sections 6.6 and 8 (RFC 9777 sections 7.6 and 9 for MLD);
version 1 queriers of IGMP stand by the same rules, since RFC 1112 has no election. The version is what the
administrator set, whatever other queriers speak (RFC 9776 section 7.3.1). So are robustness and intervals:
those in heard queries (4.1.6, 4.1.7) count whole seconds, too coarse for a lab faster than the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.protocols.dialect import can_have_members
from harness.protocols.effects import Effect, Send
from harness.protocols.election import Election
from harness.protocols.follow_ups import FollowUps, Question
from harness.protocols.intents import heard, said
from harness.protocols.querier_config import QuerierConfig
from harness.wire import membership
from harness.wire.malformed import Malformed
from harness.wire.membership import Address, RecordType

_EVERY_SOURCE_BUT = (RecordType.IS_EX, RecordType.TO_EX)


class Querier:
    """A querier that asks on all of ``ports``; a switch shares its election and changes its ports."""

    def __init__(
        self, config: QuerierConfig, *, ports: Sequence[str] = (), election: Election | None = None
    ) -> None:
        self._config = config
        self._ports = tuple(ports)
        self._election = election or Election(
            interval_s=config.other_querier_present_interval_s, zero_address_wins=config.zero_address_wins
        )
        self._running = False
        self._stands_at_s: float | None = None
        self._stands_because = ""
        self._next_general_s: float | None = None
        self._startup_left = 0
        self._general_queries = 0
        self._follow_ups = FollowUps(
            count=config.last_member_count,
            interval_s=config.last_member_interval_s,
            s_flag=config.asks_for_sources,
        )

    @property
    def config(self) -> QuerierConfig:
        """The configuration, which never changes: another one is another querier."""
        return self._config

    @property
    def acting(self) -> bool:
        """Whether it is the querier: it runs, and nobody better is known."""
        return self._running and self._election.won

    @property
    def is_silent(self) -> bool:
        """Whether it has nothing to ask: it does not run, or somebody else is the querier for it."""
        return not self._running or (self._election.believed is not None and not self._election.won)

    @property
    def general_queries(self) -> int:
        """How many general queries it has sent to all of its ports."""
        return self._general_queries

    @property
    def follows_up(self) -> bool:
        """Whether anything is being asked that a report may answer."""
        return self._follow_ups.under_way

    @property
    def querier_address(self) -> Address | None:
        """The querier that it believes in, itself included."""
        believed = self._election.believed
        return None if believed is None else believed.address

    def start(self, now: float, cause: str = "querier started") -> list[Effect]:
        """Begin as querier with startup queries (RFC 9776 section 8.6), unless a better one is known.

        With a start delay it only listens until that is over (Cisco SG300 and Dell Force10 do).
        """
        if not self._config.dialect.can_query_from(self._config.address):
            return []
        self._running = True
        if self._config.start_delay_s:
            self._stands_at_s = now + self._config.start_delay_s
            self._stands_because = cause
            return []
        return self._stand(now, cause)

    def stop(self, now: float, cause: str = "querier stopped") -> list[Effect]:
        """Fall silent without a word, as a querier does that dies or is configured away."""
        self._running = False
        self._stands_at_s = None
        return self._election.withdraw(cause) + self._follow(now)

    def receive(self, port: str, frame: bytes, now: float) -> list[Effect]:
        """A frame arrived at a router: weigh queries, follow leaves up. Damaged frames are dropped.

        A router keeps no table here, so it asks whenever somebody may have left: for the sources of a BLOCK
        record and for the group of a leave or TO_IN record (RFC 9776 section 6.4.2). MLD queries from
        addresses that are not link-local are dropped (RFC 9777 section 5.1.14), but for those from ::.
        """
        try:
            read = self._config.dialect.parse(frame)
        except Malformed:
            return []
        if read is None or not self._running:
            return []
        if isinstance(read.message, membership.Query):
            valid = self._config.dialect.can_query_from(read.source) or read.source.is_unspecified
            return [heard(port, read), *self.receive_query(read.source, now, port)] if valid else []
        return [heard(port, read), *self._follow_up(read.message, port, now)]

    def answered(self, read: membership.ControlFrame, port: str) -> bool:
        """Take a report that says who is there, which is nearly all that a router hears.

        False: nothing was done, ``receive`` must have the frame.
        """
        match read.message:
            case membership.Report(group=group):
                pass
            case membership.RecordReport(records=(record,)) if record.type in _EVERY_SOURCE_BUT:
                group = record.group
            case _:
                return False
        if self._running and self._follow_ups.under_way:
            self.confirm(group, port)
        return True

    def receive_query(self, source: Address, now: float, port: str = "") -> list[Effect]:
        """Another querier's query: a lower address silences this one (RFC 9776 section 6.6.2)."""
        return self._election.hear(source, port, now) + self._follow(now)

    def query_group(self, group: Address, port: str, now: float) -> list[Effect]:
        """Ask on this port whether the group still has members (RFC 2236 section 3). Only the querier does.

        Version 1 of IGMP has no such question. A round of questions that nobody has answered yet is not begun
        again, nor is one for a group that is never pruned.
        """
        if not self._may_ask(group) or self._config.version < self._config.dialect.leaves_version:
            return []
        return self._put(self._follow_ups.ask_group((group, port), now))

    def query_sources(
        self, group: Address, port: str, sources: Iterable[Address], now: float
    ) -> list[Effect]:
        """Ask on this port who still wants these sources (RFC 9776 section 6.6.3.2).

        Nothing happens where the version cannot name sources.
        """
        if not self._may_ask(group) or not self._config.asks_for_sources:
            return []
        return self._put(self._follow_ups.ask_sources((group, port), sources, now))

    def confirm(self, group: Address, port: str) -> None:
        """A member answered: no other router may time the group out for what was asked."""
        self._follow_ups.group_answered((group, port))

    def confirm_sources(self, group: Address, port: str, sources: Iterable[Address]) -> None:
        """Somebody wants these sources: as ``confirm``."""
        self._follow_ups.sources_answered((group, port), sources)

    def set_ports(self, ports: Sequence[str]) -> None:
        """Ask on these ports from now on; what was under way on the others is over."""
        self._ports = tuple(ports)
        self._follow_ups.keep_ports(self._ports)

    def query_port(self, port: str) -> list[Effect]:
        """Ask on one port out of turn, as for a link that has just come up."""
        return self._send(self._general(), (port,)) if self.acting else []

    def ask_at_once(self, now: float) -> list[Effect]:
        """Ask on all ports out of turn, as after a leave for 0.0.0.0 (Catalyst's global leave)."""
        return self._send_general(now) if self.acting else []

    def tick(self, now: float) -> list[Effect]:
        """Do what has fallen due."""
        effects = self._election.expire(now)
        if self._stands_at_s is not None and self._stands_at_s <= now:
            self._stands_at_s = None
            effects += self._stand(now, self._stands_because)
        effects += self._follow(now)
        if self._next_general_s is not None and self._next_general_s <= now:
            effects += self._send_general(now)
        return effects + self._put(self._follow_ups.due(now))

    def next_deadline(self) -> float | None:
        """When ``tick`` must be called next; None while there is nothing to wait for."""
        moments = (
            self._next_general_s,
            self._follow_ups.next_deadline(),
            self._election.next_deadline(),
            self._stands_at_s,
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def _stand(self, now: float, cause: str) -> list[Effect]:
        self._startup_left = self._config.startup_query_count
        return self._election.stand(self._config.address, cause) + self._follow(now)

    def _follow(self, now: float) -> list[Effect]:
        """Bring the queries in line with the election's result (RFC 2236 section 7)."""
        if self.acting and self._next_general_s is None:
            return self._send_general(now)
        if not self.acting:
            self._next_general_s = None
            self._follow_ups.clear()
            if self._running:
                self._startup_left = 0
        return []

    def _follow_up(
        self,
        message: membership.Report | membership.Leave | membership.RecordReport,
        port: str,
        now: float,
    ) -> list[Effect]:
        match message:
            case membership.Report(group=group):
                self.confirm(group, port)
                return []
            case membership.Leave(group=group) if group.is_unspecified:
                return self.ask_at_once(now)
            case membership.Leave(group=group):
                return self.query_group(group, port, now)
            case membership.RecordReport(records=records):
                return [effect for record in records for effect in self._follow_record(record, port, now)]

    def _follow_record(self, record: membership.GroupRecord, port: str, now: float) -> list[Effect]:
        group, sources = record.group, record.sources
        match record.type:
            case RecordType.IS_EX | RecordType.TO_EX:
                self.confirm(group, port)
            case RecordType.IS_IN | RecordType.ALLOW:
                self.confirm_sources(group, port, sources)
            case RecordType.TO_IN:
                self.confirm_sources(group, port, sources)
                return self.query_group(group, port, now)
            case RecordType.BLOCK if self._config.asks_for_sources:
                return self.query_sources(group, port, sources, now)
            case RecordType.BLOCK:
                return self.query_group(group, port, now)
        return []

    def _may_ask(self, group: Address) -> bool:
        return self.acting and can_have_members(group)

    def _send_general(self, now: float) -> list[Effect]:
        self._startup_left = max(self._startup_left - 1, 0)
        self._general_queries += 1
        startup_s, usual_s = self._config.startup_query_interval_s, self._config.query_interval_s
        self._next_general_s = now + (startup_s if self._startup_left else usual_s)
        return self._send(self._general(), self._ports)

    def _put(self, questions: Iterable[Question]) -> list[Effect]:
        effects: list[Effect] = []
        for question in questions:
            effects += self._send(self._specific(question), (question.port,))
        return effects

    def _general(self) -> membership.Query:
        return self._query(membership.Query(max_response_s=self._config.max_response_s))

    def _specific(self, question: Question) -> membership.Query:
        return self._query(
            membership.Query(
                group=question.group,
                sources=question.sources,
                suppress=question.suppress,
                max_response_s=self._config.last_member_interval_s,
            )
        )

    def _query(self, query: membership.Query) -> membership.Query:
        """The query in the version that is spoken; only the latest tells the querier's own timers."""
        if not self._config.asks_for_sources:
            return replace(query, version=self._config.version)
        return replace(
            query,
            version=self._config.version,
            robustness=self._config.robustness,
            query_interval_s=self._config.query_interval_s,
        )

    def _send(self, query: membership.Query, ports: Sequence[str]) -> list[Effect]:
        frame = self._config.dialect.frame(query, source_mac=self._config.mac, source=self._config.address)
        return [said(query, self._config.address), *(Send(port=port, frame=frame) for port in ports)]
