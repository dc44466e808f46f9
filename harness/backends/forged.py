"""A forged packet as a frame: what a plan wants a host to say that its stack would not. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from harness.plan.addresses import mac_bytes
from harness.plan.model import Forgery
from harness.protocols.dialect import Dialect
from harness.wire.membership import Leave, Message, Query, RecordReport, Report
from harness.wire.pim import Hello, hello_frame


def frame_of(forgery: Forgery, speed: float = 1.0) -> bytes:
    """The frame, with its times divided by ``speed``."""
    message = _compressed(forgery.message, speed)
    if isinstance(message, Hello):
        return hello_frame(message, source_mac=mac_bytes(forgery.source_mac))
    mac = forgery.destination_mac
    dialect = Dialect.of(forgery.source)
    return dialect.frame(
        message,
        source_mac=mac_bytes(forgery.source_mac),
        source=forgery.source,
        destination=forgery.destination,
        destination_mac=None if mac is None else mac_bytes(mac),
        hops=forgery.hops,
        router_alert=forgery.router_alert,
    )


def _compressed(message: Message | Hello, speed: float) -> Message | Hello:
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
