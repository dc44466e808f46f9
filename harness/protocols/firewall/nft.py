"""What nft's statements make of a host's tables, which it shares with iptables.

Sets are gathered from all texts before any rule is read: a rule sees what will be in its set. Follows nft(8)
1.0.6. Families and hooks that no IP packet of a host meets (arp, bridge) are refused, and those that it
meets earlier than any program listens (netdev).
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.protocols.firewall.nft_rules import Sets, read_rule
from harness.protocols.firewall.nft_statements import Statement, shown, statements
from harness.protocols.firewall.rules import Chain, Tables, UnsupportedRuleError

_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_HOOKS = frozenset({"prerouting", "input", "forward", "output", "postrouting"})
_IP_FAMILIES = ("ip", "ip6", "inet")
_HANDLES = ("handle", "position", "index")


class Nft:
    """All nft texts of one host."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._sets: Sets = {}
        self._texts: dict[str, tuple[Statement, ...]] = {}

    def gather(self, texts: Sequence[str]) -> None:
        """Read all texts, and their sets. Raises UnsupportedRuleError."""
        for text in texts:
            self._texts[text] = statements(text)
            for one in self._texts[text]:
                if one.kind in ("set", "element", "map"):
                    self._gather_set(one)

    def _gather_set(self, one: Statement) -> None:
        if one.verb not in ("add", "create") or one.kind == "map":
            raise UnsupportedRuleError(f'cannot evaluate "{one.verb} {one.kind}" in "{one.text}"')
        elements = self._sets.setdefault((one.family, one.table, one.name), [])
        words = list(one.words)
        if one.kind == "set":
            if "elements" not in words:
                return
            words = words[words.index("elements") + 2 :]
        elements.extend(word for word in words if word not in ("\n", ";", "{", "}"))
        elements.append(",")

    def run(self, text: str) -> None:
        """Do what a text says. Raises UnsupportedRuleError for what nft would refuse."""
        for one in self._texts.get(text, ()):
            if one.kind == "ruleset":
                self._flush_ruleset(one)
            elif one.kind == "table":
                self._table(one)
            elif one.kind == "chain":
                self._chain(one)
            elif one.kind == "rule":
                self._rule(one)

    def _flush_ruleset(self, one: Statement) -> None:
        if one.verb != "flush":
            raise _refused(f"{one.verb} ruleset", one)
        for family, table in list(self._tables):
            if one.family in ("", family):
                del self._tables[family, table]

    def _table(self, one: Statement) -> None:
        key = one.family, one.table
        if one.verb == "add" or (one.verb == "create" and key not in self._tables):
            if one.family not in _IP_FAMILIES:
                raise _refused(f"table {one.family}", one)
            self._tables.setdefault(key, {})
            return
        chains = self._chains(one)
        if one.verb == "delete":
            del self._tables[key]
        elif one.verb == "flush":
            for chain in chains.values():
                chain.rules.clear()
        else:
            raise _refused(f"{one.verb} table", one)

    def _chains(self, one: Statement) -> dict[str, Chain]:
        chains = self._tables.get((one.family, one.table))
        if chains is None:
            raise UnsupportedRuleError(f'finds no table {one.family} {one.table} in "{one.text}"')
        return chains

    def _find(self, one: Statement) -> Chain:
        chain = self._chains(one).get(one.name)
        if chain is None:
            raise UnsupportedRuleError(f'finds no chain {one.name} in "{one.text}"')
        return chain

    def _chain(self, one: Statement) -> None:
        if one.verb in ("add", "create"):
            chains = self._chains(one)
            if one.name not in chains:
                chains[one.name] = Chain(name=one.name)
            elif one.verb == "create":
                raise UnsupportedRuleError(f'finds the chain {one.name} already there in "{one.text}"')
            self._make_base(chains[one.name], one)
            return
        chain = self._find(one)
        if one.verb == "flush":
            chain.rules.clear()
        elif one.verb == "delete":
            chains = self._chains(one)
            used = any(rule.target == chain.name for other in chains.values() for rule in other.rules)
            if used or (chain.rules and not chain.hook):
                raise UnsupportedRuleError(f'finds the chain {one.name} in use in "{one.text}"')
            del chains[one.name]
        else:
            raise _refused(f"{one.verb} chain", one)

    def _make_base(self, chain: Chain, one: Statement) -> None:
        words = [word for word in one.words if word != "\n"]
        while words:
            end = words.index(";") if ";" in words else len(words)
            part, words = words[:end], words[end + 1 :]
            match part:
                case ["type", kind, "hook", hook, "priority", *priority] if hook in _HOOKS:
                    chain.hook, chain.translates = hook, kind == "nat"
                    chain.priority = _priority(priority, one)
                    chain.born = 1 + sum(
                        bool(c.hook) for some in self._tables.values() for c in some.values()
                    )
                case ["policy", ("accept" | "drop") as policy]:
                    chain.accepts = policy == "accept"
                    chain.policy_text = f"nft chain {one.family} {one.table} {one.name}: policy {policy}"
                case ["comment", _] | []:
                    pass
                case _:
                    raise _refused(shown(part), one)

    def _rule(self, one: Statement) -> None:
        chain, words = self._find(one), list(one.words)
        at = len(chain.rules) if one.verb == "add" else 0
        if one.verb not in ("add", "insert") or (words and words[0] in ("handle", "position")):
            raise _refused(words[0] if words and words[0] in _HANDLES else f"{one.verb} rule", one)
        if words and words[0] == "index":
            if len(words) < 2 or not words[1].isdigit():
                raise _refused("index", one)
            at = int(words[1]) + (one.verb == "add")
            if at > len(chain.rules) or at - (one.verb == "add") >= len(chain.rules):
                raise UnsupportedRuleError(f'finds no rule {words[1]} in "{one.text}"')
            words = words[2:]
        rules = read_rule(words, one, self._sets)
        for rule in rules:
            if rule.target and rule.target not in self._chains(one):
                raise UnsupportedRuleError(f'finds no chain {rule.target} in "{one.text}"')
        chain.rules[at:at] = rules


def _refused(word: str, one: Statement) -> UnsupportedRuleError:
    return UnsupportedRuleError(f'cannot evaluate "{word}" in "{one.text}"')


def _priority(words: list[str], one: Statement) -> int:
    text = "".join(words)
    for name, value in _PRIORITIES.items():
        if text.startswith(name):
            text = f"{value}{text[len(name) :]}"
    parts = text.replace("-", " -").replace("+", " +").split()
    try:
        return sum(int(part) for part in parts)
    except ValueError:
        raise _refused(f"priority {shown(words)}", one) from None
