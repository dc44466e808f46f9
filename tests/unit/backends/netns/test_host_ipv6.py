"""IPv6 addresses as messages, and where a datagram's payload begins behind the headers of either family."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Interface

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg

from harness.backends.netns import host_ipv6, sockets
from harness.backends.netns.host_ipv6 import HostIPv6
from harness.sockets.groups import sockaddr
from harness.wire import ipv6

HOST = HostIPv6(link_local=IPv6Address("fe80::12"), address=IPv6Address("fd77::12"), prefix_length=48)
NODAD = 0x02
UDP = 17


def decoded(message: bytearray) -> ifaddrmsg:
    found = ifaddrmsg(bytes(message))
    found.decode()
    return found


def test_a_host_gets_both_addresses_without_the_test_for_duplicates() -> None:
    first, second = (decoded(message) for message in host_ipv6.addresses(2, HOST))
    assert (first.get_attr("IFA_ADDRESS"), first["prefixlen"]) == ("fe80::12", 64)
    assert (second.get_attr("IFA_ADDRESS"), second["prefixlen"]) == ("fd77::12", 48)
    assert {(one["index"], one["flags"], one["family"]) for one in (first, second)} == {(2, NODAD, 10)}


def test_an_address_can_be_taken_away() -> None:
    interface = IPv6Interface("fe80::1/64")
    kinds = {
        gone: decoded(host_ipv6.address(2, interface, gone=gone))["header"]["type"] for gone in (False, True)
    }
    assert kinds == {False: 20, True: 21}


def test_the_payload_begins_behind_all_headers() -> None:
    four = bytearray([0x46]) + bytearray(100)
    assert sockets.payload_at(four, 4) == 24 + 8
    packet = ipv6.Ipv6Packet(
        source=HOST.address, destination=IPv6Address("ff15::1"), protocol=UDP, hop_limit=1, payload=bytes(60)
    )
    six = bytearray(ipv6.encode(packet))
    assert sockets.payload_at(six, 6) == 40 + 8
    six[6] = 44  # as the first fragment
    assert sockets.payload_at(six, 6) == 40 + 8 + 8


def test_addresses_of_the_link_need_their_interface() -> None:
    assert sockaddr(IPv4Address("239.192.0.1"), 5405, 2) == ("239.192.0.1", 5405)
    assert sockaddr(IPv6Address("ff02::1"), 5405, 2) == ("ff02::1", 5405, 0, 2)
