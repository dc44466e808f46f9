"""Ethernet and IPv4 headers."""

import contextlib
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import ethernet, igmp, ipv4, mld, pim
from harness.wire.checksum import checksum
from harness.wire.malformed import Malformed

addresses = st.integers(0, 0xFFFFFFFF).map(IPv4Address)
packets = st.builds(
    ipv4.Ipv4Packet,
    source=addresses,
    destination=addresses,
    protocol=st.integers(0, 255),
    ttl=st.integers(0, 255),
    tos=st.integers(0, 255),
    router_alert=st.booleans(),
    payload=st.binary(max_size=64),
)
UDP = ipv4.Ipv4Packet(
    source=IPv4Address("10.77.0.1"), destination=IPv4Address("239.192.1.1"), protocol=17, ttl=1, payload=b"x"
)


def frame_of(packet: bytes, ethertype: int = ethernet.ETHERTYPE_IPV4) -> bytes:
    return ethernet.encode(
        ethernet.EthernetFrame(destination=b"\1" * 6, source=b"\2" * 6, ethertype=ethertype, payload=packet)
    )


@given(packets, st.binary(max_size=9))
def test_packets_round_trip_and_lose_their_padding(packet, padding):
    assert ipv4.decode(ipv4.encode(packet) + padding) == packet


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_malformed(data):
    with contextlib.suppress(Malformed):
        assert isinstance(ipv4.decode(data), ipv4.Ipv4Packet)


@given(st.binary(max_size=60))
def test_data_with_its_checksum_sums_to_zero(data):
    """RFC 1071."""
    even = data + b"\0" * (len(data) % 2)
    assert checksum(even + checksum(even).to_bytes(2, "big")) == 0


@pytest.mark.parametrize(
    ("group", "mac"),
    [
        ("224.0.0.1", "01005e000001"),
        ("239.192.1.1", "01005e400101"),
        ("239.128.0.1", "01005e000001"),
        ("225.64.1.1", "01005e400101"),
        ("ff02::1", "333300000001"),
        ("ff3e::8000:1:2", "333300010002"),
        ("ff05::ffff:ffff", "3333ffffffff"),
    ],
)
def test_group_addresses_map_to_mac_addresses(group, mac):
    """RFC 1112 section 6.4: 32 groups share an address; RFC 2464 section 7."""
    assert ethernet.multicast_mac(ip_address(group)).hex() == mac


@pytest.mark.parametrize("address", ["10.0.0.1", "fe80::1"])
def test_a_unicast_address_has_no_group_mac(address):
    with pytest.raises(ValueError, match="not a multicast group"):
        ethernet.multicast_mac(ip_address(address))


def test_a_short_frame_is_malformed():
    with pytest.raises(Malformed, match="14 bytes"):
        ethernet.decode(b"\0" * 13)


def test_router_alert_is_found_behind_other_options():
    """RFC 791 section 3.1: one-octet options have no length."""
    packet = bytearray(ipv4.encode(replace(UDP, router_alert=True)))
    packet[20:24] = b""
    options = b"\x01\x07\x03\x00\x94\x04\x00\x00"
    packet[20:20] = options
    packet[0] = 0x47
    packet[2:4] = len(packet).to_bytes(2, "big")
    packet[10:12] = b"\0\0"
    packet[10:12] = checksum(bytes(packet[:28])).to_bytes(2, "big")
    assert ipv4.decode(bytes(packet)).router_alert


def test_fragments_are_malformed():
    packet = bytearray(ipv4.encode(UDP))
    packet[6:8] = b"\x20\x00"
    packet[10:12] = b"\0\0"
    packet[10:12] = checksum(bytes(packet[:20])).to_bytes(2, "big")
    with pytest.raises(Malformed, match="fragment"):
        ipv4.decode(bytes(packet))


def test_a_packet_longer_than_its_length_field_is_refused():
    with pytest.raises(ValueError, match="65535"):
        ipv4.encode(replace(UDP, payload=bytes(65535)))


@pytest.mark.parametrize("parse", [igmp.parse_igmp_frame, mld.parse_mld_frame, pim.parse_hello])
def test_other_traffic_is_nothing_to_a_switch(parse):
    assert parse(frame_of(ipv4.encode(UDP))) is None
    assert parse(frame_of(b"", ethertype=0x0806)) is None
