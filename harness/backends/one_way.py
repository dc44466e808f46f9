"""One direction of a cable that holds frames: which frames come out, and when. Pure: no I/O, no clock.

``OneWay.take`` is given a frame and the moment it came in; it answers with the moments at which it comes
out. Chance comes from a seeded generator, so the same frames at the same moments give the same answer.
Losses are not known here, they happen before (``losses``); what a full queue cannot hold is lost here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random

from harness.plan.impairment import FrameKind, Impairment
from harness.wire import mld
from harness.wire.ipv4 import PROTOCOL_IGMP

_ETHERNET_HEADER = 14
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_LENGTH = struct.Struct("!H")


class OneWay:
    """Frames in, frames with their moments out. Times are real seconds, ``speed`` times the customer's."""

    def __init__(self, random: Random, speed: float) -> None:
        self._random = random
        self._speed = speed
        self._stages: list[_Stage] = []

    def impair(self, impairments: tuple[Impairment, ...]) -> None:
        """Do this from now on. What goes on as before keeps its queue."""
        before = self._stages
        self._stages = []
        for impairment in impairments:
            if impairment.holds_frames:
                kept = next((stage for stage in before if stage.impairment == impairment), None)
                self._stages.append(kept or _Stage(impairment, self._random, self._speed))

    def take(self, frame: bytes, at_s: float) -> tuple[float, ...]:
        """Return when a frame comes out that came in at a moment: never if a queue is full, or twice."""
        return self.pass_on(traits_of(frame), len(frame), at_s) if self._stages else (at_s,)

    def pass_on(self, traits: Traits, length: int, at_s: float) -> tuple[float, ...]:
        """As ``take``, of a frame whose traits and length in bytes are known."""
        copies = [at_s]
        for stage in self._stages:
            if concerns_traits(stage.impairment, traits):
                copies = [out_s for in_s in copies for out_s in stage.take(length, in_s)]
        return tuple(copies)


class _Stage:
    """What one impairment does to the frames that it concerns."""

    def __init__(self, impairment: Impairment, random: Random, speed: float) -> None:
        self.impairment = impairment
        self._random = random
        self._delay_s = impairment.delay_s / speed
        self._jitter_s = impairment.jitter_s / speed
        self._bytes_s = impairment.rate_bit_s * speed / 8
        self._free_s = float("-inf")
        self._last_out_s = float("-inf")

    def take(self, size: int, in_s: float) -> tuple[float, ...]:
        sent_s = in_s
        if self._bytes_s:
            waiting = max(0.0, self._free_s - in_s) * self._bytes_s
            if waiting + size > self.impairment.queue_bytes:
                return ()
            sent_s = self._free_s = max(in_s, self._free_s) + size / self._bytes_s
        copies = 1 + (self._random.random() < self.impairment.duplicate)
        return tuple(self._out(sent_s) for _ in range(copies))

    def _out(self, sent_s: float) -> float:
        if self._jitter_s:
            return sent_s + self._delay_s + self._random.uniform(-self._jitter_s, self._jitter_s)
        self._last_out_s = max(self._last_out_s, sent_s + self._delay_s)
        return self._last_out_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What impairments ask of a frame; ``size`` is that of its IP packet, or of all behind the header."""

    kinds: frozenset[FrameKind]
    size: int


def concerns(impairment: Impairment, frame: bytes) -> bool:
    """Whether an impairment is about a frame."""
    if impairment.kind is FrameKind.ALL and impairment.larger_than is None:
        return True
    return concerns_traits(impairment, traits_of(frame))


def concerns_traits(impairment: Impairment, traits: Traits) -> bool:
    """Whether an impairment is about a frame with these traits."""
    return impairment.kind in traits.kinds and (
        impairment.larger_than is None or traits.size > impairment.larger_than
    )


def traits_of(frame: bytes) -> Traits:
    """Read kinds and size from an Ethernet frame, without a VLAN tag, as packet sockets give it."""
    kinds = {FrameKind.ALL}
    size = len(frame) - _ETHERNET_HEADER
    if frame[:3] == b"\x01\x00\x5e" or frame[:2] == b"\x33\x33":
        kinds.add(FrameKind.MULTICAST)
    elif not frame[0] & 1:
        kinds.add(FrameKind.UNICAST)
    if frame[12:14] == _IPV4 and len(frame) >= 34:
        size = _LENGTH.unpack_from(frame, 16)[0]
        if frame[23] == PROTOCOL_IGMP:
            kinds.add(FrameKind.IGMP)
    elif frame[12:14] == _IPV6 and len(frame) >= 54:
        size = _LENGTH.unpack_from(frame, 18)[0] + 40
        # RFC 3810 section 5: behind a hop-by-hop header, which the router alert makes eight octets long.
        if frame[20] == 0 and frame[54:56] == b"\x3a\x00" and len(frame) > 62 and frame[62] in mld.TYPES:
            kinds.add(FrameKind.MLD)
    return Traits(kinds=frozenset(kinds), size=size)
