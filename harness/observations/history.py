"""The records of a run, indexed for judging: who sent, heard, was a member of what, and when.

Made in one pass over the records. Deliveries are kept as one byte a datagram for each sender and receiver, so
that a verdict counts them at the speed of ``bytes.count``. Says what happened; what was wanted is not known
here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.observations.membership import MembershipLog
from harness.observations.model import (
    Acted,
    Arrived,
    Ended,
    Igmp,
    Impaired,
    Membership,
    Mode,
    Phase,
    Record,
    Remark,
    Sent,
    Started,
    TableLine,
    ToolRecord,
)
from harness.observations.schedule import first_due, near
from harness.observations.spans import Spans, normal
from harness.observations.switch_log import SwitchLog
from harness.observations.tool_log import ToolLog
from harness.plan.answers import answers_of, by_unicast
from harness.plan.model import Cast, Plan, PlanStream

GUARD_REAL_S = 0.001
"""Two things this close in this machine's time have no order: frames take that long through the lab."""
REPORTED_EVERY_REAL_S = 0.2
"""Arrivals and losses are handed out not later than this after they happened (twice the lab's interval)."""
_MOST = 255
_ONE_MORE = bytes(min(number + 1, _MOST) for number in range(_MOST + 1))
"""For ``bytes.translate``: one is added to every count."""


@dataclass(slots=True)
class Flow:
    """What became of one sender's datagrams of one stream.

    ``heard[receiver][n]`` counts how often the receiver's socket got datagram n (255: that often or more),
    ``flooded[host][n]`` how often it reached an interface whose host did not ask for it. ``refused`` are the
    datagrams that the kernel did not take, with its answer.
    """

    count: int
    heard: dict[str, bytearray] = field(default_factory=dict)
    flooded: dict[str, bytearray] = field(default_factory=dict)
    sent: Spans = ()
    refused: tuple[tuple[int, int, str], ...] = ()

    def duplicates(self, receiver: str) -> int:
        """Return how many datagrams the receiver's socket got more than once."""
        row = self.heard.get(receiver)
        return 0 if row is None else len(row) - row.count(0) - row.count(1)


class History:
    """All that a run saw. ``guard_s`` is GUARD_REAL_S in the customer's seconds."""

    def __init__(self, records: Iterable[Record], plan: Plan) -> None:
        self.plan = plan
        self.guard_s = GUARD_REAL_S * plan.speed
        self.started: Started | None = None
        self.ended: Ended | None = None
        self.steps: tuple[Acted, ...] = ()
        self.impairments: tuple[Impaired, ...] = ()
        self.strays = 0
        """Datagrams that no stream of the plan can have sent."""
        streams = (*plan.streams, *answers_of(plan))
        self._streams = {stream.number: stream for stream in streams}
        self._flows = {
            (stream.number, sender): Flow(count=first_due(stream, min(stream.stop_s, plan.duration_s)))
            for stream in streams
            for sender in stream.senders
        }
        self._read(records)
        self._contested = {number: self._near_steps(stream) for number, stream in self._streams.items()}

    def _read(self, records: Iterable[Record]) -> None:
        sent: dict[tuple[int, str], list[Sent]] = {}
        members: list[Membership] = []
        switch_events: list[TableLine | Mode | Igmp] = []
        steps: list[Acted] = []
        impairments: list[Impaired] = []
        tools: list[ToolRecord] = []
        last_s = 0.0
        for record in records:
            match record:
                case Arrived():
                    self._arrived(record)
                case Sent():
                    sent.setdefault((record.stream, record.sender), []).append(record)
                case TableLine() | Mode() | Igmp():
                    switch_events.append(record)
                case Membership():
                    members.append(record)
                case Acted():
                    steps.append(record)
                case Impaired():
                    impairments.append(record)
                case Started():
                    self.started = record
                case Ended():
                    self.ended = record
                case Phase() | Remark():
                    continue
                case _:
                    tools.append(record)
            if not isinstance(record, Started) and record.at_s > last_s:
                last_s = record.at_s
        self.last_at_s = last_s
        """The latest moment in the records."""
        self._take_sent(sent)
        self.steps = tuple(steps)
        self.tools = ToolLog(tools)
        self._take_tools()
        self.impairments = tuple(impairments)
        self.members = MembershipLog(self.plan, self._streams.values(), members, self.guard_s)
        self.switches = SwitchLog(self.plan, switch_events)

    def _arrived(self, record: Arrived) -> None:
        flow = self._flows.get((record.stream, record.sender))
        sequence, count = record.sequence, record.count
        if flow is None or not 0 <= sequence < sequence + count <= flow.count:
            self.strays += count
            return
        for rows, hosts in ((flow.heard, record.hosts), (flow.flooded, record.flooded)):
            for host in hosts:
                row = rows.get(host)
                if row is None:
                    rows[host] = row = bytearray(flow.count)
                if count > 1:
                    row[sequence : sequence + count] = row[sequence : sequence + count].translate(_ONE_MORE)
                elif row[sequence] < _MOST:
                    row[sequence] += 1

    def _take_sent(self, sent: dict[tuple[int, str], list[Sent]]) -> None:
        for key, records in sent.items():
            flow = self._flows.get(key)
            if flow is None:
                self.strays += sum(record.count for record in records)
                continue
            flow.sent = normal((one.first, one.first + one.count) for one in records if not one.error)
            flow.refused = tuple(
                (one.first, one.first + one.count, one.error) for one in records if one.error
            )

    def _take_tools(self) -> None:
        """Account what tools sent and heard as datagrams of their answers' streams."""
        sent: dict[tuple[int, str], list[tuple[int, int]]] = {}
        for (tool, host, peer), numbers in self.tools.asks():
            spans = [(first - 1, end - 1) for first, end in numbers]
            for key in ((tool, peer), (by_unicast(tool), peer), (by_unicast(tool), host)):
                sent.setdefault(key, []).extend(spans)
        for key, spans in sent.items():
            if (flow := self._flows.get(key)) is not None:
                flow.sent = normal((first, min(end, flow.count)) for first, end in spans)
        for (tool, host, cast, peer), heard in self.tools.answered():
            number = by_unicast(tool) if cast == Cast.UNICAST.value else tool
            flow = self._flows.get((number, peer))
            if flow is not None:
                row = flow.heard.setdefault(host, bytearray(flow.count))
                for first, end in heard.answers:
                    row[first - 1 : end - 1] = b"\1" * (min(end - 1, flow.count) - (first - 1))

    def _near_steps(self, stream: PlanStream) -> Spans:
        spans = (
            near(stream, step.at_s - self.guard_s, step.at_s + step.late_s + self.guard_s)
            for step in self.steps
        )
        return normal(span for found in spans for span in found)

    def answers(self, tool: int, cast: Cast) -> PlanStream | None:
        """Return the answers of a tool by multicast or unicast as a stream; None: it has none."""
        return self._streams.get(tool if cast is Cast.MULTICAST else by_unicast(tool))

    def flow(self, stream: int, sender: str) -> Flow:
        """Return what became of a sender's datagrams. Raises KeyError for what the plan does not know."""
        return self._flows[stream, sender]

    def contested(self, stream: int) -> Spans:
        """Return the datagrams due so near to a step of the timeline that nobody can say which came first."""
        return self._contested[stream]

    @property
    def complete(self) -> bool:
        """Return whether the run came to the end of its scenario."""
        return self.ended is not None and self.ended.status == "complete"

    @property
    def known_until_s(self) -> float:
        """Return the moment up to which everything that happened is in the records."""
        if self.complete:
            return max(self.plan.duration_s, self.last_at_s)
        behind_s = self.guard_s if self.ended is not None else REPORTED_EVERY_REAL_S * self.plan.speed
        return max(0.0, self.last_at_s - behind_s)

    def impaired_until(self, at_s: float) -> tuple[Impaired, ...]:
        """Return what this machine had lost or delayed by a moment; it may have been told a little later."""
        told_s = at_s + REPORTED_EVERY_REAL_S * self.plan.speed
        return tuple(record for record in self.impairments if record.at_s <= told_s)
