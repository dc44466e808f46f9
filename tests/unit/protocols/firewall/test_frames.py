"""Frames and datagrams as packets: the fields that rules ask for."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from harness.protocols.firewall.frames import datagram_of, packet_in
from harness.protocols.firewall.packet import ICMPV6, IGMP
from harness.wire import igmp, mld
from harness.wire.membership import Query, Report

MAC = bytes(5) + b"\1"


def test_a_frame_of_igmp():
    source = IPv4Address("10.0.0.1")
    frame = igmp.igmp_frame(
        Report(version=2, group=IPv4Address("239.192.0.1")), source=source, source_mac=MAC
    )
    packet = packet_in(frame)
    assert (packet.protocol, packet.message_type, packet.hops) == (IGMP, 0x16, 1)
    assert (packet.source, packet.destination) == (source, IPv4Address("239.192.0.1"))
    assert packet.size == len(frame) - 14


def test_a_frame_of_mld():
    source = IPv6Address("fe80::1")
    frame = mld.mld_frame(Query(version=1), source=source, source_mac=MAC)
    packet = packet_in(frame)
    assert (packet.protocol, packet.message_type, packet.hops) == (ICMPV6, 130, 1)
    assert (packet.source, packet.destination) == (source, IPv6Address("ff02::1"))
    assert packet.hop_by_hop
    assert packet.size == len(frame) - 14


@pytest.mark.parametrize(
    ("group", "sizes", "whole"),
    [
        ("239.192.0.1", (128,), 128),
        ("239.192.0.1", (1500, 548), 2028),
        ("ff15::1:2", (1496, 608), 2048),
    ],
)
def test_a_datagram_has_its_whole_size(group, sizes, whole):
    to = ip_address(group)
    source = ip_address("10.0.0.1" if to.version == 4 else "fd00::1")
    packet = datagram_of(source, to, 5405, 1, sizes)
    assert (packet.size, packet.fragments) == (whole, sizes if len(sizes) > 1 else ())
    assert (packet.destination_port, packet.hops) == (5405, 1)
