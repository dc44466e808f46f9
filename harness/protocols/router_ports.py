"""The multicast router ports of a switch: configured, or learnt from queries and from PIM hellos.

A port stays one as long as any reason for it holds: what was heard of a PIM neighbour and what was heard of
queriers are separate reasons with lives of their own (RFC 4541 section 2.1.1 (1), RFC 7761 section 4.3.1).
A port that is down is none of them; a configured one is back as soon as its link is (measured on Linux 6.18
for learnt ports).
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.protocols.deadlines import Deadlines
from harness.protocols.effects import Table, TableChange
from harness.wire.membership import Address

MOST_NEIGHBOURS = 64
"""PIM neighbours that are remembered at most: forged hellos must not eat memory."""

_AGED_QUERY = "aged out: no query for the router port interval"
_AGED_PIM = "aged out: no PIM hello for the hold time"

_Reason = tuple[str, Address | None]
"""A port, and the PIM neighbour heard on it; None stands for queriers, whichever they are."""


class RouterPortTable:
    """The router ports as they stand."""

    def __init__(self, ports: Sequence[str]) -> None:
        self._all = tuple(ports)
        self._static: frozenset[str] = frozenset()
        self._learnt: Deadlines[_Reason] = Deadlines()
        self._reasons_at: dict[str, dict[Address | None, None]] = {}
        self._down: set[str] = set()
        self.ports: tuple[str, ...] = ()
        """The router ports, in the order of the switch's ports."""

    def configure(self, static: Sequence[str], cause: str) -> list[TableChange]:
        """Set the static router ports."""
        self._static = frozenset(static)
        return self._settle(cause)

    def learn(self, port: str, until_s: float, cause: str) -> list[TableChange]:
        """A query was heard on this port."""
        return self._enter((port, None), until_s, cause)

    def learn_neighbour(self, port: str, neighbour: Address, until_s: float, cause: str) -> list[TableChange]:
        """A PIM hello was heard on this port."""
        known = (port, neighbour) in self._learnt
        if not known and len(self._learnt) - len(self._querier_ports()) >= MOST_NEIGHBOURS:
            return []
        return self._enter((port, neighbour), until_s, cause)

    def forget_neighbour(self, port: str, neighbour: Address, cause: str) -> list[TableChange]:
        """A PIM router said goodbye, with a hold time of 0 (RFC 7761 section 4.3.1)."""
        self._take_out((port, neighbour))
        return self._settle(cause)

    def forget_neighbours(self, cause: str) -> list[TableChange]:
        """Hellos make no router ports any more."""
        for reason in self._learnt.pending():
            if reason[1] is not None:
                self._take_out(reason)
        return self._settle(cause)

    def expire(self, now: float) -> list[TableChange]:
        """Take out the reasons whose time has come, earliest first."""
        changes: list[TableChange] = []
        for reason in self._learnt.pop_due(now):
            self._take_out(reason)
            changes += self._settle(_AGED_QUERY if reason[1] is None else _AGED_PIM)
        return changes

    def port_down(self, port: str, cause: str) -> list[TableChange]:
        """What was learnt on the port is lost."""
        self._down.add(port)
        for neighbour in tuple(self._reasons_at.get(port, ())):
            self._take_out((port, neighbour))
        return self._settle(cause)

    def port_up(self, port: str, cause: str) -> list[TableChange]:
        """The port may be a router port again."""
        self._down.discard(port)
        return self._settle(cause)

    def clear(self, cause: str) -> list[TableChange]:
        """Lose all, the configured ones too, until ``configure`` is called again."""
        self._learnt.clear()
        self._reasons_at.clear()
        self._static = frozenset()
        return self._settle(cause)

    def next_deadline(self) -> float | None:
        """When the next reason runs out."""
        return self._learnt.next()

    def _querier_ports(self) -> tuple[str, ...]:
        return tuple(port for port, reasons in self._reasons_at.items() if None in reasons)

    def _enter(self, reason: _Reason, until_s: float, cause: str) -> list[TableChange]:
        port, neighbour = reason
        new = reason not in self._learnt
        self._learnt.set(reason, until_s)
        if not new:
            return []
        self._reasons_at.setdefault(port, {})[neighbour] = None
        return self._settle(cause)

    def _take_out(self, reason: _Reason) -> None:
        port, neighbour = reason
        self._learnt.discard(reason)
        reasons = self._reasons_at.get(port, {})
        reasons.pop(neighbour, None)
        if not reasons:
            self._reasons_at.pop(port, None)

    def _settle(self, cause: str) -> list[TableChange]:
        before = self.ports
        self.ports = tuple(
            port
            for port in self._all
            if port not in self._down and (port in self._static or port in self._reasons_at)
        )
        gone = [(port, False) for port in before if port not in self.ports]
        come = [(port, True) for port in self.ports if port not in before]
        return [
            TableChange(table=Table.ROUTER_PORT, present=present, port=port, cause=cause)
            for port, present in gone + come
        ]
