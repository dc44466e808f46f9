"""Cables cut in two: both halves end in one namespace, where a relay passes frames from one to the other.

A cable cut so behaves like a whole one: the inner end that faces a device is up only while the device at the
far end of the cable is set up, so carriers come and go as they would. Inner ends take the longest frames;
what is too long is dropped at the outer ends, as always. This makes and sets the ends; ``relay`` moves the
frames.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from harness.backends.netns import messages
from harness.backends.netns.messages import VethEnd
from harness.backends.netns.namespaces import create_namespace, inside, quiet_namespace
from harness.backends.netns.netlink import NetlinkSocket

LONGEST_MTU = 65535
"""Of a veth."""

Outer = tuple[str, str]
"""(device, port): an end of the cable as the network knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    name: str
    index: int
    peer_index: int


class CutCables:
    """The namespace in which cut cables end. Exists until ``close``."""

    def __init__(self, first_index: int) -> None:
        self._next_index = first_index
        self._inner: dict[Outer, _Inner] = {}
        self.fd = create_namespace()
        with inside(self.fd):
            self._socket = NetlinkSocket()
            quiet_namespace()

    def plug(self, ends: Mapping[Outer, tuple[VethEnd, int, bool]]) -> None:
        """Make a cable between two ends: of each its interface, its namespace, and whether it is set up.

        The interfaces are made down and without a master. Raises RefusedError.
        """
        number = len(self._inner) // 2
        (first, (_, _, first_up)), (second, (_, _, second_up)) = ends.items()
        # Indexes of all ends differ, as the fabric's do; see there.
        indexes = {first: self._next_index, second: self._next_index + 1}
        self._next_index += 2
        for side, (outer, far_up) in enumerate(((first, second_up), (second, first_up))):
            veth, namespace, _ = ends[outer]
            inner = VethEnd(
                index=indexes[outer],
                name=f"c{number}{'ab'[side]}",
                mac=f"02:cc:00:{number >> 8:02x}:{number & 255:02x}:0{side}",
                mtu=LONGEST_MTU,
            )
            message = messages.new_veth(inner, 0, veth, namespace, up=far_up)
            self._socket.request((message,), f"half of the cable at {outer[1]} of {outer[0]}")
        for here, there in ((first, second), (second, first)):
            self._inner[here] = _Inner(
                name=f"c{number}{'ab'[here == second]}", index=indexes[here], peer_index=indexes[there]
            )

    def name(self, outer: Outer) -> str:
        """Return the name of the inner end that faces an outer one; KeyError if its cable is whole."""
        return self._inner[outer].name

    def follow(self, outer: Outer, *, up: bool) -> None:
        """Give the far end a carrier, or take it away; nothing happens if the cable is whole."""
        if (inner := self._inner.get(outer)) is not None:
            self._socket.request((messages.set_link(inner.peer_index, up=up),), f"far end of {outer}")

    def close(self) -> None:
        """Release the namespace; the kernel removes what is in it."""
        self._socket.close()
        os.close(self.fd)
