"""IPv6 addresses that a person can read: the digits of a device's number stand in them.

Node 12 is fd77::12, router 1 fd77::a:1. Link-local addresses are those that Linux makes of the MAC by itself
(RFC 4291 appendix A): node 12 is fe80::ff:fe00:12, and switch 3, which has no other, fe80::5c:ff:fe00:3.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

from harness.plan.addresses import mac_bytes

_LINK_LOCAL = 0xFE80 << 112
_UNIVERSAL_BIT = 0x02
_ROUTERS = 0xA << 16


def link_local(mac: str) -> IPv6Address:
    """The link-local address with the modified EUI-64 of a MAC."""
    octets = mac_bytes(mac)
    identifier = bytes((octets[0] ^ _UNIVERSAL_BIT,)) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return IPv6Address(_LINK_LOCAL | int.from_bytes(identifier, "big"))


def node6(subnet: IPv6Network, number: int) -> IPv6Address:
    """Node 1234 is fd77::1234."""
    return subnet.network_address + int(str(number), 16)


def router6(subnet: IPv6Network, number: int) -> IPv6Address:
    """Router 12 is fd77::a:12."""
    return subnet.network_address + _ROUTERS + int(str(number), 16)


def usable6(subnet: IPv6Network, address: IPv6Address) -> bool:
    """Whether a host can have this address: inside, and not the subnet's routers' anycast address."""
    return address in subnet and address != subnet.network_address
