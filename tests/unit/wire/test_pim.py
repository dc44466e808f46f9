"""PIM hellos: octets, round trips in both families, damage."""

import math
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_messages import ADDRESSES_V4, ADDRESSES_V6

from harness.wire import ethernet, ipv4, pim
from harness.wire.checksum import with_checksum
from harness.wire.malformed import Malformed

MAC = bytes.fromhex("52cccccccc0d")
ROUTER = IPv4Address("10.77.255.1")
hold_times = st.integers(0, 65534).map(float) | st.just(math.inf)
hellos = st.builds(pim.Hello, source=ADDRESSES_V4 | ADDRESSES_V6, hold_time_s=hold_times)


def frame_of(message):
    """A PIM message in an IPv4 frame, with its checksum put right if it is long enough to have one."""
    packet = ipv4.Ipv4Packet(
        source=ROUTER,
        destination=pim.ALL_PIM_ROUTERS_V4,
        protocol=pim.PROTOCOL_PIM,
        ttl=1,
        payload=with_checksum(message) if len(message) >= 4 else message,
    )
    return ethernet.encode(
        ethernet.EthernetFrame(
            destination=ethernet.multicast_mac(packet.destination),
            source=MAC,
            ethertype=ethernet.ETHERTYPE_IPV4,
            payload=ipv4.encode(packet),
        )
    )


@given(hellos, st.binary(max_size=20))
def test_hellos_round_trip_whatever_pads_the_frame(hello, padding):
    assert pim.parse_hello(pim.hello_frame(hello, source_mac=MAC) + padding) == hello


def test_octets_on_the_wire():
    """RFC 7761 sections 4.9 and 4.9.2; to 224.0.0.13 with TTL 1 (section 4.3.1)."""
    frame = pim.hello_frame(pim.Hello(source=ROUTER), source_mac=MAC)
    assert frame[:6].hex() == "01005e00000d"
    read = ipv4.decode(frame[14:])
    assert (read.protocol, read.ttl, str(read.destination)) == (103, 1, "224.0.0.13")
    assert read.payload.hex() == "2000df93000100020069"


def test_a_hello_over_ipv6_goes_to_all_pim_routers():
    frame = pim.hello_frame(pim.Hello(source=IPv6Address("fe80::1"), hold_time_s=7.5), source_mac=MAC)
    assert frame[:6].hex() == "33330000000d"
    assert pim.parse_hello(frame) == pim.Hello(source=IPv6Address("fe80::1"), hold_time_s=8.0)


def test_other_options_are_stepped_over_and_their_absence_means_the_default():
    """RFC 7761 section 4.9.2: options are type, length and value; DR priority is 19, generation 20."""
    others = bytes.fromhex("0013000400000001 00140004deadbeef")
    assert pim.parse_hello(frame_of(b"\x20\0\0\0" + others)) == pim.Hello(source=ROUTER, hold_time_s=105.0)
    held = bytes.fromhex("000100020003")
    found = pim.parse_hello(frame_of(b"\x20\0\0\0" + others[:8] + held + others[8:]))
    assert found == pim.Hello(source=ROUTER, hold_time_s=3.0)


@pytest.mark.parametrize("first", [0x23, 0x10])
def test_joins_and_other_versions_are_no_hello(first):
    assert pim.parse_hello(frame_of(bytes([first, 0, 0, 0]))) is None


@pytest.mark.parametrize("hold_time_s", [-1.0, 65535.0, 1e9])
def test_a_hold_time_that_the_wire_has_no_room_for_is_refused(hold_time_s):
    with pytest.raises(ValueError, match="0 to 65534 s or for ever"):
        pim.hello_frame(pim.Hello(source=ROUTER, hold_time_s=hold_time_s), source_mac=MAC)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("200000", "at least 4 bytes"),
        ("20000000 0001", "past the end"),
        ("20000000 0001 0004 0069", "past the end"),
        ("20000000 0001 0001 69", "has 2 bytes"),
    ],
)
def test_damage(message, sentence):
    with pytest.raises(Malformed, match=sentence):
        pim.parse_hello(frame_of(bytes.fromhex(message)))


def test_a_wrong_checksum_is_damage():
    frame = bytearray(pim.hello_frame(pim.Hello(source=ROUTER), source_mac=MAC))
    frame[-1] ^= 1
    with pytest.raises(Malformed, match="checksum"):
        pim.parse_hello(bytes(frame))
