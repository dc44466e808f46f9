"""Forged packets: frames that a host sends past its stack, from its port.

What is sent stands in the plan; here its times are compressed and it is encoded. A host's own stack does not
hear what it forges, as with any sender on a packet socket; a silence of the port holds for it.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from harness.backends.netns.silence import OWN_MARK
from harness.backends.netns.sockets import INTERFACE
from harness.plan.addresses import mac_bytes
from harness.plan.model import Forgery
from harness.protocols.dialect import Dialect
from harness.wire.membership import Leave, Message, Query, RecordReport, Report
from harness.wire.pim import Hello, hello_frame


class Forger:
    """Sends from one host. Must be made inside the host's namespace."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OWN_MARK)

    def send(self, forgery: Forgery) -> None:
        """Send once. A port that is down, or silent, takes it without a word."""
        frame = encode(forgery, self._speed)
        with suppress(OSError):
            self._socket.sendto(frame, (INTERFACE, 0))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def encode(forgery: Forgery, speed: float) -> bytes:
    """The frame, with its times divided by ``speed``."""
    message = compressed(forgery.message, speed)
    if isinstance(message, Hello):
        return hello_frame(message, source_mac=mac_bytes(forgery.source_mac))
    mac = forgery.destination_mac
    return Dialect.of(forgery.source).frame(
        message,
        source_mac=mac_bytes(forgery.source_mac),
        source=forgery.source,
        destination=forgery.destination,
        destination_mac=None if mac is None else mac_bytes(mac),
        hops=forgery.hops,
        router_alert=forgery.router_alert,
    )


def compressed(message: Message | Hello, speed: float) -> Message | Hello:
    """The message as hosts of a lab must read it that is ``speed`` times faster."""
    match message:
        case Query():
            return replace(
                message,
                max_response_s=message.max_response_s / speed,
                query_interval_s=message.query_interval_s / speed,
            )
        case Hello():
            return replace(message, hold_time_s=message.hold_time_s / speed)
        case Report() | RecordReport() | Leave():
            return message
        case _:
            assert_never(message)
