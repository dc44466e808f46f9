"""Tables, chains and rules as the kernel holds them, and what they do with a packet.

One shape for iptables, ip6tables and nft, since Debian's iptables writes nftables too: a packet passes the
base chains of its hooks in the order of their priorities, each must let it through, a drop is final
(nft(8), "Chains"; the priorities of iptables are those of linux/netfilter_ipv4.h). No parsing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from enum import Enum
from typing import assert_never

from harness.protocols.firewall.conditions import AnyOf, Condition, Field
from harness.protocols.firewall.packet import (
    ICMP,
    ICMPV6,
    IGMP,
    INTERFACE,
    UDP,
    Direction,
    OwnAddress,
    Packet,
    State,
    kind_of,
    link_type,
)

_CONNTRACK_PRIORITY = -200
"""Chains before it see no state yet (NF_IP_PRI_CONNTRACK)."""
_HOOKS = {Direction.IN: ("prerouting", "input"), Direction.OUT: ("output", "postrouting")}
_FIRST_HOOKS = ("prerouting", "output")
_SEE_FRAGMENTS = {4: frozenset({"prerouting"}), 6: frozenset({"prerouting", "input"})}
"""Where what arrives is not put together yet, unless conntrack did that before (at priority -400)."""
_FRAGMENT_HEADER = 44
_FIRST_BYTES_OF_IPV6 = 0x6000
_BEHIND_THE_HEADER = (Field.SOURCE_PORT, Field.DESTINATION_PORT, Field.MESSAGE_TYPE, Field.MESSAGE_CODE)
_FAMILIES = {4: frozenset({"ip", "inet"}), 6: frozenset({"ip6", "inet"})}
_POSSIBLE: dict[Field, tuple[int | str, ...]] = {
    Field.PROTOCOL: (ICMP, IGMP, UDP, ICMPV6),
    Field.IN_INTERFACE: (INTERFACE,),
    Field.OUT_INTERFACE: (INTERFACE,),
}
"""What the packets of a harness's network can have, of fields where that is little."""


class UnsupportedRuleError(Exception):
    """A command that cannot be evaluated; the message is a predicate: ``cannot evaluate "-m u32" of ...``."""


class Action(Enum):
    """What a rule does with a packet that meets its conditions."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    NOTHING = "nothing"
    """Counts or logs: the next rule is asked."""
    NO_TRACKING = "no tracking"
    SET_MARK = "set mark"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: the words that were written, its conditions, its action.

    ``target`` is the chain of a jump, ``mark`` the value and the bits that SET_MARK writes. ``unsupported``
    are words that cannot be evaluated, ``comment`` what only tells the rule from others.
    """

    text: str
    conditions: tuple[Condition, ...] = ()
    action: Action = Action.NOTHING
    target: str = ""
    mark: tuple[int, int] = (0, 0)
    unsupported: tuple[str, ...] = ()
    comment: str = ""

    @property
    def content(self) -> tuple[object, ...]:
        """What two rules have in common of which deleting one deletes the other."""
        return self.conditions, self.action, self.target, self.mark, self.unsupported, self.comment

    @property
    def can_matter(self) -> bool:
        """Whether it can meet a packet of a harness's network, and would then do something."""
        if self.action is Action.NOTHING:
            return False
        simple = (one for one in self.conditions if not isinstance(one, AnyOf))
        return all(any(map(one.holds, _POSSIBLE[one.field])) for one in simple if one.field in _POSSIBLE)


@dataclass(slots=True, kw_only=True)
class Chain:
    """A chain; a base chain has a hook. ``born``: of two with one priority the younger comes first."""

    name: str
    hook: str = ""
    priority: int = 0
    born: int = 0
    translates: bool = False
    """It is of type nat."""
    accepts: bool = True
    """The policy, and what set it."""
    policy_text: str = ""
    rules: list[Rule] = field(default_factory=list)


Tables = dict[tuple[str, str], dict[str, Chain]]
"""Chains by name, by family and name of their table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Whether a packet passes, and the words of the rule or policy that decided; empty if none did."""

    passes: bool
    by: str = ""


class _Passage:
    """A packet on its way through the hooks: what it answers now, by field. What it has not is None."""

    def __init__(self, direction: Direction, packet: Packet, own: Sequence[OwnAddress]) -> None:
        incoming = direction is Direction.IN
        self.fragments = packet.fragments
        self._packet = packet
        self.tracked = True
        self.values: dict[Field, int | str | None] = {
            Field.VERSION: packet.version,
            Field.PROTOCOL: packet.protocol,
            Field.NEXT_HEADER: 0 if packet.hop_by_hop else packet.protocol,
            Field.SOURCE: int(packet.source),
            Field.DESTINATION: int(packet.destination),
            Field.SOURCE_PORT: packet.source_port,
            Field.DESTINATION_PORT: packet.destination_port,
            Field.SOURCE_PORT_BYTES: packet.source_port,
            Field.DESTINATION_PORT_BYTES: packet.destination_port,
            Field.MESSAGE_TYPE: packet.message_type,
            Field.MESSAGE_CODE: None if packet.message_type is None else packet.message_code,
            Field.HOPS: packet.hops,
            Field.LENGTH: packet.size,
            Field.MARK: 0,
            Field.LINK_TYPE: link_type(packet, direction, own).value,
            Field.SOURCE_KIND: kind_of(packet.source, own).value,
            Field.DESTINATION_KIND: kind_of(packet.destination, own).value,
            Field.IN_INTERFACE: packet.interface if incoming else "",
            Field.OUT_INTERFACE: "" if incoming else packet.interface,
        }

    def piece(self, number: int) -> _Passage:
        """One of its fragments, which has a size of its own; all but the first have no ports.

        Where the ports were, IPv4 has bytes of the payload, zeros in the harness's datagrams; of IPv6 nft
        takes the header's first bytes, whose flow label is taken as 0.
        """
        piece = copy(self)
        piece.values = self.values | {Field.LENGTH: self.fragments[number]}
        if self.values[Field.VERSION] == 6:
            piece.values[Field.NEXT_HEADER] = _FRAGMENT_HEADER
        if number:
            piece.values |= dict.fromkeys(_BEHIND_THE_HEADER)
            first_bytes = 0 if self.values[Field.VERSION] == 4 else _FIRST_BYTES_OF_IPV6
            piece.values[Field.SOURCE_PORT_BYTES] = first_bytes
            piece.values[Field.DESTINATION_PORT_BYTES] = 0
        return piece

    def take_over(self, piece: _Passage) -> None:
        """Be put together again: what rules wrote on the first piece stays."""
        self.tracked = piece.tracked
        self.values[Field.MARK] = piece.values[Field.MARK]

    def enter(self, base: Chain) -> None:
        """Come to a base chain."""
        early = base.hook in _FIRST_HOOKS and base.priority <= _CONNTRACK_PRIORITY
        state = State.INVALID if early else self._packet.tracked_state
        self.values[Field.STATE] = state.value if self.tracked else State.UNTRACKED.value

    def meets(self, condition: Condition) -> bool:
        """Whether a condition holds."""
        if isinstance(condition, AnyOf):
            met = any(all(one.holds(self.values[one.field]) for one in some) for some in condition.options)
            return met is not condition.negated
        return condition.holds(self.values[condition.field])

    def set_mark(self, value: int, bits: int) -> None:
        """Write some bits of the mark."""
        old = self.values[Field.MARK]
        assert isinstance(old, int)
        self.values[Field.MARK] = old & ~bits ^ value

    def leave_untracked(self) -> None:
        """Keep conntrack from it."""
        self.tracked = False
        self.values[Field.STATE] = State.UNTRACKED.value


class Ruleset:
    """All tables of one host, read to their end."""

    def __init__(self, tables: Tables) -> None:
        self._bases: dict[tuple[int, str], tuple[tuple[Chain, dict[str, Chain]], ...]] = {}
        self._tracks = {version: _tracks(tables, families) for version, families in _FAMILIES.items()}
        for version, families in _FAMILIES.items():
            for hook in (hook for hooks in _HOOKS.values() for hook in hooks):
                found = [
                    (chain, chains)
                    for (family, _), chains in tables.items()
                    if family in families
                    for chain in chains.values()
                    if chain.hook == hook
                ]
                found.sort(key=lambda one: (one[0].priority, -one[0].born))
                self._bases[version, hook] = tuple(found)

    def rule(self, direction: Direction, packet: Packet, own: Sequence[OwnAddress] = ()) -> Ruling:
        """What happens to a packet of a host with these addresses."""
        whole, by = _Passage(direction, packet, own), ""
        pieces = tuple(whole.piece(number) for number in range(len(packet.fragments)))
        for hook in _HOOKS[direction]:
            in_pieces = pieces and hook in _SEE_FRAGMENTS[packet.version] and not self._tracks[packet.version]
            for passage in pieces if in_pieces else (whole,):
                ruling = self._pass_hook(hook, packet.version, passage)
                if not ruling.passes:
                    return ruling
                by = ruling.by or by
            if in_pieces:
                whole.take_over(pieces[0])
        return Ruling(passes=True, by=by)

    def _pass_hook(self, hook: str, version: int, passage: _Passage) -> Ruling:
        by = ""
        for chain, chains in self._bases[version, hook]:
            passage.enter(chain)
            ruling = _walk(chain, chains, passage)
            if ruling is None:
                ruling = Ruling(passes=chain.accepts, by=chain.policy_text)
            if not ruling.passes:
                return ruling
            by = ruling.by or by
        return Ruling(passes=True, by=by)

    def reachable(self) -> Iterator[Rule]:
        """Every rule that a packet of a harness's network can come to, once, in order."""
        seen: set[int] = set()
        for bases in self._bases.values():
            for chain, chains in bases:
                yield from _reachable(chain, chains, seen)


def _walk(chain: Chain, chains: dict[str, Chain], passage: _Passage) -> Ruling | None:
    """What a chain decides; None: it ends, or returns, undecided."""
    for rule in chain.rules:
        if not all(passage.meets(one) for one in rule.conditions):
            continue
        match rule.action:
            case Action.ACCEPT | Action.DROP:
                return Ruling(passes=rule.action is Action.ACCEPT, by=rule.text)
            case Action.RETURN:
                return None
            case Action.JUMP:
                ruling = _walk(chains[rule.target], chains, passage)
                if ruling is not None:
                    return ruling
            case Action.GOTO:
                return _walk(chains[rule.target], chains, passage)
            case Action.NO_TRACKING:
                passage.leave_untracked()
            case Action.SET_MARK:
                passage.set_mark(*rule.mark)
            case Action.NOTHING | Action.UNKNOWN:
                pass
            case _:
                assert_never(rule.action)
    return None


def loops(tables: Tables) -> Iterator[Rule]:
    """The jumps that come back to where they start, which every tool refuses."""
    for chains in tables.values():
        for chain in chains.values():
            yield from (
                rule for rule in chain.rules if rule.target and _leads(rule.target, chain.name, chains)
            )


def _leads(start: str, end: str, chains: dict[str, Chain]) -> bool:
    waiting, seen = [start], {start}
    for name in waiting:
        if name == end:
            return True
        targets = [rule.target for rule in chains[name].rules if rule.target and rule.target not in seen]
        waiting += dict.fromkeys(targets)
        seen.update(targets)
    return False


def _tracks(tables: Tables, families: frozenset[str]) -> bool:
    """Whether rules of these families have made the kernel load conntrack."""
    for (family, _), chains in tables.items():
        if family not in families:
            continue
        for chain in chains.values():
            simple = (one for rule in chain.rules for one in rule.conditions if not isinstance(one, AnyOf))
            if chain.translates or any(one.field is Field.STATE for one in simple):
                return True
    return False


def _reachable(chain: Chain, chains: dict[str, Chain], seen: set[int]) -> Iterator[Rule]:
    if id(chain) in seen:
        return
    seen.add(id(chain))
    for rule in chain.rules:
        if rule.can_matter:
            yield rule
            if rule.action in (Action.JUMP, Action.GOTO) and rule.target in chains:
                yield from _reachable(chains[rule.target], chains, seen)
