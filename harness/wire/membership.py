"""What hosts and routers say of memberships, in the words that IGMP and MLD share.

IGMP version 2 and MLD version 1 are the same protocol over another network layer, and so are IGMP version 3
and MLD version 2 (RFC 2710 section 1, RFC 3810 section 1). The messages are therefore the same classes; which
addresses and which versions are possible is for the codecs, ``harness.wire.igmp`` and ``harness.wire.mld``.
``version`` is always the number that the protocol spoken gives itself: IGMP 1 to 3, MLD 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import assert_never

Address = IPv4Address | IPv6Address


class RecordType(IntEnum):
    """The kinds of a group record (RFC 9776 section 4.2.13, RFC 9777 section 5.2.12)."""

    IS_IN = 1
    IS_EX = 2
    TO_IN = 3
    TO_EX = 4
    ALLOW = 5
    BLOCK = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A membership query; general when ``group`` is None.

    ``robustness`` and ``query_interval_s`` are the querier's own (IGMPv3 and MLDv2 only), 0 when it does not
    say. ``suppress`` is the S flag: routers that hear it must not touch their timers.
    """

    group: Address | None = None
    max_response_s: float = 10.0
    version: int = 2
    sources: tuple[Address, ...] = ()
    robustness: int = 0
    query_interval_s: float = 0.0
    suppress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report of one group without sources: IGMP version 1 or 2, MLD version 1."""

    version: int
    group: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """What a report with records says of one group."""

    type: RecordType
    group: Address
    sources: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReport:
    """A report of records with sources: IGMP version 3, MLD version 2."""

    records: tuple[GroupRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """A leave (IGMP version 2), a done message (MLD version 1)."""

    group: Address


Message = Query | Report | RecordReport | Leave


def addresses(message: Message) -> Iterator[Address]:
    """Every address that a message names: groups and sources, in the order of the wire."""
    match message:
        case Query():
            if message.group is not None:
                yield message.group
            yield from message.sources
        case Report() | Leave():
            yield message.group
        case RecordReport():
            for record in message.records:
                yield record.group
                yield from record.sources
        case _:
            assert_never(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFrame:
    """A message with what a switch may look at around it.

    ``hops`` is the TTL or the hop limit, ``traffic_class`` the octet that IPv4 calls type of service.
    """

    source_mac: bytes
    source: Address
    destination: Address
    hops: int
    traffic_class: int
    router_alert: bool
    message: Message
