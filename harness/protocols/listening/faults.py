"""What is wrong around a message of IGMP or MLD, for which somebody on its way may not heed it.

Pure. Each fault is a phrase that follows the name of the message, with what it should be by the RFCs: IGMP by
RFC 2236 section 2 and RFC 9776 section 4, MLD by RFC 2710 section 3 and RFC 9777 section 5.
"""

from __future__ import annotations

from typing import assert_never

from harness.protocols.dialect import Dialect
from harness.protocols.listening.frames import Frame
from harness.wire import ethernet, igmp, mld
from harness.wire.membership import Address, ControlFrame, Leave, Query, RecordReport, Report

_LINK_SOURCES = "and MLD is heeded from link-local addresses only"


def faults(frame: Frame, message: ControlFrame) -> tuple[str, ...]:
    """What a switch, a router or a host may take offence at; empty for a message as the RFCs have it."""
    found = []
    if not message.router_alert and not _is_version_1_of_igmp(frame, message):
        found.append("has no Router Alert, without which some switches pass it by")
    if message.hops != 1:
        name = "TTL" if frame.dialect is Dialect.IGMP else "hop limit"
        found.append(f"has {name} {message.hops} instead of 1")
    expected = _destination(frame.dialect, message)
    if message.destination != expected:
        found.append(f"goes to {message.destination} instead of {expected}")
    elif frame.destination_mac != ethernet.multicast_mac(expected):
        found.append(f"goes to MAC address {frame.destination_mac.hex(':')}, which is not that of {expected}")
    if frame.dialect is Dialect.MLD and not message.source.is_link_local and not _during_start(message):
        found.append(f"comes from {message.source}, {_LINK_SOURCES}")
    return tuple(found)


def _is_version_1_of_igmp(frame: Frame, message: ControlFrame) -> bool:
    """RFC 1112 knows no Router Alert."""
    return frame.dialect is Dialect.IGMP and getattr(message.message, "version", None) == 1


def _during_start(message: ControlFrame) -> bool:
    """A host that has no address yet reports from :: (RFC 3590 section 4)."""
    return message.source.is_unspecified and not isinstance(message.message, Query)


def _destination(dialect: Dialect, message: ControlFrame) -> Address:
    """Where a message goes; what is not a group cannot be sent to, and is taken as it came."""
    content = message.message
    match content:
        case Query(group=None):
            return igmp.ALL_HOSTS if dialect is Dialect.IGMP else mld.ALL_NODES
        case Query(group=group) | Report(group=group):
            assert group is not None
            return group if group.is_multicast else message.destination
        case RecordReport():
            return igmp.ALL_V3_ROUTERS if dialect is Dialect.IGMP else mld.ALL_V2_ROUTERS
        case Leave():
            return igmp.ALL_ROUTERS if dialect is Dialect.IGMP else mld.ALL_ROUTERS
        case _:
            assert_never(content)
