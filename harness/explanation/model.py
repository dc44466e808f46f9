"""What an explanation is: the hops of one datagram's way, each with its decision and what made it so.

Data only; it can be pickled and becomes JSON as it stands. Texts are whole phrases in plain English.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class HopKind(Enum):
    """What a datagram meets on its way."""

    SENDER = "sender"
    CABLE = "cable"
    SWITCH = "switch"
    RECEIVER = "receiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One decision about the datagram.

    ``port`` is where it leaves: of a switch the port towards the receiver, of a cable the port of ``device``
    that it is plugged into; empty where there is none. ``passes`` None is chance: some datagrams pass, some
    do not. ``why`` says it in a phrase, ``rule`` is the section of an RFC or the setting of a profile that it
    follows (empty: plain physics). ``because`` leads from there to the root, each reason that of the one
    before it. ``knew`` is what a switch's tables said of the group then.
    """

    kind: HopKind
    device: str
    port: str = ""
    passes: bool | None
    why: str
    because: tuple[str, ...] = ()
    rule: str = ""
    knew: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What became of the datagram of ``stream`` that was due ``at_s``, and why.

    ``group`` is its destination; of a stream by unicast that of the receiver. ``delivered`` is what the
    records say: True if it reached the receiver (of a host that did not ask for it: its interface), False if
    it did not, None if nobody watched. ``summary`` is the whole in one sentence.
    """

    stream: str
    group: str
    sender: str
    receiver: str
    at_s: float
    hops: tuple[Hop, ...]
    delivered: bool | None
    summary: str

    @property
    def stopped_at(self) -> Hop | None:
        """Return the first hop that does not let it pass; None if all do."""
        return next((hop for hop in self.hops if hop.passes is False), None)
