"""Cables as they are written, and the numbers of the ports that they end in."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, pairwise, product
from typing import assert_never

from harness.plan.names import Loc, Mistakes, Names, chassis_of
from harness.plan.vlans import Lane, lanes, tell_unknown
from harness.scenario import network as written

Place = tuple[str, int | None]
"""A switch (sw1), or a VLAN of one (sw1.20), and the number of its port if the file asks for one."""

_PORT = re.compile(r"p([1-9][0-9]{0,3})")
_MOST_PORTS = 9999
"""As many as the MAC addresses of a switch's ports can be read of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRequest:
    """A cable's end that needs a port of ``switch``: the one with number ``wanted``, or any.

    ``domain`` is what a host's port is in: the switch, or one of its VLANs.
    """

    switch: str
    domain: str
    wanted: int | None
    peer: str
    loc: Loc


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A cable between two switches, before its ports have numbers; ``lanes`` are what it carries."""

    a: Place
    b: Place
    lanes: tuple[Lane, ...]
    mtu: tuple[int, int] | None
    up: bool
    loc: Loc


def read_end(text: str, names: Names, loc: Loc, mistakes: Mistakes) -> tuple[Place, ...]:
    """The places that ``sw1``, ``sw1.20``, ``sw1:p7`` or ``sw`` (all of them) is; none after a mistake."""
    name, colon, port = text.partition(":")
    switches = names.expanded(name, names.switches) or names.expanded(name, names.domains)
    match = _PORT.fullmatch(port)
    if not switches:
        groups = [several for several, made in names.several.items() if set(made) <= set(names.switches)]
        tell_unknown(name, names, loc, mistakes, others=groups)
    elif colon and match is None:
        mistakes.add(loc, f'"{text}": the ports of {name} are {name}:p1, {name}:p2 and so on')
    elif colon and len(switches) > 1:
        mistakes.add(loc, f'"{text}": {name} is {len(switches)} switches; write {switches[0]}:{port}')
    else:
        return tuple((switch, int(match[1]) if match else None) for switch in switches)
    return ()


def number_ports(requests: tuple[PortRequest, ...], mistakes: Mistakes) -> tuple[int, ...]:
    """A port number for each request: what it asks for, else the lowest that is free on its switch."""
    holders: dict[tuple[str, int], PortRequest] = {}
    for request in requests:
        if request.wanted is not None:
            holder = holders.setdefault((request.switch, request.wanted), request)
            if holder is not request:
                port = f"{request.switch}:p{request.wanted}"
                both = (
                    f"{holder.peer} and {request.peer} are both" if holder.peer != request.peer else "twice"
                )
                mistakes.add(request.loc, f"{both} on {port}")
    following: dict[str, int] = {}
    numbers: list[int] = []
    for request in requests:
        if request.wanted is not None:
            numbers.append(request.wanted)
            continue
        number = following.get(request.switch, 1)
        while (request.switch, number) in holders:
            number += 1
        following[request.switch] = number + 1
        numbers.append(number)
    for switch in [switch for switch, number in following.items() if number > _MOST_PORTS + 1]:
        loc = next(request.loc for request in requests if request.switch == switch)
        ports = following[switch] - 1
        mistakes.add(loc, f"{switch} has {ports} cables; a switch has {_MOST_PORTS} ports at most")
    return tuple(numbers)


def read_links(links: written.Links, names: Names, mistakes: Mistakes) -> tuple[Link, ...]:
    """The cables between switches."""
    loc: Loc = ("network", "links")
    if isinstance(links, written.Layout):
        made = (((a, b), lanes((a, b), None, None, names, loc, mistakes)) for a, b in _laid_out(links, names))
        return tuple(
            Link(a=(a, None), b=(b, None), lanes=carried, mtu=None, up=True, loc=loc)
            for (a, b), carried in made
            if carried
        )
    found: list[Link] = []
    for index, link in enumerate(links):
        read = _read_link(link, names, (*loc, index), mistakes)
        if read is not None:
            found.append(read)
    return tuple(found)


def _laid_out(layout: written.Layout, names: Names) -> Iterator[tuple[str, str]]:
    """The pairs of switches that a layout joins, the upper one first."""
    first, others = names.switches[:1], names.switches[1:]
    match layout:
        case written.Layout.CHAIN:
            yield from pairwise(names.switches)
        case written.Layout.STAR:
            yield from product(first, others)
        case written.Layout.TREE:
            for above, level in pairwise(names.levels):
                yield from zip(cycle(above), level, strict=False)
        case _:
            assert_never(layout)


def _read_link(
    link: written.Link | tuple[str, ...], names: Names, loc: Loc, mistakes: Mistakes
) -> Link | None:
    full = link if isinstance(link, written.Link) else None
    pair = link.between if isinstance(link, written.Link) else link
    ends_loc: Loc = loc if full is None else (*loc, "between")
    ends: list[Place] = []
    for index, text in enumerate(pair):
        places = read_end(text, names, (*ends_loc, index), mistakes)
        if len(places) > 1:
            mistakes.add((*ends_loc, index), f'"{text}" is {len(places)} switches; a link joins two')
        ends += places[:1]
    if len(ends) != 2:
        return None
    if ends[0][0] == ends[1][0]:
        mistakes.add(loc, f"{ends[0][0]} is linked to itself")
        return None
    full = full or written.Link(between=pair)
    carried = lanes((ends[0][0], ends[1][0]), full.vlan, full.vlans, names, loc, mistakes)
    if not carried:
        return None
    a, b = ((chassis_of(name), wanted) for name, wanted in ends)
    return Link(a=a, b=b, lanes=carried, mtu=full.mtu, up=full.state == "up", loc=loc)


def path(cables: Iterable[tuple[str, str]], start: str, goal: str) -> tuple[str, ...]:
    """The switches on the way from ``start`` to ``goal`` over these cables; empty if there is no way."""
    neighbours: dict[str, list[str]] = {}
    for a, b in cables:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    came_from = {start: start}
    waiting = deque([start])
    while waiting and goal not in came_from:
        here = waiting.popleft()
        for there in neighbours.get(here, ()):
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    if goal not in came_from:
        return ()
    way = [goal]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))


def loop(way: tuple[str, ...]) -> str:
    """The sentence about switches in a ring."""
    if len(way) == 2:
        return (
            f"{way[0]} and {way[1]} are joined twice: a loop, and these switches run no spanning tree; with "
            "spanning_tree: on one of the two waits"
        )
    return (
        f"{', '.join(way)} form a loop; these switches run no spanning tree, so one link must be down, or "
        "the network needs spanning_tree: on"
    )
