"""Cables that misbehave, as they are written: what is lost, late, doubled or slow, which frames, which way.

The same words stand at a node, a router or a link (``impair``), where they hold from the start, and on the
timeline. Sizes are of the IP packet in bytes, durations the customer's. Also what joins switches in rings:
the spanning tree, and links that flap.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import Discriminator, Field, Tag, model_validator

from harness.scenario.fields import Bandwidth, CableName, Duration, Length, Name, Pair, Share
from harness.scenario.strict import Strict

MOST_FLAPS = 1000


class Only(StrEnum):
    """The frames that something happens to; left out, all."""

    MULTICAST = "multicast"
    UNICAST = "unicast"
    IGMP = "igmp"
    MLD = "mld"


class Frames(Strict):
    """Which frames. Broadcasts, such as ARP's questions, are neither multicast nor unicast."""

    only: Only | None = Field(None, description="IGMP and MLD are multicast too")
    larger_than: int | None = Field(None, ge=0, le=65535, description="bytes of the IP packet")


class Impairment(Frames):
    """What a cable does to frames; several effects of one impairment hold together, losses first."""

    loss: Share | None = Field(None, description="of the frames, by chance; 100% loses all")
    delay: Length | None = Field(None, description="every frame comes so much later")
    jitter: Length | None = Field(None, description="the delay varies by up to this; frames may overtake")
    duplicate: Share | None = Field(None, description="of the frames, by chance, arrive twice")
    rate: Bandwidth | None = Field(None, description="what is more waits in a queue")
    queue: int | None = Field(None, ge=64, le=1 << 30, description="bytes; what does not fit is lost")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any((self.loss, self.delay, self.jitter, self.duplicate, self.rate)):
            raise ValueError("nothing is impaired: write loss, delay, jitter, duplicate or rate")
        if self.jitter is not None and (self.delay is None or self.jitter > self.delay):
            raise ValueError("jitter varies a delay that is at least as long: write the delay too")
        if self.queue is not None and self.rate is None:
            raise ValueError("a queue fills where there is a rate: write the rate too")
        return self


class CableImpairment(Impairment):
    """What the cable of a node, of a router or between two switches does from the start."""

    from_: str | None = Field(None, alias="from", description="one way only: the end that sends")


def _one_or_several(value: Any) -> str:
    return "one" if isinstance(value, dict | CableImpairment) else "several"


CableImpairments = Annotated[
    Annotated[CableImpairment, Tag("one")] | Annotated[tuple[CableImpairment, ...], Tag("several")],
    Discriminator(_one_or_several),
]


class Way(Strict):
    """A cable, one way (``from``, ``to``) or both (``between``).

    Both ends are neighbours: a node and its switch, or two switches.
    """

    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("link", "node", "switch", "port"), "a cable is named by both ends: between: [n1, sw1]"
    )

    between: Pair | None = Field(None, description="both ends of a cable, both ways")
    from_: str | None = Field(None, alias="from", description="one way: the end that sends")
    to: str | None = Field(None, description="one way: the end that receives")

    @model_validator(mode="before")
    @classmethod
    def _has_keys(cls, value: Any) -> Any:
        if isinstance(value, str | list):
            raise ValueError('write "{between: [n1, sw1]}" for both ways, or "{from: n1, to: sw1}" for one')
        return value

    @model_validator(mode="after")
    def _one_way_or_both(self) -> Self:
        ends = (self.from_, self.to)
        if (self.between is None) == (ends == (None, None)) or (self.between is None and None in ends):
            raise ValueError('write "between: [a, b]" for both ways, or "from: a" and "to: b" for one')
        return self


class Silence(Way, Frames):
    """Where frames vanish without a trace: a loss of all."""


class Impair(Way, Impairment):
    """What a cable does from this moment on, beside what it did before."""


class Flap(Strict):
    """A link that goes down and up, ``times`` times: ``down`` for so long, then ``up`` for so long."""

    elsewhere: ClassVar[Mapping[str, str]] = {"between": "a link goes down as a whole: link: [n1, sw1]"}

    link: CableName = Field(description="a node, a port (sw1:p3) or two switches")
    down: Length = Field(description="how long it is down each time")
    up: Length = Field(description="how long it is up each time")
    times: int = Field(ge=1, le=MOST_FLAPS, description="how often it goes down")


class SpanningTree(Strict):
    """Redundant links wait, blocked, until one of the tree goes down."""

    root: Name | None = Field(None, description="a switch; left out, the first of the file")
    change_over: Duration = Field(
        30.0, description="from a link's change until another forwards; twice IEEE 802.1D's forward delay"
    )
