"""What a protocol machine asks of the world that drives it.

A machine takes bytes and times and returns effects, in order. It never sends, waits or looks at a clock.
The same effects drive a real lab (frames to sockets, permissions to the switch's data plane) and a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.wire.membership import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Put this Ethernet frame on the wire at this port."""

    port: str
    frame: bytes


class Table(Enum):
    """The tables of a snooping switch that a person can look at."""

    MEMBER = "member"
    ROUTER_PORT = "router-port"
    QUERIER = "querier"


class FilterMode(Enum):
    """Whether the sources of a filter are the only ones wanted, or the only ones unwanted."""

    INCLUDE = "include"
    EXCLUDE = "exclude"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFilter:
    """Which sources of a group a port receives (RFC 9776 section 6.2); ``sources`` are sorted.

    EXCLUDE without sources is everything, which is all that IGMP version 1 and 2 and MLD version 1 can say.
    """

    mode: FilterMode = FilterMode.EXCLUDE
    sources: tuple[Address, ...] = ()

    def passes(self, source: Address) -> bool:
        """Whether the port receives what this source sends."""
        return (source in self.sources) == (self.mode is FilterMode.INCLUDE)

    def __str__(self) -> str:
        """``include 10.77.0.3 10.77.0.4`` or ``exclude 10.77.0.3``; empty for every source."""
        if self.mode is FilterMode.EXCLUDE and not self.sources:
            return ""
        return " ".join((self.mode.value, *map(str, self.sources)))


EVERY_SOURCE = SourceFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """A line of a switch's tables appeared (``present``) or went.

    MEMBER: ``port`` now does or does not receive ``group``, from the sources that ``filter`` lets pass; a
    port whose filter changes is told again with the new one. ROUTER_PORT: ``port`` is or is no longer a
    multicast router port. QUERIER: ``address`` is or is no longer the querier that the switch believes in
    (its own address when it queries itself; ``port`` is then empty). ``cause`` is a phrase for people:
    "report from 10.77.0.3", "aged out 260 s after the last report", "query from 10.77.255.1".
    """

    table: Table
    present: bool
    port: str = ""
    group: Address | None = None
    address: Address | None = None
    filter: SourceFilter = EVERY_SOURCE
    cause: str


class Unregistered(Enum):
    """What happens to a datagram for a group outside 224.0.0.0/24 that has no member."""

    FLOOD = "flood"
    ROUTER_PORTS = "router-ports"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingMode:
    """How the data plane treats what the member table does not settle.

    ``snooping`` off: every multicast datagram to every port. Otherwise members and router ports get their
    groups, and ``unregistered`` says what becomes of a group without any member.
    """

    snooping: bool
    unregistered: Unregistered
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An IGMP message was heard or sent by the switch: for the record of causes, no action needed.

    ``what`` is "query", "group query", "report v1", "report v2", "report v3" or "leave".
    ``sent`` tells the switch's own messages (``port`` empty) from those that arrived on ``port``.
    """

    what: str
    port: str
    source: Address
    group: Address | None
    sent: bool = False


Effect = Send | TableChange | ForwardingMode | Heard
