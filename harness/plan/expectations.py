"""Expectations: what the verdicts will judge, with streams, hosts, ports and windows resolved.

:func:`horizon_s` is asked first: where the file gives no duration, the scenario lasts until everything has
been judged. What cannot be judged (an empty window, a stream without a datagram in it) is a mistake here,
so that no expectation holds for want of evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import assert_never

from harness.plan.model import (
    Audience,
    Cast,
    Expectation,
    ExpectDelivery,
    ExpectHeal,
    ExpectLoad,
    ExpectMatrix,
    ExpectStop,
    ExpectTables,
    PlanStream,
    PlanSwitch,
    Subject,
    Where,
)
from harness.plan.moments import Moments
from harness.plan.names import Loc, Mistakes, Names
from harness.plan.network import PlannedNetwork, named_ports
from harness.plan.reports import ReportReader
from harness.plan.traffic import Streams
from harness.plan.vlans import one_domain
from harness.scenario.expectations import (
    Deliver,
    Heals,
    Load,
    LossResult,
    Matrix,
    Outcome,
    Reports,
    Stops,
    SwitchState,
    Window,
)
from harness.scenario.expectations import Expectation as Written
from harness.scenario.loader import LoadedVariant
from harness.wire.membership import Address

EVIDENCE = 10
"""Datagrams of each sender that are awaited where an expectation leaves its end open."""

_AUDIENCES = {audience.value: audience for audience in Audience if audience is not Audience.NAMED}
_StreamWindow = Deliver | Stops | Heals


class Expectations:
    """Reads the expectations of one variant; mistakes are collected."""

    def __init__(
        self,
        variant: LoadedVariant,
        names: Names,
        network: PlannedNetwork,
        moments: Moments,
        mistakes: Mistakes,
    ) -> None:
        self._variant = variant
        self._names = names
        self._network = network
        self._moments = moments
        self._mistakes = mistakes

    # --- how long -------------------------------------------------------------------------------------------

    def horizon_s(self, streams: Streams) -> tuple[float, float]:
        """The last moment that any expectation refers to, and the period of the slowest judged stream."""
        latest_s, period_s = 0.0, 0.0
        for index, written in enumerate(self._variant.scenario.expect):
            loc: Loc = ("expect", index)
            if isinstance(written, SwitchState):
                latest_s = max(latest_s, self._moments.at_s(written.at, (*loc, "at")) or 0.0)
                continue
            if isinstance(written, Reports):
                reporting = (one for one in streams.tools if one.name == written.reports)
                latest_s = max([latest_s, *(one.start_s + EVIDENCE * one.period_s for one in reporting)])
                continue
            judged = self._judged(written, streams, loc)
            slowest_s = max((stream.period_s for stream in judged), default=0.0)
            start_s = max((stream.start_s for stream in judged), default=0.0)
            latest_s = max(latest_s, self._end_s(written, loc, start_s, EVIDENCE * slowest_s))
            period_s = max(period_s, slowest_s)
        return latest_s, period_s

    def _end_s(self, written: _StreamWindow | Load, loc: Loc, start_s: float, evidence_s: float) -> float:
        """The end of a window, or the moment by which an open one has been judged well enough."""
        if written.until is not None:
            return self._moments.at_s(written.until, (*loc, "until")) or 0.0
        begins_s = start_s
        if written.opens is not None:
            key, moment = written.opens
            begins_s = max(start_s, self._moments.at_s(moment, (*loc, key)) or 0.0)
        if isinstance(written, Heals):
            begins_s += written.within
        if isinstance(written, Stops):
            begins_s = max(begins_s, self._moments.at_s(written.between[1], (*loc, "between", 1)) or 0.0)
        return begins_s + evidence_s

    def _judged(self, written: _StreamWindow | Load, streams: Streams, loc: Loc) -> tuple[PlanStream, ...]:
        if isinstance(written, Load):
            if written.stream is None:
                return streams.multicast
            stream = streams.named(written.stream, Cast.MULTICAST, (*loc, "stream"), self._mistakes)
        else:
            key, name = _stream_of(written)
            stream = streams.named(name, Cast(written.by), (*loc, key), self._mistakes)
        return () if stream is None else (stream,)

    # --- what -----------------------------------------------------------------------------------------------

    def read(
        self, streams: Streams, joiners: frozenset[tuple[str, int]], duration_s: float
    ) -> tuple[Expectation, ...]:
        """All expectations, in the order of the file; ``joiners`` are (node, stream) of every later join."""
        found: list[Expectation] = []
        for index, written in enumerate(self._variant.scenario.expect):
            one = self._read(written, ("expect", index), streams, joiners, duration_s)
            if one is not None:
                found.append(one)
        return tuple(found)

    def _read(
        self,
        written: Written,
        loc: Loc,
        streams: Streams,
        joiners: frozenset[tuple[str, int]],
        duration_s: float,
    ) -> Expectation | None:
        where = self._where(loc, written.why)
        if isinstance(written, SwitchState):
            return self._tables(written, loc, where, duration_s)
        if isinstance(written, Reports):
            return ReportReader(
                names=self._names,
                moments=self._moments,
                mistakes=self._mistakes,
                streams=streams,
                speed=self._variant.scenario.speed,
                duration_s=duration_s,
            ).read(written, loc, where)
        before = len(self._mistakes)
        judged = self._judged(written, streams, loc)
        subject = self._subject(written, loc, judged, joiners, duration_s)
        if subject is None or len(self._mistakes) > before:
            return None
        self._check_evidence(judged, subject.from_s, subject.until_s, loc)
        return self._about_streams(written, loc, where, subject, judged, joiners)

    def _about_streams(
        self,
        written: _StreamWindow | Load,
        loc: Loc,
        where: Where,
        subject: Subject,
        judged: tuple[PlanStream, ...],
        joiners: frozenset[tuple[str, int]],
    ) -> Expectation | None:
        match written:
            case Deliver():
                return self._deliver(written, loc, where, subject, judged[0], joiners)
            case Stops():
                return self._stops(written, loc, where, subject)
            case Heals():
                return self._heals(written, loc, where, subject, judged)
            case Load():
                at_least, at_most = _bounds(written.at_least, written.at_most)
                return ExpectLoad(
                    where=where, subject=subject, share_at_least=at_least, share_at_most=at_most
                )
            case _:
                assert_never(written)

    def _where(self, loc: Loc, why: str | None) -> Where:
        place = self._variant.where(loc)
        text = self._variant.text(loc, leave_out=frozenset({"why"}))
        return Where(file=place.file, line=place.line, text=text, why=why or "")

    def _deliver(
        self,
        written: Deliver,
        loc: Loc,
        where: Where,
        subject: Subject,
        stream: PlanStream,
        joiners: frozenset[tuple[str, int]],
    ) -> Expectation:
        match written.result:
            case Outcome.ALL:
                return ExpectDelivery(where=where, subject=subject, loss_at_least=0.0, loss_at_most=0.0)
            case Outcome.NONE:
                return ExpectDelivery(where=where, subject=subject, loss_at_least=1.0, loss_at_most=1.0)
            case LossResult(loss=loss):
                at_least, at_most = _bounds(loss.at_least, loss.at_most)
                return ExpectDelivery(
                    where=where, subject=subject, loss_at_least=at_least, loss_at_most=at_most
                )
            case Matrix(matrix=matrix):
                return self._matrix(matrix, (*loc, "result", "matrix"), where, subject, stream, joiners)
            case _:
                assert_never(written.result)

    def _matrix(
        self,
        matrix: dict[str, tuple[str, ...]],
        loc: Loc,
        where: Where,
        subject: Subject,
        stream: PlanStream,
        joiners: frozenset[tuple[str, int]],
    ) -> ExpectMatrix:
        """One row for each sender; "all" in a row are all of the audience but the sender."""
        everyone = self._audience_names(subject, stream, joiners)
        rows: dict[str, tuple[str, ...]] = {}
        for sender, who in matrix.items():
            row_loc = (*loc, sender)
            names = self._names.expanded(sender, subject.senders)
            if not names:
                self._mistakes.add(row_loc, f"{sender} does not send {stream.name}", key=True)
            hears = self._names.who(who, row_loc, self._mistakes, everyone=everyone)
            strangers = [name for name in hears if name not in everyone]
            if strangers:
                message = f"{', '.join(strangers)}: not among those whom this expectation looks at"
                self._mistakes.add(row_loc, message)
            for name in names:
                rows[name] = tuple(other for other in hears if other != name)
        judged = Subject(
            streams=subject.streams,
            senders=tuple(rows),
            audience=subject.audience,
            names=subject.names,
            from_s=subject.from_s,
            until_s=subject.until_s,
        )
        return ExpectMatrix(where=where, subject=judged, hears=tuple(rows.items()))

    def _audience_names(
        self, subject: Subject, stream: PlanStream, joiners: frozenset[tuple[str, int]]
    ) -> tuple[str, ...]:
        members = {*stream.receivers, *(name for name, number in joiners if number == stream.number)}
        match subject.audience:
            case Audience.MEMBERS:
                return tuple(name for name in self._names.hosts if name in members)
            case Audience.NON_MEMBERS:
                return self._names.nodes
            case Audience.ROUTER_PORTS:
                return self._names.routers
            case Audience.NAMED:
                return subject.names
            case _:
                assert_never(subject.audience)

    def _heals(
        self, written: Heals, loc: Loc, where: Where, subject: Subject, judged: tuple[PlanStream, ...]
    ) -> ExpectHeal:
        by_s = subject.from_s + written.within
        if by_s >= subject.until_s:
            self._mistakes.add(
                (*loc, "within"), f"{by_s:g} s is not before the window's end, {subject.until_s:g} s"
            )
        else:
            self._check_evidence(judged, by_s, subject.until_s, loc)
        return ExpectHeal(where=where, subject=subject, since_s=subject.from_s, by_s=by_s)

    def _stops(self, written: Stops, loc: Loc, where: Where, subject: Subject) -> ExpectStop | None:
        place = (*loc, "between")
        earliest_s = self._moments.at_s(written.between[0], (*place, 0))
        latest_s = self._moments.at_s(written.between[1], (*place, 1))
        if earliest_s is None or latest_s is None:
            return None
        if latest_s <= earliest_s:
            self._mistakes.add(place, f"{latest_s:g} s is not after {earliest_s:g} s")
        elif earliest_s < subject.from_s or latest_s >= subject.until_s:
            window = f"{subject.from_s:g} s to {subject.until_s:g} s"
            self._mistakes.add(
                place, f"it must lie in what is looked at, {window}, with time left to see the end"
            )
        return ExpectStop(where=where, subject=subject, earliest_s=earliest_s, latest_s=latest_s)

    # --- whom and when --------------------------------------------------------------------------------------

    def _subject(
        self,
        written: _StreamWindow | Load,
        loc: Loc,
        judged: tuple[PlanStream, ...],
        joiners: frozenset[tuple[str, int]],
        duration_s: float,
    ) -> Subject | None:
        if not judged:
            if isinstance(written, Load) and written.stream is None:
                self._mistakes.add(loc, "there is no traffic to look at")
            return None
        key = "load" if isinstance(written, Load) else "to"
        audience, names = self._audience(
            written.load if isinstance(written, Load) else written.to, (*loc, key)
        )
        if audience is Audience.MEMBERS and not self._ever_members(judged, joiners):
            self._mistakes.add((*loc, key), f"nobody ever joins {judged[0].name}")
        window = self._window(written, loc, min(stream.start_s for stream in judged), duration_s)
        if window is None:
            return None
        return Subject(
            streams=tuple(stream.number for stream in judged),
            senders=self._senders(written, loc, judged),
            audience=audience,
            names=names,
            from_s=window[0],
            until_s=window[1],
        )

    def _ever_members(self, judged: tuple[PlanStream, ...], joiners: frozenset[tuple[str, int]]) -> bool:
        numbers = {stream.number for stream in judged}
        return any(stream.receivers for stream in judged) or any(number in numbers for _, number in joiners)

    def _audience(self, written: tuple[str, ...], loc: Loc) -> tuple[Audience, tuple[str, ...]]:
        if len(written) == 1 and written[0] in _AUDIENCES:
            audience = _AUDIENCES[written[0]]
            if audience is Audience.ROUTER_PORTS and not self._names.routers:
                self._mistakes.add(loc, "there is no router behind any router port")
            return audience, ()
        before = len(self._mistakes)
        names = self._names.who(written, loc, self._mistakes, everyone=self._names.nodes)
        if not names and len(self._mistakes) == before:
            self._mistakes.add(loc, "nobody: write members, non-members, router-ports or names")
        return Audience.NAMED, names

    def _senders(
        self, written: _StreamWindow | Load, loc: Loc, judged: tuple[PlanStream, ...]
    ) -> tuple[str, ...]:
        everyone = tuple(dict.fromkeys(sender for stream in judged for sender in stream.senders))
        if isinstance(written, Load):
            return everyone
        before = len(self._mistakes)
        place = (*loc, "senders")
        senders = self._names.who(written.senders, place, self._mistakes, everyone=everyone)
        strangers = [sender for sender in senders if sender not in everyone]
        if strangers:
            self._mistakes.add(place, f"{', '.join(strangers)} does not send {judged[0].name}")
        elif not senders and everyone and len(self._mistakes) == before:
            self._mistakes.add(place, f"nobody: {judged[0].name} is sent by {', '.join(everyone)}")
        return senders

    def _window(
        self, written: Window, loc: Loc, start_s: float, duration_s: float
    ) -> tuple[float, float] | None:
        from_s: float | None = start_s
        opens = (*loc, "from" if written.opens is None else written.opens[0])
        if written.opens is not None:
            from_s = self._moments.at_s(written.opens[1], opens)
        until_s: float | None = duration_s
        if written.until is not None:
            until_s = self._moments.at_s(written.until, (*loc, "until"))
        if from_s is None or until_s is None:
            return None
        if until_s <= from_s and (written.until is not None or from_s <= duration_s):
            place = (*loc, "until") if written.until is not None else loc
            self._mistakes.add(
                place, f"the window is empty: it begins at {from_s:g} s and ends at {until_s:g} s"
            )
            return None
        in_time = (
            self._in_time(from_s, opens, duration_s),
            self._in_time(until_s, (*loc, "until"), duration_s),
        )
        return (from_s, until_s) if all(in_time) else None

    def _in_time(self, at_s: float, loc: Loc, duration_s: float) -> bool:
        if at_s > duration_s:
            self._mistakes.add(loc, f"{at_s:g} s is after the end of the scenario ({duration_s:g} s)")
        return at_s <= duration_s

    def _check_evidence(self, judged: Iterable[PlanStream], from_s: float, until_s: float, loc: Loc) -> None:
        """Of every stream a datagram must be due, or nothing could contradict the expectation."""
        for stream in judged:
            if stream.sequence_at(until_s) <= stream.sequence_at(from_s):
                window = f"from {from_s:g} s to {until_s:g} s"
                self._mistakes.add(loc, f"no datagram of {stream.name} is due {window}")

    # --- tables ---------------------------------------------------------------------------------------------

    def _tables(self, written: SwitchState, loc: Loc, where: Where, duration_s: float) -> ExpectTables | None:
        at_s = self._moments.at_s(written.at, (*loc, "at"))
        if at_s is not None and not self._in_time(at_s, (*loc, "at"), duration_s):
            at_s = None
        name = one_domain(written.switch, self._names, (*loc, "switch"), self._mistakes)
        switch = next((one for one in self._network.switches if one.name == name), None)
        if at_s is None or switch is None:
            return None
        groups: list[tuple[Address, tuple[str, ...]]] = []
        for group, ports in (written.groups or {}).items():
            groups.append((group, self._ports(switch, ports, (*loc, "groups", str(group)))))
        return ExpectTables(
            where=where,
            switch=switch.name,
            at_s=at_s,
            groups=None if written.groups is None else tuple(groups),
            router_ports=self._named(switch, written.router_ports, (*loc, "router_ports")),
            querier=written.querier if isinstance(written.querier, IPv4Address) else None,
            querier_judged=written.querier is not None,
            mld_router_ports=self._named(switch, written.mld_router_ports, (*loc, "mld_router_ports")),
            mld_querier=written.mld_querier if isinstance(written.mld_querier, IPv6Address) else None,
            mld_querier_judged=written.mld_querier is not None,
        )

    def _named(self, switch: PlanSwitch, written: tuple[str, ...] | None, loc: Loc) -> tuple[str, ...] | None:
        return None if written is None else self._ports(switch, written, loc)

    def _ports(self, switch: PlanSwitch, written: tuple[str, ...], loc: Loc) -> tuple[str, ...]:
        names = tuple(port.name for port in switch.ports) if written == ("all",) else written
        found = named_ports(
            switch.name,
            switch.ports,
            names,
            loc,
            self._mistakes,
            several=self._names.several,
            complete=self._network.complete,
        )
        return found or ()


def _stream_of(written: _StreamWindow) -> tuple[str, str]:
    """The key that names an expectation's stream, and the name."""
    match written:
        case Deliver():
            return "deliver", written.deliver
        case Stops():
            return "stops", written.stops
        case Heals():
            return "heals", written.heals
        case _:
            assert_never(written)


def _bounds(at_least: float | None, at_most: float | None) -> tuple[float, float]:
    return (0.0 if at_least is None else at_least), (1.0 if at_most is None else at_most)
