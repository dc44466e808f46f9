"""What was heard in all: data, in the order in which it was heard first.

Moments are seconds since the listening began. ``here`` is as in ``events``: it left by this interface.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.protocols.dialect import Dialect
from harness.protocols.listening.frames import Vlans
from harness.wire.membership import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Querier:
    """Somebody who asked.

    ``general`` and ``specific`` count queries; ``moments_s`` are the first general ones, ``last_s`` the last.
    ``every_s`` is the median of the times between them. ``robustness`` and ``query_interval_s`` are what the
    queries say of themselves (IGMPv3, MLDv2). ``wins``: the election, when the listening ended.
    ``asked_after_losing``: queries sent although a better address was heard asking.
    """

    address: Address
    mac: bytes
    here: bool
    versions: tuple[int, ...]
    general: int
    specific: int
    moments_s: tuple[float, ...]
    last_s: float | None
    every_s: float | None
    longest_gap_s: float | None
    max_response_s: float | None
    robustness: int | None
    query_interval_s: float | None
    wins: bool
    asked_after_losing: int
    other_macs: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One protocol in one VLAN. ``silent_s``: how long before the end the last general query was; None: none.

    ``other_querier_s`` and ``membership_s`` are the intervals that hold there (RFC 9776 section 8).
    """

    dialect: Dialect
    vlans: Vlans
    queriers: tuple[Querier, ...]
    silent_s: float | None
    longest_silence_s: float
    other_querier_s: float
    membership_s: float

    @property
    def asked(self) -> bool:
        """Whether a general query came that hosts heed."""
        return self.silent_s is not None

    @property
    def lost(self) -> bool:
        """Whether somebody asked, but too long ago."""
        return self.silent_s is not None and self.silent_s > self.other_querier_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host that reported a group. ``left_s``: when it left, None if it did not."""

    address: Address
    version: int
    reports: int
    first_s: float
    last_s: float
    left_s: float | None
    sources: tuple[Address, ...] | None
    here: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group that somebody reported. ``ran_out_s``: when nobody had renewed it for too long, or None."""

    dialect: Dialect
    vlans: Vlans
    group: Address
    hosts: tuple[Host, ...]
    ran_out_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What a source sent to a group. ``received`` and ``sent`` count packets in and out.

    ``asked``: whether this host (or a guest behind the interface) is a member; None where that is not known.
    ``reported``: whether anybody heard here is. ``pruned``: whether a snooping switch may prune the group.
    """

    vlans: Vlans
    group: Address
    source: Address
    port: int | None
    received: int
    sent: int
    first_s: float
    last_s: float
    asked: bool | None
    reported: bool
    pruned: bool

    @property
    def flooded(self) -> bool:
        """Whether it came although this host did not ask for it, and a snooping switch could have kept it."""
        return self.asked is False and self.pruned and self.received > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMembership:
    """A group that this host is in, by its kernel. ``reports``: how often it said so meanwhile."""

    group: Address
    reports: int
    last_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A multicast router that said hello by PIM, and for how long the last hello holds."""

    vlans: Vlans
    router: Address
    hellos: int
    hold_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What is missing from a summary: ``count`` frames, and of what (a phrase)."""

    count: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything. ``own`` is None where this host's memberships are not known: a capture of another host."""

    listened_s: float
    networks: tuple[Network, ...]
    groups: tuple[Group, ...]
    streams: tuple[Stream, ...]
    routers: tuple[Router, ...]
    own: tuple[OwnMembership, ...] | None
    damaged: tuple[Lacking, ...]
    lacking: tuple[Lacking, ...]
    notes: tuple[str, ...] = ()
    """What whoever listened has to say about how it went, in sentences."""

    @property
    def heard_a_querier(self) -> bool:
        """Whether anybody asked in any network that was listened to."""
        return any(network.asked for network in self.networks)

    @property
    def flooded(self) -> tuple[Stream, ...]:
        """Data that nobody here asked for."""
        return tuple(stream for stream in self.streams if stream.flooded)
