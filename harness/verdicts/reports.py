"""Judges what a probe tool reported: its own figures, of every host about every peer.

What the tool said at its end counts; where it said nothing, what it had asked and heard by then. A loss is a
share of what was asked, which is not always what the tool prints: asmping counts from its first answer on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.observations.history import History
from harness.observations.spans import Spans, subtract
from harness.observations.tool_log import Heard
from harness.plan.model import UNBOUNDED, Cast, ExpectReport, PlanStream
from harness.plan.tools import PlanTool
from harness.verdicts import model, words
from harness.verdicts.finding import Complaint, Finding
from harness.verdicts.model import Matrix, Status
from harness.verdicts.pairs import Pair

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What a host's tool says of a peer (empty: of whomever it heard). ``missing`` are numbers of answers."""

    host: str
    peer: str
    asked: int
    heard: Heard
    loss: float
    missing: Spans

    @property
    def of(self) -> str:
        """Whose report, about whom."""
        return f"{self.host}'s of {self.peer}" if self.peer else f"{self.host}'s"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    """A figure out of its bounds. ``arrived``: because of an answer that came."""

    report: _Report
    what: str
    arrived: bool


def find_report(history: History, expectation: ExpectReport) -> Finding:
    """Look whether all figures are in their bounds, for every host and peer."""
    tool = next(one for one in history.plan.tools if one.number == expectation.tool)
    expected = _expected(expectation, tool)
    reports = tuple(_reports(history, expectation))
    going_on = [host for host in expectation.hosts if history.tools.ended(tool.number, host) is None]
    if going_on:
        got = f"{tool.name} did not end on {words.names(tuple(going_on))}"
        return Finding(status=Status.FAILED, expected=expected, got=got)
    wrong = [one for report in reports for one in _wrong_of(report, expectation)]
    statuses = list(_wrong_statuses(history, expectation))
    complaints = [_complaint(history, expectation, tool, one) for one in wrong if one.report.peer]
    return Finding(
        status=Status.FAILED if wrong or statuses else Status.PASSED,
        expected=expected,
        got=_got(reports, wrong, statuses, expectation),
        matrix=_matrix(reports, wrong),
        first=min(complaints, key=lambda one: one.at_s, default=None),
        rests_on_absence=_rests_on_absence(expectation),
        only_lost=bool(wrong) and not any(one.arrived for one in wrong),
        receivers=frozenset(expectation.hosts),
    )


# --- what was reported ------------------------------------------------------------------------------------


def _reports(history: History, expectation: ExpectReport) -> Iterator[_Report]:
    log, number = history.tools, expectation.tool
    for host in expectation.hosts:
        by_peer = log.heard(number, host, expectation.cast)
        if not expectation.peers:
            yield _Report(
                host=host, peer="", asked=0, heard=_together(by_peer.values()), loss=0.0, missing=()
            )
        for peer in expectation.peers:
            if peer == host:
                continue
            heard, asked = by_peer.get(peer, Heard()), log.asked(number, host, peer)
            yield _Report(
                host=host,
                peer=peer,
                asked=heard.sent(asked),
                heard=heard,
                loss=heard.loss(asked),
                missing=subtract(asked, heard.answers),
            )


def _together(parts: Iterable[Heard]) -> Heard:
    """Everything that a listener heard, of whomever."""
    whole = Heard()
    for one in parts:
        whole.duplicates += one.duplicates
        whole.distances |= one.distances
        whole.sizes |= one.sizes
        if one.last_s is not None:
            whole.last_s = one.last_s if whole.last_s is None else max(whole.last_s, one.last_s)
    return whole


# --- what is wrong with it --------------------------------------------------------------------------------


def _wrong_of(report: _Report, expectation: ExpectReport) -> Iterator[_Wrong]:
    heard = report.heard
    if expectation.loss is not None:
        yield from _wrong_loss(report, expectation.loss)
    duplicates = heard.duplicates if heard.figures is None else heard.figures.duplicates
    if expectation.duplicates is not None and not _within(duplicates, expectation.duplicates):
        what = f"{words.count(duplicates, 'duplicate')}"
        yield _Wrong(report=report, what=what, arrived=duplicates > expectation.duplicates[1])
    if expectation.first is not None:
        yield from _wrong_number(report, "first answer", heard.first, expectation.first)
    if expectation.last_s is not None and not _in_time(heard.last_s, expectation.last_s):
        what = (
            "no answer came"
            if heard.last_s is None
            else f"the last answer came at {words.moment(heard.last_s)}"
        )
        late = heard.last_s is not None and heard.last_s > expectation.last_s[1]
        yield _Wrong(report=report, what=what, arrived=late)
    if expectation.distance is not None:
        for hops in sorted(heard.distances) or (None,):
            yield from _wrong_number(report, "distance", hops, expectation.distance)
    if expectation.size is not None:
        yield from _wrong_number(report, "size", max(heard.sizes, default=None), expectation.size)


def _wrong_loss(report: _Report, bounds: tuple[float, float]) -> Iterator[_Wrong]:
    least, most = bounds
    if report.loss > most + _ROUNDING:
        yield _Wrong(report=report, what=_lost(report), arrived=False)
    elif report.loss < least - _ROUNDING:
        yield _Wrong(report=report, what=_lost(report), arrived=True)


def _lost(report: _Report) -> str:
    if not report.asked:
        return "it never answered the greeting"
    lost = report.asked - report.heard.received
    last = report.heard.last_s
    ended = f", the last came at {words.moment(last)}" if last is not None and lost else ""
    return f"{lost} of {words.count(report.asked, 'answer')} lost ({words.share(report.loss)}){ended}"


def _wrong_number(report: _Report, name: str, value: int | None, bounds: tuple[int, int]) -> Iterator[_Wrong]:
    if value is None:
        yield _Wrong(report=report, what=f"no {name}: nothing came", arrived=False)
    elif not _within(value, bounds):
        yield _Wrong(report=report, what=f"{name} {value}", arrived=True)


def _within(value: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _in_time(at_s: float | None, bounds: tuple[float, float]) -> bool:
    return at_s is not None and bounds[0] - _ROUNDING <= at_s <= bounds[1] + _ROUNDING


def _wrong_statuses(history: History, expectation: ExpectReport) -> Iterator[str]:
    if expectation.status is None:
        return
    for host in expectation.hosts:
        ended = history.tools.ended(expectation.tool, host)
        if ended is not None and ended.status != expectation.status:
            yield f"exit status {ended.status} on {host}"


def _rests_on_absence(expectation: ExpectReport) -> bool:
    asks_for_loss = expectation.loss is not None and expectation.loss[0] > 0
    late_first = expectation.first is not None and expectation.first[0] > 1
    return asks_for_loss or late_first or expectation.last_s is not None


# --- evidence ---------------------------------------------------------------------------------------------


def _complaint(history: History, expectation: ExpectReport, tool: PlanTool, wrong: _Wrong) -> Complaint:
    """The answer that shows it, on its way: that of the group, or the unicast without which there is none."""
    report = wrong.report
    number = _telling(report, arrived=wrong.arrived)
    stream = history.answers(tool.number, Cast.MULTICAST)
    sender, receiver = report.peer, report.host
    by_unicast = history.answers(tool.number, Cast.UNICAST)
    if by_unicast is not None and (stream is None or _unicast_fails(history, expectation, report, number)):
        stream, sender, receiver = by_unicast, report.host, report.peer
    if stream is None:
        raise ValueError(f"{tool.name} asks nobody: nothing that it reports of a peer is judged")
    pair = Pair(stream=stream, sender=sender, receiver=receiver, parts=(), judged=report.asked)
    return Complaint(pair=pair, number=_due(stream, number), arrived=wrong.arrived, what=wrong.what)


def _telling(report: _Report, *, arrived: bool) -> int:
    """The number of an answer: the first that came, or the first lost for good, or the first lost."""
    answers = report.heard.answers
    if arrived and answers:
        return answers[0][0]
    if not report.missing:
        return 1
    after = answers[-1][1] if answers else 1
    return next((start for start, end in report.missing if end > after), report.missing[0][0])


def _unicast_fails(history: History, expectation: ExpectReport, report: _Report, number: int) -> bool:
    """Whether the answer by unicast did not come either: then the request or the way back is at fault."""
    if expectation.cast == Cast.UNICAST.value or not report.asked:
        return True
    heard = history.tools.heard(expectation.tool, report.host, Cast.UNICAST.value).get(report.peer)
    return heard is None or not any(first <= number < end for first, end in heard.answers)


def _due(stream: PlanStream, number: int) -> int:
    return max(0, min(number, stream.sequence_at(stream.stop_s)) - 1)


def _matrix(reports: Sequence[_Report], wrong: Sequence[_Wrong]) -> Matrix | None:
    """Who hears whose answers; of listeners, who hears anything at all, there is none."""
    cells = {(one.peer, one.host): _sign(one) for one in reports if one.peer}
    if not cells:
        return None
    senders = tuple(dict.fromkeys(peer for peer, _ in cells))
    receivers = tuple(dict.fromkeys(host for _, host in cells))
    bad = {(one.report.peer, one.report.host) for one in wrong}
    absent = model.Heard.NOT_JUDGED
    return Matrix(
        senders=senders,
        receivers=receivers,
        rows=tuple(tuple(cells.get((s, r), absent) for r in receivers) for s in senders),
        wrong=tuple((s, r) for s in senders for r in receivers if (s, r) in bad),
    )


def _sign(report: _Report) -> model.Heard:
    if not report.asked or not report.heard.received:
        return model.Heard.NOTHING
    return model.Heard.ALL if report.heard.received >= report.asked else model.Heard.SOME


# --- words ------------------------------------------------------------------------------------------------


def _expected(expectation: ExpectReport, tool: PlanTool) -> str:
    wanted = []
    if expectation.loss is not None:
        wanted.append(f"{words.bounds(*expectation.loss)} of {expectation.cast} answers lost")
    for name, bounds in (
        ("duplicates", expectation.duplicates),
        ("first answer", expectation.first),
        ("distance", expectation.distance),
        ("size", expectation.size),
    ):
        if bounds is not None:
            wanted.append(f"{name} {_number_bounds(bounds)}")
    if expectation.last_s is not None:
        begin_s, end_s = expectation.last_s
        wanted.append(f"the last answer between {words.moment(begin_s)} and {words.moment(end_s)}")
    if expectation.status is not None:
        wanted.append(f"exit status {expectation.status}")
    return f"{tool.tool.value} reports {', '.join(wanted)}"


def _number_bounds(bounds: tuple[int, int]) -> str:
    least, most = bounds
    if least == most:
        return f"{least}"
    if most >= UNBOUNDED:
        return f"at least {least}"
    return f"{least} to {most}" if least else f"at most {most}"


def _got(
    reports: Sequence[_Report], wrong: Sequence[_Wrong], statuses: Sequence[str], expectation: ExpectReport
) -> str:
    total = words.count(len(reports), "report")
    if not wrong and not statuses:
        return f"{total}: {_summary(reports, expectation)}"
    parts = []
    if wrong:
        bad = len({(one.report.host, one.report.peer) for one in wrong})
        parts.append(f"{bad} of {total} wrong, first {wrong[0].report.of}: {wrong[0].what}")
    return "; ".join((*parts, *statuses))


def _summary(reports: Sequence[_Report], expectation: ExpectReport) -> str:
    """The figures that were judged, as a range over all reports."""
    told = []
    if expectation.loss is not None and reports:
        losses = [words.share(one) for one in (min(r.loss for r in reports), max(r.loss for r in reports))]
        told.append(f"lost {' to '.join(dict.fromkeys(losses))}")
    last = [one.heard.last_s for one in reports if one.heard.last_s is not None]
    if expectation.last_s is not None and last:
        moments = dict.fromkeys((words.moment(min(last)), words.moment(max(last))))
        told.append(f"the last answers at {' to '.join(moments)}")
    if expectation.status is not None:
        told.append(f"exit status {expectation.status}")
    return ", ".join(told) or "as written"
