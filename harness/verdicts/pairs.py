"""Which datagrams count for whom: a sender, a receiver, and the datagrams on which the two are judged.

A datagram is judged by the moment it was due, and only if it was really sent. It counts for those who were
its audience at that moment: members through their socket, everybody else by what reached their interface. A
sender is never its own receiver. Two kinds of datagrams are left out: those due within a millisecond of this
machine's time around a step of the timeline (nobody can say which came first), and those due while their own
receiver was joining or leaving.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from harness.observations.history import Flow, History
from harness.observations.schedule import due
from harness.observations.spans import Spans, intersect, normal, size, subtract
from harness.plan.model import Audience, Cast, Plan, PlanStream, Subject

Part = tuple[bytes | bytearray, int, int]
"""A row of counts and the half-open range of datagrams in it that are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One sender's datagrams of one stream and one receiver. ``parts`` are in the order of time."""

    stream: PlanStream
    sender: str
    receiver: str
    parts: tuple[Part, ...]
    judged: int

    def missing(self) -> int:
        """Return how many of the judged datagrams did not come."""
        return sum(row.count(0, start, end) for row, start, end in self.parts)

    def first_missing(self) -> int | None:
        """Return the number of the first judged datagram that did not come."""
        found = (row.find(0, start, end) for row, start, end in self.parts)
        return next((number for number in found if number >= 0), None)

    def first_heard(self) -> int | None:
        """Return the number of the first judged datagram that came."""
        for row, start, end in self.parts:
            zeros = end - start - len(row[start:end].lstrip(b"\0"))
            if start + zeros < end:
                return start + zeros
        return None

    def last_heard(self) -> int | None:
        """Return the number of the last judged datagram that came."""
        for row, start, end in reversed(self.parts):
            length = len(row[start:end].rstrip(b"\0"))
            if length:
                return start + length - 1
        return None

    def last_missing(self) -> int | None:
        """Return the number of the last judged datagram that did not come."""
        found = (row.rfind(0, start, end) for row, start, end in reversed(self.parts))
        return next((number for number in found if number >= 0), None)

    def first_judged(self) -> int:
        """Return the number of the first judged datagram."""
        return self.parts[0][1]

    def last_judged(self) -> int:
        """Return the number of the last judged datagram."""
        return self.parts[-1][2] - 1

    def narrowed(self, start: int, end: int) -> Pair:
        """Return the same pair judged on the datagrams in [start, end) only."""
        cut = ((row, max(first, start), min(last, end)) for row, first, last in self.parts)
        parts = tuple(part for part in cut if part[1] < part[2])
        return Pair(
            stream=self.stream,
            sender=self.sender,
            receiver=self.receiver,
            parts=parts,
            judged=sum(last - first for _, first, last in parts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """A sender that sent nothing of what was due in the window; ``error`` is the kernel's answer, if any."""

    stream: PlanStream
    sender: str
    due: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """All that an expectation looks at.

    ``pairs`` have at least one judged datagram each, in the order of streams, senders and hosts. ``due``
    counts the datagrams that the plan wanted in the window, ``sent`` those that were sent, of all senders.
    ``hosts`` are all hosts of the plan, in its order.
    """

    hosts: tuple[str, ...]
    pairs: tuple[Pair, ...]
    silent: tuple[Silent, ...]
    due: int
    sent: int


def select(history: History, subject: Subject, *, unasked: bool = False) -> Selection:
    """Find the pairs of a subject.

    ``unasked`` looks, for every audience, only at what reached hosts that were no members; the audience
    MEMBERS then means those who are members of any of the streams at any time.
    """
    pairs: list[Pair] = []
    silent: list[Silent] = []
    due_count = sent_count = 0
    for number in subject.streams:
        stream = history.plan.stream(number)
        wanted = due(stream, subject.from_s, min(subject.until_s, history.plan.duration_s))
        chooser = _Chooser(history, stream, subject, unasked=unasked)
        for sender in subject.senders:
            if sender not in stream.senders:
                continue
            flow = history.flow(number, sender)
            sent = intersect(wanted, flow.sent)
            due_count += size(wanted)
            sent_count += size(sent)
            if wanted and not sent:
                silent.append(_silent(stream, sender, wanted, flow))
            judged = subtract(sent, history.contested(number))
            pairs.extend(chooser.pairs_of(sender, flow, judged))
    return Selection(
        hosts=tuple(host.name for host in history.plan.hosts),
        pairs=tuple(pairs),
        silent=tuple(silent),
        due=due_count,
        sent=sent_count,
    )


def _silent(stream: PlanStream, sender: str, wanted: Spans, flow: Flow) -> Silent:
    errors = (error for start, end, error in flow.refused if intersect(normal([(start, end)]), wanted))
    return Silent(stream=stream, sender=sender, due=size(wanted), error=next(errors, ""))


class _Chooser:
    """Finds the receivers of one stream's datagrams; what does not depend on the sender is found once."""

    def __init__(self, history: History, stream: PlanStream, subject: Subject, *, unasked: bool) -> None:
        self._history = history
        self._stream = stream
        self._audience = Audience.NON_MEMBERS if unasked else subject.audience
        self._hosts = tuple(_candidates(history.plan, subject))
        if unasked and subject.audience is Audience.MEMBERS:
            members = history.members
            self._hosts = tuple(
                host for host in self._hosts if any(members.spans(n, host) for n in subject.streams)
            )
        self._watched = frozenset(stream.watchers) if stream.cast is Cast.MULTICAST else frozenset()
        self._found: dict[tuple[str, Spans], tuple[Spans, Spans]] = {}

    def pairs_of(self, sender: str, flow: Flow, judged: Spans) -> Iterator[Pair]:
        if not judged:
            return
        nothing = bytes(flow.count)
        for host in self._hosts:
            if host == sender:
                continue
            by_socket, by_interface = self._split(host, judged)
            if not by_socket and not by_interface:
                continue
            parts = [(flow.heard.get(host, nothing), start, end) for start, end in by_socket]
            parts += [(flow.flooded.get(host, nothing), start, end) for start, end in by_interface]
            if by_socket and by_interface:
                parts.sort(key=lambda part: part[1])
            judged_count = size(by_socket) + size(by_interface)
            yield Pair(
                stream=self._stream, sender=sender, receiver=host, parts=tuple(parts), judged=judged_count
            )

    def _split(self, host: str, judged: Spans) -> tuple[Spans, Spans]:
        """Return on which datagrams a host is judged by its socket, and on which by its interface."""
        key = (host, judged)
        if key not in self._found:
            members = self._history.members
            number = self._stream.number
            steady = subtract(judged, members.changing(number, host))
            mine = intersect(steady, members.spans(number, host))
            others = subtract(steady, mine) if host in self._watched else ()
            match self._audience:
                case Audience.MEMBERS:
                    others = ()
                case Audience.NON_MEMBERS | Audience.ROUTER_PORTS:
                    mine = ()
                case Audience.NAMED:
                    pass
                case _:
                    assert_never(self._audience)
            self._found[key] = (mine, others)
        return self._found[key]


def _candidates(plan: Plan, subject: Subject) -> Iterable[str]:
    match subject.audience:
        case Audience.MEMBERS | Audience.NON_MEMBERS:
            return (host.name for host in plan.nodes)
        case Audience.ROUTER_PORTS:
            return (host.name for host in plan.routers)
        case Audience.NAMED:
            named = frozenset(subject.names)
            return (host.name for host in plan.hosts if host.name in named)
        case _:
            assert_never(subject.audience)
