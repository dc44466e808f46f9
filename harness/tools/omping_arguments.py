"""The command line of omping 0.0.5: its options, its limits, and what ``-F`` allows.

All mistakes are collected before any is told. The local address is the one of the arguments that an interface
of this host has; whatever else there is are the peers.
"""

from __future__ import annotations

import argparse
import math
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NoReturn, TypeVar

from harness.protocols.probes.omping_config import (
    DEFAULT_HOPS,
    DEFAULT_PERIOD_S,
    DEFAULT_PORT,
    Mode,
    OmpingConfig,
    Peer,
    Role,
)
from harness.sockets.groups import Via
from harness.sockets.own_addresses import OwnAddress
from harness.wire.membership import Address

_HELP = """Test unicast and multicast between hosts: run it on all of them, with the same addresses.

Speaks with omping 0.0.5, in both directions, and prints what it prints. One of the addresses must be this
host's own; alone, it is a test of this host. Each host reports what it received; at the end it says what that
looks like, but not with -qq.
"""
_EXAMPLES = """examples:
  omping 10.0.0.1 10.0.0.2 10.0.0.3                     on all three, until Ctrl-C
  omping -c 10000 -i 0.001 -F -q 10.0.0.1 10.0.0.2      a burst of ten seconds
  omping -c 600 -i 1 -q 10.0.0.1 10.0.0.2               ten minutes, longer than snooping remembers
  omping -m 239.192.1.1 -T 30 node1 node2               another group, for 30 s
  omping -M ssm node1 node2                             source-specific multicast
  omping -VV node1 node2                                the peers' versions

Ctrl-C ends it with the summary, the third one at once; SIGUSR1 prints the summary and goes on.
Exit codes: 0 ended, whatever was lost   1 usage, or sockets cannot be opened   2 receiving failed
"""
_LEAST_BUFFER_BYTES = 2048
_MOST_S = (2**31 - 1) / 1000
_COUNT_LIMIT = float(2**64 - 1)
_CHOICES = TypeVar("_CHOICES", bound=Enum)


class UsageError(Exception):
    """What is wrong with a command line, one mistake a line; ``usage``: the form is to be shown."""

    def __init__(self, problems: Sequence[str], *, usage: bool = True) -> None:
        super().__init__("\n".join(problems))
        self.usage = usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """A command line that makes sense, before names are looked up. ``version`` 0 is not asked for."""

    hosts: tuple[str, ...]
    version: int
    group: str | None
    port: int
    period_s: float
    count: int | None
    timeout_s: float | None
    hops: int
    mode: Mode
    role: Role
    wait_s: float | None
    rate_s: float | None
    quiet: int
    averages: bool
    finds_duplicates: bool
    ends_alone: bool
    buffer: int | None
    verbose: bool
    json: bool
    shows_version: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError([message])


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options' form; ``arguments`` reads what they mean."""
    made = _Parser(
        prog="omping",
        description=_HELP,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("hosts", nargs="*", metavar="ADDRESS", help="this host and those to ask, by address or name")
    add("-4", dest="v4", action="store_true", help="IPv4")
    add("-6", dest="v6", action="store_true", help="IPv6")
    add("-c", dest="count", metavar="N", help="queries to each peer; a peer that never answers gets none")
    add("-i", dest="period", metavar="S", help="seconds between two (1; below that -F, 0 -FF)")
    add("-T", dest="timeout", metavar="S", help="end after so many seconds, whatever came")
    add("-M", dest="mode", metavar="MODE", help="asm: any source; ssm: single sources; ipbc: broadcast")
    add("-m", dest="group", metavar="GROUP", help="the group (232.43.211.234, or ff3e::4321:1234)")
    add("-p", dest="port", metavar="PORT", help="UDP port of all hosts (4321)")
    add("-t", dest="hops", metavar="TTL", help="hops of what is sent (64; fewer need -F)")
    add("-O", dest="role", metavar="ROLE", help="normal, or client: ask, but do not answer")
    add("-q", dest="quiet", action="count", default=0, help="no line for each answer; -qq: the summary only")
    add("-C", dest="averages", action="store_true", help="mean and loss with each answer")
    add("-D", dest="duplicates", action="store_true", help="do not look for duplicates")
    add("-E", dest="stays", action="store_true", help="do not end when no peer is left to ask")
    add("-F", dest="force", action="count", default=0, help="allow what is not recommended; -FF: -i 0")
    add("-r", dest="rate", metavar="S", help="answer a peer once in so many seconds (as -i; 0: always)")
    add("-w", dest="wait", metavar="S", help="tell peers to stop for so long at the end (-1: until Ctrl-C)")
    add("-R", dest="receive", metavar="BYTES", help="receive buffer of the sockets, at least 2048")
    add("-S", dest="send", metavar="BYTES", help="send buffer; the larger of both is taken for both")
    add("-V", dest="versions", action="count", default=0, help="this version; -VV: the peers' versions")
    add("-v", dest="verbose", action="count", default=0, help="say more, on standard error")
    add("--json", action="store_true", help="one JSON object at the end; the lines go to standard error")
    return made


def arguments(words: Sequence[str]) -> Arguments:
    """Read a command line. Raises UsageError with all mistakes; exits for ``--help``, as argparse does."""
    found = parser().parse_intermixed_args(_joined(words))
    mistakes = list[str]()
    read = _Values(found, mistakes)
    period_s = read.seconds("period", "-i", DEFAULT_PERIOD_S)
    hops = read.whole("hops", "-t", 1, 255) or DEFAULT_HOPS
    if not found.force and period_s < DEFAULT_PERIOD_S:
        mistakes.append(f"-i {found.period}: less than 1 s needs -F")
    elif found.force == 1 and period_s == 0:
        mistakes.append(f"-i {found.period}: less than 1 ms needs -FF")
    if not found.force and hops < DEFAULT_HOPS:
        mistakes.append(f"-t {hops}: less than {DEFAULT_HOPS} needs -F")
    mode = read.choice("mode", "-M", Mode, Mode.ASM)
    if found.v4 and found.v6:
        mistakes.append("-4 and -6 exclude each other")
    if mode is Mode.IPBC and found.v6:
        mistakes.append("-M ipbc: there is no broadcast with -6")
    if not found.hosts and found.versions != 1:
        mistakes.append("at least one address is needed, this host's own")
    role = read.choice("role", "-O", Role, Role.NORMAL)
    made = Arguments(
        hosts=tuple(found.hosts),
        version=6 if found.v6 else 4 if found.v4 or mode is Mode.IPBC else 0,
        group=found.group,
        port=read.whole("port", "-p", 1, 65535) or DEFAULT_PORT,
        period_s=period_s,
        count=read.count(),
        timeout_s=read.seconds("timeout", "-T", 0.0) or None,
        hops=hops,
        mode=mode,
        role=Role.VERSIONS if found.versions > 1 else role,
        wait_s=read.wait(),
        rate_s=None if found.rate is None else read.seconds("rate", "-r", 0.0),
        quiet=found.quiet,
        averages=found.averages,
        finds_duplicates=not found.duplicates,
        ends_alone=not found.stays,
        buffer=max(read.buffer("receive", "-R"), read.buffer("send", "-S")) or None,
        verbose=found.verbose > 0,
        json=found.json,
        shows_version=found.versions == 1,
    )
    if mistakes:
        raise UsageError(mistakes)
    return made


def _joined(words: Sequence[str]) -> list[str]:
    """Join -w and -1: argparse takes a number after a minus for an option, as there are -4 and -6."""
    joined = list[str]()
    for word in words:
        if joined and joined[-1] == "-w" and word.startswith("-"):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


class _Values:
    """Reads the values of options, and notes what is wrong with them."""

    def __init__(self, found: argparse.Namespace, mistakes: list[str]) -> None:
        self._found = found
        self._mistakes = mistakes

    def _number(self, name: str, option: str, fits: Callable[[float], bool], wanted: str) -> float | None:
        text = getattr(self._found, name)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isnan(number) and fits(number):
            return number
        self._mistakes.append(f"{option} {text}: not {wanted}")
        return None

    def seconds(self, name: str, option: str, default: float) -> float:
        """Read seconds, cut to milliseconds."""
        number = self._number(name, option, lambda value: 0 <= value <= _MOST_S, "a number of seconds")
        return default if number is None else math.floor(number * 1000) / 1000

    def wait(self) -> float | None:
        """Read -w; inf is until interrupted."""
        if self._found.wait == "-1":
            return math.inf
        return None if self._found.wait is None else self.seconds("wait", "-w", 0.0)

    def whole(self, name: str, option: str, least: int, most: int) -> int | None:
        """Read a whole number."""
        number = self._number(
            name,
            option,
            lambda value: least <= value <= most and value == int(value),
            f"a whole number from {least} to {most}",
        )
        return None if number is None else int(number)

    def count(self) -> int | None:
        """Read -c, which may be written as 1e4."""
        number = self._number("count", "-c", lambda value: 1 <= value < _COUNT_LIMIT, "a count from 1 on")
        return None if number is None else int(number)

    def buffer(self, name: str, option: str) -> int:
        """Read the size of a buffer; 0: none was given."""
        return self.whole(name, option, _LEAST_BUFFER_BYTES, 2**31 - 1) or 0

    def choice(self, name: str, option: str, choices: type[_CHOICES], default: _CHOICES) -> _CHOICES:
        """Read one of a few words; ``versions`` is not one that can be given."""
        text = getattr(self._found, name)
        words = {str(choice.value): choice for choice in choices if choice is not Role.VERSIONS}
        if text is None or text in words:
            return default if text is None else words[text]
        close = get_close_matches(text, words, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        self._mistakes.append(f"{option} {text}: none of {', '.join(words)}{hint}")
        return default


# --- what it means on this host ---------------------------------------------------------------------------


def configuration(asked: Arguments, own: Sequence[OwnAddress], pid: int) -> tuple[OmpingConfig, Via]:
    """Look up names, find the local address among them, and return the settings and the interface.

    Raises UsageError for names that are unknown, addresses that do not go together, and if none is local.
    """
    found = [(name, _looked_up(name, asked.version)) for name in asked.hosts]
    version = asked.version or _version(asked.group, found, own)
    peers = dict[Address, Peer]()
    for name, addresses in found:
        address = next((one for one in addresses if one.version == version), None)
        if address is None:
            raise UsageError([f"{name} has no address of IPv{version}"], usage=False)
        if address.is_loopback:
            raise UsageError([f"{name} is a loopback address, which cannot be tested"], usage=False)
        peers.setdefault(address, Peer(name=name, address=address))
    local = next((one for address in peers for one in own if one.address == address), None)
    if local is None:
        raise UsageError(["none of the addresses is one of this host's own"], usage=False)
    others = tuple(peer for peer in peers.values() if peer.address != local.address)
    config = OmpingConfig(
        local=local.address,
        peers=others or tuple(peers.values()),
        group=_group(asked, version, local),
        port=asked.port,
        period_s=asked.period_s,
        count=asked.count,
        timeout_s=asked.timeout_s,
        hops=asked.hops,
        mode=asked.mode,
        role=asked.role,
        wait_s=asked.wait_s,
        rate_s=asked.rate_s,
        quiet=asked.quiet,
        averages=asked.averages,
        finds_duplicates=asked.finds_duplicates,
        ends_alone=asked.ends_alone,
        verbose=asked.verbose,
        buffer=asked.buffer,
        pid=pid,
    )
    return config, Via(index=local.index, address=local.address)


def _looked_up(name: str, version: int) -> tuple[Address, ...]:
    family = {4: socket.AF_INET, 6: socket.AF_INET6}.get(version, socket.AF_UNSPEC)
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_DGRAM)
    except OSError as error:
        raise UsageError([f"{name}: {error.strerror or error}"], usage=False) from error
    return tuple(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)


def _version(
    group: str | None, found: Sequence[tuple[str, tuple[Address, ...]]], own: Sequence[OwnAddress]
) -> int:
    """Return the group's version, or one that every host has; of both IPv6 if this host has it, as omping."""
    if group is not None:
        return _read_address(group).version
    common = [
        version
        for version in (6, 4)
        if all(any(one.version == version for one in addresses) for _, addresses in found)
    ]
    here = {one.address for one in own}
    reachable = [
        version
        for version in common
        if any(one in here for _, addresses in found for one in addresses if one.version == version)
    ]
    if not common:
        raise UsageError(["the addresses are not all of IPv4, and not all of IPv6"], usage=False)
    return (reachable or common)[0]


def _group(asked: Arguments, version: int, local: OwnAddress) -> Address | None:
    group = None if asked.group is None else _read_address(asked.group)
    if asked.mode is Mode.IPBC:
        if local.broadcast is None:
            raise UsageError([f"the interface of {local.address} has no broadcast address"], usage=False)
        if group not in (None, local.broadcast):
            raise UsageError([f"-m {group}: this host's broadcast address is {local.broadcast}"])
        return local.broadcast
    if group is not None and not group.is_multicast:
        raise UsageError([f"-m {group}: not a multicast address"], usage=False)
    if group is not None and group.version != version:
        raise UsageError([f"-m {group}: not an address of IPv{version}, as was asked for"], usage=False)
    return group


def _read_address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError as error:
        raise UsageError([f"-m {text}: not an address"]) from error
