"""Calls of iptables and ip6tables, and the texts of their ``-restore``: what they make of a host's tables.

Follows iptables(8) and iptables-extensions(8) as Debian's iptables-nft 1.8.9 takes them: built-in tables are
tables of nftables with the base chains INPUT, OUTPUT and so on. A word that has no meaning here is kept with
its rule; whether that matters is for the ruleset to say.
"""

from __future__ import annotations

import re
import shlex
from itertools import product

from harness.protocols.firewall.iptables_options import Spec, read_spec
from harness.protocols.firewall.rules import Action, Chain, Rule, Tables, UnsupportedRuleError

FAMILIES = {"iptables": "ip", "ip6tables": "ip6"}
_BUILT_IN = {
    "filter": {"INPUT": 0, "FORWARD": 0, "OUTPUT": 0},
    "mangle": {"PREROUTING": -150, "INPUT": -150, "FORWARD": -150, "OUTPUT": -150, "POSTROUTING": -150},
    "raw": {"PREROUTING": -300, "OUTPUT": -300},
    "nat": {"PREROUTING": -100, "INPUT": 100, "OUTPUT": -100, "POSTROUTING": 100},
    "security": {"INPUT": 50, "FORWARD": 50, "OUTPUT": 50},
}
"""Chains and priorities by table (linux/netfilter_ipv4.h)."""
_OUTGOING = frozenset({"OUTPUT", "POSTROUTING"})
_INCOMING = frozenset({"PREROUTING", "INPUT"})
_COUNTERS = re.compile(r"^\[\d+:\d+\]\s*")
_TERMINAL = {"ACCEPT": Action.ACCEPT, "DROP": Action.DROP, "RETURN": Action.RETURN}


class Call:
    """One call of iptables or ip6tables on a host's tables."""

    def __init__(self, tables: Tables, tool: str, spec: Spec, text: str) -> None:
        self._tool = tool
        self._spec = spec
        self._text = text
        self._chains = chains_of(tables, FAMILIES[tool], spec.table, text)

    def run(self) -> None:
        """Change the tables. Raises UnsupportedRuleError for what the tool would refuse."""
        match self._spec.command:
            case "-A" | "-I" | "-R":
                self._put()
            case "-D":
                self._delete()
            case "-P":
                self._set_policy()
            case "-F":
                for chain in (self._chain(),) if self._spec.chain else tuple(self._chains.values()):
                    chain.rules.clear()
            case "-N":
                if self._spec.chain in self._chains:
                    raise self._refused(f"finds the chain {self._spec.chain} already there")
                self._chains[self._spec.chain] = Chain(name=self._spec.chain)
            case "-X":
                self._remove_chains()
            case "-E":
                self._rename()
            case "-Z":
                pass
            case _:
                raise self._refused("finds no command")

    def _refused(self, problem: str) -> UnsupportedRuleError:
        return UnsupportedRuleError(f'{problem} in "{self._text}"')

    def _chain(self, name: str = "") -> Chain:
        chain = self._chains.get(name or self._spec.chain)
        if chain is None:
            raise self._refused(f"finds no chain {name or self._spec.chain}")
        return chain

    def _put(self) -> None:
        chain, rules = self._chain(), self._rules()
        spec = self._spec
        at = len(chain.rules)
        if spec.command != "-A":
            at = (spec.number or 1) - 1
            if not 0 <= at <= len(chain.rules) - (spec.command == "-R"):
                raise self._refused(f"finds no rule {spec.number} of {chain.name}")
        chain.rules[at : at + (spec.command == "-R")] = rules

    def _rules(self) -> list[Rule]:
        """The rule that was written, once for each pair of a source and a destination."""
        spec = self._spec
        if spec.wrong:
            raise self._refused(spec.wrong)
        chain = spec.chain
        if (spec.asks_in and chain in _OUTGOING) or (spec.asks_out and chain in _INCOMING):
            raise self._refused(f"finds an interface that {chain} does not know")
        action, target, unsupported = spec.action, "", list(spec.unsupported)
        if spec.target in _TERMINAL:
            action = _TERMINAL[spec.target]
        elif action is None:
            target = self._chain(spec.target).name
            action = Action.GOTO if spec.goes else Action.JUMP
            if self._chains[target].hook:
                raise self._refused(f"finds a jump to the built-in chain {target}")
        if spec.table == "nat" and action is Action.DROP:
            action = Action.UNKNOWN
            unsupported.append(f"-t nat ... -j {spec.target}")
        return [
            Rule(
                text=self._text,
                conditions=(*source, *destination, *spec.conditions),
                action=action,
                target=target,
                mark=spec.mark,
                unsupported=tuple(unsupported),
                comment=spec.comment,
            )
            for source, destination in product(spec.sources or ((),), spec.destinations or ((),))
        ]

    def _delete(self) -> None:
        chain, spec = self._chain(), self._spec
        if spec.number:
            if spec.number > len(chain.rules):
                raise self._refused(f"finds no rule {spec.number} of {chain.name}")
            del chain.rules[spec.number - 1]
            return
        for unwanted in self._rules():
            found = [index for index, rule in enumerate(chain.rules) if rule.content == unwanted.content]
            if not found:
                raise self._refused("finds no such rule to delete")
            del chain.rules[found[0]]

    def _set_policy(self) -> None:
        chain, policy = self._chain(), self._spec.policy
        if not chain.hook or policy not in ("ACCEPT", "DROP"):
            raise self._refused(f"finds no policy {policy} for {chain.name}")
        chain.accepts, chain.policy_text = policy == "ACCEPT", self._text

    def _remove_chains(self) -> None:
        named = (self._chain(),) if self._spec.chain else tuple(self._chains.values())
        for chain in named:
            if chain.hook:
                continue
            used = any(rule.target == chain.name for other in self._chains.values() for rule in other.rules)
            if chain.rules or used:
                raise self._refused(f"finds the chain {chain.name} in use")
            del self._chains[chain.name]

    def _rename(self) -> None:
        chain, new = self._chain(), self._spec.policy
        if chain.hook or not new or new in self._chains:
            raise self._refused(f"finds no other name for {chain.name}")
        raise self._refused('cannot evaluate "-E"')


def chains_of(tables: Tables, family: str, table: str, text: str) -> dict[str, Chain]:
    """The chains of a built-in table, which is made where it is not there yet."""
    chains = tables.get((family, table))
    if chains is None:
        if table not in _BUILT_IN:
            raise UnsupportedRuleError(f'finds no table {table} in "{text}"')
        chains = tables[family, table] = {}
        born = sum(bool(chain.hook) for some in tables.values() for chain in some.values())
        for name, priority in _BUILT_IN[table].items():
            born += 1
            chains[name] = Chain(
                name=name, hook=name.lower(), priority=priority, born=born, translates=table == "nat"
            )
    return chains


def call(tables: Tables, tool: str, arguments: tuple[str, ...], text: str, table: str = "") -> None:
    """Run one call of a tool. Raises UnsupportedRuleError."""
    spec = read_spec(tool, arguments, text)
    if table:
        spec.table = table
    Call(tables, tool, spec, text).run()


def restore(tables: Tables, tool: str, text: str) -> None:
    """Take the output of ``iptables-save``: its tables are emptied first. Raises UnsupportedRuleError."""
    table = ""
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#") or words == ["COMMIT"]:
            continue
        if line.startswith("*"):
            table = words[0][1:]
            tables.pop((FAMILIES[tool], table), None)
            chains_of(tables, FAMILIES[tool], table, line)
        elif line.startswith(":"):
            _restore_chain(chains_of(tables, FAMILIES[tool], table, line), words, line)
        else:
            rule = _COUNTERS.sub("", line)
            shown = f"{tool} {rule}" if table == "filter" else f"{tool} -t {table} {rule}"
            call(tables, tool, tuple(shlex.split(rule)), shown, table)


def _restore_chain(chains: dict[str, Chain], words: list[str], line: str) -> None:
    name, policy = words[0][1:], words[1] if len(words) > 1 else ""
    if name not in chains:
        chains[name] = Chain(name=name)
    if policy in ("ACCEPT", "DROP") and chains[name].hook:
        chains[name].accepts, chains[name].policy_text = policy == "ACCEPT", line
    elif policy != "-":
        raise UnsupportedRuleError(f'finds no policy {policy} for {name} in "{line}"')
