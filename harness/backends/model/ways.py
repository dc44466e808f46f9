"""Which hosts a datagram comes to, over the cables and switches as they are at this moment.

What a host does with it is not known here. Nothing here leaves anything to chance: where a cable does, a
datagram travels on its own (``CableEnd.carry_data``).
"""

from __future__ import annotations

from harness.backends.model.cables import CableEnd, Kind
from harness.backends.model.hosts import Host
from harness.backends.model.switches import Switch

_UDP_HEADER = 8
_IPV4_HEADER, _IPV6_HEADER, _FRAGMENT_HEADER = 20, 40, 8
_FRAGMENT_UNIT = 8

Step = tuple[Switch, str]
"""A switch, and the port where something comes in."""


class Ways:
    """The ways of unicast and multicast between hosts.

    ``next_end`` remembers, until ``clear`` is called. Switches are taken to know every host, as those do
    whose hosts speak now and then.
    """

    def __init__(self, switches: dict[str, Switch], hosts: dict[str, Host]) -> None:
        self._switches = switches
        self._hosts = hosts
        self._found: dict[str, dict[str, CableEnd]] = {}

    def clear(self) -> None:
        """A cable has changed."""
        self._found.clear()

    def next_end(self, switch: str, host: str) -> CableEnd | None:
        """Return the end where a switch sends what is for a host; None if no way leads there."""
        if host not in self._found:
            self._found[host] = self._towards(host)
        return self._found[host].get(switch)

    def _towards(self, host: str) -> dict[str, CableEnd]:
        last = self._hosts[host].plan
        end = self._switches[last.switch].ends[last.port]
        if not end.up:
            return {}
        found, waiting = {last.switch: end}, [last.switch]
        for here in waiting:
            for end in self._switches[here].ends.values():
                there = end.far_device
                if end.up and there in self._switches and there not in found:
                    found[there] = self._switches[there].ends[end.far_port]
                    waiting.append(there)
        return found

    def first_step(self, sender: Host, kind: Kind) -> Step | None:
        """Where a sender's datagrams meet the first switch; None if its cable does not pass them."""
        end = sender.end
        if end is None or not end.passes(kind):
            return None
        return self._switches[end.far_device], end.far_port

    def gets_to(self, kind: Kind, switch: str, host: str) -> bool:
        """Whether unicast gets from a switch to a host."""
        while (end := self.next_end(switch, host)) is not None and end.passes(kind):
            if end.far_device == host:
                return True
            switch = end.far_device
        return False

    def flood(self, kind: Kind, first: Step) -> tuple[str, ...]:
        """The hosts that a datagram to a group, or to all, comes to, in the order of the cables."""
        reached: list[str] = []
        seen, waiting = {first[0].name}, [first]
        for switch, port in waiting:
            for end in switch.exits(port, kind.group, kind.source):
                if not end.passes(kind):
                    continue
                there = self._switches.get(end.far_device)
                if there is None:
                    reached.append(end.far_device)
                elif there.name not in seen:
                    seen.add(there.name)
                    waiting.append((there, end.far_port))
        return tuple(reached)


def packet_sizes(payload: int, mtu: int, version: int) -> tuple[int, ...]:
    """The sizes of the IP packets that carry a UDP payload (RFC 791 section 3.2, RFC 8200 section 4.5)."""
    header = _IPV4_HEADER if version == 4 else _IPV6_HEADER
    left = payload + _UDP_HEADER
    if header + left <= mtu:
        return (header + left,)
    header += 0 if version == 4 else _FRAGMENT_HEADER
    most = (mtu - header) // _FRAGMENT_UNIT * _FRAGMENT_UNIT
    sizes = []
    while left > mtu - header:
        sizes.append(header + most)
        left -= most
    return (*sizes, header + left)
