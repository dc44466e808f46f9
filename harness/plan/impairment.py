"""What a cable does to frames, resolved: plain data that backends build and that says itself in words.

Times and rates are the customer's; sizes are of the IP packet in bytes, those of a queue of whole frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.source.duration import text as seconds

QUEUE_BYTES = 65536
"""What waits at most where a rate is given and no queue: about 40 full frames."""


class FrameKind(Enum):
    """The frames that are meant, by the address they go to, or by what they carry.

    MULTICAST: IPv4 and IPv6 to a group, IGMP and MLD included. UNICAST: to one station. Broadcasts are ALL
    only.
    """

    ALL = "all"
    MULTICAST = "multicast"
    UNICAST = "unicast"
    IGMP = "igmp"
    MLD = "mld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What happens to the frames of a ``kind`` that are ``larger_than`` so many bytes (None: of any size).

    ``loss`` and ``duplicate`` are shares from 0 to 1, by chance. ``delay_s`` varies by up to ``jitter_s`` to
    both sides, and frames may then overtake each other. ``rate_bit_s`` 0 is no limit; what is more waits,
    ``queue_bytes`` at most, the rest is lost. Losses come first, then the rate, the delay, and the doubling.
    """

    kind: FrameKind = FrameKind.ALL
    larger_than: int | None = None
    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    duplicate: float = 0.0
    rate_bit_s: float = 0.0
    queue_bytes: int = QUEUE_BYTES

    @property
    def holds_frames(self) -> bool:
        """Whether it does more than lose frames, so that something has to keep them for a while."""
        return bool(self.delay_s or self.duplicate or self.rate_bit_s)

    def __str__(self) -> str:
        """``loss 20%, delay 20ms +- 5ms; of multicast larger than 1472 bytes``."""
        effects = []
        if self.loss:
            effects.append("nothing passes" if self.loss == 1 else f"loss {_share(self.loss)}")
        if self.rate_bit_s:
            effects.append(f"rate {_bandwidth(self.rate_bit_s)}, queue {self.queue_bytes} bytes")
        if self.delay_s:
            jitter = f" +- {seconds(self.jitter_s)}" if self.jitter_s else ""
            effects.append(f"delay {seconds(self.delay_s)}{jitter}")
        if self.duplicate:
            effects.append(f"{_share(self.duplicate)} doubled")
        frames = [] if self.kind is FrameKind.ALL else [_KINDS[self.kind]]
        if self.larger_than is not None:
            frames.append(f"packets larger than {self.larger_than} bytes")
        whose = f"; of {', '.join(frames)}" if frames else ""
        return ", ".join(effects) + whose


_KINDS = {
    FrameKind.MULTICAST: "multicast",
    FrameKind.UNICAST: "unicast",
    FrameKind.IGMP: "IGMP",
    FrameKind.MLD: "MLD",
}


def _share(share: float) -> str:
    return f"{share * 100:g}%"


def _bandwidth(bit_s: float) -> str:
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if bit_s >= factor:
            return f"{bit_s / factor:g}{unit}bit/s"
    return f"{bit_s:g}bit/s"
