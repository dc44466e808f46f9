"""Probe tools laid over a plan by hand, and what the model records of them."""

from __future__ import annotations

from dataclasses import replace

from predicted import records_of

from harness.observations.history import History
from harness.observations.model import Membership, ToolAnswered, ToolAsked, ToolEnded, ToolFigures, ToolSaid
from harness.plan.tools import Made, PlanTool, Tool

_DEFAULTS = {
    "name": "probe",
    "number": 2,
    "tool": Tool.OMPING,
    "made": Made.NATIVE,
    "version": 4,
    "hosts": ("a1", "b1", "c1"),
    "server": "",
    "source": "",
    "group": None,
    "port": None,
    "count": None,
    "period_s": 1.0,
    "size": None,
    "hops": 64,
    "mode": "asm",
    "start_s": 0.0,
    "stop_s": 20.0,
}


def tool(**changes):
    """An omping between three nodes for 20 s, or what the changes make of it."""
    return PlanTool(**(_DEFAULTS | changes))


class Predicted:
    """What the model records of a plan with these tools."""

    def __init__(self, plan, *tools):
        self.records = records_of(replace(plan, tools=tools))

    def _of(self, kind, wanted):
        found = (record for record in self.records if isinstance(record, kind))
        return [one for one in found if all(getattr(one, key) == value for key, value in wanted.items())]

    def figures(self, cast, **wanted):
        """By (host, peer): sent and received."""
        found = self._of(ToolFigures, {"cast": cast} | wanted)
        return {(one.host, one.peer): (one.sent, one.received) for one in found}

    def round_trips(self, cast):
        """By (host, peer): the mean in seconds."""
        return {(one.host, one.peer): one.mean_s for one in self._of(ToolFigures, {"cast": cast})}

    def history(self, plan):
        """The records, indexed."""
        return History(self.records, plan)

    def duplicates(self, cast):
        """By (host, peer)."""
        return {(one.host, one.peer): one.duplicates for one in self._of(ToolFigures, {"cast": cast})}

    def answers(self, **wanted):
        """Records of answers."""
        return self._of(ToolAnswered, wanted)

    def asked(self, **wanted):
        """Records of requests."""
        return self._of(ToolAsked, wanted)

    def statuses(self, **wanted):
        """By host: with which status, and when."""
        return {one.host: (one.status, one.at_s) for one in self._of(ToolEnded, wanted)}

    def memberships(self, **wanted):
        """(moment, node, joined) of the tool's group."""
        found = self._of(Membership, {"stream": 2} | wanted)
        return [(one.at_s, one.node, one.joined) for one in found]

    def said(self, host, **wanted):
        """The lines of a host."""
        return [one.text for one in self._of(ToolSaid, {"host": host} | wanted)]


def everybody(pairs, value):
    """The same for every (host, peer)."""
    return dict.fromkeys(pairs, value)
