"""Lines of omping, ssmping, asmping and mcfirst, read one by one: a line goes in, events come out.

The forms are those that omping 0.0.5 and ssmping 0.9.1 print. A line of another form gives no event, so
prompts, warnings and whatever else stands between them does no harm. Nothing is guessed from one line to
the next but what the tools themselves spread over several: the statistics of ssmping. Peers are as they are
printed: omping's as they were given to it, names or addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.protocols.probes.program import Cast

_MS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """omping has begun to wait for this peer."""

    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A group was joined: of every source (None) or of one. ``peer`` is empty where the tool names none."""

    group: str
    source: str | None = None
    peer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinging:
    """ssmping and asmping: whom they ask, from which own address."""

    peer: str
    own: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRead:
    """An answer: ``size`` in bytes of UDP payload, ``time_s`` its round trip; None if not printed."""

    peer: str
    cast: Cast
    sequence: int
    size: int | None = None
    distance: int | None = None
    time_s: float | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresRead:
    """What a tool says of one peer and cast at its end.

    ``first`` is the number of the first answer, where the tool says it. ``lasted_s`` is how long the tool
    says that it ran (ssmping). Round trips in seconds are None where none were measured.
    """

    peer: str
    cast: Cast
    sent: int
    received: int
    duplicates: int = 0
    first: int | None = None
    lasted_s: float | None = None
    least_s: float | None = None
    mean_s: float | None = None
    most_s: float | None = None
    deviation_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverAnswered:
    """omping: nothing at all came from this peer."""

    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedWith:
    """omping does not ask this peer any more, with its reason in its own words."""

    peer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """mcfirst's last figures: bytes and datagrams in a time."""

    size: int
    datagrams: int
    lasted_s: float


ProbeEvent = Waiting | Joined | Pinging | AnswerRead | FiguresRead | NeverAnswered | StoppedWith | Received

_OMPING = re.compile(r"^\s*(?P<peer>\S+)\s+: (?P<rest>.*\S)\s*$")
_O_JOINED = re.compile(r"^joined \(S,G\) = \((?P<source>[^,\s]+), ?(?P<group>[^)\s]+)\), pinging$")
_O_ANSWER = re.compile(
    r"^\s*(?P<cast>unicast|multicast|broadcast), seq=(?P<seq>\d{1,18})(?P<dup> \(dup\))?,"
    r" size=(?P<size>\d{1,18}) bytes(?:, dist=(?P<dist>\d{1,18}))?(?:, time=(?P<time>-?[\d.]+) ?ms)?"
)
_O_FIGURES = re.compile(
    r"^\s*(?P<cast>unicast|multicast|broadcast), xmt/rcv/%loss = (?P<sent>\d{1,18})/(?P<received>\d{1,18})"
    r"(?:\+(?P<dup>\d{1,18}))?/(?P<loss>-?\d+)%(?: \(seq>=(?P<first>\d{1,18}) -?\d+%\))?"
    r"(?:, min/avg/max/std-dev = ?(?P<rtt>[\d./-]+)?)?"
)
_O_STOPS = (
    "given amount of query messages was sent",
    "maximum number of query messages exhausted",
    "remote version received",
    "server told us to stop",
)


class OmpingLines:
    """Reads omping's lines. It keeps nothing, so that one can be thrown away at any time."""

    __slots__ = ()

    def feed(self, line: str) -> tuple[ProbeEvent, ...]:
        """Return what a line says: one event or none."""
        match = _OMPING.match(line)
        if match is None:
            return ()
        event = _omping_event(match["peer"], match["rest"])
        return () if event is None else (event,)

    def close(self) -> tuple[ProbeEvent, ...]:
        """Return what was still to come: nothing."""
        return ()


def _omping_event(peer: str, rest: str) -> ProbeEvent | None:
    event: ProbeEvent | None = None
    if rest == "waiting for response msg":
        event = Waiting(peer=peer)
    elif rest == "response message never received":
        event = NeverAnswered(peer=peer)
    elif joined := _O_JOINED.match(rest):
        source = None if joined["source"] == "*" else joined["source"]
        event = Joined(peer=peer, group=joined["group"], source=source)
    elif answer := _O_ANSWER.match(rest):
        event = _omping_answer(peer, answer)
    elif figures := _O_FIGURES.match(rest):
        event = _omping_figures(peer, figures)
    elif rest.startswith(_O_STOPS):
        event = StoppedWith(peer=peer, reason=rest)
    return event


def _omping_answer(peer: str, match: re.Match[str]) -> AnswerRead:
    return AnswerRead(
        peer=peer,
        cast=Cast(match["cast"]),
        sequence=int(match["seq"]),
        size=int(match["size"]),
        distance=_whole(match["dist"]),
        time_s=_seconds(match["time"]),
        duplicate=match["dup"] is not None,
    )


def _omping_figures(peer: str, match: re.Match[str]) -> FiguresRead:
    received = int(match["received"])
    times = _four(match["rtt"] or "") if received else (None,) * 4
    return FiguresRead(
        peer=peer,
        cast=Cast(match["cast"]),
        sent=int(match["sent"]),
        received=received,
        duplicates=int(match["dup"] or 0),
        first=int(match["first"]) if match["first"] else None,
        least_s=times[0],
        mean_s=times[1],
        most_s=times[2],
        deviation_s=times[3],
    )


_S_JOINED = re.compile(
    r"^\s*(?:ssmping|asmping|mcfirst) joined \((?:S|\*),G\) = \((?P<source>[^,\s]+),(?P<group>[^)\s]+)\)"
)
_S_PINGING = re.compile(r"^\s*pinging (?P<peer>\S+) from (?P<own>\S+)\s*$")
_S_ANSWER = re.compile(
    r"^\s*(?P<cast>unicast|multicast) from (?P<peer>[^,\s]+), seq=(?P<seq>\d{1,18})"
    r" dist=(?P<dist>\S+) time=(?P<time>-?[\d.]+) ms(?P<dup> \(DUP!\))?"
)
_S_TITLE = re.compile(r"^--- (?P<peer>\S+) statistics ---")
_S_SENT = re.compile(r"^(?P<sent>\d{1,18}) packets transmitted, time (?P<time>\d{1,18}) ms")
_S_CAST = re.compile(r"^(?P<cast>unicast|multicast):\s*$")
_S_RECEIVED = re.compile(
    r"^\s*(?P<received>\d{1,18}) packets received, -?\d+% packet loss"
    r"(?: since first mc packet \(seq (?P<first>\d{1,18})\) recvd)?"
)
_S_RTT = re.compile(r"^\s*rtt min/avg/max/std-dev = (?P<rtt>[\d./]+) ms")
_M_ANSWER = re.compile(r"^Received (?P<size>\d{1,18}) bytes from (?P<peer>\S+) after [\d.]+ ms")
_M_END = re.compile(
    r"^(?P<size>\d{1,18}) bytes \(payload\) and (?P<count>\d{1,18}) packets received"
    r" in (?P<time>[\d.]+) seconds"
)


class SsmpingLines:
    """Reads the lines of ssmping and asmping; figures stand on several lines, of which it makes one event."""

    __slots__ = ("_cast", "_lasted_s", "_peer", "_pending", "_sent")

    def __init__(self) -> None:
        self._peer = ""
        self._sent = 0
        self._lasted_s: float | None = None
        self._cast: Cast | None = None
        self._pending: FiguresRead | None = None

    def feed(self, line: str) -> tuple[ProbeEvent, ...]:
        """Return what a line says, and figures that it completes."""
        if self._pending is not None and (match := _S_RTT.match(line)):
            return (self._completed(_four(match["rtt"])),)
        return (*self.close(), *self._other(line))

    def close(self) -> tuple[ProbeEvent, ...]:
        """Return the figures whose round trips never came."""
        if self._pending is None:
            return ()
        return (self._completed((None, None, None, None)),)

    def _other(self, line: str) -> tuple[ProbeEvent, ...]:
        if joined := _S_JOINED.match(line):
            source = None if joined["source"] == "*" else joined["source"]
            self._peer = source or ""
            return (Joined(group=joined["group"], source=source),)
        if pinging := _S_PINGING.match(line):
            # ssmping calls its peer S here, as in the line before.
            self._peer = self._peer if pinging["peer"] == "S" else pinging["peer"]
            return (Pinging(peer=self._peer, own=pinging["own"]),)
        if answer := _S_ANSWER.match(line):
            return (_ssmping_answer(answer),)
        return self._statistics(line)

    def _statistics(self, line: str) -> tuple[ProbeEvent, ...]:
        if title := _S_TITLE.match(line):
            self._peer, self._cast = title["peer"], None
        elif sent := _S_SENT.match(line):
            self._sent, self._lasted_s = int(sent["sent"]), int(sent["time"]) / _MS
        elif cast := _S_CAST.match(line):
            self._cast = Cast(cast["cast"])
        elif self._cast is not None and (match := _S_RECEIVED.match(line)):
            self._pending = FiguresRead(
                peer=self._peer,
                cast=self._cast,
                sent=self._sent,
                received=int(match["received"]),
                first=int(match["first"]) if match["first"] else None,
                lasted_s=self._lasted_s,
            )
            self._cast = None
            # Without answers no round trips follow.
            return self.close() if not self._pending.received else ()
        return ()

    def _completed(self, times: tuple[float | None, ...]) -> FiguresRead:
        figures = self._pending
        assert figures is not None
        self._pending = None
        return FiguresRead(
            peer=figures.peer,
            cast=figures.cast,
            sent=figures.sent,
            received=figures.received,
            first=figures.first,
            lasted_s=figures.lasted_s,
            least_s=times[0],
            mean_s=times[1],
            most_s=times[2],
            deviation_s=times[3],
        )


def _ssmping_answer(match: re.Match[str]) -> AnswerRead:
    return AnswerRead(
        peer=match["peer"],
        cast=Cast(match["cast"]),
        sequence=int(match["seq"]),
        distance=_whole(match["dist"]),
        time_s=_seconds(match["time"]),
        duplicate=match["dup"] is not None,
    )


class McFirstLines:
    """Reads the lines of mcfirst; its datagrams have no numbers, so they are counted from 1."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def feed(self, line: str) -> tuple[ProbeEvent, ...]:
        """Return what a line says: one event or none."""
        if joined := _S_JOINED.match(line):
            self._count = 0
            source = None if joined["source"] == "*" else joined["source"]
            return (Joined(group=joined["group"], source=source),)
        if answer := _M_ANSWER.match(line):
            self._count += 1
            return (
                AnswerRead(
                    peer=answer["peer"],
                    cast=Cast.MULTICAST,
                    sequence=self._count,
                    size=int(answer["size"]),
                ),
            )
        if end := _M_END.match(line):
            return (
                Received(
                    size=int(end["size"]),
                    datagrams=int(end["count"]),
                    lasted_s=_seconds(end["time"], 1) or 0.0,
                ),
            )
        return ()

    def close(self) -> tuple[ProbeEvent, ...]:
        """Return what was still to come: nothing."""
        return ()


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _seconds(text: str | None, divisor: float = _MS) -> float | None:
    try:
        return None if text is None else float(text) / divisor
    except ValueError:
        return None


def _four(text: str) -> tuple[float | None, ...]:
    """Return four round trips of milliseconds with slashes between, in seconds; None for what is missing."""
    parts = [_seconds(part) for part in text.split("/")][:4]
    return (*parts, *(None,) * (4 - len(parts)))
