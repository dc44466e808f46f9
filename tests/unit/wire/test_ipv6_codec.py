"""IPv6 headers and their options."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import ipv6
from harness.wire.malformed import Malformed

addresses = st.integers(0, 2**128 - 1).map(IPv6Address)
packets = st.builds(
    ipv6.Ipv6Packet,
    source=addresses,
    destination=addresses,
    protocol=st.sampled_from((6, 17, 44, 58, 59, 103)),
    hop_limit=st.integers(0, 255),
    traffic_class=st.integers(0, 255),
    router_alert=st.booleans(),
    payload=st.binary(max_size=64),
)
UDP, ICMPV6 = 17, 58


def packet(first_header, rest):
    head = ipv6.HEADER.pack(6 << 28 | 0x12345, len(rest), first_header, 1, bytes(16), bytes(16))
    return head + rest


@given(packets, st.binary(max_size=9))
def test_packets_round_trip_and_lose_their_padding(packet, padding):
    assert ipv6.decode(ipv6.encode(packet) + padding) == packet


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("05020000 0100", True),
        ("0100 05020000", True),
        ("00 0101ff 0502000000 00", None),
        ("0000 05020000", True),
        ("05020001 0100", False),  # RSVP
        ("c2040000 0000", False),  # a jumbo payload's option
        ("010400000000", False),
    ],
)
def test_the_router_alert_of_mld_is_found_among_the_options(options, found):
    """RFC 2711 section 2.1: the value 0 is MLD's."""
    data = bytes.fromhex(options.replace(" ", ""))
    padded = data + bytes(-(len(data) + 2) % 8)
    read = ipv6.decode(packet(0, bytes([ICMPV6, (len(padded) + 2) // 8 - 1]) + padded + b"x"))
    assert (read.protocol, read.payload) == (ICMPV6, b"x")
    assert found is None or read.router_alert is found


def test_routing_headers_and_destination_options_are_stepped_over():
    """RFC 8200 section 4.1."""
    routing = bytes([60, 0]) + bytes(6)
    options = bytes([UDP, 1]) + bytes(14)
    read = ipv6.decode(packet(43, routing + options + b"data"))
    assert (read.protocol, read.payload) == (UDP, b"data")


def test_a_fragment_is_a_packet_of_its_own_protocol():
    fragment = bytes([ICMPV6, 0, 0, 1, 0, 0, 0, 7]) + bytes([130, 0])
    read = ipv6.decode(packet(44, fragment))
    assert (read.protocol, read.payload) == (ipv6.PROTOCOL_FRAGMENT, fragment)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (bytes(39), "has 40 bytes, here are 39"),
        (packet(UDP, b"data")[:-1], "length"),
        (b"\x40" + packet(UDP, b"data")[1:], "version"),
        (packet(0, b""), "extension header"),
        (packet(0, bytes([ICMPV6, 1]) + bytes(6)), "extension header"),
        (packet(0, bytes([ICMPV6, 0, 5, 9, 0, 0, 0, 0])), "hop-by-hop option"),
        (packet(0, bytes([ICMPV6, 0, 1, 3, 0, 0, 0, 5])), "hop-by-hop option"),
    ],
)
def test_damage(data, sentence):
    with pytest.raises(Malformed, match=sentence):
        ipv6.decode(data)


def test_a_payload_longer_than_its_length_field_is_refused():
    with pytest.raises(ValueError, match="65535"):
        ipv6.encode(
            ipv6.Ipv6Packet(
                source=IPv6Address(1),
                destination=IPv6Address(2),
                protocol=UDP,
                hop_limit=1,
                router_alert=True,
                payload=bytes(65535),
            )
        )
