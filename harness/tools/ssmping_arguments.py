"""The command lines of ssmpingd, ssmping, asmping and mcfirst: the options of ssmping 0.9.1, and ``--json``.

All mistakes are told together. Addresses may be names; which is the group is seen from what they are, so
their order does not matter.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from typing import NoReturn

import harness
from harness.sockets.groups import Via, sockaddr
from harness.wire.membership import Address
from harness.wire.ssmping import MOST_SIZE, SERVER_VERSION

STATUS_OF_MISTAKES = 1
_FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
_MOST_PORT = 65535


class CommandError(Exception):
    """Why a tool cannot begin, one line each; ``usage`` (may be empty) is printed behind them."""

    def __init__(self, *problems: str, usage: str = "") -> None:
        super().__init__("\n".join(problems))
        self.usage = usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """An address, and the interface that it is of where it says so (``fe80::1%eth0``), or 0."""

    address: Address
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """A command line that makes sense, before names are looked up. What a tool does not have is None."""

    names: tuple[str, ...]
    version: int | None
    via: Via
    count: int | None
    size: int | None
    time_s: float | None
    port: int | None
    wants_version: bool
    rates_only: bool
    json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a tool's command line looks like: its options (as getopt has them), names, and help."""

    tool: str
    options: str
    usages: tuple[str, ...]
    names: tuple[int, ...]
    """How many words it takes behind the options."""
    about: str
    examples: str


_JSON = "[ --json ]"
_PING_OPTIONS = "[ -46v ] [ -I interface ] [ -c count ] [ -s size ]"
_FIRST_OPTIONS = "[ -46vr ] [ -I interface ] [ -c count ] [ -t time ]"
_OTHER_SIDE = "The other side is ssmpingd, the original's or this one's."
_PING_CODES = "exit codes: 0 an answer came by multicast   1 none did, or usage, or sockets cannot be opened"

SSMPINGD = Form(
    tool="ssmpingd",
    options="",
    usages=(_JSON,),
    names=(0,),
    about="Answer ssmping and asmping, on UDP port 4321 of all addresses, until Ctrl-C.\n\n"
    "An answer is no longer than its request, but for what -s and -v ask: a client gets that once a\n"
    "second, and all together have a megabyte a second of it.",
    examples="examples:\n"
    "  ssmpingd                                  on host A; then on host B:\n"
    "  asmping 224.0.2.1 ip_of_A\n\n"
    "exit codes: 0 interrupted   1 usage, or the port is in use",
)
SSMPING = Form(
    tool="ssmping",
    options="46vIcs",
    usages=(f"{_PING_OPTIONS} {_JSON} destination",),
    names=(1,),
    about=f"Ask a host once a second; it answers by unicast and by source-specific multicast.\n{_OTHER_SIDE}",
    examples="examples:\n"
    "  ssmping 10.0.0.1                          until Ctrl-C\n"
    "  ssmping -c 10 --json node1\n"
    "  ssmping -I eth1 -s 1000 10.0.0.1          join on eth1, answers of 1000 bytes\n\n"
    f"{_PING_CODES}",
)
ASMPING = Form(
    tool="asmping",
    options="46vIcs",
    usages=(f"{_PING_OPTIONS} {_JSON} group destination", f"{_PING_OPTIONS} {_JSON} destination group"),
    names=(2,),
    about=f"Ask a host once a second; it answers by unicast and to a group.\n{_OTHER_SIDE}\n"
    "Of the group the last octet becomes 234 (IPv6: the last 32 bits 4321:1234).",
    examples="examples:\n"
    "  asmping 224.0.2.1 10.0.0.1                until Ctrl-C\n"
    "  asmping -c 300 239.192.1.1 node1          five minutes, longer than snooping remembers\n"
    "  asmping -6 -I eth0 ff15::1 node1\n\n"
    f"{_PING_CODES}",
)
MCFIRST = Form(
    tool="mcfirst",
    options="46vrIct",
    usages=(f"{_FIRST_OPTIONS} {_JSON} [source] group port", f"{_FIRST_OPTIONS} {_JSON} group [source] port"),
    names=(2, 3),
    about="Join a group and wait for what comes to it. Sends nothing.\n"
    "Without -c and -t it ends with the first datagram.",
    examples="examples:\n"
    "  mcfirst 239.192.3.20 5405                 the first datagram, however late\n"
    "  mcfirst -t 5 239.192.3.20 5405            what comes in 5 s\n"
    "  mcfirst -r -c 1000 239.192.3.20 10.0.0.1 5405   of one source, only the rates\n\n"
    "exit codes: 0 something came   1 nothing did, or usage, or sockets cannot be opened",
)


class _Parser(argparse.ArgumentParser):
    def __init__(self, form: Form) -> None:
        super().__init__(
            prog=form.tool,
            usage="\n       ".join(f"{form.tool} {usage}" for usage in form.usages),
            description=form.about,
            epilog=form.examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise CommandError(message)


_OPTIONS = {
    "4": {"action": "store_true", "help": "IPv4"},
    "6": {"action": "store_true", "help": "IPv6"},
    "v": {"action": "store_true", "help": "ask for the server's version (mcfirst: nothing)"},
    "r": {"action": "store_true", "help": "say rates only, nothing of each datagram"},
    "I": {"metavar": "interface", "help": "the interface to join on"},
    "c": {"metavar": "count", "help": "end after so many requests, or datagrams"},
    "s": {"metavar": "size", "help": "bytes that answers should have"},
    "t": {"metavar": "time", "help": "end after so many seconds"},
}


def _parser(form: Form) -> argparse.ArgumentParser:
    made = _Parser(form)
    made.add_argument("names", nargs="*", help=argparse.SUPPRESS)
    for letter, settings in _OPTIONS.items():
        if letter in form.options:
            made.add_argument(f"-{letter}", dest=letter, **settings)  # type: ignore[arg-type]
    made.add_argument("--json", action="store_true", help="one JSON object; the lines go to standard error")
    return made


def usage(form: Form) -> str:
    """Return the form of a command line, as ssmping prints it."""
    version = SERVER_VERSION.decode().partition(" [")[0]
    head = f"{form.tool} version {version} (spoken by mcast {harness.__version__})"
    return "\n".join((head, "", "Usage:", "\nor\n".join(f"{form.tool} {usage}" for usage in form.usages)))


def arguments(form: Form, words: Sequence[str]) -> Arguments:
    """Read a command line. Raises CommandError with all mistakes; exits for ``--help``, as argparse does."""
    parser = _parser(form)
    try:
        found, unknown = parser.parse_known_intermixed_args(list(words))
    except CommandError as error:
        raise CommandError(str(error), usage=usage(form)) from None
    known = ["--json", "--help", *(f"-{letter}" for letter in form.options)]
    mistakes = [_unknown(word, known) for word in unknown]
    names = list[str](found.names)
    if len(names) not in form.names and not unknown:
        wanted = " or ".join(map(str, form.names))
        mistakes.append(f"{wanted} {'name' if wanted == '1' else 'names'} wanted, {len(names)} given")
    given = vars(found)
    count = _positive(given.get("c"), "Count must be positive", mistakes)
    size = _positive(given.get("s"), "Invalid size", mistakes, most=MOST_SIZE)
    time_s = _positive(given.get("t"), "Invalid time to run", mistakes)
    port = None
    if form is MCFIRST and len(names) in form.names:
        port = _port(names.pop(), mistakes)
    index = _index(given.get("I"), mistakes)
    if mistakes:
        raise CommandError(*mistakes, usage=usage(form))
    return Arguments(
        names=tuple(names),
        version=6 if given.get("6") else 4 if given.get("4") else None,
        via=Via(index=index),
        count=count,
        size=size,
        time_s=None if time_s is None else float(time_s),
        port=port,
        wants_version=given.get("v", False),
        rates_only=given.get("r", False),
        json=found.json,
    )


def _unknown(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"there is no option {word}{f'; did you mean {close[0]}?' if close else ''}"


def _positive(text: str | None, mistake: str, mistakes: list[str], most: int | None = None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) == 0 or (most is not None and int(text) > most):
        mistakes.append(f"{mistake}: {text}" if most is None else f"{mistake}: {text} (1 to {most})")
        return None
    return int(text)


def _port(text: str, mistakes: list[str]) -> int | None:
    try:
        port = int(text) if text.isdigit() else socket.getservbyname(text, "udp")
    except OSError:
        port = 0
    if not 0 < port <= _MOST_PORT:
        mistakes.append(f"{text} is no port: neither 1 to {_MOST_PORT} nor a service of UDP")
        return None
    return port


def _index(name: str | None, mistakes: list[str]) -> int:
    if name is None:
        return 0
    try:
        return socket.if_nametoindex(name)
    except OSError:
        have = [interface for _, interface in socket.if_nameindex()]
        close = get_close_matches(name, have, n=1) or have
        mistakes.append(f"Unknown interface {name}; there are {', '.join(close)}")
        return 0


# --- addresses --------------------------------------------------------------------------------------------


def unicast(name: str, version: int | None) -> Host:
    """Look up a host. Raises CommandError, also for a group."""
    host = next(_lookup(name, version))
    if host.address.is_multicast:
        raise CommandError("Argument must be a unicast address", f"Failed to create socket for {name}")
    return host


def group(name: str, version: int | None) -> Address:
    """Look up a group. Raises CommandError, also for a host."""
    found = next(_lookup(name, version))
    if not found.address.is_multicast:
        raise CommandError("Argument must be a multicast address", f"Failed to create socket for {name}")
    return found.address


def host_and_group(names: Sequence[str], version: int | None) -> tuple[Host, Address]:
    """Look up a host and a group, two names in either order, of one version of IP. Raises CommandError."""
    first, second = names
    problem: CommandError | None = None
    for one in _lookup(first, version):
        try:
            other = next(_lookup(second, one.address.version))
        except CommandError as error:
            problem = error
            continue
        if one.address.is_multicast == other.address.is_multicast:
            kind = "multicast" if one.address.is_multicast else "unicast"
            both = f"Both addresses cannot be {kind} addresses"
            raise CommandError(both, f"Failed to create socket for {first} {second}")
        return (other, one.address) if one.address.is_multicast else (one, other.address)
    assert problem is not None, "a name that is found has an address"
    raise problem


def _lookup(name: str, version: int | None) -> Iterator[Host]:
    """Yield the addresses of a name, the best first. Raises CommandError if there is none."""
    try:
        found = socket.getaddrinfo(name, None, _FAMILIES[version], socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no name"
        of = "" if version is None else f" (IPv{version})"
        problem = f"getaddrinfo failed: {reason}"
        raise CommandError(problem, f"Failed to create socket for {name}{of}") from None
    for _, _, _, _, address in found:
        yield Host(
            address=ip_address(str(address[0]).partition("%")[0]),
            index=int(address[3]) if len(address) == 4 else 0,
        )


def own_address(host: Host, port: int) -> Address:
    """Return the address that this host would ask another from. Raises OSError if there is no way to it."""
    family = _FAMILIES[host.address.version]
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect(sockaddr(host.address, port, host.index))
        return ip_address(sock.getsockname()[0].partition("%")[0])
