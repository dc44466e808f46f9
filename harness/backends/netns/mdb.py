"""A Linux bridge's multicast database: who is a member, which ports lead to routers, and changes of both.

Follows struct br_mdb_entry and MDBA_* of include/uapi/linux/if_bridge.h (pyroute2 has no class for them). A
dump and a notification have one form, so one parser reads both. Nothing here judges.

What a port receives is spread over entries. One for the group says whether a source without an entry passes
(mode EXCLUDE) or not (INCLUDE); one for each source that the port told of says whether it passes or is
blocked. ``MemberTable`` puts them together again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

from harness.backends.netns.netlink import HEADER, NLM_F_DUMP, NLM_F_REQUEST, NetlinkSocket, attributes
from harness.protocols.dialect import Dialect
from harness.protocols.effects import FilterMode, SourceFilter
from harness.wire.membership import Address

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
_MDBA_MDB_EATTR_GROUP_MODE = 3
_MDBA_MDB_EATTR_SOURCE = 4
_MDBA_ROUTER_PATTR_TYPE = 2
_MDBA_ROUTER_PATTR_INET_TIMER = 3
_MDBA_ROUTER_PATTR_INET6_TIMER = 4
_MCAST_INCLUDE = 1
_ETH_P_IP = b"\x08\x00"
_ETH_P_IPV6 = b"\x86\xdd"


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
    """An entry of a group, or of a group and a source, at a port (ifindex); ``present`` False: no longer.

    ``include``: the group's mode is INCLUDE, so sources without an entry do not pass. ``blocked``: this
    source does not. Without sources (IGMP version 2, MLD version 1) neither is ever set.
    """

    present: bool
    bridge: int
    port: int
    group: Address
    source: Address | None
    permanent: bool
    include: bool = False
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPort:
    """A port (ifindex) leads to a multicast router.

    Notifications leave out ``kind`` (None) and for which ``dialects`` it is one (empty).
    """

    present: bool
    bridge: int
    port: int
    kind: RouterKind | None
    dialects: tuple[Dialect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mdb:
    """All that the bridges of a namespace know. Ports are interface indexes.

    ``members`` are groups, or groups and sources, that pass a port.
    """

    members: frozenset[tuple[Address, Address | None, int]]
    router_ports: dict[int, RouterKind | None]
    routers: tuple[RouterPort, ...]


def read_mdb(socket: NetlinkSocket) -> Mdb:
    """Dump the multicast database of the socket's namespace. Raises RefusedError."""
    request = HEADER.pack(HEADER.size + _BODY.size, RTM_GETMDB, NLM_F_REQUEST | NLM_F_DUMP, 0, 0)
    members: set[tuple[Address, Address | None, int]] = set()
    routers: list[RouterPort] = []
    for message in socket.dump(request + _BODY.pack(_AF_BRIDGE, 0)):
        for line in parse(message):
            if isinstance(line, RouterPort):
                routers.append(line)
            elif not line.blocked:
                members.add((line.group, line.source, line.port))
    return Mdb(
        members=frozenset(members),
        router_ports={line.port: line.kind for line in routers},
        routers=tuple(routers),
    )


class MemberTable:
    """What the ports of a bridge receive, put together from the kernel's entries as they come and go."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Address, int], Member] = {}
        self._sources: dict[tuple[Address, int], dict[Address, bool]] = {}

    def take(self, line: Member) -> SourceFilter | None:
        """Note an entry; return what its port receives of the group from now on, None for nothing."""
        entry = (line.group, line.port)
        if line.source is not None:
            sources = self._sources.setdefault(entry, {})
            sources.pop(line.source, None)
            if line.present:
                sources[line.source] = line.blocked
        elif line.present:
            self._groups[entry] = line
        else:
            self._groups.pop(entry, None)
        return self._filter(entry)

    def _filter(self, entry: tuple[Address, int]) -> SourceFilter | None:
        sources = self._sources.get(entry, {})
        group = self._groups.get(entry)
        blocked = group is not None and not group.include
        named = tuple(sorted(source for source, is_blocked in sources.items() if is_blocked == blocked))
        if blocked:
            return SourceFilter(mode=FilterMode.EXCLUDE, sources=named)
        return SourceFilter(mode=FilterMode.INCLUDE, sources=named) if named else None


def parse(message: bytes) -> Iterator[Member | RouterPort]:
    """Yield what an RTM_NEWMDB or RTM_DELMDB (with header) says; nothing for other messages.

    The kernel answers a dump with messages of type RTM_GETMDB, where others answer with the type for "new".
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
    protocol = message[protocol_at : protocol_at + 2]
    if protocol not in {_ETH_P_IP, _ETH_P_IPV6}:
        return
    source: Address | None = None
    include = False
    for kind, first, last in attributes(message, protocol_at + 4, end):
        if kind == _MDBA_MDB_EATTR_SOURCE:
            source = _address(message[first:last], protocol)
        elif kind == _MDBA_MDB_EATTR_GROUP_MODE:
            include = message[first] == _MCAST_INCLUDE
    yield Member(
        present=present,
        bridge=bridge,
        port=port,
        group=_address(group, protocol),
        source=source,
        permanent=state == _MDB_PERMANENT,
        include=include,
        blocked=bool(flags & _MDB_FLAGS_BLOCKED),
    )


def _address(data: bytes, protocol: bytes) -> Address:
    return IPv4Address(data[:4]) if protocol == _ETH_P_IP else IPv6Address(data[:16])


def _router_port(message: bytes, start: int, end: int, *, bridge: int, present: bool) -> RouterPort:
    port = int(struct.unpack_from("=I", message, start)[0])
    router: RouterKind | None = None
    dialects: list[Dialect] = []
    for kind, first, _ in attributes(message, start + 4, end):
        if kind == _MDBA_ROUTER_PATTR_TYPE:
            router = RouterKind(message[first])
        elif kind == _MDBA_ROUTER_PATTR_INET_TIMER:
            dialects.append(Dialect.IGMP)
        elif kind == _MDBA_ROUTER_PATTR_INET6_TIMER:
            dialects.append(Dialect.MLD)
    return RouterPort(present=present, bridge=bridge, port=port, kind=router, dialects=tuple(dialects))
