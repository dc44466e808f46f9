"""Cables: what leaves one end arrives at the other, or is lost, late or doubled.

An end passes nothing while it is down, nothing that is larger than the MTU of either side, and does with the
rest what its impairments say. Chance is a seeded generator of each end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

from harness.backends.model.agenda import Agenda, Receive
from harness.backends.one_way import OneWay, Traits, concerns_traits, traits_of
from harness.plan.impairment import FrameKind, Impairment
from harness.protocols.firewall.frames import EPHEMERAL_PORT
from harness.wire.membership import Address

ETHERNET_HEADER = 14
_VLAN_HEADER = 4
"""What the kernel allows beyond an MTU, whether or not there is a tag (is_skb_forwardable)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What all datagrams of a sender's stream have in common.

    ``sizes`` are those of the IP packets of one datagram in bytes, several if it is fragmented; ``group`` is
    the stream's, also where it is sent by unicast. ``group`` of what is not of a stream is its destination.
    """

    group: Address
    source: Address
    port: int
    hops: int
    kinds: frozenset[FrameKind]
    sizes: tuple[int, ...]
    source_port: int = EPHEMERAL_PORT

    def traits(self) -> tuple[Traits, ...]:
        """What impairments ask, of each packet."""
        return tuple(Traits(kinds=self.kinds, size=size) for size in self.sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """Something on its way on its own; ``to`` is the receiver's name, empty for a group or for all."""

    kind: Kind
    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDatagram(Datagram):
    """One datagram of a stream."""

    stream: int
    sender: str
    sequence: int


class Receiver(Protocol):
    """A switch or a host: what frames and datagrams arrive at."""

    def receive(self, port: str, frame: bytes) -> None:
        """Take a frame of IGMP, MLD or PIM."""

    def receive_data(self, port: str, datagram: Datagram) -> None:
        """Take a datagram."""


class CableEnd:
    """The end of a cable at (device, port), and the way from here to ``far``.

    ``up`` is set by the owner at both ends together. ``mtu`` is that of this side, ``far_mtu`` of the other.
    """

    __slots__ = (
        *("_agenda", "_arrive", "_chance", "_holds", "_receive", "_seed", "device", "far", "far_device"),
        *("far_mtu", "far_port", "impairments", "last_out_s", "mtu", "port", "up"),
    )

    def __init__(self, agenda: Agenda, seed: int, *, device: str, port: str, mtu: int, up: bool) -> None:
        self.device = device
        self.port = port
        self.up = up
        self.mtu = mtu
        self.far_mtu = mtu
        self.far_device = ""
        self.far_port = ""
        self.impairments: tuple[Impairment, ...] = ()
        self.last_out_s = 0.0
        """When the last frame that it held arrives."""
        self.far: Receiver | None = None
        self._receive: Receive | None = None
        self._arrive = agenda.arrive
        self._agenda = agenda
        self._seed = seed
        self._chance: Random | None = None
        """Made when it is first needed: most cables leave nothing to chance."""
        self._holds: OneWay | None = None

    def connect(self, far: Receiver, end: CableEnd) -> None:
        """Lead to a device whose own end of this cable is ``end``."""
        self.far = far
        self._receive = far.receive
        self.far_device, self.far_port, self.far_mtu = end.device, end.port, end.mtu

    def impair(self, impairments: tuple[Impairment, ...]) -> None:
        """Do this from now on."""
        self.impairments = impairments
        if self._chance is None or self._holds is None:
            self._chance = Random(f"{self._seed} {self.device} {self.port}")  # noqa: S311  the same in every run
            self._holds = OneWay(self._chance, 1.0)
        self._holds.impair(impairments)

    # --- control ------------------------------------------------------------------------------------------

    def carry(self, frame: bytes) -> None:
        """Take a frame of IGMP, MLD or PIM to the other end."""
        receive = self._receive
        if not self.up or receive is None:
            return
        if not self.impairments:
            self._arrive((receive, self.far_port, frame))
            return
        traits = traits_of(frame)
        for out_s in self._moments(traits, len(frame)):
            self._deliver(out_s, partial(receive, self.far_port, frame))

    # --- data ---------------------------------------------------------------------------------------------

    def fits(self, size: int) -> bool:
        """Whether an IP packet of this size is not too large for either side."""
        return size <= min(self.mtu, self.far_mtu) + _VLAN_HEADER

    def chancy(self, kind: Kind) -> bool:
        """Whether such datagrams are lost by chance, or held, so that each must be looked at."""
        return any(
            one.holds_frames or 0 < one.loss < 1
            for one in self.impairments
            if any(concerns_traits(one, traits) for traits in kind.traits())
        )

    def passes(self, kind: Kind) -> bool:
        """Whether such datagrams get to the other end, where nothing is left to chance."""
        if not self.up or not all(map(self.fits, kind.sizes)):
            return False
        return not any(
            one.loss >= 1 and concerns_traits(one, traits)
            for one in self.impairments
            for traits in kind.traits()
        )

    def carry_data(self, datagram: Datagram) -> None:
        """Take a datagram to the other end: it arrives when the last of its packets does.

        Of fragments that are doubled the kernel makes one datagram; what is left over it throws away.
        """
        if not self.up or self.far is None or not all(map(self.fits, datagram.kind.sizes)):
            return
        arrivals = [self._moments(traits, traits.size + ETHERNET_HEADER) for traits in datagram.kind.traits()]
        receive = self.far.receive_data
        copies = list(zip(*arrivals, strict=False))  # a lost packet leaves no whole copy
        for moments in copies if len(arrivals) == 1 else copies[:1]:
            self._deliver(max(moments), partial(receive, self.far_port, datagram))

    def _moments(self, traits: Traits, length: int) -> tuple[float, ...]:
        if self._chance is None or self._holds is None:
            return (self._agenda.now,)
        for one in self.impairments:
            if one.loss and concerns_traits(one, traits) and self._chance.random() < one.loss:
                return ()
        return self._holds.pass_on(traits, length, self._agenda.now)

    def _deliver(self, out_s: float, call: Callable[[], None]) -> None:
        self.last_out_s = max(self.last_out_s, out_s)
        self._agenda.at(out_s, call)
