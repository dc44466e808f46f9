"""IGMP codec: what the RFCs' examples say, round trips, and damage."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_messages import ADDRESSES_V4, IGMP_MESSAGES

from harness.wire import ethernet, igmp
from harness.wire.checksum import with_checksum
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import ControlFrame, GroupRecord, Leave, Query, RecordReport, RecordType, Report

GROUP = IPv4Address("239.192.1.1")
GROUP_V6 = IPv6Address("ff02::db8:1")
HOST = IPv4Address("10.77.0.3")
MAC = bytes.fromhex("52cccccccc03")


@given(IGMP_MESSAGES)
def test_what_is_encoded_is_decoded(message):
    assert igmp.decode(igmp.encode(message)) == message


@given(IGMP_MESSAGES, ADDRESSES_V4)
def test_frames_carry_the_message_and_its_sender(message, source):
    frame = igmp.igmp_frame(message, source_mac=MAC, source=source)
    read = igmp.parse_igmp_frame(frame)
    assert read is not None
    assert (read.message, read.source, read.source_mac) == (message, source, MAC)
    assert (read.hops, read.traffic_class, read.router_alert) == (1, 0xC0, True)


@given(IGMP_MESSAGES, st.binary(max_size=20))
def test_padding_of_a_short_frame_is_ignored(message, padding):
    frame = igmp.igmp_frame(message, source_mac=MAC, source=HOST)
    read = igmp.parse_igmp_frame(frame + padding)
    assert read is not None and read.message == message


@given(IGMP_MESSAGES, st.data())
def test_any_flipped_bit_of_the_payload_is_malformed(message, data):
    """One flipped bit never passes the checksum (RFC 1071)."""
    encoded = bytearray(igmp.encode(message))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Malformed):
        igmp.decode(bytes(encoded))


@given(IGMP_MESSAGES, st.data())
def test_a_damaged_frame_raises_nothing_but_malformed(message, data):
    frame = bytearray(igmp.igmp_frame(message, source_mac=MAC, source=HOST))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(frame[: data.draw(st.integers(0, len(frame)))])
    try:
        read = igmp.parse_igmp_frame(cut)
    except Malformed:
        return
    assert read is None or isinstance(read, ControlFrame)


@given(st.binary(min_size=8, max_size=80))
def test_any_payload_with_a_right_checksum_is_read_or_malformed(data):
    try:
        message = igmp.decode(with_checksum(data))
    except Malformed:
        return
    assert isinstance(message, Query | Report | RecordReport | Leave)


@pytest.mark.parametrize(
    ("message", "octets"),
    [
        (Query(version=1), "1100 eeff 00000000"),
        (Query(version=2), "1164 ee9b 00000000"),
        (Query(version=2, group=GROUP, max_response_s=1.0), "110a fe33 efc00101"),
        (Report(version=1, group=GROUP), "1200 fd3d efc00101"),
        (Report(version=2, group=GROUP), "1600 f93d efc00101"),
        (Leave(group=GROUP), "1700 f83d efc00101"),
        (Query(version=3, robustness=2, query_interval_s=125.0), "1164 ec1e 00000000 027d 0000"),
        (
            RecordReport(records=(GroupRecord(type=RecordType.TO_EX, group=GROUP),)),
            "2200 e93c 0000 0001 0400 0000 efc00101",
        ),
    ],
)
def test_octets_on_the_wire(message, octets):
    """RFC 1112 appendix I, RFC 2236 section 2, RFC 9776 sections 4.1 and 4.2."""
    assert igmp.encode(message) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    ("version", "seconds", "heard"),
    [
        (1, 10.0, 10.0),
        (2, 10.0, 10.0),
        (2, 0.3, 0.3),  # 0.3 * 10 is 3.0000000000000004 in binary
        (2, 0.01, 0.1),
        (2, 0.101, 0.2),
        (2, 25.5, 25.5),
        (3, 12.7, 12.7),
        (3, 12.8, 12.8),
        (3, 12.9, 13.6),
        (3, 0.00000001, 0.1),
        (3, 0.0, 0.0),
        (3, 24.9, 25.6),
        (3, 3174.4, 3174.4),
    ],
)
def test_max_response_time_is_rounded_up_to_what_the_wire_can_say(version, seconds, heard):
    """RFC 9776 section 4.1.1; a code of 0 in version 2 would be a version 1 query (RFC 2236 section 4)."""
    assert igmp.representable_response_s(seconds, version) == heard
    decoded = igmp.decode(igmp.encode(Query(version=version, max_response_s=seconds)))
    assert decoded == Query(version=version, max_response_s=heard)


@given(st.floats(0.0001, 3174.4))
def test_rounding_never_shortens_and_stays_within_a_sixteenth(seconds):
    heard = igmp.representable_response_s(seconds, 3)
    assert seconds - 1e-6 <= heard <= max(seconds + 0.1 + 1e-6, seconds * 17 / 16 + 0.1)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (Query(version=2, max_response_s=0.0), "is a version 1 query"),
        (Query(version=1, group=GROUP), "names no group"),
        (Query(version=2, sources=(HOST,)), "need version 3"),
        (Query(version=1, suppress=True), "need version 3"),
        (Query(version=4), "no query of IGMP version 4"),
        (Query(version=2, max_response_s=25.6), "at most 25.5 s"),
        (Query(version=3, max_response_s=3174.5), "holds 0 to 31744 units, not 31745"),
        (Query(version=3, query_interval_s=31745.0), "holds 0 to 31744 units"),
        (Query(version=3, sources=(HOST,) * 65536), "cannot count 65536"),
        (Report(version=3, group=GROUP), "versions 1 and 2, not 3"),
        (Leave(group=GROUP_V6), "IGMP speaks of IPv4, and ff02::db8:1 is none"),
        (Query(version=3, sources=(HOST, GROUP_V6)), "speaks of IPv4"),
        (RecordReport(records=(GroupRecord(type=RecordType.IS_EX, group=GROUP_V6),)), "speaks of IPv4"),
    ],
)
def test_what_the_wire_cannot_say_is_refused(message, sentence):
    with pytest.raises(ValueError, match=sentence):
        igmp.encode(message)


def test_a_report_cannot_go_to_one_host():
    with pytest.raises(ValueError, match="not a multicast group"):
        igmp.igmp_frame(Report(version=2, group=HOST), source_mac=MAC, source=HOST)


@pytest.mark.parametrize("length", [9, 10, 11])
def test_no_version_of_the_query_is_that_long(length):
    """RFC 9776 section 7.1: such queries are ignored."""
    with pytest.raises(Malformed, match="no version"):
        igmp.decode(with_checksum(bytes([0x11, 100]) + bytes(length - 2)))


def test_unknown_types_are_told_apart_from_damage():
    """RFC 4541 section 2.1.1 (3): they are flooded."""
    with pytest.raises(UnknownType, match="0x30"):
        igmp.decode(with_checksum(bytes([0x30, 0]) + bytes(6)))


def test_auxiliary_data_and_unknown_records_are_stepped_over():
    """RFC 9776 sections 4.2.10 and 4.2.13."""
    odd = bytes([99, 1, 0, 0]) + GROUP.packed + b"\xab\xcd\xef\x01"
    good = bytes([2, 0, 0, 0]) + GROUP.packed
    report = igmp.decode(with_checksum(bytes([0x22, 0, 0, 0, 0, 0, 0, 2]) + odd + good))
    assert report == RecordReport(records=(GroupRecord(type=RecordType.IS_EX, group=GROUP),))


@pytest.mark.parametrize(
    "body",
    [
        bytes([2, 0, 0, 0]),
        bytes([2, 0, 0, 9]) + GROUP.packed,
        bytes([2, 9, 0, 0]) + GROUP.packed,
    ],
)
def test_records_that_point_past_the_end_are_malformed(body):
    with pytest.raises(Malformed, match="past the end"):
        igmp.decode(with_checksum(bytes([0x22, 0, 0, 0, 0, 0, 0, 1]) + body))


@pytest.mark.parametrize(
    ("message", "destination"),
    [
        (Query(), "224.0.0.1"),
        (Query(group=GROUP, max_response_s=1.0), "239.192.1.1"),
        (Report(version=1, group=GROUP), "239.192.1.1"),
        (Report(version=2, group=GROUP), "239.192.1.1"),
        (Leave(group=GROUP), "224.0.0.2"),
        (RecordReport(records=()), "224.0.0.22"),
    ],
)
def test_destinations(message, destination):
    """RFC 2236 section 9, RFC 9776 section 4.2.14; the MAC address follows (RFC 1112 section 6.4)."""
    frame = igmp.igmp_frame(message, source_mac=MAC, source=HOST)
    read = igmp.parse_igmp_frame(frame)
    assert read is not None and str(read.destination) == destination
    assert frame[:6] == ethernet.multicast_mac(IPv4Address(destination))
    assert frame[15] == 0xC0


def test_a_given_destination_wins():
    """Stacks that report to 224.0.0.2 exist; a lab can play one."""
    frame = igmp.igmp_frame(
        Report(version=2, group=GROUP), source_mac=MAC, source=HOST, destination=igmp.ALL_ROUTERS
    )
    read = igmp.parse_igmp_frame(frame)
    assert read is not None and read.destination == igmp.ALL_ROUTERS


def test_a_frame_can_be_wrong_on_purpose():
    router = IPv4Address("10.77.255.1")
    frame = igmp.igmp_frame(
        Query(),
        source_mac=bytes(6),
        source=IPv4Address("10.77.0.1"),
        destination=router,
        destination_mac=bytes.fromhex("020a00000001"),
        hops=64,
        router_alert=False,
    )
    assert frame[:6] == bytes.fromhex("020a00000001")
    read = igmp.parse_igmp_frame(frame)
    assert (read.destination, read.hops, read.router_alert) == (router, 64, False)
