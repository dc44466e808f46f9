"""What moves in a network of the harness as packets that a firewall rules on: its frames, its datagrams.

Only frames that a machine of the harness made are read here, so nothing is checked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from harness.protocols.firewall.packet import UDP, Packet, State
from harness.wire.membership import Address

EPHEMERAL_PORT = 40000
"""The source port of a sender that asked for none; Linux takes one from 32768 to 60999."""
_ETHERTYPE_IPV4 = b"\x08\x00"
_IPV4_HEADER, _IPV6_HEADER, _FRAGMENT_HEADER = 20, 40, 8


def packet_in(frame: bytes) -> Packet:
    """The packet of a whole Ethernet frame that carries IGMP or MLD."""
    if frame[12:14] == _ETHERTYPE_IPV4:
        header = 14 + (frame[14] & 0x0F) * 4
        return Packet(
            protocol=frame[23],
            source=IPv4Address(frame[26:30]),
            destination=IPv4Address(frame[30:34]),
            message_type=frame[header],
            hops=frame[22],
            size=int.from_bytes(frame[16:18], "big"),
        )
    hop_by_hop = frame[20] == 0
    start = 54 + (frame[55] + 1) * 8 if hop_by_hop else 54
    return Packet(
        protocol=frame[54] if hop_by_hop else frame[20],
        source=IPv6Address(frame[22:38]),
        destination=IPv6Address(frame[38:54]),
        message_type=frame[start],
        message_code=frame[start + 1],
        hops=frame[21],
        size=40 + int.from_bytes(frame[18:20], "big"),
        hop_by_hop=hop_by_hop,
    )


def datagram_of(
    source: Address,
    destination: Address,
    port: int,
    hops: int,
    sizes: Sequence[int],
    *,
    source_port: int = EPHEMERAL_PORT,
    state: State | None = None,
) -> Packet:
    """A datagram; ``sizes`` are those of its IP packets in bytes, several if it is fragmented."""
    header = _IPV4_HEADER if destination.version == 4 else _IPV6_HEADER
    repeated = header if destination.version == 4 else header + _FRAGMENT_HEADER
    fragments = tuple(sizes) if len(sizes) > 1 else ()
    return Packet(
        protocol=UDP,
        source=source,
        destination=destination,
        source_port=source_port,
        destination_port=port,
        hops=hops,
        size=header + sum(size - repeated for size in fragments) if fragments else sizes[0],
        fragments=fragments,
        state=state,
    )
