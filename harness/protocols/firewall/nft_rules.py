"""One rule of nft: selectors, values, statements and verdicts.

Follows nft(8) 1.0.6, "Payload expressions", "Meta expressions", "Statements". What a selector needs is asked
first, as nft itself does: ``udp dport`` of a packet of UDP only, ``ip daddr`` of IPv4 only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.protocols.firewall.conditions import AnyOf, Condition, Field, Named, Within, exactly
from harness.protocols.firewall.names import (
    ICMP_TYPES,
    ICMPV6_TYPES,
    IGMP_TYPES,
    PROTOCOLS,
    SERVICES,
    address_range,
    number_range,
)
from harness.protocols.firewall.nft_statements import Statement, shown, unquoted
from harness.protocols.firewall.packet import ICMP, ICMPV6, IGMP, Kind, State
from harness.protocols.firewall.rules import Action, Rule, UnsupportedRuleError

Sets = dict[tuple[str, str, str], list[str]]
"""The words of the elements of named sets, by family, table and name."""
Range = tuple[int, int]

_ALL_BITS = 0xFFFFFFFF
_IPV6_HEADER = 40
_VERDICTS = {"accept": Action.ACCEPT, "drop": Action.DROP, "reject": Action.DROP, "return": Action.RETURN}
_VERDICTS |= {"continue": Action.NOTHING}
_JUMPS = {"jump": Action.JUMP, "goto": Action.GOTO}
_ELSEWHERE = frozenset(
    {"queue", "masquerade", "snat", "dnat", "redirect", "tproxy", "dup", "fwd", "synproxy"}
)
"""Statements that do something with a packet that has no meaning here."""
_HARMLESS = frozenset({"limit", "quota"})
"""What decides only whether the rest of its rule is done."""
_OPERATORS = {"==": "==", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_OPERATORS |= {"eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">="}
_KEY_AND_VERDICT = re.compile(r"\s*:\s*(?=(?:accept|drop|return|continue|jump|goto)\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """What is asked of a packet, what must hold first, and how values are read: by number or by name."""

    field: Field
    needs: tuple[Within, ...] = ()
    ranges: Callable[[str], Range] | None = None
    names: dict[str, str] | None = None
    """Of fields with names: what each word stands for; empty where every word stands for itself."""
    limit: int = 0
    shift: int = 0

    def condition(self, words: Sequence[str], *, negated: bool = False) -> Within | Named:
        """One of some values. Raises ValueError with the word that is none."""
        if self.ranges is not None:
            found = tuple(self.range(word) for word in words)
            return Within(field=self.field, ranges=found, negated=negated)
        names = self.names or {}
        known = []
        for word in words:
            if names and unquoted(word) not in names:
                raise ValueError(word)
            known.append(names.get(unquoted(word), unquoted(word)))
        return Named(field=self.field, names=tuple(known), negated=negated)

    def range(self, word: str) -> Range:
        """The numbers that a word stands for."""
        assert self.ranges is not None
        low, high = self.ranges(unquoted(word))
        return low + self.shift, high + self.shift


_IPV4 = exactly(Field.VERSION, 4)
_IPV6 = exactly(Field.VERSION, 6)
_OF_FAMILY = {"ip": 4, "ip6": 6}
_PORTS = ("udp", "tcp", "udplite", "sctp", "dccp")


def _numbers(names: dict[str, int], limit: int) -> Callable[[str], Range]:
    return lambda word: number_range(word, "-", names, limit)


def _numeric(asked: Field, limit: int, needs: tuple[Within, ...] = (), **names: int) -> Selector:
    return Selector(field=asked, needs=needs, ranges=_numbers(names, limit), limit=limit)


def _selectors() -> dict[str, Selector]:
    self_named = {kind.value: kind.value for kind in Kind} | {
        word: word for word in ("anycast", "blackhole", "unreachable", "prohibit")
    }
    protocols = _numbers(PROTOCOLS, 255)
    ports = _numbers(SERVICES, 0xFFFF)
    found = {
        "meta l4proto": Selector(field=Field.PROTOCOL, ranges=protocols, limit=255),
        "meta nfproto": _numeric(Field.VERSION, 255, ipv4=4, ipv6=6),
        "meta protocol": _numeric(Field.VERSION, 255, ip=4, ip6=6, arp=0),
        "meta length": _numeric(Field.LENGTH, 0xFFFF),
        "meta mark": _numeric(Field.MARK, _ALL_BITS),
        "meta pkttype": Selector(
            field=Field.LINK_TYPE,
            names={"host": "host", "unicast": "host", "broadcast": "broadcast", "multicast": "multicast"}
            | {"other": "other"},
        ),
        "ip protocol": Selector(field=Field.PROTOCOL, needs=(_IPV4,), ranges=protocols, limit=255),
        "ip ttl": _numeric(Field.HOPS, 255, (_IPV4,)),
        "ip length": _numeric(Field.LENGTH, 0xFFFF, (_IPV4,)),
        "ip version": _numeric(Field.VERSION, 15, (_IPV4,)),
        "ip6 version": _numeric(Field.VERSION, 15, (_IPV6,)),
        "ip6 nexthdr": Selector(field=Field.NEXT_HEADER, needs=(_IPV6,), ranges=protocols, limit=255),
        "ip6 hoplimit": _numeric(Field.HOPS, 255, (_IPV6,)),
        "ip6 length": replace(_numeric(Field.LENGTH, 0xFFFF, (_IPV6,)), shift=_IPV6_HEADER),
        "ct state": Selector(field=Field.STATE, names={state.value: state.value for state in State}),
        "fib saddr type": Selector(field=Field.SOURCE_KIND, names=self_named),
        "fib daddr type": Selector(field=Field.DESTINATION_KIND, names=self_named),
    }
    for name, number, types in (
        ("igmp", IGMP, IGMP_TYPES),
        ("icmp", ICMP, ICMP_TYPES),
        ("icmpv6", ICMPV6, ICMPV6_TYPES),
    ):
        needs = (_IPV6 if number == ICMPV6 else _IPV4, exactly(Field.PROTOCOL, number))
        found[f"{name} type"] = _numeric(Field.MESSAGE_TYPE, 255, needs, **types)
        if number != IGMP:
            found[f"{name} code"] = _numeric(Field.MESSAGE_CODE, 255, needs)
    for end, name in ((Field.SOURCE_PORT_BYTES, "sport"), (Field.DESTINATION_PORT_BYTES, "dport")):
        found[f"th {name}"] = Selector(field=end, ranges=ports, limit=0xFFFF)
        for protocol in _PORTS:
            need = exactly(Field.PROTOCOL, PROTOCOLS[protocol])
            found[f"{protocol} {name}"] = Selector(field=end, needs=(need,), ranges=ports, limit=0xFFFF)
    for end, name in ((Field.SOURCE, "saddr"), (Field.DESTINATION, "daddr")):
        for family, version, need in (("ip", 4, _IPV4), ("ip6", 6, _IPV6)):
            ranges = partial(address_range, version=version)
            found[f"{family} {name}"] = Selector(
                field=end, needs=(need,), ranges=ranges, limit=2 ** (32 if version == 4 else 128) - 1
            )
    for key in ("iif", "iifname", "oif", "oifname"):
        asked = Field.IN_INTERFACE if key[0] == "i" else Field.OUT_INTERFACE
        found[key] = found[f"meta {key}"] = Selector(field=asked)
    for key in ("mark", "pkttype"):
        found[key] = found[f"meta {key}"]
    return found


_SELECTORS = _selectors()
_STARTERS = frozenset(
    {key.split()[0] for key in _SELECTORS}
    | set(_VERDICTS)
    | set(_JUMPS)
    | _ELSEWHERE
    | {"counter", "log", "comment", "notrack"}
)


def read_rule(words: Sequence[str], one: Statement, sets: Sets) -> tuple[Rule, ...]:
    """The rules that one stands for: a verdict map is a rule for each of its elements."""
    return _RuleReader(words, one, sets).read()


class _RuleReader:
    def __init__(self, words: Sequence[str], one: Statement, sets: Sets) -> None:
        self._words = list(words)
        self._one = one
        self._sets = sets
        self._conditions: list[Condition] = []
        self._rule = Rule(text=one.text)
        self._unsupported: list[str] = []
        self._done: list[Rule] = []
        """What a verdict map, or a statement before the verdict, became."""

    def read(self) -> tuple[Rule, ...]:
        while self._words:
            word = self._words.pop(0)
            if word in _VERDICTS:
                self._decide(_VERDICTS[word])
                if word == "reject" and self._words[:1] == ["with"]:
                    self._skip()
            elif word in _JUMPS:
                self._decide(_JUMPS[word], unquoted(self._value()))
            elif word in ("counter", "log"):
                self._skip_options(word)
            elif word == "comment":
                self._rule = replace(self._rule, comment=unquoted(self._value()))
            elif word == "notrack":
                self._emit(Action.NO_TRACKING)
            elif word in _ELSEWHERE:
                self._unknown(word, Action.UNKNOWN)
            else:
                self._expression(word)
        action = self._rule.action
        if action is Action.NOTHING and not _HARMLESS.issuperset(self._unsupported):
            action = Action.UNKNOWN
        last = self._made(action, self._rule.target)
        return (*self._done, last)

    # --- statements ---------------------------------------------------------------------------------------

    def _value(self) -> str:
        if not self._words:
            raise UnsupportedRuleError(f'finds no end in "{self._one.text}"')
        return self._words.pop(0)

    def _made(self, action: Action, target: str = "", *more: Condition) -> Rule:
        return replace(
            self._rule,
            action=action,
            target=target,
            conditions=(*self._conditions, *more),
            unsupported=tuple(self._unsupported),
        )

    def _decide(self, action: Action, target: str = "") -> None:
        self._rule = replace(self._rule, action=action, target=target)

    def _emit(self, action: Action) -> None:
        """A statement that does something and lets the rule go on."""
        self._done.append(self._made(action))

    def _unknown(self, word: str, action: Action | None = None) -> None:
        """Note a word, and go on where something is understood again."""
        self._unsupported.append(word)
        if action is not None:
            self._decide(action)
        self._skip()

    def _skip(self) -> None:
        while self._words and self._words[0] not in _STARTERS:
            if self._words.pop(0) == "{":
                self._braces()

    def _skip_options(self, word: str) -> None:
        if word == "counter":
            if self._words[:1] == ["name"]:
                del self._words[:2]
            while self._words[:1] in (["packets"], ["bytes"]):
                del self._words[:2]
            return
        while self._words and self._words[0] in ("prefix", "level", "group", "snaplen", "queue-threshold"):
            del self._words[:2]
        if self._words[:1] == ["flags"]:
            self._skip()

    # --- expressions --------------------------------------------------------------------------------------

    def _expression(self, word: str) -> None:
        if word in ("meta", "mark") and "set" in self._words[:2]:
            self._set_mark(word)
            return
        selectors: list[Selector] = []
        while True:
            found, name = self._selector(word)
            if found is None:
                self._unknown(name)
                return
            if name.startswith("th ") and not self._is_with_ports():
                self._unknown(name)
                return
            selectors.append(found)
            for need in found.needs:
                self._need(need)
            if self._words[:1] != ["."]:
                break
            self._words.pop(0)
            word = self._value()
        try:
            self._compare(selectors)
        except ValueError as error:
            self._unknown(str(error))

    def _selector(self, word: str) -> tuple[Selector | None, str]:
        for length in (3, 2, 1):
            name = " ".join((word, *self._words[: length - 1]))
            if name in _SELECTORS:
                del self._words[: length - 1]
                return _SELECTORS[name], name
        return None, " ".join((word, *self._words[:1])) if word in _STARTERS else word

    def _need(self, need: Within) -> None:
        family = _OF_FAMILY.get(self._one.family)
        if need.field is Field.VERSION and family is not None:
            if not need.holds(family):
                raise UnsupportedRuleError(f'finds another family than its table has in "{self._one.text}"')
            return
        if need not in self._conditions:
            self._conditions.append(need)

    def _is_with_ports(self) -> bool:
        """Whether only packets with ports come so far; ``th`` would read others' bytes as ports."""
        of_protocol = [
            one for one in self._conditions if isinstance(one, Within) and one.field is Field.PROTOCOL
        ]
        return any(not any(one.holds(number) for number in (ICMP, IGMP, ICMPV6)) for one in of_protocol)

    def _set_mark(self, word: str) -> None:
        words = [word, *self._words[:3]]
        if words[0] == "meta":
            words.pop(0)
        if words[:2] != ["mark", "set"] or len(words) < 3:
            self._unknown(shown(words[:2]))
            return
        del self._words[: 2 if word == "mark" else 3]
        try:
            value, _ = number_range(words[2], "-", {}, _ALL_BITS)
        except ValueError:
            self._unknown(f"mark set {words[2]}", Action.UNKNOWN)
            return
        self._done.append(replace(self._made(Action.SET_MARK), mark=(value, _ALL_BITS)))

    def _compare(self, selectors: list[Selector]) -> None:
        if self._words[:1] == ["vmap"]:
            self._words.pop(0)
            self._verdict_map(selectors)
            return
        operator = _OPERATORS.get(self._words[0] if self._words else "", "")
        if operator:
            self._words.pop(0)
        negated = operator == "!="
        if operator in ("<", ">", "<=", ">="):
            self._conditions.append(_ordered(selectors[0], operator, self._value()))
            return
        elements = self._elements(self._value())
        if len(selectors) == 1:
            words = [" ".join(one) for one in elements]
            self._conditions.append(selectors[0].condition(words, negated=negated))
            return
        options = tuple(_together(selectors, one) for one in elements)
        self._conditions.append(AnyOf(options=options, negated=negated))

    def _elements(self, word: str) -> list[list[str]]:
        """The values that follow: a set, a named set, or one value, of bits several."""
        if word == "{":
            return _split(self._braces())
        if word.startswith("@"):
            key = self._one.family, self._one.table, word[1:]
            if key not in self._sets:
                raise UnsupportedRuleError(f'finds no set {word} in "{self._one.text}"')
            return _split(self._sets[key])
        words = [word]
        while self._words and (self._words[0] in (",", ".", "-") or words[-1] in (",", ".", "-")):
            words.append(self._words.pop(0))
        return _split(words)

    def _braces(self) -> list[str]:
        """The words up to the brace that closes."""
        found: list[str] = []
        depth = 1
        while depth:
            word = self._value()
            depth += (word == "{") - (word == "}")
            if word not in ("{", "}"):
                found.append(word)
        return found

    def _verdict_map(self, selectors: list[Selector]) -> None:
        if self._value() != "{":
            raise ValueError("vmap @")
        for element in _split(self._braces(), keep_dots=True):
            key, _, verdict = _KEY_AND_VERDICT.sub("\0", " ".join(element), count=1).partition("\0")
            if not verdict:
                raise ValueError(f"vmap {key}")
            conditions = _together(selectors, [word for word in key.split() if word != "."])
            name, _, target = verdict.partition(" ")
            action = _VERDICTS.get(name) or _JUMPS[name]
            self._done.append(self._made(action, unquoted(target), *conditions))


def _split(words: Sequence[str], *, keep_dots: bool = False) -> list[list[str]]:
    """Elements between commas; the parts of each between dots, ``a - b`` as one part."""
    elements: list[list[str]] = [[]]
    for word in words:
        if word == ",":
            elements.append([])
        elif word == "-" and elements[-1]:
            elements[-1][-1] += "-"
        elif elements[-1] and elements[-1][-1].endswith("-") and word != ".":
            elements[-1][-1] += word
        elif word != "." or keep_dots:
            elements[-1].append(word)
    return [one for one in elements if one]


def _together(selectors: Sequence[Selector], words: Sequence[str]) -> tuple[Within | Named, ...]:
    if len(words) != len(selectors):
        raise ValueError(" . ".join(words))
    return tuple(one.condition([word]) for one, word in zip(selectors, words, strict=True))


def _ordered(selector: Selector, operator: str, word: str) -> Within:
    if selector.ranges is None:
        raise ValueError(word)
    value, high = selector.range(word)
    if value != high:
        raise ValueError(word)
    ends = {
        "<": (0, value - 1),
        "<=": (0, value),
        ">": (value + 1, selector.limit),
        ">=": (value, selector.limit),
    }
    low, high = ends[operator]
    return Within(field=selector.field, ranges=((low, high + selector.shift),))
