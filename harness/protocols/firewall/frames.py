"""Frames of IGMP, MLD and PIM as the packets that a firewall rules on, and the datagrams of a stream."""

from __future__ import annotations

from collections.abc import Sequence

from harness.protocols.firewall.packet import ICMP, ICMPV6, IGMP, UDP, Packet
from harness.wire import ethernet, ipv4, ipv6
from harness.wire.membership import Address

EPHEMERAL_PORT = 40000
"""The source port of a sender that asked for none; Linux takes one of 32768 to 60999."""
_WITH_TYPES = frozenset({ICMP, IGMP, ICMPV6})
_ETHERTYPE_IPV4 = 0x0800
_IPV4_HEADER, _IPV6_HEADER, _FRAGMENT_HEADER = 20, 40, 8


def packet_of(frame: bytes) -> Packet:
    """The packet in an Ethernet frame. Raises Malformed."""
    whole = ethernet.decode(frame)
    if whole.ethertype == _ETHERTYPE_IPV4:
        four = ipv4.decode(whole.payload)
        return Packet(
            protocol=four.protocol,
            source=four.source,
            destination=four.destination,
            message_type=_first_octet(four.protocol, four.payload),
            hops=four.ttl,
            size=int.from_bytes(whole.payload[2:4], "big"),
        )
    six = ipv6.decode(whole.payload)
    return Packet(
        protocol=six.protocol,
        source=six.source,
        destination=six.destination,
        message_type=_first_octet(six.protocol, six.payload),
        hops=six.hop_limit,
        size=_IPV6_HEADER + int.from_bytes(whole.payload[4:6], "big"),
        hop_by_hop=whole.payload[6] == 0,
    )


def datagram_of(source: Address, destination: Address, port: int, hops: int, sizes: Sequence[int]) -> Packet:
    """A datagram of a stream, of one IP packet or, where ``sizes`` has several, of fragments."""
    header = _IPV4_HEADER if destination.version == 4 else _IPV6_HEADER
    repeated = header if destination.version == 4 else header + _FRAGMENT_HEADER
    fragments = tuple(sizes) if len(sizes) > 1 else ()
    return Packet(
        protocol=UDP,
        source=source,
        destination=destination,
        source_port=EPHEMERAL_PORT,
        destination_port=port,
        hops=hops,
        size=header + sum(size - repeated for size in fragments) if fragments else sizes[0],
        fragments=fragments,
    )


def _first_octet(protocol: int, payload: bytes) -> int | None:
    return payload[0] if protocol in _WITH_TYPES and payload else None
