"""Expectations of what probe tools report: whose reports, about whom, and within which bounds."""

from __future__ import annotations

from dataclasses import dataclass

from harness.plan.model import UNBOUNDED, ExpectReport, Where
from harness.plan.moments import Moments
from harness.plan.names import Loc, Mistakes, Names
from harness.plan.tool_runs import ended_by_s
from harness.plan.tools import PlanTool, Tool
from harness.plan.traffic import Streams
from harness.scenario.expectations import Bounds, Loss, Reports

_NOT_COUNTED = ("loss", "duplicates", "first")
"""What mcfirst, which asks nobody, knows nothing of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportReader:
    """Reads expectations of reports; mistakes are collected."""

    names: Names
    moments: Moments
    mistakes: Mistakes
    streams: Streams
    speed: float
    duration_s: float

    def read(self, written: Reports, loc: Loc, where: Where) -> ExpectReport | None:
        """Return the expectation; None after a mistake."""
        before = len(self.mistakes)
        tool = self.streams.tool(written.reports, (*loc, "reports"), self.mistakes)
        if tool is None:
            return None
        self._check_cast(tool, written, loc)
        self._check_time(tool, loc)
        hosts = self._hosts(tool, written, loc)
        peers = self._peers(tool, written, hosts, loc)
        last_s = self._last(written, loc)
        if len(self.mistakes) > before:
            return None
        return ExpectReport(
            where=where,
            tool=tool.number,
            cast=written.by,
            hosts=hosts,
            peers=peers,
            ended_by_s=min(self.duration_s, ended_by_s(tool, self.speed)),
            loss=_shares(written.loss),
            duplicates=_bounds(written.duplicates),
            first=_bounds(written.first),
            last_s=last_s,
            distance=_bounds(written.distance),
            size=_bounds(written.size),
            status=written.exit,
        )

    def _check_cast(self, tool: PlanTool, written: Reports, loc: Loc) -> None:
        if tool.tool is Tool.MCFIRST:
            casts: tuple[str, ...] = ("multicast",)
            for key in _NOT_COUNTED:
                if getattr(written, key) is not None:
                    self.mistakes.add((*loc, key), "mcfirst asks nobody: it cannot say what is missing")
        else:
            casts = ("unicast", "broadcast" if tool.mode == "ipbc" else "multicast")
        if written.by not in casts:
            message = f"{tool.name} has no answers by {written.by}: write by: {' or '.join(casts)}"
            self.mistakes.add((*loc, "by"), message)

    def _check_time(self, tool: PlanTool, loc: Loc) -> None:
        """A test that the scenario cuts short reports of another test than the one that is written."""
        if tool.count is None or tool.tool is Tool.MCFIRST:
            return
        asks_until_s = tool.start_s + tool.count * tool.period_s
        if asks_until_s > tool.stop_s:
            message = f"{tool.name} asks until {asks_until_s:g} s and is ended at {tool.stop_s:g} s"
            self.mistakes.add((*loc, "reports"), message)

    def _hosts(self, tool: PlanTool, written: Reports, loc: Loc) -> tuple[str, ...]:
        place = (*loc, "to")
        hosts = self.names.who(written.to, place, self.mistakes, everyone=tool.hosts)
        self._check_strangers(hosts, tool.hosts, place, f"does not run {tool.name}")
        return hosts

    def _peers(self, tool: PlanTool, written: Reports, hosts: tuple[str, ...], loc: Loc) -> tuple[str, ...]:
        """About whom; of an mcfirst nobody in particular, unless names are written."""
        place = (*loc, "senders")
        if tool.tool is Tool.MCFIRST:
            if written.senders == ("all",):
                return ()
            return self.names.who(written.senders, place, self.mistakes, everyone=self.names.nodes)
        asked = tuple(dict.fromkeys(peer for host in tool.hosts for peer in tool.peers_of(host)))
        peers = self.names.who(written.senders, place, self.mistakes, everyone=asked)
        self._check_strangers(peers, asked, place, f"is not asked by {tool.name}")
        if len(hosts) == 1 and peers == hosts:
            self.mistakes.add(place, "no report is about the node itself")
        return peers

    def _check_strangers(self, named: tuple[str, ...], known: tuple[str, ...], place: Loc, what: str) -> None:
        strangers = [name for name in named if name not in known]
        if strangers:
            self.mistakes.add(place, f"{', '.join(strangers)} {what}")
        elif not named and known:
            self.mistakes.add(place, f"nobody: there are {', '.join(known)}")

    def _last(self, written: Reports, loc: Loc) -> tuple[float, float] | None:
        if written.last is None:
            return None
        place = (*loc, "last")
        begin_s, end_s = (
            self.moments.at_s(moment, (*place, index)) for index, moment in enumerate(written.last)
        )
        if begin_s is None or end_s is None:
            return None
        if end_s <= begin_s:
            self.mistakes.add(place, f"{end_s:g} s is not after {begin_s:g} s")
        return begin_s, end_s


def _shares(written: Loss | None) -> tuple[float, float] | None:
    if written is None:
        return None
    return (
        0.0 if written.at_least is None else written.at_least,
        1.0 if written.at_most is None else written.at_most,
    )


def _bounds(written: Bounds | None) -> tuple[int, int] | None:
    if written is None:
        return None
    return written.at_least or 0, UNBOUNDED if written.at_most is None else written.at_most
