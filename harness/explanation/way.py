"""The way of a frame through the cables: over those that are up, if there is such a way, else over any.

A network without a spanning tree has one way between two devices. In a ring the tree leaves one; where a
blocked or broken cable is the only way, the walk over it says so. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from harness.explanation.scene import Cable, Scene, cables_of
from harness.plan.model import End, Plan


def way(scene: Scene, start: str, goal: str, at_s: float) -> tuple[Cable, ...]:
    """Return the cables from device to device in order; empty if no cable joins them, or they are one.

    Of several ways it is the first of those with the fewest cables that are down or blocked.
    """
    first = () if start in scene.switches else (_out_of(scene, start),)
    last = () if goal in scene.switches else (_reversed(_out_of(scene, goal)),)
    begin = first[0].far.device if first else start
    end = last[0].near.device if last else goal
    between = _between(scene, begin, end, at_s)
    return () if between is None else (*first, *between, *last)


def _out_of(scene: Scene, host: str) -> Cable:
    return Cable(near=End(device=host, port="eth0"), far=scene.edge(host))


def _reversed(cable: Cable) -> Cable:
    return Cable(near=cable.far, far=cable.near)


def backwards(cables: tuple[Cable, ...]) -> tuple[Cable, ...]:
    """Return the same way from its end to its start."""
    return tuple(_reversed(cable) for cable in reversed(cables))


def exits(plan: Plan, sender: str, receiver: str) -> tuple[tuple[str, str], ...]:
    """Return where a datagram leaves each switch from host to host over the plan's cables, up or down.

    (switch, port) in the order of the way; empty if no cable joins them.
    """
    start, end = plan.host(sender), plan.host(receiver)
    found = _shortest(cables_of(plan), start.switch, end.switch, lambda _: False)
    if found is None:
        return ()
    return (*((cable.near.device, cable.near.port) for cable in found), (end.switch, end.port))


def _between(scene: Scene, start: str, goal: str, at_s: float) -> tuple[Cable, ...] | None:
    """The cables between two switches that are the least broken; None if there is no way."""
    return _shortest(scene.exits, start, goal, lambda cable: bool(scene.down(cable, at_s)))


def _shortest(
    exits_of: Mapping[str, tuple[Cable, ...]], start: str, goal: str, broken: Callable[[Cable], bool]
) -> tuple[Cable, ...] | None:
    """The way with the fewest broken cables, and of those the shortest; None if there is none."""
    came_by: dict[str, Cable | None] = {}
    reached: deque[tuple[str, Cable | None]] = deque([(start, None)])
    later: list[tuple[str, Cable | None]] = []
    while reached or later:
        if not reached:
            reached, later = deque(later), []
        here, by = reached.popleft()
        if here in came_by:
            continue
        came_by[here] = by
        if here == goal:
            break
        for cable in exits_of[here]:
            if cable.far.device not in came_by:
                (later if broken(cable) else reached).append((cable.far.device, cable))
    if goal not in came_by:
        return None
    found: list[Cable] = []
    cable_in = came_by[goal]
    while cable_in is not None:
        found.append(cable_in)
        cable_in = came_by[cable_in.near.device]
    return tuple(reversed(found))
