"""Four hosts at one switch: one sends frames written by hand, the interfaces of the others are listened to.

The stacks have no say. Many frames share a stage: each has a number in its payload, and a broadcast behind
them tells that all have arrived.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, ip_address
from itertools import count

from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.namespaces import inside
from harness.wire.membership import Address

LIMIT_S = 10.0
ETH_P_ALL = 3
SENDER = "n1"
EARS = ("n2", "n3", "n4")
"""On the ports p2, p3 and p4."""
FENCE = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x88\xb5"  # an ethertype for experiments (IEEE 802)
MARK = b"case"


# --- frames -----------------------------------------------------------------------------------------------


def mac_of(group: Address) -> bytes:
    if isinstance(group, IPv4Address):
        return b"\x01\x00\x5e" + (int(group) & 0x7FFFFF).to_bytes(3, "big")
    return b"\x33\x33" + group.packed[12:]


def frame(source: str, group: str, payload: bytes, protocol: int = 17, options: bytes = b"") -> bytes:
    """A datagram to a group; ``options`` is what stands between an IPv6 header and its payload."""
    sender, to = ip_address(source), ip_address(group)
    if isinstance(to, IPv4Address):
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 1, protocol, 0)
        return mac_of(to) + b"\2\0\0\0\0\1\x08\x00" + header + sender.packed + to.packed + payload
    following = 0 if options else protocol
    header = struct.pack("!IHBB", 6 << 28, len(options) + len(payload), following, 1)
    return mac_of(to) + b"\2\0\0\0\0\1\x86\xdd" + header + sender.packed + to.packed + options + payload


ROUTER_ALERT = bytes((58, 0, 5, 2, 0, 0, 1, 0))
"""A hop-by-hop header before ICMPv6 (RFC 2711), padded to eight octets (RFC 8200 section 4.3)."""
LONG_OPTIONS = bytes((58, 1, 5, 2, 0, 0, 1, 8)) + bytes(8)


def icmpv6(kind: int) -> bytes:
    return bytes((kind, 0, 0, 0)) + bytes(20)


# --- a switch and four hosts ------------------------------------------------------------------------------


class Stage:
    """Four hosts' interfaces at one switch: says at which ports each of some frames came out."""

    def __init__(self, fabric: Fabric, stack: ExitStack) -> None:
        self.fabric = fabric
        self._numbers = count(1)
        self._sockets = {}
        for name in (SENDER, *EARS):
            with inside(fabric.host_fd(name)):
                opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            opened.bind(("eth0", ETH_P_ALL))
            self._sockets[name] = stack.enter_context(opened)

    def ports(self, frames: Sequence[bytes]) -> list[set[str]]:
        """Send the frames; return for each the ports that it left the switch by."""
        first = next(self._numbers)
        marked = []
        for number, data in enumerate(frames, first):
            marked.append(data + MARK + number.to_bytes(4, "big"))
            next(self._numbers)
        fence = FENCE + next(self._numbers).to_bytes(4, "big") + bytes(46)
        for data in (*marked, fence):
            self._sockets[SENDER].send(data)
        found: list[set[str]] = [set() for _ in frames]
        for name in EARS:
            for data in self._until(name, fence):
                at = data.rfind(MARK)
                number = int.from_bytes(data[at + 4 : at + 8], "big") - first if at > 0 else -1
                if 0 <= number < len(frames):
                    assert data == marked[number]
                    assert f"p{name[1]}" not in found[number], "a frame arrived twice"
                    found[number].add(f"p{name[1]}")
        return found

    def _until(self, name: str, fence: bytes) -> list[bytes]:
        heard: list[bytes] = []
        while True:
            ready, _, _ = select.select([self._sockets[name]], [], [], LIMIT_S)
            assert ready, f"{name} waited {LIMIT_S} s for the fence, heard {len(heard)} frames"
            data = self._sockets[name].recv(2048)
            if data == fence:
                return heard
            heard.append(data)


@contextmanager
def stage() -> Iterator[Stage]:
    hosts = [
        HostSpec(
            name=f"n{n}",
            mac=f"02:00:00:00:00:0{n}",
            address=IPv4Address(f"10.0.0.{n}"),
            prefix_length=24,
            switch="sw1",
            port=f"p{n}",
            port_mac=f"02:00:00:00:01:0{n}",
        )
        for n in (1, 2, 3, 4)
    ]
    spec = SwitchSpec(name="sw1", mac="02:00:00:01:00:01", options={"mcast_snooping": 0})
    with Fabric(switches=[spec], hosts=hosts) as fabric, ExitStack() as stack:
        yield Stage(fabric, stack)
