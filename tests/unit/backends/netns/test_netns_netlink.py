"""Framing and refusals of the netlink socket, in the namespace in which the test runs."""

from __future__ import annotations

import errno

import pytest

from harness.backends.netns import messages
from harness.backends.netns.netlink import NetlinkSocket, RefusedError, attributes, split

ABSENT_INDEX = 0x7FFFFFF0


def test_attributes_are_walked_with_their_padding() -> None:
    data = b"\x05\0\x01\0a\0\0\0" + b"\x08\0\x02\x80bcde"
    assert [(kind, data[start:end]) for kind, start, end in attributes(data, 0, len(data))] == [
        (1, b"a"),
        (2, b"bcde"),
    ]


def test_a_broken_attribute_ends_the_walk() -> None:
    assert list(attributes(b"\x02\0\x01\0" + bytes(8), 0, 12)) == []


def test_a_datagram_is_split_into_messages() -> None:
    one = b"\x12\0\0\0\x10\0\x02\0\x07\0\0\0\0\0\0\0ab"
    assert [part[:3] for part in split(one + b"\0\0" + one)] == [(16, 2, 7), (16, 2, 7)]


def test_a_dump_needs_no_privilege() -> None:
    with NetlinkSocket() as netlink:
        states = [messages.link_state(message) for message in netlink.dump(messages.get_links())]
        lo = messages.link_state(netlink.ask(messages.get_link(1)))
    assert "lo" in [state.name for state in states]
    assert (lo.index, lo.name, lo.port_state) == (1, "lo", None)


def test_a_refusal_names_the_message_and_the_reason() -> None:
    with NetlinkSocket() as netlink, pytest.raises(RefusedError) as refused:
        netlink.request([messages.set_link(ABSENT_INDEX)] * 2, ["the first", "the second"])
    assert refused.value.index == 0
    assert refused.value.errno in {errno.ENODEV, errno.EPERM}
    assert "message 1 of 2 (the first)" in str(refused.value)


def test_asking_for_what_is_not_there_is_refused() -> None:
    with NetlinkSocket() as netlink, pytest.raises(RefusedError, match="No such device"):
        netlink.ask(messages.get_link(ABSENT_INDEX))


def test_nothing_has_arrived_where_nothing_was_subscribed() -> None:
    with NetlinkSocket() as netlink:
        assert netlink.receive() == ()
