"""Forged packets: frames that a host sends past its stack, from its port.

What is sent stands in the plan; here its times are compressed and it is encoded. A host's own stack does not
hear what it forges, as with any sender on a packet socket; a silence of the port holds for it.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from harness.backends.forged import frame_of
from harness.backends.netns.silence import OWN_MARK
from harness.backends.netns.sockets import INTERFACE
from harness.plan.model import Forgery


class Forger:
    """Sends from one host. Must be made inside the host's namespace."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OWN_MARK)

    def send(self, forgery: Forgery) -> None:
        """Send once. A port that is down, or silent, takes it without a word."""
        frame = frame_of(forgery, self._speed)
        with suppress(OSError):
            self._socket.sendto(frame, (INTERFACE, 0))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
