"""The two tables of a snooping switch that age: who is a member of what, and where the routers are.

They hold state and deadlines and say what changed; which message changes them is for ``snooping`` to decide.
Membership is kept by group, not by source (RFC 4541 section 2.1.2), and without a memory of version 1 hosts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.protocols.deadlines import Deadlines
from harness.protocols.effects import Table, TableChange
from harness.wire.membership import Address

_AGED_MEMBER = "aged out: no report for the membership interval"
_LEFT = "left: no member answered after the leave"
_AGED_ROUTER = "aged out: no query for the router port interval"

Entry = tuple[Address, str]
"""A group and a port that receives it."""


def moment(now: float, interval_s: float) -> float:
    """The deadline of an entry that lives for an interval, where 0 is for ever."""
    return now + interval_s if interval_s else math.inf


def member_change(entry: Entry, present: bool, cause: str) -> TableChange:
    """The effect of an entry that came or went."""
    return TableChange(table=Table.MEMBER, present=present, group=entry[0], port=entry[1], cause=cause)


class MembershipTable:
    """Which ports receive which groups, and until when."""

    def __init__(self) -> None:
        self._timers: Deadlines[Entry] = Deadlines()
        self._ports: dict[Address, dict[str, None]] = {}
        self._leaving: set[Entry] = set()

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._timers

    def entries(self) -> tuple[Entry, ...]:
        """All entries, by group and then by port."""
        return tuple(sorted(self._timers.pending()))

    def ports_of(self, group: Address) -> tuple[str, ...]:
        """The ports that receive a group, in the order in which they joined."""
        return tuple(self._ports.get(group, ()))

    def join(self, entry: Entry, until_s: float) -> bool:
        """Enter or refresh; True when the entry is new."""
        new = entry not in self._timers
        self._timers.set(entry, until_s)
        self._leaving.discard(entry)
        if new:
            self._ports.setdefault(entry[0], {})[entry[1]] = None
        return new

    def shorten(self, entry: Entry, until_s: float) -> None:
        """After a leave: the entry lives no longer than this, unless a report refreshes it."""
        deadline = self._timers.at(entry)
        if deadline is not None and until_s < deadline:
            self._timers.set(entry, until_s)
            self._leaving.add(entry)

    def remove(self, entry: Entry) -> bool:
        """Take an entry out; False when there is none."""
        if entry not in self._timers:
            return False
        self._timers.discard(entry)
        self._unlist(entry)
        return True

    def expire(self, now: float) -> list[TableChange]:
        """Take out the entries whose time has come."""
        changes = []
        for entry in self._timers.pop_due(now):
            cause = _LEFT if entry in self._leaving else _AGED_MEMBER
            self._unlist(entry)
            changes.append(member_change(entry, False, cause))
        return changes

    def drop_port(self, port: str, cause: str) -> list[TableChange]:
        """Take out all entries of a port."""
        gone = [entry for entry in self.entries() if entry[1] == port]
        return [member_change(entry, False, cause) for entry in gone if self.remove(entry)]

    def clear(self, cause: str) -> list[TableChange]:
        """Take out all entries."""
        return [member_change(entry, False, cause) for entry in self.entries() if self.remove(entry)]

    def next_deadline(self) -> float | None:
        """When the next entry ages out."""
        return self._timers.next()

    def _unlist(self, entry: Entry) -> None:
        group, port = entry
        self._leaving.discard(entry)
        del self._ports[group][port]
        if not self._ports[group]:
            del self._ports[group]


class RouterPortTable:
    """The multicast router ports: those that are configured and those where a query was heard.

    A port that is down is none of them; a configured one is back as soon as its link is (measured on Linux
    6.18 for learnt ports).
    """

    def __init__(self, ports: Sequence[str]) -> None:
        self._all = tuple(ports)
        self._static: frozenset[str] = frozenset()
        self._learnt: Deadlines[str] = Deadlines()
        self._down: set[str] = set()
        self._now_in: tuple[str, ...] = ()

    @property
    def ports(self) -> tuple[str, ...]:
        """The router ports, in the order of the switch's ports."""
        return self._now_in

    def configure(self, static: Sequence[str], cause: str) -> list[TableChange]:
        """Set the static router ports."""
        self._static = frozenset(static)
        return self._settle(cause)

    def learn(self, port: str, until_s: float, cause: str) -> list[TableChange]:
        """A router was heard on this port."""
        new = port not in self._learnt
        self._learnt.set(port, until_s)
        return self._settle(cause) if new else []

    def expire(self, now: float) -> list[TableChange]:
        """Take out the ports where no router was heard for too long."""
        return self._settle(_AGED_ROUTER) if self._learnt.pop_due(now) else []

    def port_down(self, port: str, cause: str) -> list[TableChange]:
        """What was learnt on the port is lost."""
        self._down.add(port)
        self._learnt.discard(port)
        return self._settle(cause)

    def port_up(self, port: str, cause: str) -> list[TableChange]:
        """The port may be a router port again."""
        self._down.discard(port)
        return self._settle(cause)

    def clear(self, cause: str) -> list[TableChange]:
        """Lose all, the configured ones too, until ``configure`` is called again."""
        self._learnt.clear()
        self._static = frozenset()
        return self._settle(cause)

    def next_deadline(self) -> float | None:
        """When the next learnt port ages out."""
        return self._learnt.next()

    def _settle(self, cause: str) -> list[TableChange]:
        before = self._now_in
        self._now_in = tuple(
            port
            for port in self._all
            if port not in self._down and (port in self._static or port in self._learnt)
        )
        gone = [(port, False) for port in before if port not in self._now_in]
        come = [(port, True) for port in self._now_in if port not in before]
        return [
            TableChange(table=Table.ROUTER_PORT, present=present, port=port, cause=cause)
            for port, present in gone + come
        ]
