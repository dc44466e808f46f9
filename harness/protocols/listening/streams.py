"""The data that came: packets of each source to each group, and whether this host had asked for them.

Counts only; nothing is known here of what the packets carry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.protocols.dialect import can_have_members
from harness.protocols.listening.events import DataBegan, Event
from harness.protocols.listening.frames import Datagram, Frame, Vlans
from harness.protocols.listening.limits import MOST_STREAMS, Table
from harness.protocols.listening.summary import Stream
from harness.wire.membership import Address

Asks = Callable[[Vlans, Address], bool | None]
"""Whether this host is a member of a group; None where that is not known."""


@dataclass(slots=True, kw_only=True)
class _Flow:
    port: int | None
    first_s: float
    last_s: float
    received: int = 0
    sent: int = 0
    asked: bool | None = None


class Streams:
    """Everything that was sent to groups."""

    def __init__(self) -> None:
        self._flows: Table[tuple[Vlans, Address, Address], _Flow] = Table(MOST_STREAMS)

    def __len__(self) -> int:
        return len(self._flows)

    @property
    def refused(self) -> int:
        """Packets of streams beyond those that are remembered."""
        return self._flows.refused

    def hear(self, frame: Frame, data: Datagram, now: float, here: bool, asks: Asks) -> list[Event]:
        """A packet came, or left."""
        key = frame.vlans, data.group, data.source
        flow = self._flows.get_or_make(key, lambda: _Flow(port=data.port, first_s=now, last_s=now))
        if flow is None:
            return []
        flow.last_s = now
        if here:
            flow.sent += 1
        else:
            flow.received += 1
        if not flow.asked:
            flow.asked = asks(frame.vlans, data.group)
        if flow.received + flow.sent > 1:
            return []
        event = DataBegan(
            at_s=now,
            dialect=frame.dialect,
            vlans=frame.vlans,
            group=data.group,
            source=data.source,
            port=data.port,
            asked=flow.asked,
            here=here,
        )
        return [event]

    def streams(self, reported: Callable[[Vlans, Address], bool], asks: Asks) -> tuple[Stream, ...]:
        """All, in the order of their first packets; what is asked for by now was asked for."""
        return tuple(
            Stream(
                vlans=vlans,
                group=group,
                source=source,
                port=flow.port,
                received=flow.received,
                sent=flow.sent,
                first_s=flow.first_s,
                last_s=flow.last_s,
                asked=flow.asked or asks(vlans, group),
                reported=reported(vlans, group),
                pruned=can_have_members(group),
            )
            for (vlans, group, source), flow in self._flows.items()
        )
