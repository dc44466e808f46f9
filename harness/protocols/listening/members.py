"""Who has said that it is a member of what, until when that holds, and who has left.

A group is kept alive by anybody's report: hosts that speak version 2 of IGMP or version 1 of MLD keep quiet
when another has answered (RFC 2236 section 3), so that a single host's silence says nothing. The meaning of
records with sources follows RFC 9776 section 5.1, as far as one host's own wish is concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import assert_never

from harness.protocols.deadlines import Deadlines
from harness.protocols.dialect import Dialect
from harness.protocols.listening.events import Event, Left, RanOut, Reported
from harness.protocols.listening.faults import faults
from harness.protocols.listening.frames import Frame, Vlans
from harness.protocols.listening.limits import MOST_GROUPS, MOST_HOSTS, MOST_MOMENTS, MOST_SOURCES, Table
from harness.protocols.listening.summary import Group, Host
from harness.wire.membership import (
    Address,
    ControlFrame,
    GroupRecord,
    Leave,
    Message,
    Query,
    RecordReport,
    RecordType,
    Report,
)

Key = tuple[Vlans, Address]
"""A group in a VLAN."""

_Sources = frozenset[Address] | None
"""The sources that a host wants of a group: None is all, nothing is that it is no member."""
_NOTHING: frozenset[Address] = frozenset()


@dataclass(slots=True, kw_only=True)
class _Member:
    """What one host wants of one group, and since when."""

    version: int
    here: bool
    first_s: float
    last_s: float
    reports: int = 0
    sources: _Sources = None
    left_s: float | None = None
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Group:
    dialect: Dialect
    hosts: dict[Address, _Member] = field(default_factory=dict)
    last_s: float = 0.0
    last_host: Address | None = None
    ran_out_s: float | None = None
    asked_here: bool = False
    members: int = 0
    """Hosts that have not left."""


class Members:
    """The groups of all networks that somebody reported."""

    def __init__(self, wanted: Callable[[Address], bool]) -> None:
        self._wanted = wanted
        self._groups: Table[Key, _Group] = Table(MOST_GROUPS)
        self._ends: Deadlines[Key] = Deadlines()
        self._hosts = 0
        self._refused_hosts = 0

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def refused(self) -> int:
        """Reports of groups and hosts beyond those that are remembered."""
        return self._groups.refused + self._refused_hosts

    def hear(
        self, frame: Frame, message: ControlFrame, now: float, here: bool, membership_s: float
    ) -> list[Event]:
        """A report or a leave came; ``membership_s`` is how long it holds in its network."""
        said = _Said(frame=frame, host=message.source, now=now, here=here, faults=faults(frame, message))
        told: list[Event] = []
        for group, version, record in _parts(message.message):
            if group.is_multicast and self._wanted(group):
                told += self._take(said, group, version, record)
                key = frame.vlans, group
                found = self._groups.get(key)
                if found is not None and found.members:
                    self._ends.set(key, now + membership_s)
                else:
                    self._ends.discard(key)
        return told

    def tick(self, now: float, asked_since: Callable[[Dialect, Vlans], float | None]) -> list[Event]:
        """End what nobody renewed. ``asked_since`` gives the last query of a network."""
        told: list[Event] = []
        while (due_s := self._ends.next()) is not None and due_s <= now:
            for key in self._ends.pop_due(due_s):
                group = self._groups.get(key)
                if group is None or group.last_host is None:
                    continue
                group.ran_out_s = due_s
                last_query_s = asked_since(group.dialect, key[0])
                told.append(
                    RanOut(
                        at_s=due_s,
                        dialect=group.dialect,
                        vlans=key[0],
                        group=key[1],
                        host=group.last_host,
                        last_s=group.last_s,
                        for_s=due_s - group.last_s,
                        asked=last_query_s is not None and last_query_s > group.last_s,
                    )
                )
        return told

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to do."""
        return self._ends.next()

    def ever_reported(self, vlans: Vlans, group: Address) -> bool:
        """Whether anybody has, also if it left."""
        return (vlans, group) in self._groups

    def asked_here(self, vlans: Vlans, group: Address) -> bool:
        """Whether a member's report left by this interface."""
        found = self._groups.get((vlans, group))
        return found is not None and found.asked_here

    def own_reports(self, group: Address) -> tuple[int, float | None]:
        """How many reports of a group left by this interface, in any VLAN, and when the last did."""
        own = [
            member
            for (_, reported), found in self._groups.items()
            if reported == group
            for member in found.hosts.values()
            if member.here
        ]
        return sum(member.reports for member in own), max((member.last_s for member in own), default=None)

    def groups(self) -> tuple[Group, ...]:
        """All, in the order of their first reports."""
        return tuple(
            Group(
                dialect=found.dialect,
                vlans=vlans,
                group=group,
                hosts=tuple(_summed(address, member) for address, member in found.hosts.items()),
                ran_out_s=found.ran_out_s,
            )
            for (vlans, group), found in self._groups.items()
        )

    # --- parts --------------------------------------------------------------------------------------------

    def _take(self, said: _Said, group: Address, version: int, record: GroupRecord | None) -> list[Event]:
        """One host's word on one group; ``version`` 0 is a leave."""
        key = said.frame.vlans, group
        found = self._groups.get(key)
        known = None if found is None else found.hosts.get(said.host)
        before = _NOTHING if known is None or known.left_s is not None else known.sources
        after = _wish(before, version, record)
        if after is not None and not after:
            return self._leave(said, group, found, known)
        again = before == after and known is not None and known.version == version
        found = self._groups.get_or_make(key, lambda: _Group(dialect=said.frame.dialect))
        if found is not None:
            self._join(said, found, known, version, after)
        event = Reported(
            at_s=said.now,
            dialect=said.frame.dialect,
            vlans=said.frame.vlans,
            group=group,
            host=said.host,
            version=version,
            sources=None if after is None else tuple(sorted(after, key=int)),
            here=said.here,
            again=again,
            faults=said.faults,
        )
        return [event]

    def _join(self, said: _Said, found: _Group, known: _Member | None, version: int, wish: _Sources) -> None:
        found.asked_here = found.asked_here or said.here
        found.last_s, found.last_host, found.ran_out_s = said.now, said.host, None
        if known is None:
            if self._hosts >= MOST_HOSTS:
                self._refused_hosts += 1
                return
            self._hosts += 1
            known = _Member(version=version, here=said.here, first_s=said.now, last_s=said.now)
            found.hosts[said.host] = known
            found.members += 1
        elif known.left_s is not None:
            found.members += 1
        known.version, known.last_s, known.sources, known.left_s = version, said.now, wish, None
        known.reports += 1
        for fault in said.faults:
            if fault not in known.faults and len(known.faults) < MOST_MOMENTS:
                known.faults.append(fault)

    @staticmethod
    def _leave(said: _Said, group: Address, found: _Group | None, known: _Member | None) -> list[Event]:
        """A leave of a host that was never heard to be a member is told too: it may have joined before."""
        if found is not None and known is not None:
            if known.left_s is not None:
                return []
            known.left_s = said.now
            found.members -= 1
        event = Left(
            at_s=said.now,
            dialect=said.frame.dialect,
            vlans=said.frame.vlans,
            group=group,
            host=said.host,
            here=said.here,
            faults=said.faults,
        )
        return [event]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A message of a member, and what stands around it."""

    frame: Frame
    host: Address
    now: float
    here: bool
    faults: tuple[str, ...]


def _parts(message: Message) -> Iterator[tuple[Address, int, GroupRecord | None]]:
    """The groups that a message is about, each with the version spoken (0: a leave) and its record."""
    match message:
        case Report():
            yield message.group, message.version, None
        case Leave():
            yield message.group, 0, None
        case RecordReport():
            for record in message.records:
                yield record.group, Dialect.of(record.group).records_version, record
        case Query():
            return
        case _:
            assert_never(message)


def _wish(before: _Sources, version: int, record: GroupRecord | None) -> _Sources:
    """What a host wants after its word; ``before`` is nothing for one that was no member."""
    if record is None:
        return None if version else _NOTHING
    named = frozenset(record.sources[:MOST_SOURCES])
    match record.type:
        case RecordType.IS_EX | RecordType.TO_EX:
            return None
        case RecordType.IS_IN | RecordType.TO_IN:
            return named
        case RecordType.ALLOW:
            return None if before is None else frozenset(sorted(before | named, key=int)[:MOST_SOURCES])
        case RecordType.BLOCK:
            return None if before is None else before - named
        case _:
            assert_never(record.type)


def _summed(address: Address, member: _Member) -> Host:
    return Host(
        address=address,
        version=member.version,
        reports=member.reports,
        first_s=member.first_s,
        last_s=member.last_s,
        left_s=member.left_s,
        sources=None if member.sources is None else tuple(sorted(member.sources, key=int)),
        here=member.here,
        faults=tuple(member.faults),
    )
