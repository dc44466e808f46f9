"""Output of omping, ssmping, asmping and mcfirst, read into figures.

Answers line by line tell when a stream stopped; a summary alone tells how much came. Where no command line
is above it omping is taken to have asked once a second, its default, unless it asked so often that nobody
would have waited for it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from harness.diagnosis.facts import NothingHeard, PeerSilent, Place, ProbeFigures
from harness.diagnosis.tally import Tally
from harness.protocols.probes.program import Cast
from harness.readings.probe_lines import (
    AnswerRead,
    FiguresRead,
    Joined,
    McFirstLines,
    NeverAnswered,
    OmpingLines,
    Pinging,
    ProbeEvent,
    Received,
    SsmpingLines,
    Waiting,
)
from harness.readings.shape import Block, Shape, Sheet, number
from harness.readings.text import Line

_PATIENCE = 2000
"""Requests a second apart that somebody waits for; the shipped tests are of 600 at 1 s and 10,000 at 1 ms."""
_WITH_VALUE = frozenset(["-c", "-i", "-m", "-M", "-O", "-p", "-r", "-R", "-S", "-T", "-t", "-w"])
_ROUND_TRIPS = re.compile(r"^\s*[\d.]+(?:/[\d.]+){3}\s*$")
"""The end of a summary's line, where a mailer has broken it."""
_CONCLUSION = re.compile(
    r"^(?:unicast [\d to]+ %, )?(?:multi|broad)cast [\d to]+ % lost from |^\S+ answered nothing at all: "
)
"""What ``mcast omping`` says of its own figures; here they are weighed anew, with all others."""
_REFUSED = re.compile(r"^recv failed: Connection refused|^errno=111")


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run of a tool, while its lines come."""

    sheet: Sheet
    tool: str
    node: str = ""
    peer: str = ""
    group: str = ""
    source_specific: bool = False
    interval_s: float | None = 1.0
    tallies: dict[tuple[str, Cast], Tally] = field(default_factory=dict)
    last_line: dict[str, Line] = field(default_factory=dict)
    ended: set[tuple[str, Cast]] = field(default_factory=set)
    sent: dict[str, int] = field(default_factory=dict)

    def take(self, event: ProbeEvent, line: Line) -> None:
        """Take what a line says."""
        at = self.sheet.at(line)
        match event:
            case Joined(group=group, source=source):
                self.group, self.source_specific = group, source is not None
            case Pinging(peer=peer, own=own):
                self.node, self.peer = own, peer
            case AnswerRead():
                self._answer(event, line)
            case FiguresRead():
                self._figures(event, at)
            case NeverAnswered(peer=peer):
                self.sheet.facts.append(PeerSilent(where=self.node, at=at, peer=peer, tool=self.tool))
            case Received(datagrams=0, lasted_s=lasted_s):
                lasted = lasted_s or None
                self.sheet.facts.append(
                    NothingHeard(where=self.node, at=at, group=self.group, lasted_s=lasted)
                )

    def _answer(self, event: AnswerRead, line: Line) -> None:
        tally = self.tallies.setdefault((event.peer, event.cast), Tally())
        tally.answered(event.sequence, duplicate=event.duplicate, size=event.size)
        self.last_line[event.peer] = line
        self.sent[event.peer] = max(self.sent.get(event.peer, 0), event.sequence)

    def _figures(self, event: FiguresRead, at: Place) -> None:
        self.ended.add((event.peer, event.cast))
        tally = self.tallies.get((event.peer, event.cast))
        seen = tally is not None and tally.received == event.received and not tally.scattered
        first = event.first
        if first is None and event.cast is not Cast.UNICAST and event.received:
            first = 1  # omping names the first answer only where it is not the first request's
        self.sheet.facts.append(
            ProbeFigures(
                where=self.node,
                at=at,
                tool=self.tool,
                peer=event.peer,
                cast=event.cast,
                sent=event.sent,
                received=event.received,
                duplicates=max(event.duplicates, tally.duplicates if tally is not None else 0),
                first=tally.first if seen and tally is not None else first,
                last=tally.last if seen and tally is not None else None,
                gaps=tally.gaps if seen and tally is not None else None,
                interval_s=self._interval_s(event.sent),
                group=self.group,
                size=tally.size if tally is not None else None,
                source_specific=self.source_specific,
            )
        )

    def _interval_s(self, sent: int) -> float | None:
        unlikely = self.tool == "omping" and not self.sheet.block.command and sent >= _PATIENCE
        return None if unlikely or self.tool == "mcfirst" else self.interval_s

    def close(self) -> None:
        """Make figures of answers whose summary was cut off."""
        for peer in dict.fromkeys(peer for peer, _ in self.tallies):
            casts = [cast for of, cast in self.tallies if of == peer]
            other = Cast.BROADCAST if Cast.BROADCAST in casts else Cast.MULTICAST
            for cast in (Cast.UNICAST, other):
                tally = self.tallies.get((peer, cast), Tally())
                if (peer, cast) in self.ended or (self.tool == "mcfirst" and cast is Cast.UNICAST):
                    continue
                self.sheet.facts.append(
                    ProbeFigures(
                        where=self.node,
                        at=self.sheet.at(self.last_line[peer]),
                        tool=self.tool,
                        peer=peer,
                        cast=cast,
                        sent=self.sent[peer],
                        received=tally.received,
                        duplicates=tally.duplicates,
                        first=tally.first,
                        last=tally.last,
                        gaps=None if tally.scattered else tally.gaps,
                        interval_s=self._interval_s(self.sent[peer]),
                        group=self.group,
                        size=tally.size,
                        source_specific=self.source_specific,
                    )
                )


def _omping(block: Block, verified: bool) -> tuple[Sheet, ...]:
    """Several outputs may follow each other: one begins where a peer is waited for, or ends, once more."""
    reader = OmpingLines()
    runs: list[_Run] = []
    ending: set[tuple[str, Cast | None]] = set()
    for line, event in _events(block.lines, reader.feed):
        mark = _end_mark(event)
        if not runs or (isinstance(event, Waiting) and ending) or (mark is not None and mark in ending):
            runs.append(_omping_run(block, verified))
            ending = set()
        if mark is not None:
            ending.add(mark)
        runs[-1].take(event, line)
    for line in block.lines:
        if _ROUND_TRIPS.match(line.text):
            for run in runs:
                if line.number - 1 in run.sheet.understood:
                    run.sheet.understood.add(line.number)
        elif _CONCLUSION.match(line.text):
            begun = [run for run in runs if min(run.sheet.understood, default=line.number) < line.number]
            for run in begun[-1:]:
                run.sheet.understood.add(line.number)
    return _closed(runs)


def _end_mark(event: ProbeEvent) -> tuple[str, Cast | None] | None:
    match event:
        case FiguresRead(peer=peer, cast=cast):
            return (peer, cast)
        case NeverAnswered(peer=peer):
            return (peer, None)
        case _:
            return None


def _omping_run(block: Block, verified: bool) -> _Run:
    options = _options(block.command)
    run = _Run(sheet=Sheet(block=block, verified=verified), tool="omping", node=block.host)
    run.interval_s = number(options.get("-i")) or 1.0
    run.group = options.get("-m", "")
    return run


def _options(command: str) -> dict[str, str]:
    """The options of a command line that have a value; empty if it cannot be split."""
    words = _words(command)
    found: dict[str, str] = {}
    for word, value in zip(words, [*words[1:], ""], strict=False):
        if word in _WITH_VALUE:
            found[word] = value
        elif word[:2] in _WITH_VALUE:
            found[word[:2]] = word[2:]
    return found


def arguments(command: str) -> tuple[str, ...]:
    """Return the nodes of an omping command line."""
    words = _words(command)
    start = next((at for at, word in enumerate(words) if word.rpartition("/")[2] == "omping"), None)
    if start is None:
        return ()
    nodes: list[str] = []
    skips = False
    for word in words[start + 1 :]:
        if not skips and not word.startswith("-"):
            nodes.append(word)
        skips = not skips and word in _WITH_VALUE
    return tuple(nodes)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _ssmping(block: Block, verified: bool) -> tuple[Sheet, ...]:
    reader = SsmpingLines()
    runs: list[_Run] = []
    tool = "asmping"
    line = block.lines[0]
    for line in block.lines:
        if named := re.match(r"^\s*(ssmping|asmping) joined", line.text):
            tool = named[1]
        for event in reader.feed(line.text):
            if not runs or isinstance(event, Joined):
                runs.append(_Run(sheet=Sheet(block=block, verified=verified), tool=tool, node=block.host))
            runs[-1].take(event, line)
        if runs and _REFUSED.match(line.text):
            _refused(runs[-1], line)
        if runs and _PART_OF_STATISTICS.match(line.text):
            runs[-1].sheet.at(line)
    for event in reader.close():
        if runs:
            runs[-1].take(event, line)
    return _closed(runs)


_PART_OF_STATISTICS = re.compile(
    r"^(?:--- \S+ statistics ---|\d+ packets transmitted, |(?:uni|multi)cast:|\s+\d+ packets received, "
    r"|Server version: )"
)


def _refused(run: _Run, line: Line) -> None:
    at = run.sheet.at(line)
    if not any(isinstance(fact, PeerSilent) for fact in run.sheet.facts):
        run.sheet.facts.append(PeerSilent(where=run.node, at=at, peer=run.peer, tool=run.tool, refused=True))


def _mcfirst(block: Block, verified: bool) -> tuple[Sheet, ...]:
    reader = McFirstLines()
    run = _Run(sheet=Sheet(block=block, verified=verified), tool="mcfirst", node=block.host)
    for line, event in _events(block.lines, reader.feed):
        run.take(event, line)
    for line in block.lines:
        if re.match(r"^(?:Estimated a|A)verage rate", line.text):
            run.sheet.at(line)
    return _closed([run])


def _events(
    lines: Sequence[Line], feed: Callable[[str], Iterable[ProbeEvent]]
) -> Iterable[tuple[Line, ProbeEvent]]:
    """Feed lines; of one that says nothing alone, try whether a mailer has broken it."""
    for at, line in enumerate(lines):
        said = tuple(feed(line.text))
        if not said and line.text and at + 1 < len(lines) and not tuple(feed(lines[at + 1].text)):
            said = tuple(feed(f"{line.text} {lines[at + 1].text.lstrip()}"))
        for event in said:
            yield line, event


def _closed(runs: Sequence[_Run]) -> tuple[Sheet, ...]:
    for run in runs:
        run.close()
    return tuple(run.sheet for run in runs)


_OMPING_LINE = (
    r"^\s*\S+\s+: (?:waiting for response msg|response message never received|joined \(S,G\) = |"
    r"\s*(?:uni|multi|broad)cast, (?:seq=|xmt/rcv))"
)

SHAPES = (
    Shape(name="omping", begins=re.compile(_OMPING_LINE), read=_omping),
    Shape(
        name="ssmping or asmping",
        begins=re.compile(
            r"^\s*(?:ssm|asm)ping joined|^\s*(?:uni|multi)cast from \S+, seq=|^--- \S+ statistics ---"
        ),
        read=_ssmping,
    ),
    Shape(name="mcfirst", begins=re.compile(r"^mcfirst joined |^Received \d+ bytes from "), read=_mcfirst),
)
