"""What a snooping switch learns of members from reports and leaves, and what it has its querier ask.

Reports enter the membership table within the limits of groups. Leaves raise questions: fast leave answers
them at once, the switch's own querier puts them while it is the querier, and else they are left to the
querier of the network. Without any querier nobody asks and an entry stays until it ages out: only a querier
may conclude from a leave that a group is over (RFC 2236 section 3, RFC 4541 section 2.1.1 (6)).

Older hosts are remembered for each group and port (RFC 9776 section 7.3.2): while a host is known that cannot
leave, leaves are ignored; while one is known that cannot name sources, no source is cut off.
"""

from __future__ import annotations

import math

from harness.protocols.deadlines import moment
from harness.protocols.dialect import can_have_members, source_specific
from harness.protocols.effects import Effect, TableChange
from harness.protocols.intents import Intent, intent_of
from harness.protocols.membership import Entry, KnownEntry, MembershipTable, Questions
from harness.protocols.querier import Querier
from harness.protocols.snooping_config import GroupLimit, SnoopingConfig
from harness.wire import membership
from harness.wire.membership import Address, GroupRecord, RecordType

_WHOLE_GROUP = Questions(group=True)
_MODE_EXCLUDE = (RecordType.IS_EX, RecordType.TO_EX)
_MODE_INCLUDE = (RecordType.IS_IN, RecordType.TO_IN)


class Learning:
    """The member table with the rules for filling it.

    Its owner keeps these up to date: ``querier`` is the switch's own, if it has one; ``nobody_asks`` is true
    while no querier at all is known; ``router_ports`` are the switch's.
    """

    def __init__(self, config: SnoopingConfig) -> None:
        self.table = MembershipTable()
        self.querier: Querier | None = None
        self.nobody_asks = True
        self.router_ports: tuple[str, ...] = ()
        self.refused = 0
        self.overflowed = False
        self._config = config
        self._no_leaves_until_s: dict[Entry, float] = {}
        self._no_sources_until_s: dict[Entry, float] = {}

    def configure(self, config: SnoopingConfig, cause: str) -> list[TableChange]:
        """Go by another configuration; entries keep their deadlines until they are refreshed."""
        kept_sources, self._config = self._config.source_filtering, config
        if kept_sources and not config.source_filtering:
            self._no_sources_until_s.clear()
            return self.table.forget_sources(cause)
        return []

    def report(self, port: str, message: membership.Report, source: Address, now: float) -> list[Effect]:
        """A report without sources, which says IS_EX ({}) (RFC 9776 section 7.3.2)."""
        entry = (message.group, port)
        if not can_have_members(message.group) or self._not_in_ssm(message.group):
            return []
        effects = self._join(entry, source, now)
        if entry in self.table:
            self._note_older_host(entry, message.version, now)
        return effects

    def is_plain(self, group: Address, version: int | None) -> bool:
        """Whether a join of any source says nothing beside the join; ``version`` None is one of records.

        It may else be refused, or leave a note of an older host.
        """
        config = self._config
        noted = (
            version is not None
            and not config.ignore_older_hosts
            and (config.source_filtering or version < config.dialect.leaves_version)
        )
        return can_have_members(group) and not (
            noted or config.no_members_on_router_ports or self._not_in_ssm(group)
        )

    def refresh(self, known: KnownEntry, now: float) -> bool:
        """A plain join of an entry that is one of any source; False, and nothing done, for any other."""
        interval_s = self._config.membership_interval_s
        if not self.table.refresh(known, now + interval_s if interval_s else math.inf):
            return False
        if self.querier is not None and self.querier.follows_up:
            self.querier.confirm(*known.entry)
        return True

    def leave(self, port: str, message: membership.Leave, source: Address, now: float) -> list[Effect]:
        """A leave, which says TO_IN ({})."""
        entry = (message.group, port)
        if entry not in self.table or self._not_in_ssm(message.group):
            return []
        return self._to_include_nothing(entry, source, now)

    def records(
        self, port: str, message: membership.RecordReport, source: Address, now: float
    ) -> list[Effect]:
        """A report with records, one after the other; what follows on an overflow is not read any more."""
        effects: list[Effect] = []
        for record in message.records:
            if self.overflowed:
                break
            if not can_have_members(record.group):
                continue
            if record.type in _MODE_EXCLUDE and self._not_in_ssm(record.group):
                continue
            entry = (record.group, port)
            if self._config.source_filtering:
                effects += self._record(entry, record, source, now)
            else:
                effects += self._coarse(entry, record, source, now)
        return effects

    def heed_query(self, query: membership.Query, now: float) -> None:
        """Another querier follows something up: every port of the group must answer it.

        Timers come down to the last member query time (RFC 2236 section 3, RFC 9776 section 6.6.1): that of
        the group, or those of the sources that are named. Not with the S flag, nor where this switch is the
        querier and leads the follow-up itself.
        """
        acting = self.querier is not None and self.querier.acting
        count = self._config.last_member_count
        if query.group is None or query.suppress or acting or not count:
            return
        until_s = now + count * query.max_response_s
        for port in self.table.ports_of(query.group):
            if query.sources:
                self.table.shorten_sources((query.group, port), query.sources, until_s)
            else:
                self.table.shorten((query.group, port), until_s)

    def expire(self, now: float) -> list[TableChange]:
        """Take out what has aged."""
        return self._forget_older_hosts(self.table.expire(now))

    def drop_port(self, port: str, cause: str) -> list[TableChange]:
        """Lose what was learnt on a port."""
        return self._forget_older_hosts(self.table.drop_port(port, cause))

    def clear(self, cause: str) -> list[TableChange]:
        """Lose everything, also that the table overflowed."""
        self.overflowed = False
        self._no_leaves_until_s.clear()
        self._no_sources_until_s.clear()
        return self.table.clear(cause)

    def _coarse(self, entry: Entry, record: GroupRecord, source: Address, now: float) -> list[Effect]:
        """A record in the words of a switch that keeps no sources (RFC 4541 section 2.1.2)."""
        intent = intent_of(record)
        if self._config.every_record_joins:
            leaves = record.type in _MODE_INCLUDE and not record.sources
            intent = Intent.LEAVE if leaves else Intent.JOIN
        match intent:
            case Intent.JOIN:
                return self._join(entry, source, now)
            case Intent.LEAVE if entry in self.table:
                return self._to_include_nothing(entry, source, now)
            case Intent.DOUBT if entry in self.table and not self._cannot_leave(entry, now):
                return self._ask(entry, _WHOLE_GROUP, now)
            case _:
                return []

    def _record(self, entry: Entry, record: GroupRecord, source: Address, now: float) -> list[Effect]:
        """A record as it stands, but for what older hosts of the group forbid (RFC 9776 section 7.3.2)."""
        kind, sources = record.type, record.sources
        if now < self._no_sources_until_s.get(entry, -math.inf):
            if kind is RecordType.BLOCK:
                return []
            if kind is RecordType.TO_EX:
                sources = ()
        if kind is RecordType.TO_IN and self._cannot_leave(entry, now):
            return []
        if kind in _MODE_EXCLUDE and not sources:
            return self._join(entry, source, now, kind)
        enters = kind in _MODE_EXCLUDE or (kind is not RecordType.BLOCK and bool(sources))
        if enters and not self._admits(entry):
            return []
        self._confirm(entry, kind, sources)
        until_s = moment(now, self._config.membership_interval_s)
        changes, questions = self.table.record(entry, kind, sources, until_s, f"report from {source}")
        effects: list[Effect] = [*self._forget_older_hosts(changes)]
        return effects + self._follow_up(entry, questions, source, now)

    def _join(
        self, entry: Entry, source: Address, now: float, kind: RecordType = RecordType.IS_EX
    ) -> list[Effect]:
        if self._config.no_members_on_router_ports and entry[1] in self.router_ports:
            return []
        if self.querier is not None:
            self.querier.confirm(*entry)
        until_s = moment(now, self._config.membership_interval_s)
        if self.table.refresh(KnownEntry(entry), until_s) or not self._admits(entry):
            return []
        changes, questions = self.table.record(entry, kind, (), until_s, f"report from {source}")
        return [*changes, *self._follow_up(entry, questions, source, now)]

    def _to_include_nothing(self, entry: Entry, source: Address, now: float) -> list[Effect]:
        if self._cannot_leave(entry, now):
            return []
        until_s = moment(now, self._config.membership_interval_s)
        questions = self.table.record(entry, RecordType.TO_IN, (), until_s, "")[1]
        return self._follow_up(entry, questions, source, now)

    def _confirm(self, entry: Entry, kind: RecordType, sources: tuple[Address, ...]) -> None:
        """Tell the querier what was answered: a question under way is settled for a group or for sources."""
        if self.querier is None:
            return
        if kind in _MODE_EXCLUDE:
            self.querier.confirm(*entry)
        elif kind is not RecordType.BLOCK:
            self.querier.confirm_sources(*entry, sources)

    def _follow_up(self, entry: Entry, questions: Questions, source: Address, now: float) -> list[Effect]:
        """Fast leave takes silence for the answer; else the querier asks, if it is here."""
        if not questions.sources and not questions.group:
            return []
        if self._config.leaves_fast(entry[1]):
            changes = self.table.end(entry, questions, f"leave from {source}, fast leave")
            return [*self._forget_older_hosts(changes)]
        return self._ask(entry, questions, now)

    def _ask(self, entry: Entry, questions: Questions, now: float) -> list[Effect]:
        if self.querier is None:
            if self._config.leave_without_querier and self.nobody_asks and questions.group:
                config = self._config
                self.table.shorten(entry, now + config.last_member_count * config.last_member_interval_s)
            return []
        effects: list[Effect] = []
        until_s = now + self.querier.config.last_member_time_s
        if questions.sources:
            asked = self.querier.query_sources(*entry, questions.sources, now)
            if asked:
                self.table.shorten_sources(entry, questions.sources, until_s)
            effects += asked
        if questions.group:
            asked = self.querier.query_group(*entry, now)
            if asked:
                self.table.shorten(entry, until_s)
            effects += asked
        return effects

    def _not_in_ssm(self, group: Address) -> bool:
        """Joins of any source mean nothing in the source-specific range (RFC 4604 section 2.2.1)."""
        return not self._config.any_source_in_ssm and source_specific(group)

    def _admits(self, entry: Entry) -> bool:
        """Whether there is room for an entry, where it is not there already."""
        config, table = self._config, self.table
        if not (config.most_groups or config.most_groups_per_port) or entry in table:
            return True
        group, port = entry
        if config.most_groups and table.group_count >= config.most_groups and not table.ports_of(group):
            self.overflowed = config.above_most_groups is GroupLimit.SNOOPING_OFF
            self.refused += 1
            return False
        if config.most_groups_per_port and table.group_count_at(port) >= config.most_groups_per_port:
            self.refused += 1
            return False
        return True

    def _note_older_host(self, entry: Entry, version: int, now: float) -> None:
        """Older Host Present Interval is the membership interval (RFC 9776 section 8.13)."""
        if self._config.ignore_older_hosts:
            return
        until_s = moment(now, self._config.membership_interval_s)
        if version < self._config.dialect.leaves_version:
            self._no_leaves_until_s[entry] = until_s
        if self._config.source_filtering:
            self._no_sources_until_s[entry] = until_s

    def _cannot_leave(self, entry: Entry, now: float) -> bool:
        return bool(self._no_leaves_until_s) and now < self._no_leaves_until_s.get(entry, -math.inf)

    def _forget_older_hosts(self, changes: list[TableChange]) -> list[TableChange]:
        """An entry that is gone takes with it what was known of its hosts."""
        if self._no_leaves_until_s or self._no_sources_until_s:
            for change in changes:
                if not change.present and change.group is not None:
                    self._no_leaves_until_s.pop((change.group, change.port), None)
                    self._no_sources_until_s.pop((change.group, change.port), None)
        return changes
