"""MLD codec: what the RFCs say octet by octet, round trips, and what cannot be said."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_messages import ADDRESSES_V6, MLD_MESSAGES

from harness.wire import ethernet, ipv6, mld
from harness.wire.checksum import checksum, pseudo_header, with_checksum
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import GroupRecord, Leave, Query, RecordReport, RecordType, Report

GROUP = IPv6Address("ff15::db8:1")
HOST = IPv6Address("fe80::3")
GLOBAL = IPv6Address("2001:db8::1")
MAC = bytes.fromhex("52cccccccc03")


def summed(data):
    before = pseudo_header(HOST, mld.ALL_NODES, len(data), ipv6.PROTOCOL_ICMPV6)
    return with_checksum(data, before=before)


def decoded(data):
    return mld.decode(data, source=HOST, destination=mld.ALL_NODES)


@given(MLD_MESSAGES, ADDRESSES_V6, ADDRESSES_V6)
def test_what_is_encoded_is_decoded(message, source, destination):
    data = mld.encode(message, source=source, destination=destination)
    assert mld.decode(data, source=source, destination=destination) == message


@given(MLD_MESSAGES, ADDRESSES_V6, st.binary(max_size=20))
def test_frames_carry_the_message_and_its_sender_whatever_pads_them(message, source, padding):
    read = mld.parse_mld_frame(mld.mld_frame(message, source_mac=MAC, source=source) + padding)
    assert read is not None
    assert (read.message, read.source, read.source_mac) == (message, source, MAC)
    assert (read.hops, read.traffic_class, read.router_alert) == (1, 0, True)


@pytest.mark.parametrize(
    ("message", "octets"),
    [
        (Query(version=1), "8200 .... 2710 0000" + "00" * 16),
        (Query(version=1, group=GROUP, max_response_s=1.0), "8200 .... 03e8 0000" + GROUP.packed.hex()),
        (Report(version=1, group=GROUP), "8300 .... 0000 0000" + GROUP.packed.hex()),
        (Leave(group=GROUP), "8400 .... 0000 0000" + GROUP.packed.hex()),
        (
            Query(version=2, max_response_s=32.768, robustness=2, query_interval_s=125.0, suppress=True),
            "8200 .... 8000 0000" + "00" * 16 + "0a7d 0000",
        ),
        (
            RecordReport(
                records=(GroupRecord(type=RecordType.TO_EX, group=GROUP, sources=(GLOBAL,)),),
            ),
            "8f00 .... 0000 0001 0400 0001" + GROUP.packed.hex() + GLOBAL.packed.hex(),
        ),
    ],
)
def test_octets_on_the_wire(message, octets):
    """RFC 2710 section 3, RFC 9777 sections 5.1 and 5.2; the checksum is that of RFC 8200 section 8.1."""
    data = mld.encode(message, source=HOST, destination=mld.ALL_NODES)
    wanted = bytes.fromhex(octets.replace("....", data[2:4].hex()))
    assert data == wanted
    assert checksum(HOST.packed + mld.ALL_NODES.packed + bytes([0, 0, 0, len(data), 0, 0, 0, 58]) + data) == 0


@pytest.mark.parametrize(
    ("version", "seconds", "heard"),
    [
        (1, 10.0, 10.0),
        (1, 0.0, 0.0),
        (1, 0.0003, 0.001),
        (1, 1.0011, 1.002),
        (1, 65.535, 65.535),
        (2, 32.767, 32.767),
        (2, 32.769, 32.776),
        (2, 65.535, 65.536),
        (2, 0.000001, 0.001),
        (2, 8387.584, 8387.584),
    ],
)
def test_max_response_delay_is_rounded_up_to_what_the_wire_can_say(version, seconds, heard):
    """RFC 2710 section 3.4, RFC 9777 section 5.1.3."""
    assert mld.representable_response_s(seconds, version) == heard
    data = mld.encode(Query(version=version, max_response_s=seconds), source=HOST, destination=mld.ALL_NODES)
    assert decoded(data) == Query(version=version, max_response_s=heard)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (Query(version=3), "no query of MLD version 3"),
        (Query(version=1, max_response_s=65.536), "at most 65.535 s"),
        (Query(version=2, max_response_s=8387.585), "holds 0 to 8387584 units"),
        (Query(version=1, robustness=2), "need version 2 of MLD"),
        (Query(version=1, sources=(GLOBAL,)), "need version 2 of MLD"),
        (Report(version=2, group=GROUP), "version 1 only, not 2"),
        (Leave(group=IPv4Address("239.192.1.1")), "MLD speaks of IPv6, and 239.192.1.1 is none"),
        (Query(version=2, sources=(IPv4Address("10.0.0.1"),)), "speaks of IPv6"),
    ],
)
def test_what_the_wire_cannot_say_is_refused(message, sentence):
    with pytest.raises(ValueError, match=sentence):
        mld.encode(message, source=HOST, destination=mld.ALL_NODES)


@pytest.mark.parametrize("length", [25, 26, 27])
def test_no_version_of_the_query_is_that_long(length):
    """RFC 9777 section 8.1: such queries are ignored."""
    with pytest.raises(Malformed, match="no version"):
        decoded(summed(bytes([130]) + bytes(length - 1)))


def test_a_checksum_for_other_addresses_is_wrong():
    """The pseudo header binds a message to its packet."""
    data = mld.encode(Query(version=1), source=HOST, destination=mld.ALL_NODES)
    with pytest.raises(Malformed, match="checksum"):
        mld.decode(data, source=GLOBAL, destination=mld.ALL_NODES)


def test_other_icmpv6_is_unknown_as_a_message_and_nothing_as_a_frame():
    """Discovery of neighbours goes to multicast addresses too."""
    solicitation = bytes([135, 0, 0, 0]) + bytes(20)
    with pytest.raises(UnknownType, match="135"):
        decoded(summed(solicitation))
    packet = ipv6.Ipv6Packet(
        source=HOST,
        destination=IPv6Address("ff02::1:ff00:1"),
        protocol=ipv6.PROTOCOL_ICMPV6,
        hop_limit=255,
        payload=solicitation,
    )
    frame = ethernet.EthernetFrame(
        destination=ethernet.multicast_mac(packet.destination),
        source=MAC,
        ethertype=ethernet.ETHERTYPE_IPV6,
        payload=ipv6.encode(packet),
    )
    assert mld.parse_mld_frame(ethernet.encode(frame)) is None


def test_auxiliary_data_and_unknown_records_are_stepped_over():
    """RFC 9777 sections 5.2.6 and 5.2.12: auxiliary data counts words of 32 bits."""
    odd = bytes([99, 1, 0, 0]) + GROUP.packed + b"\xab\xcd\xef\x01"
    good = bytes([2, 0, 0, 0]) + GROUP.packed
    report = decoded(summed(bytes([143, 0, 0, 0, 0, 0, 0, 2]) + odd + good))
    assert report == RecordReport(records=(GroupRecord(type=RecordType.IS_EX, group=GROUP),))


@pytest.mark.parametrize(
    ("message", "destination"),
    [
        (Query(version=1), "ff02::1"),
        (Query(version=2, group=GROUP), str(GROUP)),
        (Report(version=1, group=GROUP), str(GROUP)),
        (Leave(group=GROUP), "ff02::2"),
        (RecordReport(records=()), "ff02::16"),
    ],
)
def test_destinations(message, destination):
    """RFC 2710 section 3.4, RFC 9777 sections 5.1.15 and 5.2.14; the MAC address follows (RFC 2464)."""
    frame = mld.mld_frame(message, source_mac=MAC, source=HOST)
    read = mld.parse_mld_frame(frame)
    assert read is not None and str(read.destination) == destination
    assert frame[:6] == ethernet.multicast_mac(IPv6Address(destination))


def test_a_frame_can_be_wrong_on_purpose():
    frame = mld.mld_frame(
        Query(version=1),
        source_mac=MAC,
        source=GLOBAL,
        destination=HOST,
        destination_mac=bytes(6),
        hops=64,
        router_alert=False,
    )
    assert frame[:6] == bytes(6)
    read = mld.parse_mld_frame(frame)
    assert (read.destination, read.hops, read.router_alert) == (HOST, 64, False)
