"""The spanning tree of a network with redundant links, and how it changes: computed here, for a plan.

After IEEE 802.1D-2004: the root is given or the first switch, every link costs the same, ties go to the
switch and then to the link that stands first in the file. Each part of a divided network has a tree of its
own; one without the root takes its first switch. A link that the tree loses stops at once; one that it gains
forwards after ``change_over_s``, and then every switch of that part is told that the topology has changed.
Ports towards hosts are edge ports: they forward at once and change nothing. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.plan.names import chassis_of

Joined = tuple[str, str]
"""The two switches that a link joins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSettings:
    """A network's spanning tree: its root, and how long a link takes to forward (customer's seconds)."""

    root: str
    change_over_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """At ``at_s`` a link, by its number, stops or starts to forward, or (``link`` None) ``switches`` are told
    that the topology has changed. ``line`` is the step that it follows from."""

    at_s: float
    line: int
    link: int | None = None
    forwards: bool = False
    switches: tuple[str, ...] = ()


def tree(switches: Sequence[str], links: Sequence[Joined], up: Iterable[int], root: str) -> frozenset[int]:
    """The numbers of the links that forward, of those that are ``up``."""
    order = {name: place for place, name in enumerate(switches)}
    neighbours: dict[str, list[tuple[str, int]]] = {name: [] for name in switches}
    for number in sorted(up):
        a, b = links[number]
        neighbours[a].append((b, number))
        neighbours[b].append((a, number))
    far: dict[str, int] = {}
    chosen: set[int] = set()
    for start in sorted(switches, key=lambda name: (chassis_of(name) != root, order[name])):
        if start in far:
            continue
        far[start] = 0
        waiting = deque([start])
        while waiting:
            here = waiting.popleft()
            for there, _ in neighbours[here]:
                if there not in far:
                    far[there] = far[here] + 1
                    waiting.append(there)
    for name in switches:
        nearer = [(order[there], number) for there, number in neighbours[name] if far[there] < far[name]]
        if nearer:
            chosen.add(min(nearer)[1])
    return frozenset(chosen)


class SpanningTree:
    """The tree as links go down and come up; ``switch`` in the order of time, ``until`` in between."""

    def __init__(
        self,
        switches: Sequence[str],
        links: Sequence[Joined],
        up: Iterable[int],
        settings: TreeSettings,
    ) -> None:
        self._switches = tuple(switches)
        self._links = tuple(links)
        self._settings = settings
        self._up = set(up)
        self.forwarding: set[int] = set(tree(self._switches, self._links, self._up, settings.root))
        self._waiting: dict[int, tuple[float, int]] = {}

    def switch(self, link: int, *, up: bool, at_s: float, line: int) -> tuple[Change, ...]:
        """Take a link down or up; what follows at once. The link itself is not among it."""
        if up:
            self._up.add(link)
        else:
            self._up.discard(link)
        wanted = tree(self._switches, self._links, self._up, self._settings.root)
        stopped = sorted(self.forwarding - wanted)
        self.forwarding &= wanted
        self._waiting = {number: due for number, due in self._waiting.items() if number in wanted}
        for number in sorted(wanted - self.forwarding):
            self._waiting.setdefault(number, (round(at_s + self._settings.change_over_s, 9), line))
        return tuple(
            Change(at_s=at_s, line=line, link=number, forwards=False) for number in stopped if number != link
        )

    def waits(self, link: int) -> bool:
        """Whether a link is up and will forward when the change is over."""
        return link in self._waiting

    def until(self, at_s: float) -> Iterator[Change]:
        """What is due up to a moment, in order; links of one moment start before anybody is told."""
        while due := sorted((due_s, number) for number, (due_s, _) in self._waiting.items() if due_s <= at_s):
            first_s = due[0][0]
            together = [number for due_s, number in due if due_s == first_s]
            told: dict[str, None] = {}
            line = 0
            for number in together:
                _, line = self._waiting.pop(number)
                self.forwarding.add(number)
                yield Change(at_s=first_s, line=line, link=number, forwards=True)
                told.update(dict.fromkeys(self._part(self._links[number][0])))
            names = tuple(name for name in self._switches if name in told)
            yield Change(at_s=first_s, line=line, switches=names)

    def _part(self, start: str) -> Iterator[str]:
        """The switches that are joined with one, itself included."""
        seen, waiting = {start}, [start]
        while waiting:
            here = waiting.pop()
            yield here
            for number in sorted(self._up):
                a, b = self._links[number]
                there = b if a == here else a if b == here else None
                if there is not None and there not in seen:
                    seen.add(there)
                    waiting.append(there)
