"""What an installed probe tool writes, as what a program of ours would have told: answers, figures, joins.

Lines are read by ``readings``. What a tool does not say is put together from its lines: which answer was the
first, how many came twice, whom an mcfirst heard. Answers of omping are told once, as with its -q; of
the other tools every line is said too. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import assert_never

from harness.plan.tools import PlanTool, Tool
from harness.protocols.probes.program import Answered, Cast, Figures, Join, Say
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
    StoppedWith,
    Waiting,
)
from harness.sockets.driver import Told
from harness.wire.membership import Address

_NOT_PRINTED = 0
"""The size of an answer that the tool does not print."""
Reader = OmpingLines | SsmpingLines | McFirstLines
_READERS: dict[Tool, type[Reader]] = {
    Tool.OMPING: OmpingLines,
    Tool.SSMPING: SsmpingLines,
    Tool.ASMPING: SsmpingLines,
    Tool.MCFIRST: McFirstLines,
}


@dataclass(slots=True)
class _Seen:
    """What the lines said of one peer and cast."""

    duplicates: int = 0
    first: int | None = None


class ToolOutput:
    """Reads one run of a tool's program, line by line."""

    def __init__(self, tool: PlanTool) -> None:
        self._tool = tool
        self._reader: Reader = _READERS[tool.tool]()
        self._seen: dict[tuple[Address, Cast], _Seen] = {}
        self._joined: Address | None = None
        """The source that was joined for, or the group if it was for any."""

    def feed(self, line: str) -> Iterator[Told]:
        """Tell what a line of the standard output says."""
        events = self._reader.feed(line)
        told_as_answer = any(isinstance(event, AnswerRead) for event in events)
        if not (told_as_answer and self._tool.tool is Tool.OMPING):
            yield Say(text=line)
        for event in events:
            yield from self._told(event)

    def close(self) -> Iterator[Told]:
        """Tell what was still to come when the output ends."""
        for event in self._reader.close():
            yield from self._told(event)

    def _told(self, event: ProbeEvent) -> Iterator[Told]:
        match event:
            case AnswerRead():
                if (peer := _address(event.peer)) is not None:
                    yield self._answered(peer, event)
            case FiguresRead():
                if (peer := _address(event.peer)) is not None:
                    yield self._figures(peer, event)
            case NeverAnswered():
                if (peer := _address(event.peer)) is not None:
                    to_all = Cast.BROADCAST if self._tool.mode == "ipbc" else Cast.MULTICAST
                    yield Figures(peer=peer, cast=Cast.UNICAST, sent=0, received=0)
                    yield Figures(peer=peer, cast=to_all, sent=0, received=0)
            case Joined():
                if (group := _address(event.group)) is not None:
                    source = _address(event.source or "")
                    self._joined = source or group
                    yield Join(group=group, source=source)
            case Received():
                if self._joined is not None:
                    first = 1 if event.datagrams else None
                    yield Figures(
                        peer=self._joined,
                        cast=Cast.MULTICAST,
                        sent=0,
                        received=event.datagrams,
                        first=first,
                    )
            case Waiting() | Pinging() | StoppedWith():
                return
            case _:
                assert_never(event)

    def _answered(self, peer: Address, read: AnswerRead) -> Answered:
        seen = self._seen.setdefault((peer, read.cast), _Seen())
        if read.duplicate:
            seen.duplicates += 1
        elif seen.first is None:
            seen.first = read.sequence
        return Answered(
            peer=peer,
            cast=read.cast,
            sequence=read.sequence,
            size=_NOT_PRINTED if read.size is None else read.size,
            distance=read.distance,
            duplicate=read.duplicate,
        )

    def _figures(self, peer: Address, read: FiguresRead) -> Figures:
        seen = self._seen.get((peer, read.cast), _Seen())
        return Figures(
            peer=peer,
            cast=read.cast,
            sent=read.sent,
            received=read.received,
            duplicates=read.duplicates or seen.duplicates,
            first=seen.first if read.first is None else read.first,
            least_s=read.least_s,
            mean_s=read.mean_s,
            most_s=read.most_s,
            deviation_s=read.deviation_s,
        )


def _address(text: str) -> Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
