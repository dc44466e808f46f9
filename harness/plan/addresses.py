"""MAC and IPv4 addresses that a person can read: the digits of a device's number stand in them.

Node 12 is 02:00:00:00:00:12 and 10.77.0.12. In a subnet of /22 or wider the last 256 addresses are for
routers and those before for switches; in a smaller one both count down from its end.
All MACs are locally administered (IEEE 802, the second bit of the first byte).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

_A_BLOCK = 256
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
        lowest = min(self.switch(self.switches if self._small else 1), self.router(max(self.routers, 1)))
        nodes_fit = self.nodes == 0 or self.node(self.nodes) < lowest
        return nodes_fit and (self._small or max(self.routers, self.switches) < _A_BLOCK - 1)

    def node(self, number: int) -> IPv4Address:
        """10.77.0.1 on, without those that end in 0 or 255."""
        block, place = divmod(number - 1, _A_BLOCK - 2) if self.subnet.prefixlen <= 24 else (0, number - 1)
        return self.subnet.network_address + block * _A_BLOCK + place + 1

    def router(self, number: int) -> IPv4Address:
        """10.77.255.1 on."""
        if self._small:
            return self.subnet.broadcast_address - number
        return self.subnet.broadcast_address - (_A_BLOCK - 1) + number

    def switch(self, number: int) -> IPv4Address:
        """10.77.254.1 on."""
        if self._small:
            return self.subnet.broadcast_address - self.routers - number
        return self.subnet.broadcast_address - (2 * _A_BLOCK - 1) + number

    @property
    def _small(self) -> bool:
        return self.subnet.prefixlen > _WIDE

    def usable(self, address: IPv4Address) -> bool:
        """Whether a host can have this address."""
        reserved = (self.subnet.network_address, self.subnet.broadcast_address)
        return address in self.subnet and address not in reserved
