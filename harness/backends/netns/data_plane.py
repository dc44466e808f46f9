"""The data plane of an emulated switch: an nftables table of the bridge family, written by netlink.

``DataPlane`` turns a kernel bridge (``mcast_snooping 0``) into a switch's forwarding engine: sets of members,
registered groups and router ports decide which multicast leaves which port (``forwarding`` has the rules). It
decides nothing itself: a control plane tells it. IGMP, and MLD of a switch that speaks it, is trapped before
the bridge sees it; a tap on the port has seen it by then. ARP, unicast, broadcast, groups of the link, and
IPv6 on a switch that does not speak MLD, always pass.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from functools import cache
from ipaddress import ip_address

from harness.backends.netns.forwarding import (
    LAYERS,
    Entry,
    Kind,
    Layer,
    Mode,
    SetKey,
    keys_of,
    layer_of,
    rules_of,
    sets_of,
)
from harness.backends.netns.messages import name_field
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import NETLINK_NETFILTER, NetlinkSocket, RefusedError
from harness.backends.netns.nft import (
    DROP,
    NFPROTO_BRIDGE,
    Elements,
    Hook,
    Meta,
    Rule,
    compare,
    flush_chain,
    go_to,
    meta,
    new_chain,
    new_rule,
    new_set,
    new_table,
    read_elements,
    verdict,
)
from harness.protocols.dialect import Dialect
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter, Unregistered
from harness.protocols.snooping_config import Lookup
from harness.wire.membership import Address

TABLE = "asic"
TRAP = "trap"
EGRESS_ACL = "egress_acl"
Uses = dict[SetKey, int]
"""How many entries stand behind a key, or how many more or fewer than before."""

_TRAP_PRIORITY = -300
_SETS = {kind.name: kind for layer in LAYERS.values() for kind in sets_of(layer)}


def _rule(chain: str, rule: Rule) -> bytes:
    return new_rule(NFPROTO_BRIDGE, TABLE, chain, rule)


@cache
def _installation(dialects: tuple[Dialect, ...]) -> tuple[bytes, ...]:
    """Everything that a new switch needs; the rules of its layers are still empty, so all passes."""
    layers = [LAYERS[dialect] for dialect in dialects]
    sets = [kind for layer in layers for kind in sets_of(layer)]
    messages = [
        new_table(NFPROTO_BRIDGE, TABLE),
        *(new_set(NFPROTO_BRIDGE, TABLE, number, kind) for number, kind in enumerate(sets, 1)),
        new_chain(NFPROTO_BRIDGE, TABLE, TRAP, Hook.PREROUTING, _TRAP_PRIORITY),
        new_chain(NFPROTO_BRIDGE, TABLE, EGRESS_ACL, Hook.FORWARD),
    ]
    for layer in layers:
        messages += [_rule(TRAP, (*condition, verdict(DROP))) for condition in layer.traps]
        messages.append(new_chain(NFPROTO_BRIDGE, TABLE, layer.chain))
        of_layer = (meta(Meta.NFT_META_PROTOCOL), compare(layer.ethertype))
        messages.append(_rule(EGRESS_ACL, (*of_layer, go_to(layer.chain))))
    return tuple(messages)


@cache
def _rules(dialect: Dialect, mode: Mode) -> tuple[bytes, ...]:
    """The messages that replace the rules of a dialect's layer."""
    layer = LAYERS[dialect]
    flush = flush_chain(NFPROTO_BRIDGE, TABLE, layer.chain)
    return (flush, *(_rule(layer.chain, rule) for rule in rules_of(layer, mode)))


@cache
def _elements(set_name: str, *, add: bool) -> Elements:
    return Elements(NFPROTO_BRIDGE, TABLE, _SETS[set_name], add=add)


class DataPlane:
    """The forwarding engine of one switch, in the namespace behind a descriptor.

    It remembers what it has written: to tell it again what it knows already is no error and costs nothing.
    """

    def __init__(self, namespace: int) -> None:
        with inside(namespace):
            self._socket = NetlinkSocket(NETLINK_NETFILTER)
        self._modes = dict.fromkeys(Dialect, Mode())
        self._members: dict[Entry, SourceFilter] = {}
        self._routers: dict[tuple[Dialect, str], None] = {}
        self._uses: Uses = {}
        """How many entries stand behind each key that the kernel has."""

    def install(self, dialects: tuple[Dialect, ...] = (Dialect.IGMP,)) -> None:
        """Make table, sets, traps and chains, in one transaction.

        The messages of these dialects are trapped in every mode; all else passes until ``set_mode``.
        """
        self._socket.transaction(_installation(dialects), "data plane")

    def set_mode(
        self,
        dialect: Dialect,
        *,
        snooping: bool,
        unregistered: Unregistered,
        lookup: Lookup = Lookup.IP,
        source_filtering: bool = False,
    ) -> None:
        """Replace the rules of an installed dialect, and its sets where they change with them.

        One transaction. Raises RefusedError, and then nothing has changed.
        """
        mode = Mode(
            snooping=snooping, unregistered=unregistered, lookup=lookup, source_filtering=source_filtering
        )
        before, layer = self._modes[dialect], LAYERS[dialect]
        change: Uses = {}
        if (before.lookup, before.source_filtering) != (lookup, source_filtering):
            for entry, sources in self._members.items():
                if layer_of(entry[0]) is layer:
                    _count(change, keys_of(entry, sources, before), -1)
                    _count(change, keys_of(entry, sources, mode), 1)
        self._socket.transaction((*_rules(dialect, mode), *self._messages(change)))
        self._modes[dialect] = mode
        self._note(change)

    def apply(
        self,
        members: Mapping[Entry, SourceFilter | None] | None = None,
        routers: Mapping[tuple[Dialect, str], bool] | None = None,
    ) -> None:
        """Change the tables in one transaction: what is not named stays.

        ``members``: (group, port) and the sources from which the port now receives the group; None ends it.
        ``routers``: (dialect, port), and whether the port leads to a router of that dialect. Refused
        (RefusedError), nothing changes.
        """
        wanted = {entry: _some(sources) for entry, sources in (members or {}).items()}
        lines = routers or {}
        change = self._change_of_members(wanted)
        for (dialect, port), present in lines.items():
            if present != ((dialect, port) in self._routers):
                key = (LAYERS[dialect].name(Kind.ROUTERS), name_field(port))
                _count(change, (key,), 1 if present else -1)
        if messages := self._messages(change):
            self._socket.transaction(messages)
        self._note(change)
        self._members |= {entry: sources for entry, sources in wanted.items() if sources is not None}
        for entry in [entry for entry, sources in wanted.items() if sources is None]:
            self._members.pop(entry, None)
        self._routers |= dict.fromkeys(line for line, present in lines.items() if present)
        for line in [line for line, present in lines.items() if not present]:
            self._routers.pop(line, None)

    def _change_of_members(self, wanted: Mapping[Entry, SourceFilter | None]) -> Uses:
        """The keys that come into use, and those that go out of it, by how many entries."""
        change: Uses = {}
        for entry, sources in wanted.items():
            known = self._members.get(entry)
            if known is sources or known == sources:
                continue
            mode = self._modes[layer_of(entry[0]).dialect]
            if known is not None:
                _count(change, keys_of(entry, known, mode), -1)
            if sources is not None:
                _count(change, keys_of(entry, sources, mode), 1)
        return change

    def _messages(self, change: Uses) -> list[bytes]:
        """The messages that take a change of uses into the kernel's sets: deletions, then additions."""
        gone: dict[str, list[bytes]] = {}
        new: dict[str, list[bytes]] = {}
        for key, count in change.items():
            before = self._uses.get(key, 0)
            if bool(before) != bool(before + count):
                (gone if before else new).setdefault(key[0], []).append(key[1])
        messages: list[bytes] = []
        for by_set, add in ((gone, False), (new, True)):
            for name, keys in by_set.items():
                messages += _elements(name, add=add).messages(keys)
        return messages

    def _note(self, change: Uses) -> None:
        for key, count in change.items():
            if after := self._uses.get(key, 0) + count:
                self._uses[key] = after
            else:
                self._uses.pop(key, None)

    # --- for checks ---------------------------------------------------------------------------------------

    def members(self) -> dict[Entry, SourceFilter]:
        """Return what the kernel lets ports receive, of the switches that look IP addresses up."""
        found: dict[Entry, SourceFilter] = {}
        for layer in LAYERS.values():
            sources: dict[Entry, list[Address]] = {}
            for kind in (Kind.SOURCES, Kind.REFUSED):
                for port, (group, source) in self._entries(layer, kind):
                    sources.setdefault((group, port), []).append(source)
            for port, (group,) in self._entries(layer, Kind.MEMBERS):
                refused = sources.pop((group, port), [])
                found[group, port] = SourceFilter(sources=tuple(sorted(refused))) if refused else EVERY_SOURCE
            for entry, wanted in sources.items():
                found[entry] = SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(wanted)))
        return found

    def member_macs(self) -> frozenset[tuple[str, str]]:
        """Return (MAC address, port), of the switches that look MAC addresses up."""
        keys = [key for layer in LAYERS.values() for key in self._keys(layer, Kind.MEMBER_MACS)]
        return frozenset((key[16:22].hex(":"), _port(key)) for key in keys)

    def groups(self) -> frozenset[Address]:
        """Return the registered groups that the kernel knows."""
        keys = [key for layer in LAYERS.values() for key in self._keys(layer, Kind.GROUPS)]
        return frozenset(ip_address(key) for key in keys)

    def routers(self) -> frozenset[tuple[Dialect, str]]:
        """Return the router ports that the kernel knows."""
        return frozenset(
            (dialect, _port(key))
            for dialect, layer in LAYERS.items()
            for key in self._keys(layer, Kind.ROUTERS)
        )

    def _entries(self, layer: Layer, kind: Kind) -> Iterable[tuple[str, tuple[Address, ...]]]:
        """Yield the port and the addresses of each key of a set."""
        size = layer.address_length
        for key in self._keys(layer, kind):
            yield _port(key), tuple(ip_address(key[at : at + size]) for at in range(16, len(key), size))

    def _keys(self, layer: Layer, kind: Kind) -> list[bytes]:
        try:
            return read_elements(self._socket, NFPROTO_BRIDGE, TABLE, layer.name(kind))
        except RefusedError as refused:
            if refused.errno != errno.ENOENT:  # of a dialect that is not installed
                raise
            return []

    def close(self) -> None:
        """Close the socket. The rules stay: they end with the namespace."""
        self._socket.close()


def _count(uses: Uses, keys: Iterable[SetKey], number: int) -> None:
    for key in keys:
        uses[key] = uses.get(key, 0) + number


def _some(sources: SourceFilter | None) -> SourceFilter | None:
    """A filter, or None for one that lets nothing pass: that is no membership (RFC 9776 section 4.2.13)."""
    if sources is None or sources.sources or sources.mode is FilterMode.EXCLUDE:
        return sources
    return None


def _port(key: bytes) -> str:
    return key[:16].rstrip(b"\0").decode("ascii")
