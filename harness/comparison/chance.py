"""What a plan itself leaves to chance: cables that lose a share of their frames, double them, or are full.

Datagrams over such a cable are compared by the share that was lost, not one by one. Where queries or reports
cross it, the tables behind it are chance too: a line is left out where members, or somebody who asks, are on
the other side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.plan.impairment import FrameKind, Impairment
from harness.plan.model import Cast, End, ImpairedEnd, Plan, PlanStream

_SIGMAS = 5.0
"""Of the difference of two binomial shares: by chance beyond it once in 1.7 million comparisons."""
_IP_AND_UDP = {4: 28, 6: 48}
_LARGEST_CONTROL = 64
"""Bytes of an IGMP or MLD packet about one or two groups."""
_CONTROL = frozenset({FrameKind.ALL, FrameKind.MULTICAST, FrameKind.IGMP, FrameKind.MLD})
_MULTICAST = frozenset({FrameKind.ALL, FrameKind.MULTICAST})
_UNICAST = frozenset({FrameKind.ALL, FrameKind.UNICAST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """The ends of cables that leave something to chance, by what they do to datagrams and to tables."""

    lossy: tuple[ImpairedEnd, ...]
    doubling: frozenset[End]
    control: frozenset[End]

    def loses(self, stream: PlanStream, ends: Iterable[End]) -> bool:
        """Return whether datagrams of a stream that leave by these ends are lost by chance."""
        way = frozenset(ends)
        return any(
            one.end in way and any(_is_lossy(each) and _concerns(each, stream) for each in one.impairments)
            for one in self.lossy
        )

    def doubles(self, ends: Iterable[End]) -> bool:
        """Return whether frames that leave by these ends are doubled by chance."""
        return any(end in self.doubling for end in ends)


def chances_of(plan: Plan) -> Chances:
    """Return what the plan leaves to chance, from the start or later."""
    ends = (*plan.impaired, *(one for action in plan.actions for one in action.impaired))
    return Chances(
        lossy=tuple(one for one in ends if any(_is_lossy(each) for each in one.impairments)),
        doubling=frozenset(one.end for one in ends if any(each.duplicate for each in one.impairments)),
        control=frozenset(one.end for one in ends if any(_hits_control(each) for each in one.impairments)),
    )


def _is_lossy(one: Impairment) -> bool:
    return 0 < one.loss < 1 or bool(one.rate_bit_s)


def _hits_control(one: Impairment) -> bool:
    small = one.larger_than is None or one.larger_than < _LARGEST_CONTROL
    return _is_lossy(one) and one.kind in _CONTROL and small


def _concerns(one: Impairment, stream: PlanStream) -> bool:
    kinds = _MULTICAST if stream.cast is Cast.MULTICAST else _UNICAST
    size = stream.size + _IP_AND_UDP[stream.group.version]
    return one.kind in kinds and (one.larger_than is None or size > one.larger_than)


def bound(total: int, missing: int, slack: float) -> float:
    """Return by how many datagrams two runs may differ, of which both together lost ``missing`` of twice
    ``total``; ``slack`` are those that timing alone can explain."""
    share = missing / (2 * total)
    return _SIGMAS * math.sqrt(2 * total * share * (1 - share)) + slack + 1


class Sides:
    """Which devices are on which side of the cables whose queries and reports are lost by chance."""

    def __init__(self, plan: Plan, chances: Chances) -> None:
        self._plan = plan
        self._cables = tuple(_cables(plan))
        self._ports = {
            (switch.name, port.name): port.peer for switch in plan.switches for port in switch.ports
        }
        self._askers = tuple(_askers(plan))
        self._beyond = tuple(
            (cable, self._side_of(cable[1], cable))
            for cable in self._cables
            if any(end in chances.control for end in cable)
        )

    def is_chance(self, device: str, port: str) -> bool:
        """Return whether a device's line about a port (empty: about a querier) depends on such a cable."""
        return any(self._depends(device, port, cable, far) for cable, far in self._beyond)

    def _depends(self, device: str, port: str, cable: tuple[End, End], far: frozenset[str]) -> bool:
        if End(device=device, port=port) in cable:
            return True
        here = device in far
        behind = self._ports.get((device, port))
        if behind is not None and (behind in far) != here:
            return True
        if behind is not None and self._leads_to(device, behind, cable):
            return True
        return any((asker in far) != here for asker in self._askers)

    def _leads_to(self, device: str, behind: str, cable: tuple[End, End]) -> bool:
        """Return whether the cable is behind a port of a device, which leads to ``behind``."""
        ends = {end.device for end in cable}
        seen, waiting = {device, behind}, [behind]
        while waiting:
            here = waiting.pop()
            if here in ends:
                return True
            for a, b in self._cables:
                for near, there in ((a, b), (b, a)):
                    if near.device == here and there.device not in seen:
                        seen.add(there.device)
                        waiting.append(there.device)
        return False

    def _side_of(self, end: End, without: tuple[End, End]) -> frozenset[str]:
        """Return the devices that are still joined with an end when a cable is cut."""
        seen, waiting = {end.device}, [end.device]
        while waiting:
            here = waiting.pop()
            for cable in self._cables:
                if cable == without:
                    continue
                for near, there in (cable, cable[::-1]):
                    if near.device == here and there.device not in seen:
                        seen.add(there.device)
                        waiting.append(there.device)
        return frozenset(seen)


def _cables(plan: Plan) -> Iterator[tuple[End, End]]:
    for host in plan.hosts:
        yield End(device=host.switch, port=host.port), End(device=host.name, port="eth0")
    for link in plan.links:
        yield End(device=link.a[0], port=link.a[1]), End(device=link.b[0], port=link.b[1])


def _askers(plan: Plan) -> Iterator[str]:
    """Every device that has a querier at some time."""
    for switch in plan.switches:
        if any(one is not None and one.querier is not None for one in (switch.behaviour, switch.mld)):
            yield switch.name
    for action in plan.actions:
        if any(one is not None and one.querier is not None for one in (action.behaviour, action.mld)):
            yield action.target
    yield from (host.name for host in plan.askers)
