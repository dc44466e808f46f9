"""The firewall of one host: commands read once, packets ruled on as often as asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from harness.protocols.firewall import iptables
from harness.protocols.firewall.nft import Nft
from harness.protocols.firewall.packet import Direction, OwnAddress, Packet
from harness.protocols.firewall.rules import Ruleset, Ruling, Tables, UnsupportedRuleError, loops

_RULESETS = 64
"""How many different firewalls are kept: hosts that are counted off have the same."""


class Command(Protocol):
    """One call of a firewall tool, as a plan has it."""

    @property
    def tool(self) -> str:
        """iptables, ip6tables, their -restore, or nft."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows its name."""

    @property
    def text(self) -> str:
        """Its standard input."""


class HostFirewall:
    """What a host's rules do with its packets."""

    def __init__(self, ruleset: Ruleset, addresses: Sequence[OwnAddress]) -> None:
        self._ruleset = ruleset
        self._addresses = tuple(addresses)

    @classmethod
    def of(cls, commands: Sequence[Command], addresses: Sequence[OwnAddress] = ()) -> HostFirewall | None:
        """The firewall of a host with these addresses on eth0; None without commands.

        Raises UnsupportedRuleError; ``problems`` has all of them.
        """
        if not commands:
            return None
        ruleset, found = _read(tuple(commands))
        if found:
            raise UnsupportedRuleError(found[0])
        return cls(ruleset, addresses)

    def rule(self, direction: Direction, packet: Packet) -> Ruling:
        """Whether a packet passes, and which rule or policy decided.

        What is dropped on its way out fails for its sender, with EPERM.
        """
        return self._ruleset.rule(direction, packet, self._addresses)


def problems(commands: Sequence[Command]) -> tuple[str, ...]:
    """What of a host's commands cannot be evaluated: predicates, as ``cannot evaluate "-m u32" in ...``."""
    return _read(tuple(commands))[1]


@lru_cache(maxsize=_RULESETS)
def _read(commands: tuple[Command, ...]) -> tuple[Ruleset, tuple[str, ...]]:
    tables: Tables = {}
    found: dict[str, None] = {}
    nft = Nft(tables)
    try:
        nft.gather([command.text for command in commands if command.tool == "nft"])
    except UnsupportedRuleError as error:
        found[str(error)] = None
    for command in commands:
        try:
            _run(tables, nft, command)
        except UnsupportedRuleError as error:
            found[str(error)] = None
    for rule in loops(tables):
        found[f'finds a jump back to itself in "{rule.text}"'] = None
    ruleset = Ruleset(tables)
    for rule in ruleset.reachable():
        for word in rule.unsupported:
            found[f'cannot evaluate "{word}" in "{rule.text}"'] = None
    return ruleset, tuple(found)


def _run(tables: Tables, nft: Nft, command: Command) -> None:
    match command.tool:
        case "iptables" | "ip6tables":
            iptables.call(tables, command.tool, command.arguments, str(command))
        case "iptables-restore" | "ip6tables-restore":
            iptables.restore(tables, command.tool.removesuffix("-restore"), command.text)
        case "nft":
            nft.run(command.text)
        case _:
            raise UnsupportedRuleError(f'cannot evaluate "{command.tool}"')
