"""The bridge's multicast database as bytes: replies and notifications recorded from Linux 6.18."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from harness.backends.netns.mdb import Member, MemberTable, RouterKind, RouterPort, parse
from harness.protocols.dialect import Dialect
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter

DUMP = bytes.fromhex(
    "a0000000560002000c0000003320000000000000020000005c0001002c000100280001000200000000000000ff0200000000"
    "000000000001ff00010086dd000008000100856500002c000100280001000200000000000000ff02000000000000000000000"
    "000006a86dd000008000100000000002c0002002800010064000000080001000000000005000200020000000800030000000000"
    "0800040000000000"
)
"""Two IPv6 groups of the bridge itself, and port 100 as a permanent router port."""
JOINED = bytes.fromhex(
    "580000005400000000000000000000000700000002000000400001003c000100380001006500000000000000efc00001000000"
    "00000000000000000008000000080001000000000005000500020000000500030001000000"
)
LEFT = bytes.fromhex(
    "580000005500000000000000000000000700000002000000400001003c000100380001006500000000020000efc00001000000"
    "00000000000000000008000000080001000c80000005000500020000000500030000000000"
)
ROUTER = bytes.fromhex("2400000054000000000000000000000007000000020000000c0002000800010066000000")


def test_a_dump_tells_groups_of_ipv6_and_whose_router_ports_there_are() -> None:
    *members, port = parse(DUMP)
    assert port == RouterPort(
        present=True,
        bridge=2,
        port=100,
        kind=RouterKind.PERMANENT,
        dialects=(Dialect.IGMP, Dialect.MLD),
    )
    assert [(line.port, line.group) for line in members if isinstance(line, Member)] == [
        (2, IPv6Address("ff02::1:ff00:100")),
        (2, IPv6Address("ff02::6a")),
    ]


@pytest.mark.parametrize(("message", "present"), [(JOINED, True), (LEFT, False)])
def test_a_notification_tells_a_membership(message: bytes, present: bool) -> None:
    assert list(parse(message)) == [
        Member(
            present=present,
            bridge=2,
            port=101,
            group=IPv4Address("239.192.0.1"),
            source=None,
            permanent=False,
            include=present,
        )
    ]


def test_a_notification_tells_a_router_port_without_its_kind() -> None:
    assert list(parse(ROUTER)) == [RouterPort(present=True, bridge=2, port=102, kind=None)]


def test_a_blocked_source_is_told() -> None:
    blocked = bytearray(JOINED)
    blocked[JOINED.index(b"\x65\0\0\0") + 5] = 8
    (member,) = parse(bytes(blocked))
    assert isinstance(member, Member)
    assert member.blocked


def test_a_source_is_read() -> None:
    source = b"\x08\0\x04\0" + IPv4Address("10.0.0.9").packed
    message = bytearray(JOINED + source)
    for length_at in (0, 24, 28, 32):
        size = 4 if length_at == 0 else 2
        length = int.from_bytes(message[length_at : length_at + size], "little") + len(source)
        message[length_at : length_at + size] = length.to_bytes(size, "little")
    (member,) = parse(bytes(message))
    assert isinstance(member, Member)
    assert member.source == IPv4Address("10.0.0.9")


GROUP = IPv4Address("239.1.1.1")
A, B = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.3")


def entry(source: IPv4Address | None = None, *, present: bool = True, **flags: bool) -> Member:
    return Member(present=present, bridge=2, port=101, group=GROUP, source=source, permanent=False, **flags)


def include(*sources: IPv4Address) -> SourceFilter:
    return SourceFilter(mode=FilterMode.INCLUDE, sources=sources)


def test_entries_are_put_together_as_the_kernel_tells_them() -> None:
    """In the order in which Linux 6.18 notified: a host joins sources, leaves, joins any, blocks one."""
    told: list[tuple[Member, SourceFilter | None]] = [
        (entry(include=True), None),
        (entry(A, include=True), include(A)),
        (entry(B, include=True), include(A, B)),
        (entry(A, present=False, include=True), include(B)),
        (entry(B, present=False, include=True), None),
        (entry(present=False, include=True), None),
        (entry(include=True), None),
        (entry(), EVERY_SOURCE),
        (entry(A, include=True), EVERY_SOURCE),
        (entry(A, include=True, blocked=True), SourceFilter(sources=(A,))),
        (entry(A, include=True), EVERY_SOURCE),
        (entry(present=False), include(A)),
        (entry(A, present=False, include=True), None),
    ]
    table = MemberTable()
    assert [table.take(line) for line, _ in told] == [known for _, known in told]


def test_other_messages_say_nothing() -> None:
    assert list(parse(bytes.fromhex("14000000100000000000000000000000") + bytes(4))) == []
