"""Facts about a network's multicast: what a probe measured, what a switch or a host says of itself.

A fact is what was seen, never what it means. ``at`` is where it was read (None: measured just now), ``where``
the switch or host that it is about, as far as it is known (else empty). VLANs are numbers or names as they
were written, empty where none is named. Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.protocols.probes.program import Cast


class Family(Enum):
    """Whose groups: IPv4's by IGMP, IPv6's by MLD."""

    IGMP = "IGMP"
    MLD = "MLD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a text, from 1. ``verified`` is False for forms of which no document was found."""

    source: str
    line: int
    verified: bool = True

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.source else f"line {self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    where: str = ""
    at: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFigures(_Seen):
    """What one node (``where``) got of one peer's answers by one cast.

    ``first`` and ``last`` are the numbers of the first and last answer that came, ``gaps`` the runs of
    numbers between them that did not, each as (first, last); None for any of them is not known. Numbers
    are of requests, from 1, one every ``interval_s`` (None: not known). ``size`` is bytes of UDP payload.
    ``source_specific``: the group was joined for this peer only. Duplicates are not in ``received``.
    """

    tool: str
    peer: str
    cast: Cast
    sent: int
    received: int
    duplicates: int = 0
    first: int | None = None
    last: int | None = None
    gaps: tuple[tuple[int, int], ...] | None = None
    interval_s: float | None = None
    group: str = ""
    size: int | None = None
    source_specific: bool = False

    @property
    def loss(self) -> float:
        """The share that did not come, 0 to 1; 0 where nothing was sent."""
        return max(0.0, 1 - self.received / self.sent) if self.sent else 0.0

    @property
    def loss_percent(self) -> int:
        """The loss as omping and ssmping print it: whole percents, rounded down."""
        return max(0, self.sent - self.received) * 100 // self.sent if self.sent else 0

    @property
    def lasted_s(self) -> float | None:
        """How long was asked; None if unknown."""
        return None if self.interval_s is None else self.sent * self.interval_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSilent(_Seen):
    """A peer answered nothing at all to the node ``where``; ``refused``: no server is there."""

    peer: str
    tool: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingHeard(_Seen):
    """A listener of a group (mcfirst) heard nothing in ``lasted_s`` (None: unknown)."""

    group: str
    lasted_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerierSeen(_Seen):
    """Somebody queries. ``own``: the switch itself; ``port`` is where its queries come from, or empty."""

    family: Family
    address: str
    vlan: str = ""
    port: str = ""
    version: int | None = None
    own: bool = False
    interval_s: float | None = None
    since_s: float | None = None
    expires_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoQuerier(_Seen):
    """Nobody queries: a switch knows of none, or none was heard for ``heard_for_s``.

    ``configured``: the switch has one configured all the same.
    """

    family: Family
    vlan: str = ""
    heard_for_s: float | None = None
    configured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooping(_Seen):
    """Whether a switch snoops, and how it is set; None is not known.

    ``querier``: its own one is switched on. ``linux``: a Linux bridge, which floods as long as it knows of no
    querier. ``drops_unregistered``: groups without members go to router ports at most.
    """

    family: Family
    on: bool
    vlan: str = ""
    querier: bool | None = None
    membership_s: float | None = None
    query_interval_s: float | None = None
    response_s: float | None = None
    drops_unregistered: bool | None = None
    linux: bool = False
    table_limit: int | None = None
    zero_source: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Members(_Seen):
    """A group has members on these ports (``source``: for that one only)."""

    group: str
    ports: tuple[str, ...]
    vlan: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPorts(_Seen):
    """The ports behind which a switch knows a router or a querier; none is a fact too."""

    ports: tuple[str, ...]
    family: Family | None = None
    vlan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceMtu(_Seen):
    """An interface's MTU in bytes, and the bridge that it is a port of, or empty."""

    interface: str
    mtu: int
    bridge: str = ""


class Filtered(Enum):
    """What a host's own firewall drops."""

    IGMP = "IGMP"
    MULTICAST = "multicast"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFilter(_Seen):
    """A host's firewall drops this, by the rule or policy in ``words``."""

    drops: Filtered
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFlooded(_Seen):
    """Datagrams of a group came to a host that has not joined it."""

    group: str
    datagrams: int
    interface: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOverflow(_Seen):
    """A switch's table of groups was full; a Linux bridge then stops snooping."""

    limit: int | None = None
    interface: str = ""


Fact = (
    ProbeFigures
    | PeerSilent
    | NothingHeard
    | QuerierSeen
    | NoQuerier
    | Snooping
    | Members
    | RouterPorts
    | InterfaceMtu
    | HostFilter
    | GroupFlooded
    | TableOverflow
)
