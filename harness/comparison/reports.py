"""Where probe tools report otherwise in two runs: who lost how much of whose answers, and how they ended.

A switch learns a new member in no time in the model and within moments in a lab, so a few answers at the
beginning mean nothing. Where memberships may end while a tool runs, or something changes, answers may be lost
for as long as the tolerance lasts.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison.model import Parting, Subject
from harness.comparison.tolerance import SETTLES_IN_REAL_S
from harness.observations.history import History
from harness.observations.spans import Spans
from harness.observations.tool_log import Heard
from harness.plan.model import Plan
from harness.plan.tools import PlanTool
from harness.verdicts import words

_AT_THE_EDGES = 2
"""Answers that were under way when a tool began to listen, and when it ended."""
_BY_CHANCE = 0.1
"""The share by which losses may differ where a cable leaves them to chance."""


def report_partings(
    plan: Plan, left: History, right: History, tolerance_s: float, until_s: float
) -> Iterator[Parting]:
    """Yield the reports in which two runs differ by more than chance, of tools that ended in both."""
    for tool in plan.tools:
        for host in tool.hosts:
            ends = (left.tools.ended(tool.number, host), right.tools.ended(tool.number, host))
            if any(end is None or end.at_s > until_s for end in ends):
                continue
            pairs = list(_of_host(tool, host, left, right))
            allowed = _allowed(plan, tool, tolerance_s)
            found = [one for one in pairs if one.differs > allowed]
            yield from (one.parting(until_s) for one in found)
            statuses = [end.status for end in ends if end is not None]
            if len(set(statuses)) > 1 and not any(one.differs for one in pairs):
                yield _of_status(tool, host, statuses, until_s)


class _Pair:
    """The two runs' reports of one host about one peer."""

    def __init__(self, tool: PlanTool, host: str, peer: str, cast: str, sides: tuple[_Side, _Side]) -> None:
        self._tool, self._host, self._peer, self._cast = tool, host, peer, cast
        self._sides = sides
        losses = [side.loss for side in sides]
        self.differs = abs(losses[0] - losses[1]) * max(side.asked for side in sides)

    def parting(self, until_s: float) -> Parting:
        """Return it as a parting, from when the one that heard less had its last answer."""
        last = [side.heard.last_s for side in self._sides if side.heard.last_s is not None]
        at_s = self._tool.start_s if len(last) < len(self._sides) else min(last)
        ours, theirs = (side.told(self._tool, self._cast, self._peer) for side in self._sides)
        return Parting(
            subject=Subject.REPORT,
            at_s=at_s,
            until_s=until_s,
            hop=self._host,
            left=ours,
            right=theirs,
            hosts=(self._peer, self._host),
        )


class _Side:
    """One run's report of one pair."""

    def __init__(self, heard: Heard, asked: Spans) -> None:
        self.heard = heard
        self.asked = heard.sent(asked)
        self.loss = heard.loss(asked)

    def told(self, tool: PlanTool, cast: str, peer: str) -> str:
        """Say what it came to."""
        return (
            f"lost {words.share(self.loss)} of {words.count(self.asked, f'{cast} answer')} of {peer} "
            f"({tool.name})"
        )


def _of_host(tool: PlanTool, host: str, left: History, right: History) -> Iterator[_Pair]:
    casts = ("unicast", "broadcast" if tool.mode == "ipbc" else "multicast")
    for peer in tool.peers_of(host):
        for cast in casts:
            ours, theirs = (
                _Side(
                    run.tools.heard(tool.number, host, cast).get(peer, Heard()),
                    run.tools.asked(tool.number, host, peer),
                )
                for run in (left, right)
            )
            yield _Pair(tool, host, peer, cast, (ours, theirs))


def _of_status(tool: PlanTool, host: str, statuses: list[int], until_s: float) -> Parting:
    ours, theirs = (f"ends {tool.name} with exit status {status}" for status in statuses)
    return Parting(
        subject=Subject.REPORT, at_s=tool.start_s, until_s=until_s, hop=host, left=ours, right=theirs
    )


def _allowed(plan: Plan, tool: PlanTool, tolerance_s: float) -> float:
    """Return how many answers more one run may lose than the other."""
    asked = (tool.stop_s - tool.start_s) / tool.period_s if tool.count is None else tool.count
    ends = (*plan.impaired, *(end for action in plan.actions for end in action.impaired))
    by_chance = any(0 < one.loss < 1 or one.holds_frames for end in ends for one in end.impairments)
    chance = _BY_CHANCE * asked if by_chance else 0.0
    lasts_s = asked * tool.period_s
    settles_s = SETTLES_IN_REAL_S * plan.speed
    may_change = bool(plan.actions) or lasts_s + tolerance_s >= _memberships_last_s(plan)
    return _AT_THE_EDGES + chance + (tolerance_s if may_change else settles_s) / tool.period_s


def _memberships_last_s(plan: Plan) -> float:
    """Return after what time a switch may forget a member; infinite where none ever does."""
    behaviours = [
        one for switch in plan.switches for one in (switch.behaviour, switch.mld) if one is not None
    ]
    times = (one.membership_interval_s for one in behaviours if one.snooping and one.membership_interval_s)
    return min(times, default=float("inf"))
