"""The ssmping codec: every datagram that the real programs sent, and bytes that none of them sends."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import ethernet, ipv4, pcap, ssmping
from harness.wire.malformed import Malformed
from harness.wire.ssmping import MOST_SIZE, SERVER_VERSION, Echo, Request, Wishes

CAPTURE = Path(__file__).parent / "captures" / "ssmping-and-asmping.pcap"
PORT = (4321).to_bytes(2, "big")


def captured():
    """Payload, destination and whether it is a request, of every datagram of the programs."""
    with CAPTURE.open("rb") as file:
        for item in pcap.read(file):
            frame = ethernet.decode(item.frame)
            if frame.ethertype != 0x0800:
                continue
            packet = ipv4.decode(frame.payload)
            if packet.protocol == 17 and PORT in (packet.payload[:2], packet.payload[2:4]):
                yield packet.payload[8:], packet.destination, packet.payload[2:4] == PORT


SEEN = list(captured())
REQUESTS = [data for data, _, is_request in SEEN if is_request]
REPLIES = [(data, to) for data, to, is_request in SEEN if not is_request]


def test_the_capture_is_what_it_is_said_to_be():
    assert (len(REQUESTS), len(REPLIES)) == (17, 34)
    assert {len(data) for data, _ in REPLIES} == {38, 74, 500, 1000, 1400}


@pytest.mark.parametrize("data", REQUESTS, ids=range(len(REQUESTS)))
def test_every_captured_request_is_read_and_written_again(data):
    seen, asked = ssmping.echo(data), ssmping.wishes(data)
    assert asked is not None
    assert asked.group is not None
    again = Request(
        pid=seen.pid,
        sequence=seen.sequence,
        stamp_us=seen.stamp_us,
        group=asked.group,
        wants_version=asked.wants_version,
        size=asked.size,
    )
    assert ssmping.encode(again) == data


def test_every_captured_reply_is_ours_to_its_request():
    """ssmpingd answered each request twice, to the client and to its group, with these very bytes."""
    written = []
    for data in REQUESTS:
        asked = ssmping.wishes(data)
        assert asked is not None
        assert ssmping.is_served(asked.group)
        answer = ssmping.reply(data, asked)
        assert len(answer) == asked.reply_bytes(len(data))
        written += [(answer, ip_address("10.77.0.2")), (answer, asked.group)]
    assert written == REPLIES


def test_the_captured_version_is_read():
    versions = {ssmping.echo(data).server_version for data, _ in REPLIES}
    assert versions == {None, "0.9.1 (20080418) [asm][size]"}


def test_an_example_byte_by_byte():
    request = Request(
        pid=0x4044, sequence=1, stamp_us=0x6B033AE1 * 10**6 + 0x6AEF4, group=ip_address("224.0.2.234")
    )
    assert ssmping.encode(request).hex() == (
        "5100010004000040440002000400000001000300086b033ae10006aef40004000501e00002ea"
    )


def test_the_group_of_ipv6_has_family_2_and_17_bytes():
    group = ip_address("ff15::4321:1234")
    data = ssmping.encode(Request(pid=1, sequence=2, stamp_us=3, group=group))
    assert data.endswith(b"\0\x04\0\x11\x02" + group.packed)
    assert ssmping.wishes(data) == Wishes(group=group)


@pytest.mark.parametrize(
    ("given_group", "served"),
    [
        ("224.0.2.1", "224.0.2.234"),
        ("239.1.2.234", "239.1.2.234"),
        ("ff15::1", "ff15::4321:1234"),
        ("ff3e:1:2:3:4:5:6:7", "ff3e:1:2:3:4:5:4321:1234"),
    ],
)
def test_a_group_keeps_its_start(given_group, served):
    assert ssmping.group_of(ip_address(given_group)) == ip_address(served)
    assert ssmping.is_served(ip_address(served))


@pytest.mark.parametrize("address", ["224.0.2.1", "10.0.0.234", "ff15::1", "2001:db8::4321:1234"])
def test_no_other_address_is_served(address):
    assert not ssmping.is_served(ip_address(address))


# --- what ssmpingd does with odd requests -----------------------------------------------------------------

HEAD = ssmping.encode(Request(pid=7, sequence=1, stamp_us=0, group=ip_address("224.0.2.234")))[:29]
"""A request up to where the version request, the size and the group stand."""
GROUP = bytes.fromhex("0004000501e00002ea")
VERSION = bytes.fromhex("00050000")
SIZE = bytes.fromhex("00070002") + (500).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"", Wishes()),
        (GROUP + VERSION + SIZE, Wishes(group=ip_address("224.0.2.234"))),
        (VERSION + SIZE, Wishes(wants_version=True, size=500)),
        (VERSION + bytes.fromhex("0007000101") + GROUP, Wishes(wants_version=True)),
        (bytes.fromhex("000700020000") + GROUP, Wishes(group=ip_address("224.0.2.234"))),
        (VERSION + bytes.fromhex("0004000402e00002"), Wishes(wants_version=True)),
        (VERSION + bytes.fromhex("00040000"), Wishes(wants_version=True)),
        (VERSION + SIZE[:-1], Wishes(wants_version=True)),
        (b"\0\x04\xff\xff" + GROUP, Wishes()),
    ],
    ids=[
        "nothing",
        "behind the group",
        "no group",
        "bad size",
        "size 0",
        "bad group",
        "empty",
        "cut",
        "long",
    ],
)
def test_what_stands_before_the_damage_counts(rest, expected):
    assert ssmping.wishes(HEAD + rest) == expected


@pytest.mark.parametrize("data", [b"", b"A", b"I", HEAD.replace(b"Q", b"A", 1)])
def test_what_is_no_request_is_none(data):
    assert ssmping.wishes(data) is None


def test_a_size_without_room_for_padding_pads_nothing():
    request = HEAD + GROUP
    for size in (1, 38, 41):
        assert len(ssmping.reply(request, Wishes(size=size))) == 38
    assert ssmping.reply(request, Wishes(size=42)).endswith(b"\0\x08\0\0")
    assert len(ssmping.reply(request, Wishes(size=MOST_SIZE))) == MOST_SIZE


def test_a_reply_that_was_cut_is_read_up_to_there():
    whole = ssmping.reply(HEAD + GROUP, Wishes(wants_version=True, size=1400))
    assert ssmping.echo(whole[:1024]) == Echo(
        pid=7, sequence=1, stamp_us=0, server_version=SERVER_VERSION.decode()
    )


@pytest.mark.parametrize("missing", [1, 9, 17])
def test_a_reply_without_what_the_client_sent_is_malformed(missing):
    with pytest.raises(Malformed, match="without its client's"):
        ssmping.echo(HEAD[:missing])


def test_a_version_cannot_write_on_the_terminal():
    data = HEAD + b"\0\x06\0\x0a" + b"\x1b[2Jx\xff\0gone"[:10]
    assert ssmping.echo(data).server_version == "?[2Jx?"


# --- fuzz -------------------------------------------------------------------------------------------------

groups = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
u32 = st.integers(0, 2**32 - 1)
requests = st.builds(
    Request,
    pid=u32,
    sequence=u32,
    stamp_us=st.integers(0, 2**32 * 10**6 - 1),
    group=groups,
    wants_version=st.booleans(),
    size=st.none() | st.integers(1, MOST_SIZE),
)


@given(requests)
def test_any_request_comes_back(request):
    data = ssmping.encode(request)
    seen = ssmping.echo(data)
    assert (seen.pid, seen.sequence, seen.stamp_us) == (request.pid, request.sequence, request.stamp_us)
    assert ssmping.wishes(data) == Wishes(
        group=request.group, wants_version=request.wants_version, size=request.size
    )


@given(requests, st.data())
def test_damage_raises_nothing_but_malformed(request, data):
    message = bytearray(ssmping.encode(request))
    for at in data.draw(st.lists(st.integers(1, len(message) - 1), max_size=4)):
        message[at] = data.draw(st.integers(0, 255))
    cut = bytes(message[: data.draw(st.integers(1, len(message)))])
    asked = ssmping.wishes(cut)
    assert asked is not None
    answer = ssmping.reply(cut, asked)
    assert len(answer) == asked.reply_bytes(len(cut))
    assert answer[1 : len(cut)] == cut[1:]
    with suppress(Malformed):
        ssmping.echo(answer)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    ssmping.wishes(data)
    with suppress(Malformed):
        ssmping.echo(data)
