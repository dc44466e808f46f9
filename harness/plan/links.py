"""Impairments of cables: read from the network and the timeline, and folded in the order of time.

The state of an end is the list of what happens to frames that leave it. Each action of a plan carries the
whole state of the ends it changes, so that a backend needs no history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.plan.impairment import QUEUE_BYTES, FrameKind, Impairment
from harness.plan.model import End, ImpairedEnd, PlanHost, PlanLink
from harness.plan.names import Loc, Mistakes, Names, chassis_of
from harness.scenario import links as written
from harness.scenario.network import Link, Network
from harness.scenario.timeline import Step

Cable = tuple[End, End]
"""A cable, or what it carries of one VLAN."""


def resolve(impairment: written.Frames) -> Impairment:
    """The impairment as a plan holds it; frames alone, as a silence names them, are all lost."""
    kind = FrameKind.ALL if impairment.only is None else FrameKind(impairment.only.value)
    if not isinstance(impairment, written.Impairment):
        return Impairment(kind=kind, larger_than=impairment.larger_than, loss=1.0)
    return Impairment(
        kind=kind,
        larger_than=impairment.larger_than,
        loss=impairment.loss or 0.0,
        delay_s=impairment.delay or 0.0,
        jitter_s=impairment.jitter or 0.0,
        duplicate=impairment.duplicate or 0.0,
        rate_bit_s=impairment.rate or 0.0,
        queue_bytes=impairment.queue or QUEUE_BYTES,
    )


def host_cable(host: PlanHost) -> Cable:
    """A host's own end, then its switch's."""
    return End(device=host.name, port="eth0"), End(device=host.switch, port=host.port)


def link_cable(link: PlanLink) -> Cable:
    """Both ends of a cable between switches, in the order of the file."""
    return (End(device=link.a[0], port=link.a[1]), End(device=link.b[0], port=link.b[1]))


def physical(lane: Cable) -> Cable:
    """The cable itself, between two chassis, of what it carries of a VLAN."""
    here, there = (End(device=chassis_of(end.device), port=end.port) for end in lane)
    return here, there


def cable_words(lanes: Sequence[Cable]) -> str:
    """``n1 - sw1:p1``; of a trunk's VLANs together the two switches."""
    cable = lanes[0] if len(lanes) == 1 else physical(lanes[0])
    return " - ".join(end.device if end.port == "eth0" else f"{end.device}:{end.port}" for end in cable)


# --- from the start -----------------------------------------------------------------------------------------


def impaired_at_start(
    network: Network,
    names: Names,
    hosts: Sequence[PlanHost],
    links: Sequence[tuple[PlanLink, Loc]],
    mistakes: Mistakes,
) -> tuple[ImpairedEnd, ...]:
    """What cables do from the start, by the ends that frames leave. Mistakes are collected."""
    found = _Found(names, mistakes)
    devices = [("nodes", name, nodes.impair) for name, nodes in network.nodes.items()]
    devices += [("routers", name, router.impair) for name, router in network.routers.items()]
    for section, name, impair in devices:
        mine = set(names.several.get(name, (name,)))
        cables = [host_cable(host) for host in hosts if host.name in mine]
        found.add(cables, impair, ("network", section, name, "impair"))
    if isinstance(network.links, tuple):
        for index, link in enumerate(network.links):
            loc: Loc = ("network", "links", index)
            cables = [link_cable(planned) for planned, planned_loc in links if planned_loc == loc]
            found.add(cables, link.impair if isinstance(link, Link) else (), (*loc, "impair"))
    return found.ends()


class _Found:
    """Gathers impairments by end."""

    def __init__(self, names: Names, mistakes: Mistakes) -> None:
        self._names = names
        self._mistakes = mistakes
        self._ends: dict[End, list[Impairment]] = {}

    def add(
        self,
        cables: Sequence[Cable],
        impair: written.CableImpairment | tuple[written.CableImpairment, ...],
        loc: Loc,
    ) -> None:
        several = isinstance(impair, tuple)
        for index, one in enumerate(impair if isinstance(impair, tuple) else (impair,)):
            here = (*loc, index) if several else loc
            for end in self._senders(cables, one.from_, (*here, "from")):
                self._ends.setdefault(end, []).append(resolve(one))

    def _senders(self, cables: Sequence[Cable], sender: str | None, loc: Loc) -> tuple[End, ...]:
        """The ends whose frames are meant: both, or those that ``sender`` names."""
        ends = [end for cable in cables for end in cable]
        if sender is None or not ends:
            return tuple(ends)
        meant = {sender, *self._names.several.get(sender, ())}
        found = tuple(end for end in ends if meant & {end.device, chassis_of(end.device)})
        if not found:
            there = " and ".join(dict.fromkeys(end.device for end in ends[:2]))
            self._mistakes.add(loc, f'"{sender}" is no end of this cable; its ends are {there}')
        return found

    def ends(self) -> tuple[ImpairedEnd, ...]:
        return tuple(ImpairedEnd(end=end, impairments=tuple(all_)) for end, all_ in self._ends.items())


# --- as time goes on ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """An impairment in force; ``silence`` if ``restore`` ends it."""

    impairment: Impairment
    silence: bool

    def is_ended_by(self, restored: Impairment) -> bool:
        """Whether this is the silence that is restored; of all frames, every silence is."""
        every = restored.kind is FrameKind.ALL and restored.larger_than is None
        return self.silence and (every or self.impairment == restored)


class Impairments:
    """The state of every end, folded along the timeline."""

    def __init__(self, start: Iterable[ImpairedEnd]) -> None:
        self._held: dict[End, tuple[_Held, ...]] = {
            one.end: tuple(_Held(impairment=i, silence=False) for i in one.impairments) for one in start
        }
        self._holding = {one.end for one in start if any(i.holds_frames for i in one.impairments)}

    def impair(self, ends: Iterable[End], impairment: Impairment) -> tuple[ImpairedEnd, ...]:
        """Add an impairment to what holds already."""
        ends = tuple(ends)
        if impairment.holds_frames:
            self._holding.update(ends)
        return self._added(ends, _Held(impairment=impairment, silence=False))

    def silence(self, ends: Iterable[End], silence: Impairment) -> tuple[ImpairedEnd, ...]:
        """Let frames vanish until ``restore``; a second silence of the same frames changes nothing."""
        ends = tuple(ends)
        self.restore(ends, silence)
        return self._added(ends, _Held(impairment=silence, silence=True))

    def restore(self, ends: Iterable[End], silence: Impairment) -> tuple[ImpairedEnd, ...]:
        """End the silence of these frames; of all frames: every silence."""
        return tuple(
            self._now(end, tuple(one for one in self._held.get(end, ()) if not one.is_ended_by(silence)))
            for end in ends
        )

    def silent(self, ends: Iterable[End], silence: Impairment) -> bool:
        """Whether there is a silence, at some of these ends, that ``restore`` would end."""
        return any(one.is_ended_by(silence) for end in ends for one in self._held.get(end, ()))

    def impaired(self, ends: Iterable[End]) -> bool:
        """Whether anything happens to frames at some of these ends."""
        return any(self._held.get(end) for end in ends)

    def repair(self, ends: Iterable[End]) -> tuple[ImpairedEnd, ...]:
        """End everything."""
        return tuple(self._now(end, ()) for end in ends)

    def relayed(self, cables: Iterable[Cable]) -> tuple[Cable, ...]:
        """The cables of which some impairment, now or before, keeps frames for a while."""
        return tuple(cable for cable in cables if self._holding.intersection(cable))

    def _added(self, ends: tuple[End, ...], new: _Held) -> tuple[ImpairedEnd, ...]:
        return tuple(self._now(end, (*self._held.get(end, ()), new)) for end in ends)

    def _now(self, end: End, held: tuple[_Held, ...]) -> ImpairedEnd:
        self._held[end] = held
        return ImpairedEnd(end=end, impairments=tuple(one.impairment for one in held))


def flaps(step: Step, at_s: float) -> tuple[tuple[float, Step], ...]:
    """A step as the steps that it stands for, each at its second: a flap is many, every other one itself."""
    flap = step.flap
    if flap is None:
        return ((at_s, step),)
    found: list[tuple[float, Step]] = []
    for time in range(flap.times):
        down_s = at_s + time * (flap.down + flap.up)
        for moment_s, key in ((down_s, "link_down"), (down_s + flap.down, "link_up")):
            name = step.name if not found else None
            part = step.model_copy(update={"flap": None, "name": name, key: flap.link})
            found.append((round(moment_s, 9), part))
    return tuple(found)
