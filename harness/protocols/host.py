"""The membership part of a host: joins, answers queries, keeps silent when another has answered, leaves.

Neither a socket nor a clock in here: frames and times go in, ``Send`` and ``Heard`` come out, and the owner
calls ``tick`` no later than ``next_deadline``. Chance is the generator that is passed in. Versions 1 and 2
follow RFC 1112 appendix I and RFC 2236 sections 3 and 6, version 3 RFC 9776 sections 5 and 7.2; MLD is the
same machine with another dialect (RFC 2710 and RFC 9777), which hears less: every host drops what does not
come from the link. What a host does wrong stands in ``HostConfig``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_interface
from random import Random
from typing import assert_never

from harness.protocols.deadlines import FewDeadlines
from harness.protocols.dialect import Dialect, never_reported
from harness.protocols.effects import EVERY_SOURCE, Effect, FilterMode, Send, SourceFilter
from harness.protocols.host_config import HostConfig, IgnoredQuery
from harness.protocols.intents import heard, said
from harness.wire import membership
from harness.wire.malformed import Malformed
from harness.wire.membership import Address, GroupRecord, Message, RecordType

NO_SOURCE = SourceFilter(mode=FilterMode.INCLUDE)
"""What a host wants of a group that it has not joined."""


class _Due(Enum):
    """What falls due: an answer to a query, or what repeats a change; one timer in version 1 and 2."""

    ANSWER = "answer"
    REPEAT = "repeat"


@dataclass(slots=True, eq=False)
class _Timer:
    """Something that falls due, for a group; None is the answer to a general query in version 3.

    It is the key of its own deadline: an object is found at once, an address works out its hash each time.
    """

    due: _Due
    group: Address | None


@dataclass(slots=True, eq=False)
class _Membership:
    """A group that is joined, with the sources that are wanted of it.

    ``asked`` are the sources that the pending answer is to be about, all if empty. ``repeats_left`` of a
    join, and ``spoke_last`` (was it this host that reported the group last), are of versions without records.
    """

    group: Address
    wanted: SourceFilter
    answer: _Timer
    asked: tuple[Address, ...] = ()
    repeats_left: int = 0
    spoke_last: bool = False
    said: tuple[int, list[Effect]] = (0, [])
    """The last report of the group with its version, to be said again."""


@dataclass(slots=True)
class _Change:
    """What of a change has not been told often enough (RFC 9776 section 5.1)."""

    timer: _Timer
    mode_left: int = 0
    sources_left: dict[Address, int] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return not self.mode_left and not self.sources_left


class MembershipHost:
    """One interface of a host. ``port`` is the name that its effects carry."""

    __slots__ = (
        *(
            "_chance",
            "_changes",
            "_config",
            "_general",
            "_joined",
            "_may_ignore",
            "_newest",
            "_older_queriers",
        ),
        *("_port", "_speaks_records", "_state_said", "_timers", "_version"),
    )

    def __init__(self, config: HostConfig, chance: Random, *, port: str = "eth0") -> None:
        self._config = config
        self._chance = chance
        self._port = port
        self._newest = config.newest_version
        self._version = self._newest
        self._speaks_records = self._version >= config.dialect.records_version
        self._may_ignore = bool(config.ignores) or (config.linux and config.dialect is Dialect.MLD)
        self._joined: dict[Address, _Membership] = {}
        self._general = _Timer(_Due.ANSWER, None)
        self._timers: FewDeadlines[_Timer] = FewDeadlines()
        self._changes: dict[Address, _Change] = {}
        self._older_queriers: FewDeadlines[int] = FewDeadlines()
        self._state_said: list[Effect] = []
        """The last report of everything that is joined, to be said again; empty after a change."""

    @property
    def config(self) -> HostConfig:
        """The configuration, which never changes."""
        return self._config

    @property
    def version(self) -> int:
        """The version it speaks now: its newest, or that of the oldest querier it has lately heard."""
        return self._version

    def memberships(self) -> tuple[tuple[Address, SourceFilter], ...]:
        """Every group that it has joined, with the sources it wants, in the order of joining."""
        return tuple((one.group, one.wanted) for one in self._joined.values())

    def join(self, group: Address, now: float, sources: SourceFilter = EVERY_SOURCE) -> list[Effect]:
        """Want a group, or other sources of it than before. Reports at once, and repeats that.

        Raises ValueError for what is no group of this protocol.
        """
        if not group.is_multicast or not self._config.dialect.speaks(group):
            msg = f"{group} is no group of {self._config.dialect.name}"
            raise ValueError(msg)
        if never_reported(group):
            return []
        return self._leave(group, now) if sources == NO_SOURCE else self._change(group, sources, now)

    def leave(self, group: Address, now: float) -> list[Effect]:
        """Want a group no more. A group that was not joined is no change."""
        return self._leave(group, now)

    def rejoin(self, now: float) -> list[Effect]:
        """The interface has come up: every membership is reported as if it were new.

        What was heard on the old link is forgotten.
        """
        joined, self._joined = self._joined, {}
        self._forget_pending()
        if not (self._config.linux and self._config.dialect is Dialect.IGMP):
            self._older_queriers.clear()
            self._follow_queriers()
        effects: list[Effect] = []
        for one in joined.values():
            effects += self._change(one.group, one.wanted, now)
            self._joined[one.group].spoke_last |= one.spoke_last
        return effects

    def receive(self, frame: bytes, now: float) -> list[Effect]:
        """A frame arrived: a query starts timers, another's report may stop one. Damage is dropped."""
        try:
            read = self._config.dialect.parse(frame)
        except Malformed:
            return []
        return [heard(self._port, read)] if read is not None and self.hear(read, now) else []

    def hear(self, read: membership.ControlFrame, now: float) -> bool:
        """As ``receive``, of a frame that has been read; False if it is none that this host heeds."""
        config = self._config
        if read.source_mac == config.mac or (config.dialect is Dialect.MLD and config.dialect.discards(read)):
            return False
        if self._older_queriers.next_s <= now:
            self._forget_older(now)
        match read.message:
            case membership.Query() as query:
                if self._may_ignore and self._ignores(read, query):
                    return False
                self._hear_query(query, now)
            case membership.Report(version=version, group=group):
                if version <= self._newest or config.linux:
                    self._hear_report(group)
            case membership.RecordReport() | membership.Leave():
                pass
            case _:
                assert_never(read.message)
        return True

    def tick(self, now: float) -> list[Effect]:
        """Do what has fallen due, in the order in which it did."""
        effects: list[Effect] = []
        timers, older_queriers = self._timers, self._older_queriers
        while True:
            due, older_s = timers.next_s, older_queriers.next_s
            if due > now and older_s > now:
                return effects
            if older_s <= due:
                due = older_s
                self._forget_older(due)
            for timer in timers.pop_due(due):
                effects += self._fall_due(timer, due)

    @property
    def next_answer_s(self) -> float:
        """When it may say something next; ``math.inf`` for never.

        An owner who wants nothing but that may call ``tick`` then only: of older queriers that are forgotten
        meanwhile it learns as soon as anything happens.
        """
        return self._timers.next_s

    def next_deadline(self) -> float | None:
        """When ``tick`` must be called next; None while there is nothing to wait for."""
        next_s = min(self._timers.next_s, self._older_queriers.next_s)
        return next_s if next_s < math.inf else None

    # --- memberships --------------------------------------------------------------------------------------

    def _leave(self, group: Address, now: float) -> list[Effect]:
        return self._change(group, NO_SOURCE, now) if group in self._joined else []

    def _change(self, group: Address, new: SourceFilter, now: float) -> list[Effect]:
        self._forget_older(now)
        known = self._joined.get(group)
        old = NO_SOURCE if known is None else known.wanted
        if old == new:
            return []
        self._state_said = []
        if known is None:
            known = self._joined[group] = _Membership(group, new, _Timer(_Due.ANSWER, group))
        elif new == NO_SOURCE:
            del self._joined[group]
            self._timers.discard(known.answer)
        known.wanted = new
        if self._speaks_records:
            return self._change_records(group, old, new, now)
        if old == NO_SOURCE:
            known.repeats_left = self._config.robustness - 1
            return self._report(known, now)
        return self._say_leave(known) if new == NO_SOURCE else []

    def _say_leave(self, gone: _Membership) -> list[Effect]:
        """RFC 2236 section 3: whoever reported last says that it goes; the others may keep silent."""
        has_leaves = self._version >= self._config.dialect.leaves_version
        if not (gone.spoke_last and has_leaves and self._config.leaves):
            return []
        return self._say(membership.Leave(group=gone.group))

    def _change_records(
        self, group: Address, old: SourceFilter, new: SourceFilter, now: float
    ) -> list[Effect]:
        if new == NO_SOURCE and not self._config.leaves:
            if (pending := self._changes.pop(group, None)) is not None:
                self._timers.discard(pending.timer)
            return []
        change = self._changes.get(group)
        if change is None:
            change = self._changes[group] = _Change(_Timer(_Due.REPEAT, group))
        if old.mode is not new.mode:
            change.mode_left = self._config.robustness
            change.sources_left.clear()
        else:
            for source in sorted(set(old.sources) ^ set(new.sources)):
                change.sources_left[source] = self._config.robustness
        return self._tell_change(group, now)

    def _tell_change(self, group: Address, now: float) -> list[Effect]:
        """Say once what has changed, and come back until it has been said often enough."""
        change = self._changes[group]
        records = self._change_of(group, change)
        if change.done:
            del self._changes[group]
        else:
            delay_s = self._chance.uniform(0, self._config.unsolicited_v3_s)
            self._timers.set(change.timer, now + delay_s)
        return self._say(membership.RecordReport(records=records))

    def _change_of(self, group: Address, change: _Change) -> tuple[GroupRecord, ...]:
        """The records of RFC 9776 section 5.1, counted as told."""
        known = self._joined.get(group)
        wanted = NO_SOURCE if known is None else known.wanted
        includes = wanted.mode is FilterMode.INCLUDE
        if change.mode_left:
            change.mode_left -= 1
            kind = RecordType.TO_IN if includes else RecordType.TO_EX
            return (GroupRecord(type=kind, group=group, sources=wanted.sources),)
        told = tuple(change.sources_left)
        for source in told:
            change.sources_left[source] -= 1
            if not change.sources_left[source]:
                del change.sources_left[source]
        allowed = tuple(source for source in told if (source in wanted.sources) is includes)
        blocked = tuple(source for source in told if source not in allowed)
        kinds = ((RecordType.ALLOW, allowed), (RecordType.BLOCK, blocked))
        return tuple(GroupRecord(type=kind, group=group, sources=some) for kind, some in kinds if some)

    # --- queries ------------------------------------------------------------------------------------------

    def _ignores(self, frame: membership.ControlFrame, query: membership.Query) -> bool:
        config = self._config
        if config.linux and config.dialect is Dialect.MLD and config.version == 2 > query.version:
            return True
        return any(self._finds(doubt, frame) for doubt in self._config.ignores)

    def _finds(self, doubt: IgnoredQuery, frame: membership.ControlFrame) -> bool:
        match doubt:
            case IgnoredQuery.FROM_ZERO:
                return frame.source.is_unspecified
            case IgnoredQuery.WITHOUT_ROUTER_ALERT:
                return not frame.router_alert
            case IgnoredQuery.HOPS:
                return frame.hops != 1
            case IgnoredQuery.OFF_SUBNET:
                own = ip_interface((self._config.address, self._config.prefix_length)).network
                return not frame.source.is_unspecified and frame.source not in own
            case _:
                assert_never(doubt)

    def _hear_query(self, query: membership.Query, now: float) -> None:
        config = self._config
        old_form = query.version == 1 and config.dialect is Dialect.IGMP
        response_s = config.v1_response_s if old_form else query.max_response_s
        if query.version < self._newest:
            present_s = config.robustness * config.query_interval_s + response_s
            self._older_queriers.set(query.version, now + present_s)
            if query.version < self._version:
                self._follow_queriers()
        if not config.answers_queries:
            return
        if self._speaks_records:
            self._plan_records(query, now + response_s * self._chance.random() + config.extra_delay_s)
            return
        # A version 1 host does not look at the group (RFC 2236 section 2.4).
        asked = None if self._newest < config.dialect.leaves_version else query.group
        for one in self._joined.values() if asked is None else self._asked_for(asked):
            # Each group has a delay of its own.
            due_s = now + response_s * self._chance.random() + config.extra_delay_s
            self._plan_report(one.answer, due_s, now + response_s + config.extra_delay_s)

    def _forget_older(self, now: float) -> None:
        """Older queriers that have been silent for long are taken to be gone."""
        if self._older_queriers.pop_due(now):
            self._follow_queriers()

    def _asked_for(self, group: Address) -> tuple[_Membership, ...]:
        known = self._joined.get(group)
        return () if known is None else (known,)

    def _follow_queriers(self) -> None:
        """Speak the version of the oldest querier that is heard (RFC 9776 section 7.2.1)."""
        version = min((self._newest, *self._older_queriers.pending()))
        if version != self._version:
            self._version = version
            self._speaks_records = version >= self._config.dialect.records_version
            answer_s = self._timers.at(self._general)
            self._forget_pending()
            if answer_s is not None and self._config.linux and self._config.dialect is Dialect.IGMP:
                self._timers.set(self._general, answer_s)

    def _plan_report(self, timer: _Timer, due_s: float, latest_s: float) -> None:
        """RFC 2236 section 3: a running timer is moved only when it would fire too late."""
        running_s = self._timers.at(timer)
        if running_s is None or latest_s < running_s:
            self._timers.set(timer, due_s)

    def _plan_records(self, query: membership.Query, due_s: float) -> None:
        """The five rules of RFC 9776 section 5.2."""
        general_s = self._timers.at(self._general)
        if general_s is not None and general_s <= due_s:
            return
        if query.group is None:
            self._timers.set(self._general, due_s)
            return
        known = self._joined.get(query.group)
        if known is None:
            return
        pending_s = self._timers.at(known.answer)
        if pending_s is None:
            known.asked = query.sources
        elif not query.sources or not known.asked:
            known.asked = ()
        else:
            known.asked = tuple(sorted({*known.asked, *query.sources}))
        self._timers.set(known.answer, due_s if pending_s is None else min(due_s, pending_s))

    def _hear_report(self, group: Address) -> None:
        """Another member has answered: not this one (RFC 2236 section 3). Version 3 does not do that.

        On Linux it does, where it was asked for this very group.
        """
        if self._speaks_records and not self._config.linux:
            return
        for one in self._asked_for(group):
            self._timers.discard(one.answer)
            if self._speaks_records:
                one.asked = ()
            else:
                one.repeats_left = 0
                one.spoke_last = False

    # --- timers -------------------------------------------------------------------------------------------

    def _fall_due(self, timer: _Timer, now: float) -> list[Effect]:
        group = timer.group
        if timer.due is _Due.REPEAT and group is not None:
            return self._tell_change(group, now)
        if group is None:
            return self._tell_state()
        known = self._joined[group]
        if not self._speaks_records:
            return self._report(known, now)
        asked, known.asked = known.asked, ()
        record = self._current(known, asked)
        return [] if record is None else self._say(membership.RecordReport(records=(record,)))

    def _tell_state(self) -> list[Effect]:
        """Report everything that is joined."""
        if not self._state_said:
            found = (self._current(one, ()) for one in self._joined.values())
            records = tuple(record for record in found if record is not None)
            self._state_said = self._say(membership.RecordReport(records=records)) if records else []
        return list(self._state_said)

    def _current(self, known: _Membership, asked: tuple[Address, ...]) -> GroupRecord | None:
        """The state of a group, or of the sources that were asked for; None is no answer."""
        wanted = known.wanted
        includes = wanted.mode is FilterMode.INCLUDE
        if not asked:
            kind = RecordType.IS_IN if includes else RecordType.IS_EX
            return GroupRecord(type=kind, group=known.group, sources=wanted.sources)
        sources = tuple(source for source in asked if (source in wanted.sources) is includes)
        return GroupRecord(type=RecordType.IS_IN, group=known.group, sources=sources) if sources else None

    def _forget_pending(self) -> None:
        """Another version is spoken from now on: nothing of the old one is due (RFC 9776 section 7.2.1)."""
        self._timers.clear()
        self._changes.clear()
        for one in self._joined.values():
            one.asked = ()
            one.repeats_left = 0

    # --- sending ------------------------------------------------------------------------------------------

    def _report(self, known: _Membership, now: float) -> list[Effect]:
        """Report without records; what is left of a join's repetitions comes back (RFC 2236 section 3)."""
        known.spoke_last = True
        if known.repeats_left:
            known.repeats_left -= 1
            delay_s = self._chance.uniform(0, self._config.unsolicited_v2_s)
            self._timers.set(known.answer, now + delay_s)
        version, said = known.said
        if version != self._version:
            said = self._say(membership.Report(version=self._version, group=known.group))
            known.said = (self._version, said)
        return list(said)

    def _say(self, message: Message) -> list[Effect]:
        config = self._config
        if not config.reports:
            return []
        is_leave = isinstance(message, membership.Leave)
        frame = config.dialect.frame(
            message,
            source_mac=config.mac,
            source=config.address,
            destination=None if is_leave else config.reports_to,
            hops=config.hops,
            router_alert=config.router_alert,
        )
        return [Send(port=self._port, frame=frame), said(message, config.address)]
