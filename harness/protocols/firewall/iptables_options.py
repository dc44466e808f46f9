"""The words of one iptables call: command, chain, conditions, target.

Options are read as getopt_long(3) does: ``--dport=5405``, ``-p2`` and unambiguous beginnings are the same as
in full. A match or target that is not known is noted and its options are skipped, so that what else the rule
says, its protocol above all, still counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.protocols.firewall.conditions import AnyOf, Condition, Field, Named, Within, exactly
from harness.protocols.firewall.names import (
    ICMP_TYPES,
    ICMPV6_TYPES,
    PROTOCOLS,
    SERVICES,
    addresses,
    number,
    number_range,
)
from harness.protocols.firewall.packet import ICMP, ICMPV6, Kind, State
from harness.protocols.firewall.rules import Action, UnsupportedRuleError

_ALL_BITS = 0xFFFFFFFF
_COMMANDS = {
    "--append": "-A",
    "--insert": "-I",
    "--replace": "-R",
    "--delete": "-D",
    "--policy": "-P",
    "--flush": "-F",
    "--new-chain": "-N",
    "--delete-chain": "-X",
    "--rename-chain": "-E",
    "--zero": "-Z",
}
_GENERAL = {
    "--table": "-t",
    "--protocol": "-p",
    "--source": "-s",
    "--src": "-s",
    "--destination": "-d",
    "--dst": "-d",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--match": "-m",
    "--jump": "-j",
    "--goto": "-g",
    "--fragments": "-f",
    "--fragment": "-f",
    "--set-counters": "-c",
    "--verbose": "-v",
    "--wait": "-w",
    "--wait-interval": "-W",
    "--numeric": "-n",
    "--exact": "-x",
    "--line-numbers": "-v",
    "--ipv4": "-4",
    "--ipv6": "-6",
}
_LONG = _COMMANDS | _GENERAL
_WITH_VALUE = frozenset("AIRDPNEFXZtpsdiomjgcWw")
"""Short options whose value may stand without a space, ``-p2``."""
_PORTED = frozenset({6, 17, 33, 132, 136})

_MATCHES = frozenset(
    {"tcp", "udp", "udplite", "sctp", "dccp", "multiport", "addrtype", "pkttype", "state", "conntrack"}
    | {"comment", "ttl", "hl", "length", "mark", "icmp", "icmp6", "icmpv6", "iprange"}
)
"""Matches of which something at least is understood."""
_OPTIONS: dict[str, tuple[str, ...]] = {
    "--sport": ("tcp", "udp", "udplite", "sctp", "dccp"),
    "--dport": ("tcp", "udp", "udplite", "sctp", "dccp"),
    "--sports": ("multiport",),
    "--dports": ("multiport",),
    "--ports": ("multiport",),
    "--src-type": ("addrtype",),
    "--dst-type": ("addrtype",),
    "--pkt-type": ("pkttype",),
    "--state": ("state",),
    "--ctstate": ("conntrack",),
    "--comment": ("comment",),
    "--ttl-eq": ("ttl",),
    "--ttl-lt": ("ttl",),
    "--ttl-gt": ("ttl",),
    "--hl-eq": ("hl",),
    "--hl-lt": ("hl",),
    "--hl-gt": ("hl",),
    "--length": ("length",),
    "--mark": ("mark",),
    "--icmp-type": ("icmp",),
    "--icmpv6-type": ("icmp6", "icmpv6"),
    "--src-range": ("iprange",),
    "--dst-range": ("iprange",),
}
"""The options of matches, and which matches have them."""
_SAME = {
    "--source-port": "--sport",
    "--destination-port": "--dport",
    "--source-ports": "--sports",
    "--destination-ports": "--dports",
}
_OF_TCP = {"--tcp-flags": 2, "--syn": 0, "--tcp-option": 1}
"""How many words follow; no such packet moves in a network of the harness."""
_TARGETS = {
    "REJECT": Action.DROP,
    "LOG": Action.NOTHING,
    "NFLOG": Action.NOTHING,
    "ULOG": Action.NOTHING,
    "AUDIT": Action.NOTHING,
    "TRACE": Action.NOTHING,
    "NOTRACK": Action.NO_TRACKING,
}
_OTHER_TARGETS = frozenset(
    {"CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNMARK", "CONNSECMARK", "DNAT", "DNPT", "DSCP", "ECN", "HL"}
    | {"HMARK", "IDLETIMER", "LED", "MASQUERADE", "NETMAP", "NFQUEUE", "QUEUE", "RATEEST", "REDIRECT"}
    | {"SECMARK", "SET", "SNAT", "SNPT", "SYNPROXY", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TPROXY", "TTL"}
)
"""Targets that are no chain of the user's, and that cannot be evaluated."""
_OF_TARGETS = ("--reject-with", "--log-", "--nflog-", "--ulog-", "--type", "--save", "--restore")
"""How the options begin that change nothing about what a target does with a packet."""
_KINDS = {kind.value for kind in Kind} | {"anycast", "blackhole", "unreachable", "prohibit", "throw"}
_LINK_TYPES = {"unicast": "host", "broadcast": "broadcast", "multicast": "multicast"}
_STATES = {state.value for state in State}


@dataclass(slots=True, kw_only=True)
class Spec:
    """What one call says."""

    table: str = "filter"
    command: str = ""
    chain: str = ""
    number: int = 0
    policy: str = ""
    """The second word of -P and -E."""
    sources: tuple[tuple[Condition, ...], ...] = ()
    destinations: tuple[tuple[Condition, ...], ...] = ()
    conditions: list[Condition] = field(default_factory=list)
    target: str = ""
    action: Action | None = Action.NOTHING
    """None where the target is a chain, or one of the three that every table knows."""
    goes: bool = False
    mark: tuple[int, int] = (0, 0)
    unsupported: list[str] = field(default_factory=list)
    comment: str = ""
    asks_in: bool = False
    asks_out: bool = False
    wrong: str = ""
    """What the tool would refuse in it, as a predicate."""


def read_spec(tool: str, arguments: tuple[str, ...], text: str) -> Spec:
    """Read the arguments of one call. Raises UnsupportedRuleError where they are no call at all."""
    return _Reader(tool, arguments, text).read()


class _Reader:
    def __init__(self, tool: str, arguments: tuple[str, ...], text: str) -> None:
        self._version = 6 if tool == "ip6tables" else 4
        self._words = list(arguments)
        self._text = text
        self._spec = Spec()
        self._basic: dict[str, Condition] = {}
        self._loaded: list[str] = []
        self._negated = False
        self._skipping = False
        """A match or a target is not known, so its options are not either."""
        self._protocol: int | None = None

    def read(self) -> Spec:
        while self._words:
            word = self._words.pop(0)
            if word == "!":
                self._negated = True
                continue
            if word.startswith("--") and len(word) > 2:
                self._long(word)
            elif word.startswith("-") and len(word) > 1:
                self._short(word)
            elif not self._skipping:
                raise self._refused(f'finds "{word}" out of place')
            self._negated = False
        self._spec.conditions[:0] = (self._basic[key] for key in sorted(self._basic))
        return self._spec

    # --- words --------------------------------------------------------------------------------------------

    def _refused(self, problem: str) -> UnsupportedRuleError:
        return UnsupportedRuleError(f'{problem} in "{self._text}"')

    def _wrong(self, problem: str) -> None:
        self._spec.wrong = self._spec.wrong or problem

    def _value(self, option: str) -> str:
        if not self._words:
            raise self._refused(f"finds nothing after {option}")
        return self._words.pop(0)

    def _optional(self) -> str:
        return self._words.pop(0) if self._words and self._words[0][:1] not in ("-", "!") else ""

    def _short(self, word: str) -> None:
        if len(word) > 2:
            self._words.insert(0, word[2:] if word[1] in _WITH_VALUE else f"-{word[2:]}")
        self._general(word[:2])

    def _long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        if equals:
            self._words.insert(0, value)
        known = dict(_LONG) | {one: one for one in _OPTIONS if self._has(one)}
        known |= {alias: one for alias, one in _SAME.items() if self._has(one)}
        found = (
            {known[name]} if name in known else {one for key, one in known.items() if key.startswith(name)}
        )
        if len(found) == 1:
            (option,) = found
            (self._match if option.startswith("--") else self._general)(option)
        elif self._protocol == PROTOCOLS["tcp"] and name in _OF_TCP:
            for _ in range(_OF_TCP[name]):
                self._value(name)
        elif self._spec.target in ("MARK", "CT") and self._option_of_target(name):
            pass
        elif self._spec.target and name.startswith(_OF_TARGETS):
            self._optional()
        elif not self._skipping:
            self._spec.unsupported.append(name)
            self._skipping = True

    def _has(self, option: str) -> bool:
        return any(match in self._loaded for match in _OPTIONS[option])

    # --- options of every rule ----------------------------------------------------------------------------

    def _general(self, option: str) -> None:
        if option in _COMMANDS.values():
            self._command(option)
            return
        match option:
            case "-t":
                self._spec.table = self._value(option)
            case "-p":
                self._take_protocol(self._value(option))
            case "-s" | "-d":
                self._take_addresses(option, self._value(option))
            case "-i" | "-o":
                self._take_interface(option, self._value(option))
            case "-m":
                self._take_match(self._value(option))
            case "-j" | "-g":
                self._take_target(option, self._value(option))
            case "-c":
                self._value(option)
                self._value(option)
            case _:
                self._take_other(option)

    def _take_other(self, option: str) -> None:
        if option in ("-w", "-W"):
            if self._words and self._words[0].isdigit():
                self._words.pop(0)
        elif option in ("-4", "-6") and option != f"-{self._version}":
            raise self._refused(f'cannot evaluate "{option}"')
        elif option not in ("-v", "-n", "-x", "-4", "-6"):
            self._spec.unsupported.append(option)

    def _command(self, option: str) -> None:
        spec = self._spec
        if spec.command:
            raise self._refused("finds two commands")
        spec.command = option
        if option in ("-F", "-X", "-Z"):
            spec.chain = self._optional()
        else:
            spec.chain = self._value(option)
        if option in ("-P", "-E"):
            spec.policy = self._value(option)
        elif option in ("-I", "-R", "-D") and self._words and self._words[0].isdigit():
            spec.number = int(self._words.pop(0))

    def _take_protocol(self, word: str) -> None:
        try:
            wanted = number(word, PROTOCOLS | {"all": 0}, 255)
        except ValueError:
            self._spec.unsupported.append(f"-p {word}")
            return
        if wanted:
            self._basic["p"] = exactly(Field.PROTOCOL, wanted, negated=self._negated)
        if not self._negated:
            self._protocol = wanted
            self._loaded.extend(name for name, value in PROTOCOLS.items() if value == wanted)
            self._loaded.extend(("icmp6",) if wanted == ICMPV6 else ())

    def _take_addresses(self, option: str, word: str) -> None:
        asked = Field.SOURCE if option == "-s" else Field.DESTINATION
        words = word.split(",")
        if self._negated and len(words) > 1:
            self._wrong(f'finds "!" before several addresses, {word},')
        try:
            found = tuple((addresses(asked, [one], self._version, negated=self._negated),) for one in words)
        except ValueError as error:
            self._spec.unsupported.append(f"{option} {error}")
            return
        if option == "-s":
            self._spec.sources = found
        else:
            self._spec.destinations = found

    def _take_interface(self, option: str, word: str) -> None:
        asked = Field.IN_INTERFACE if option == "-i" else Field.OUT_INTERFACE
        name = word[:-1] + "*" if word.endswith("+") else word
        self._basic[option[1]] = Named(field=asked, names=(name,), negated=self._negated)
        self._spec.asks_in |= option == "-i"
        self._spec.asks_out |= option == "-o"

    def _take_match(self, name: str) -> None:
        self._skipping = name not in _MATCHES
        if self._skipping:
            self._spec.unsupported.append(f"-m {name}")
            return
        if name == "multiport" and self._protocol not in _PORTED:
            self._wrong("finds -m multiport without -p udp or -p tcp before it")
        self._loaded.append(name)

    def _take_target(self, option: str, name: str) -> None:
        spec = self._spec
        spec.target, spec.goes = name, option == "-g"
        self._skipping = name in _OTHER_TARGETS
        if name in _OTHER_TARGETS or name in ("MARK", "CT"):
            spec.action = Action.UNKNOWN
            spec.unsupported.extend((f"-j {name}",) if name in _OTHER_TARGETS else ())
        else:
            spec.action = _TARGETS.get(name)

    def _option_of_target(self, name: str) -> bool:
        spec = self._spec
        if spec.target == "CT" and name == "--notrack":
            spec.action = Action.NO_TRACKING
            return True
        if spec.target == "MARK" and name in ("--set-mark", "--set-xmark"):
            value, _, bits = self._value(name).partition("/")
            try:
                if bits and number(bits, {}, _ALL_BITS) != _ALL_BITS:
                    return False
                spec.mark = (number(value, {}, _ALL_BITS), _ALL_BITS)
            except ValueError:
                return False
            spec.action = Action.SET_MARK
            return True
        return False

    # --- options of matches -------------------------------------------------------------------------------

    def _match(self, option: str) -> None:
        if self._has_ports(option) and self._protocol not in _PORTED:
            self._wrong(f"finds {option} without -p udp or -p tcp")
        value = self._value(option)
        try:
            self._spec.conditions.extend(self._conditions(option, value))
        except ValueError:
            self._spec.unsupported.append(f"{option} {value}")

    @staticmethod
    def _has_ports(option: str) -> bool:
        return option in ("--sport", "--dport", "--sports", "--dports", "--ports")

    def _conditions(self, option: str, value: str) -> tuple[Condition, ...]:
        if option == "--comment":
            self._spec.comment = value
            return ()
        if option in ("--icmp-type", "--icmpv6-type"):
            return self._message_types(option, value)
        return (self._condition(option, value),)

    def _condition(self, option: str, value: str) -> Condition:
        match option:
            case "--src-type" | "--dst-type":
                return self._kinds(option, value)
            case "--pkt-type":
                return self._named(Field.LINK_TYPE, (_LINK_TYPES[_one_of(value, _LINK_TYPES)],))
            case "--state" | "--ctstate":
                return self._named(Field.STATE, tuple(_one_of(word, _STATES) for word in value.split(",")))
            case "--src-range" | "--dst-range":
                asked = Field.SOURCE if option == "--src-range" else Field.DESTINATION
                return addresses(asked, [value], self._version, negated=self._negated)
            case _:
                return self._ports(option, value) if self._has_ports(option) else self._numbers(option, value)

    def _named(self, asked: Field, names: tuple[str, ...]) -> Named:
        return Named(field=asked, names=names, negated=self._negated)

    def _ports(self, option: str, value: str) -> Condition:
        words = value.split(",") if option.endswith("s") else [value]
        ranges = tuple(number_range(word, ":", SERVICES, 0xFFFF) for word in words)
        if option == "--ports":
            both = (Field.SOURCE_PORT, Field.DESTINATION_PORT)
            either = tuple((Within(field=asked, ranges=ranges),) for asked in both)
            return AnyOf(options=either, negated=self._negated)
        asked = Field.SOURCE_PORT if option.startswith("--s") else Field.DESTINATION_PORT
        return Within(field=asked, ranges=ranges, negated=self._negated)

    def _kinds(self, option: str, value: str) -> Condition:
        """The addrtype match. For IPv6 every type of a list must hold (xt_addrtype.c, match_type6)."""
        asked = Field.SOURCE_KIND if option == "--src-type" else Field.DESTINATION_KIND
        names = tuple(_one_of(word, _KINDS) for word in value.split(","))
        if self._version == 4:
            return self._named(asked, names)
        if not set(names) <= {"unspec", "unicast", "local", "multicast"}:
            raise ValueError(value)
        each = ((name, "local") if name == "unicast" else (name,) for name in names)
        return AnyOf(options=(tuple(Named(field=asked, names=one) for one in each),), negated=self._negated)

    def _message_types(self, option: str, value: str) -> tuple[Condition, ...]:
        icmp = option == "--icmp-type"
        if self._protocol != (ICMP if icmp else ICMPV6):
            self._wrong(f"finds {option} without its protocol")
        if value == "any":
            return ()
        word, slash, code = value.partition("/")
        kind = number(word, ICMP_TYPES if icmp else ICMPV6_TYPES, 255)
        conditions = [exactly(Field.MESSAGE_TYPE, kind)]
        if slash:
            conditions.append(exactly(Field.MESSAGE_CODE, number(code, {}, 255)))
        if self._negated:
            return (AnyOf(options=(tuple(conditions),), negated=True),)
        return tuple(conditions)

    def _numbers(self, option: str, value: str) -> Condition:
        name, _, how = option[2:].partition("-")
        if name == "length":
            return Within(
                field=Field.LENGTH, ranges=(number_range(value, ":", {}, 0xFFFF),), negated=self._negated
            )
        if name == "mark":
            return exactly(Field.MARK, number(value, {}, _ALL_BITS), negated=self._negated)
        hops = number(value, {}, 255)
        low, high = {"eq": (hops, hops), "lt": (0, hops - 1), "gt": (hops + 1, 255)}[how]
        return Within(field=Field.HOPS, ranges=((low, high),), negated=self._negated)


def _one_of(word: str, words: set[str] | dict[str, str]) -> str:
    if word.lower() not in words:
        raise ValueError(word)
    return word.lower()
