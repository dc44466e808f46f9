"""``mcast listen``: its command line, its output, its exit codes; what listens is ``listening``.

stdout has the events as they come and the summary behind them, stderr the progress. Sends nothing. Standard
library only, so that it runs where nothing else is installed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

from harness.diagnosis import Cause, diagnose
from harness.diagnosis.from_listening import facts_of
from harness.errors import ExitCode, HarnessError
from harness.protocols.dialect import Dialect
from harness.protocols.listening import data, words
from harness.protocols.listening.events import Event
from harness.protocols.listening.listener import EVERY_PROTOCOL, Listener
from harness.protocols.listening.summary import Summary
from harness.sockets.interfaces import Interface, interfaces
from harness.tools.listening import Capture, Live, Request, Source
from harness.wire.membership import Address

DEFAULT_S = 130.0
"""More than the query interval of 125 s (RFC 9776 section 8.2)."""
LONGEST_S = 86400.0
MOST_CAUSES = 3
MOST_EVENTS = 10_000
"""Lines; a flood of forged reports must not fill a disk."""

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ABOUT = """Hear for a while what IGMP, MLD and multicast comes to an interface: who asks, who is a member,
which data nobody here asked for. Sends nothing, joins nothing, and needs the right to capture (root, or
CAP_NET_RAW)."""
_EXAMPLES = """\
examples:
  mcast listen eth0                           130 s, more than the query interval of 125 s
  mcast listen eth0 --count 1                 until a querier asks, or 130 s
  mcast listen eth0 --for 10m --group 239.192.3.20
  mcast listen eth0 -4 --json | jq .querier_heard
  mcast listen --read switch-port.pcap        the same of a capture (pcap, Ethernet)

exit codes:
  0 a querier was heard   1 none was   2 interrupted: the summary is of the time until then
  4 usage or a bad file   6 this host cannot: no right to capture, or the interface is down
"""


class UsageError(HarnessError):
    """The command line is wrong: the message names the option."""

    exit_code = ExitCode.BAD_INPUT


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; {self.prog} --help shows how")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How things are told."""

    wants_json: bool
    verbose: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Listen as these arguments say (None: the process's own) and return the exit code."""
    gc.enable()  # `mcast` has switched it off for its short commands
    try:
        return run(_parser().parse_args(arguments))
    except BrokenPipeError:  # the reader of our lines has seen enough; Python must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.INTERRUPTED
    except SystemExit as ended:  # --help
        return ended.code if isinstance(ended.code, int) else ExitCode.PASSED
    except HarnessError as error:
        print(error, file=sys.stderr)  # noqa: T201  this is a program
        return error.exit_code


def run(options: argparse.Namespace) -> int:
    """Listen as parsed options say. Raises HarnessError."""
    source = _source(options)
    listener = Listener(own=source.own(), groups=options.groups, protocols=_protocols(options))
    output = Output(wants_json=options.json, verbose=options.verbose > 0)
    teller = _Teller(output)
    request = Request(for_s=options.for_s, count=options.count, progress=not options.quiet)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the summary so far
    try:
        interrupted, summary = source.listen(listener, request, teller.tell)
    finally:
        signal.signal(signal.SIGTERM, before)
    teller.finish(summary, source.name)
    if interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.PASSED if summary.heard_a_querier else ExitCode.FAILED


def _source(options: argparse.Namespace) -> Source:
    if options.read is not None:
        if options.interface is not None:
            raise UsageError(f"--read has its frames from a file: leave out {options.interface}")
        return Capture(options.read)
    if options.interface is None:
        raise UsageError(f"which interface? {_existing(interfaces())}; or --read FILE")
    every = interfaces()
    for interface in every:
        if interface.name == options.interface:
            return Live(interface, every)
    close = get_close_matches(options.interface, [one.name for one in every], n=1)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    raise UsageError(f'there is no interface "{options.interface}"; {hint}{_existing(every)}')


def _existing(every: tuple[Interface, ...]) -> str:
    return f"there are {', '.join(interface.name for interface in every)}"


def _protocols(options: argparse.Namespace) -> tuple[Dialect, ...]:
    """Those of the groups that were named, or of the options."""
    if options.protocol is not None:
        other = [group for group in options.groups if Dialect.of(group) is not options.protocol]
        if other:
            raise UsageError(f"--group {other[0]} is no group of {options.protocol.name}")
        return (options.protocol,)
    named = {Dialect.of(group) for group in options.groups}
    return tuple(dialect for dialect in EVERY_PROTOCOL if dialect in named) or EVERY_PROTOCOL


class _Teller:
    """Writes events and the summary to stdout."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told = 0

    def tell(self, event: Event) -> None:
        """One event, if it is wanted."""
        if self._output.wants_json:
            if self._output.verbose and self._may():
                _write(json.dumps(data.of_event(event)))
        elif (self._output.verbose or not words.is_routine(event)) and self._may():
            _write(words.told(event))

    def finish(self, summary: Summary, where: str) -> None:
        """The summary."""
        causes = diagnose(facts_of(summary, where))[:MOST_CAUSES]
        if self._output.wants_json:
            told = {"where": where, **data.of_summary(summary), "causes": [_as_data(one) for one in causes]}
            _write(json.dumps(told))
        else:
            gap = ("",) if self._told else ()
            _write("\n".join((*gap, *words.summed(summary, where), *_in_words(causes))))

    def _may(self) -> bool:
        self._told += 1
        if self._told == MOST_EVENTS + 1:
            print(f"more than {MOST_EVENTS} events: the rest is in the summary only", file=sys.stderr)  # noqa: T201
        return self._told <= MOST_EVENTS


def _as_data(cause: Cause) -> dict[str, object]:
    return {
        "cause": cause.key,
        "title": cause.title,
        "score": cause.score,
        "evidence": [one.text for one in cause.supports],
        "against": [one.text for one in cause.against],
        "remedy": cause.kind.remedy,
    }


def _in_words(causes: tuple[Cause, ...]) -> Iterator[str]:
    if causes:
        yield "what this fits, if multicast is lost or comes where nobody wants it:"
    for cause in causes:
        yield f"    {cause.title}: {'; '.join(one.text for one in cause.supports)}"
        yield f"        cure: {cause.kind.remedy}"


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


# --- the command line -------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mcast listen",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("interface", metavar="IFACE", nargs="?", help="the interface to listen to")
    parser.add_argument(
        "--for", dest="for_s", metavar="TIME", type=_duration, default=DEFAULT_S,
        help="how long: 250ms, 130s, 10m, 1h; 130s unless given, 24h at most",
    )  # fmt: skip
    parser.add_argument("--count", metavar="N", type=_count, help="end after so many general queries")
    parser.add_argument(
        "--group", dest="groups", metavar="G", type=_group, action="append", default=[],
        help="only this group, and queries that are about it; may be repeated",
    )  # fmt: skip
    family = parser.add_mutually_exclusive_group()
    family.add_argument(
        "-4", dest="protocol", action="store_const", const=Dialect.IGMP, help="only IPv4: IGMP"
    )
    family.add_argument("-6", dest="protocol", action="store_const", const=Dialect.MLD, help="only IPv6: MLD")
    parser.add_argument("--read", metavar="FILE", type=Path, help="hear a capture instead (pcap, Ethernet)")
    parser.add_argument(
        "--json",
        action="store_true",
        help="the summary as one JSON object; with -v a line for each event too",
    )
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="renewed memberships and link-local groups too"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    return parser


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f'"{text[:40]}" is no time; write 250ms, 130s, 10m or 1h')
    found = float(match[1]) * _UNITS[match[2]]
    if not 0 < found <= LONGEST_S:
        raise argparse.ArgumentTypeError(f'"{text[:40]}" is not more than 0 and at most 24h')
    return found


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f'"{text[:40]}" is no number of queries from 1 up')
    return int(text)


def _group(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text[:60]}" is no address') from None
    if not address.is_multicast:
        raise argparse.ArgumentTypeError(f"{address} is no group: those are 224.0.0.0/4 and ff00::/8")
    return address
