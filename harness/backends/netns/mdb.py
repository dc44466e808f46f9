"""A Linux bridge's multicast database: who is a member, which ports lead to routers, and changes of both.

Follows struct br_mdb_entry and MDBA_* of include/uapi/linux/if_bridge.h (pyroute2 has no class for them). A
dump and a notification have one form, so one parser reads both. IPv4 alone is looked at. Nothing here
judges.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

from harness.backends.netns.netlink import HEADER, NLM_F_DUMP, NLM_F_REQUEST, NetlinkSocket, attributes

RTM_NEWMDB = 84
RTM_DELMDB = 85
RTM_GETMDB = 86
RTNLGRP_MDB = 26

_AF_BRIDGE = 7
_BODY = struct.Struct("=BxxxI")
_ENTRY = struct.Struct("=IBBH16s")
_MDBA_MDB = 1
_MDBA_ROUTER = 2
_MDB_PERMANENT = 1
_MDB_FLAGS_BLOCKED = 8
_MDBA_MDB_EATTR_SOURCE = 4
_MDBA_ROUTER_PATTR_TYPE = 2
_ETH_P_IP = b"\x08\x00"


class RouterKind(IntEnum):
    """Why a port is a router port (MDB_RTR_TYPE_*)."""

    DISABLED = 0
    LEARNED = 1
    """By a query; ages out."""
    PERMANENT = 2
    TEMPORARY = 3
    """Set by the administrator for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A port (ifindex) receives a group, of every source or of one; ``present`` False: no longer."""

    present: bool
    bridge: int
    port: int
    group: IPv4Address
    source: IPv4Address | None
    permanent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPort:
    """A port (ifindex) leads to a multicast router; ``kind`` is None in notifications, which leave it out."""

    present: bool
    bridge: int
    port: int
    kind: RouterKind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mdb:
    """All that the bridges of a namespace know. Ports are interface indexes."""

    members: frozenset[tuple[IPv4Address, IPv4Address | None, int]]
    router_ports: dict[int, RouterKind | None]


def read_mdb(socket: NetlinkSocket) -> Mdb:
    """Dump the multicast database of the socket's namespace. Raises RefusedError."""
    request = HEADER.pack(HEADER.size + _BODY.size, RTM_GETMDB, NLM_F_REQUEST | NLM_F_DUMP, 0, 0)
    members: set[tuple[IPv4Address, IPv4Address | None, int]] = set()
    routers: dict[int, RouterKind | None] = {}
    for message in socket.dump(request + _BODY.pack(_AF_BRIDGE, 0)):
        for line in parse(message):
            if isinstance(line, Member):
                members.add((line.group, line.source, line.port))
            else:
                routers[line.port] = line.kind
    return Mdb(members=frozenset(members), router_ports=routers)


def parse(message: bytes) -> Iterator[Member | RouterPort]:
    """Yield what an RTM_NEWMDB or RTM_DELMDB (with header) says about IPv4; nothing for other messages.

    The kernel answers a dump with messages of type RTM_GETMDB, where others answer with the type for "new".
    Entries of sources that are blocked are left out: they forward nothing.
    """
    kind = HEADER.unpack_from(message)[1]
    if kind not in {RTM_NEWMDB, RTM_DELMDB, RTM_GETMDB}:
        return
    present = kind != RTM_DELMDB
    bridge = int(_BODY.unpack_from(message, HEADER.size)[1])
    for table, start, end in attributes(message, HEADER.size + _BODY.size, len(message)):
        if table == _MDBA_MDB:
            for _, first, last in attributes(message, start, end):
                for _, entry, stop in attributes(message, first, last):
                    yield from _member(message, entry, stop, bridge=bridge, present=present)
        elif table == _MDBA_ROUTER:
            for _, first, last in attributes(message, start, end):
                yield _router_port(message, first, last, bridge=bridge, present=present)


def _member(message: bytes, start: int, end: int, *, bridge: int, present: bool) -> Iterator[Member]:
    port, state, flags, _, group = _ENTRY.unpack_from(message, start)
    protocol_at = start + _ENTRY.size
    if message[protocol_at : protocol_at + 2] != _ETH_P_IP or flags & _MDB_FLAGS_BLOCKED:
        return
    source: IPv4Address | None = None
    for kind, first, last in attributes(message, protocol_at + 4, end):
        if kind == _MDBA_MDB_EATTR_SOURCE and last - first == 4:
            source = IPv4Address(message[first:last])
    yield Member(
        present=present,
        bridge=bridge,
        port=port,
        group=IPv4Address(group[:4]),
        source=source,
        permanent=state == _MDB_PERMANENT,
    )


def _router_port(message: bytes, start: int, end: int, *, bridge: int, present: bool) -> RouterPort:
    port = int(struct.unpack_from("=I", message, start)[0])
    for kind, first, _ in attributes(message, start + 4, end):
        if kind == _MDBA_ROUTER_PATTR_TYPE:
            return RouterPort(present=present, bridge=bridge, port=port, kind=RouterKind(message[first]))
    return RouterPort(present=present, bridge=bridge, port=port, kind=None)
