"""Where on a datagram's way two runs part: the stretch between the last place it passed in both and the host.

A switch was passed alike if another host that is plugged into it got the very same datagram in both runs.
"""

from __future__ import annotations

from harness.comparison.fates import Fates
from harness.explanation.scene import Scene
from harness.explanation.way import way
from harness.observations.history import History
from harness.plan.model import End


class Ways:
    """The ways of datagrams through the network of two runs."""

    def __init__(self, left: History, right: History) -> None:
        self._plan = left.plan
        self._histories = left, right
        self._scene = Scene(left)

    def ends(self, sender: str, host: str, at_s: float) -> tuple[End, ...]:
        """Return the ends of cables by which a datagram leaves the sender and each switch on its way."""
        return tuple(cable.near for cable in way(self._scene, sender, host, at_s))

    def stretch(self, one: Fates, number: int) -> str:
        """Say where datagram ``number`` took different ways: a cable, or between two places."""
        ends = self.ends(one.sender, one.host, one.stream.sent_at(number))
        last = max((i for i, end in enumerate(ends) if self._passed(one, number, end.device)), default=0)
        if not ends:
            return f"between {one.sender} and {one.host}"
        if last == len(ends) - 1:
            return f"the cable {ends[last].device}:{ends[last].port} to {one.host}"
        return f"between {ends[last].device} and {one.host}"

    def _passed(self, one: Fates, number: int, switch: str) -> bool:
        flows = [history.flow(one.stream.number, one.sender) for history in self._histories]
        neighbours = (
            host.name
            for host in self._plan.hosts
            if host.switch == switch and host.name not in {one.sender, one.host}
        )
        return any(
            all(
                any(name in rows and rows[name][number] for rows in (flow.heard, flow.flooded))
                for flow in flows
            )
            for name in neighbours
        )
