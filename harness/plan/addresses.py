"""MAC and IPv4 addresses that a person can read: the digits of a device's number stand in them.

Node 12 is 02:00:00:00:00:12 and 10.77.0.12. In a subnet of /22 or wider the last 256 addresses are for
routers and those before for switches: 254 in every block of 256, the blocks from the end of the subnet on
downwards. In a smaller one both count down from its end.
All MACs are locally administered (IEEE 802, the second bit of the first byte).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

_A_BLOCK = 256
_IN_A_BLOCK = 254
"""Addresses of a block that end neither in 0 nor in 255."""
_WIDE = 22
"""The longest prefix that leaves nodes more than routers and switches get."""


def node_mac(number: int) -> str:
    """Node 1234 is 02:00:00:00:12:34."""
    return _mac("02", f"{number:010d}")


def router_mac(number: int) -> str:
    """Router 1 is 02:0a:00:00:00:01."""
    return _mac("020a", f"{number:08d}")


def switch_mac(number: int) -> str:
    """Switch 3 is 02:5c:00:00:00:03."""
    return _mac("025c", f"{number:08d}")


def port_mac(switch: int, port: int) -> str:
    """Port 12 of switch 3 is 02:5d:00:03:00:12."""
    return _mac("025d", f"{switch:04d}{port:04d}")


def mac_bytes(mac: str) -> bytes:
    """The six bytes of a MAC in text."""
    return bytes.fromhex(mac.replace(":", ""))


def _mac(prefix: str, digits: str) -> str:
    text = prefix + digits
    return ":".join(text[at : at + 2] for at in range(0, 12, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPlan:
    """Where in a subnet the automatic addresses are; numbers count from 1."""

    subnet: IPv4Network
    nodes: int
    routers: int
    switches: int

    @property
    def fits(self) -> bool:
        """Whether the three ranges do not touch."""
        first, last = int(self.subnet.network_address), int(self.subnet.broadcast_address)
        if self._small:
            lowest = last - max(self._switch_below(self.switches), self._router_below(max(self.routers, 1)))
        else:
            blocks = max(-(-self.switches // _IN_A_BLOCK), 1)
            lowest = last - self._switch_below((blocks - 1) * _IN_A_BLOCK + 1)
        nodes_fit = self.nodes == 0 or first + self._node_above(self.nodes) < lowest
        return nodes_fit and lowest > first and (self._small or self.routers <= _IN_A_BLOCK)

    def node(self, number: int) -> IPv4Address:
        """10.77.0.1 on, without those that end in 0 or 255."""
        return _address(int(self.subnet.network_address) + self._node_above(number))

    def router(self, number: int) -> IPv4Address:
        """10.77.255.1 on."""
        return _address(int(self.subnet.broadcast_address) - self._router_below(number))

    def switch(self, number: int) -> IPv4Address:
        """10.77.254.1 on, then 10.77.253.1 on."""
        return _address(int(self.subnet.broadcast_address) - self._switch_below(number))

    def _node_above(self, number: int) -> int:
        block, place = divmod(number - 1, _IN_A_BLOCK) if self.subnet.prefixlen <= 24 else (0, number - 1)
        return block * _A_BLOCK + place + 1

    def _router_below(self, number: int) -> int:
        return number if self._small else _A_BLOCK - 1 - number

    def _switch_below(self, number: int) -> int:
        if self._small:
            return self.routers + number
        block, place = divmod(number - 1, _IN_A_BLOCK)
        return (block + 2) * _A_BLOCK - 2 - place

    @property
    def _small(self) -> bool:
        return self.subnet.prefixlen > _WIDE

    def usable(self, address: IPv4Address) -> bool:
        """Whether a host can have this address."""
        reserved = (self.subnet.network_address, self.subnet.broadcast_address)
        return address in self.subnet and address not in reserved


def _address(number: int) -> IPv4Address:
    """An address, also where a subnet is too small for its devices and they are told so."""
    return IPv4Address(min(max(number, 0), 2**32 - 1))
