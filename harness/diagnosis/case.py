"""All facts of one complaint, put together so that rules can ask about them.

A pair is one node's figures about one peer, unicast and multicast side by side. Broadcast (omping's ipbc) is
in the place of multicast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from harness.diagnosis.facts import (
    Fact,
    Family,
    Members,
    NoQuerier,
    NothingHeard,
    PeerSilent,
    ProbeFigures,
    QuerierSeen,
    Snooping,
)
from harness.diagnosis.patterns import GOOD_LOSS, Pattern, Shape, pattern
from harness.protocols.probes.program import Cast

_F = TypeVar("_F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a node got of a peer in one run; ``unicast`` is None where only multicast was tested."""

    node: str
    peer: str
    multicast: ProbeFigures
    unicast: ProbeFigures | None
    pattern: Pattern

    @property
    def unicast_good(self) -> bool:
        """Whether unicast came as it should, as far as it was tested."""
        return self.unicast is None or self.unicast.loss < GOOD_LOSS

    @property
    def shape(self) -> Shape:
        """How multicast came."""
        return self.pattern.shape

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What it is made of."""
        return (self.multicast,) if self.unicast is None else (self.unicast, self.multicast)


class Case:
    """The facts, and what follows from several of them together."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts = tuple(facts)
        self.pairs = tuple(_pairs(self.all(ProbeFigures)))
        groups = [pair.multicast.group for pair in self.pairs]
        told = {fact.family for fact in self.facts if isinstance(fact, NoQuerier | QuerierSeen | Snooping)}
        is_mld = all(":" in group for group in groups) if groups else told == {Family.MLD}
        self.family = Family.MLD if is_mld else Family.IGMP

    def all(self, kind: type[_F]) -> tuple[_F, ...]:
        """Return the facts of a kind, in their order."""
        return tuple(fact for fact in self.facts if isinstance(fact, kind))

    def only_multicast_lost(self, *shapes: Shape) -> tuple[Pair, ...]:
        """Return the pairs of these shapes whose unicast came."""
        return tuple(pair for pair in self.pairs if pair.shape in shapes and pair.unicast_good)

    @property
    def failing(self) -> tuple[Pair, ...]:
        """The pairs that lost multicast and no unicast."""
        return tuple(pair for pair in self.pairs if pair.unicast_good and pair.shape is not Shape.COMPLETE)

    @property
    def troubled(self) -> bool:
        """Whether anything was lost that a probe asked for."""
        lost = any(pair.shape is not Shape.COMPLETE or not pair.unicast_good for pair in self.pairs)
        return lost or bool(self.silent) or bool(self.all(NothingHeard))

    @property
    def complete(self) -> tuple[Pair, ...]:
        """The pairs that lost nothing to speak of."""
        return tuple(pair for pair in self.pairs if pair.unicast_good and pair.shape is Shape.COMPLETE)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Whose reports there are, in their order; unknown ones are one."""
        return tuple(dict.fromkeys(pair.node for pair in self.pairs))

    @property
    def queriers(self) -> tuple[QuerierSeen, ...]:
        """The queriers of the probes' family that have an address."""
        found = self.all(QuerierSeen)
        return tuple(one for one in found if one.family is self.family and not is_zero(one.address))

    @property
    def nobody_queries(self) -> tuple[NoQuerier, ...]:
        """Where nobody queries, of the probes' family."""
        return tuple(one for one in self.all(NoQuerier) if one.family is self.family)

    @property
    def snoops(self) -> tuple[Snooping, ...]:
        """Who snoops for the probes' family."""
        return tuple(one for one in self.all(Snooping) if one.on and one.family is self.family)

    @property
    def silent(self) -> tuple[PeerSilent, ...]:
        """Who did not answer whom."""
        return self.all(PeerSilent)

    def of_peer(self, peer: str) -> tuple[Pair, ...]:
        """Return what everybody got of a peer."""
        return tuple(pair for pair in self.pairs if pair.peer == peer)

    def of_node(self, node: str) -> tuple[Pair, ...]:
        """Return what a node got of everybody."""
        return tuple(pair for pair in self.pairs if pair.node == node)

    def sides(self) -> tuple[tuple[str, ...], ...]:
        """Return the nodes in sets that hear each other and nobody else; empty if they are no such sets.

        Needs the reports of three nodes, two of which hear each other.
        """
        hears = {(pair.node, pair.peer): pair.shape is Shape.COMPLETE for pair in self.pairs}
        names = tuple(dict.fromkeys(name for pair in self.pairs for name in (pair.node, pair.peer)))
        if len(self.nodes) < 3 or "" in names or not all(pair.unicast_good for pair in self.pairs):
            return ()
        sides: list[list[str]] = []
        for name in names:
            side = next(
                (side for side in sides if hears.get((side[0], name), hears.get((name, side[0])))), None
            )
            if side is None:
                sides.append([name])
            else:
                side.append(name)
        side_of = {name: index for index, side in enumerate(sides) for name in side}
        agrees = all((side_of[node] == side_of[peer]) == heard for (node, peer), heard in hears.items())
        apart = len(sides) > 1 and any(len(side) > 1 for side in sides)
        return tuple(tuple(side) for side in sides) if agrees and apart else ()

    def groups_known(self) -> int:
        """Return how many groups the tables that were read have."""
        return len({(one.where, one.vlan, one.group) for one in self.all(Members)})


def is_zero(address: str) -> bool:
    """Return whether a querier's address is none: 0.0.0.0 or ::."""
    return address in {"0.0.0.0", "::"}  # noqa: S104  a source address, nothing binds to it


def _pairs(figures: tuple[ProbeFigures, ...]) -> Iterator[Pair]:
    """Put unicast beside the multicast that follows it, or the other way round."""
    waiting: dict[tuple[str, str, str], ProbeFigures] = {}
    for one in figures:
        key = (one.where, one.tool, one.peer)
        other = waiting.pop(key, None)
        if other is not None and (other.cast is Cast.UNICAST) != (one.cast is Cast.UNICAST):
            yield _pair(one, other)
            continue
        if other is not None and other.cast is not Cast.UNICAST:
            yield _pair(other, None)
        waiting[key] = one
    for one in waiting.values():
        if one.cast is not Cast.UNICAST:
            yield _pair(one, None)


def _pair(one: ProbeFigures, other: ProbeFigures | None) -> Pair:
    multicast, unicast = (one, other) if one.cast is not Cast.UNICAST or other is None else (other, one)
    return Pair(
        node=one.where, peer=one.peer, multicast=multicast, unicast=unicast, pattern=pattern(multicast)
    )
