"""Frames for listeners: messages of hosts and queriers, and data, in both families."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from harness.protocols.dialect import Dialect
from harness.wire import ethernet, ipv4, ipv6
from harness.wire.membership import GroupRecord, Leave, Query, RecordReport, RecordType, Report

ROUTER_MAC = b"\2\0\0\0\0\xfe"
HOST_MAC = b"\2\0\0\0\0\1"


def message(content, source, *, mac=HOST_MAC, vlan=None, **around):
    address = ip_address(source)
    frame = Dialect.of(address).frame(content, source_mac=mac, source=address, **around)
    return frame if vlan is None else ethernet.tagged(frame, vlan)


def query(source="10.0.0.254", *, group=None, version=2, mac=ROUTER_MAC, vlan=None, around=None, **says):
    named = None if group is None else ip_address(group)
    return message(Query(group=named, version=version, **says), source, mac=mac, vlan=vlan, **(around or {}))


def report(source, group, *, version=2, vlan=None, **around):
    return message(Report(version=version, group=ip_address(group)), source, vlan=vlan, **around)


def leave(source, group, **around):
    return message(Leave(group=ip_address(group)), source, **around)


def records(source, *parts, **around):
    """Parts are (type, group, sources...)."""
    found = tuple(
        GroupRecord(type=RecordType[kind], group=ip_address(group), sources=tuple(map(ip_address, sources)))
        for kind, group, *sources in parts
    )
    return message(RecordReport(records=found), source, **around)


def datagram(source, group, *, port=5405, vlan=None, protocol=17):
    sender, to = ip_address(source), ip_address(group)
    payload = struct.pack("!HHHH", 40000, port, 12, 0) + b"data"
    if to.version == 4:
        packet = ipv4.encode(
            ipv4.Ipv4Packet(source=sender, destination=to, protocol=protocol, ttl=1, payload=payload)
        )
        kind = ethernet.ETHERTYPE_IPV4
    else:
        packet = ipv6.encode(
            ipv6.Ipv6Packet(source=sender, destination=to, protocol=protocol, hop_limit=1, payload=payload)
        )
        kind = ethernet.ETHERTYPE_IPV6
    frame = ethernet.encode(
        ethernet.EthernetFrame(
            destination=ethernet.multicast_mac(to), source=HOST_MAC, ethertype=kind, payload=packet
        )
    )
    return frame if vlan is None else ethernet.tagged(frame, vlan)
