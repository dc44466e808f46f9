"""What probe tools do, as records: the same in every backend, and of native tools and installed ones.

Requests and answers are gathered while their numbers follow each other, a period of the tool apart, with the
same size and distance; one record then stands for all of them. ``flush`` hands out what has been gathered so
far. Addresses become the names of the hosts that have them. Pure but for what ``emit`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import assert_never

from harness.backends.base import Emit
from harness.observations.model import (
    Membership,
    ToolAnswered,
    ToolAsked,
    ToolEnded,
    ToolFigures,
    ToolSaid,
)
from harness.plan.model import PlanHost
from harness.plan.tools import PlanTool
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter
from harness.protocols.probes.program import Answered, Asked, Ended, Figures, Join, Leave, Say
from harness.sockets.driver import Told
from harness.wire.membership import Address

_ROUNDING_S = 1e-6

Wanted = Callable[[str, int, Address, SourceFilter | None], None]
"""Is told which sources of a group a host now wants for the tool with this number; None: nothing of it."""


@dataclass(slots=True)
class _Asks:
    peer: Address
    first_s: float
    last_s: float
    first: int
    following: int


@dataclass(slots=True)
class _Answers:
    """A run of answers that are ``like`` its first but for their numbers."""

    like: Answered
    first_s: float
    last_s: float
    first: int
    following: int


class ToolRecords:
    """The accounts of one tool, one for each host that runs a part of it.

    ``slack_s`` is how far from a period apart, beside half of one, requests and answers may be that are
    still told as if they were: what a real machine's scheduling adds. ``wanted`` is told of memberships.
    """

    def __init__(
        self,
        tool: PlanTool,
        hosts: Iterable[PlanHost],
        emit: Emit,
        *,
        slack_s: float = 0.0,
        wanted: Wanted | None = None,
    ) -> None:
        self._names = names_by_address(hosts)
        self._tool = tool
        self._emit = emit
        self._slack_s = tool.period_s / 2 + slack_s + _ROUNDING_S
        self._wanted = wanted
        self._accounts: dict[str, Account] = {}

    def of(self, host: str) -> Account:
        """Return the account of what the tool does on a host."""
        if host not in self._accounts:
            self._accounts[host] = Account(
                self._tool, host, self._names, self._emit, slack_s=self._slack_s, wanted=self._wanted
            )
        return self._accounts[host]

    def flush(self) -> None:
        """Hand out what has been gathered on every host."""
        for account in self._accounts.values():
            account.flush()


class Account:
    """Listens to the part of a tool that runs on ``host``.

    It is a member, by one record, while it has joined anything; what has ended is in no group.
    """

    def __init__(
        self,
        tool: PlanTool,
        host: str,
        names: dict[Address, str],
        emit: Emit,
        *,
        slack_s: float,
        wanted: Wanted | None,
    ) -> None:
        self.tool = tool
        self.host = host
        self.has_ended = False
        self._names = names
        self._emit = emit
        self._period_s = tool.period_s
        self._slack_s = slack_s
        self._wanted = wanted
        self._joined: dict[tuple[Address, Address | None], None] = {}
        self._asks: dict[int, _Asks] = {}
        """By the peer's address, as a number: those are quicker to hash."""
        self._answers: dict[tuple[int, str, bool], _Answers] = {}
        """By address, cast, and whether they are duplicates."""

    def __call__(self, effect: Told, at_s: float, /) -> None:
        """Take what the tool did at a moment; moments never run backwards."""
        match effect:
            case Answered():
                self._answered(effect, at_s)
            case Asked():
                self._asked(effect, at_s)
            case Say():
                said = ToolSaid(
                    at_s=at_s, tool=self.tool.number, host=self.host, text=effect.text, error=effect.error
                )
                self._emit(said)
            case Figures():
                self.flush()
                self._emit(self._figures(effect, at_s))
            case Join() | Leave():
                self._membership(effect, at_s)
            case Ended():
                self.flush()
                self._leave_all(at_s)
                self.has_ended = True
                self._emit(ToolEnded(at_s=at_s, tool=self.tool.number, host=self.host, status=effect.status))
            case _:
                assert_never(effect)

    def flush(self) -> None:
        """Hand out what has been gathered."""
        asks, self._asks = self._asks, {}
        for gathered in asks.values():
            self._tell_asks(gathered)
        answers, self._answers = self._answers, {}
        for run in answers.values():
            self._tell_answers(run)

    # --- memberships --------------------------------------------------------------------------------------

    @property
    def joined(self) -> tuple[tuple[Address, Address | None], ...]:
        """Return the groups that it is in, each with the source it was joined for (None: any)."""
        return tuple(self._joined)

    def _membership(self, change: Join | Leave, at_s: float) -> None:
        was_member = bool(self._joined)
        if isinstance(change, Join):
            self._joined[change.group, change.source] = None
        else:
            self._joined.pop((change.group, change.source), None)
        if was_member != bool(self._joined):
            self._tell_membership(at_s)
        self._tell_wants(change.group)

    def _leave_all(self, at_s: float) -> None:
        """The sockets of what has ended are closed, and so it is in no group any more."""
        if self._joined:
            groups = dict.fromkeys(group for group, _ in self._joined)
            self._joined.clear()
            self._tell_membership(at_s)
            for group in groups:
                self._tell_wants(group)

    def _tell_membership(self, at_s: float) -> None:
        joined = bool(self._joined)
        self._emit(Membership(at_s=at_s, node=self.host, stream=self.tool.number, joined=joined))

    def _tell_wants(self, group: Address) -> None:
        if self._wanted is not None:
            sources = [source for joined, source in self._joined if joined == group]
            self._wanted(self.host, self.tool.number, group, _filter(sources))

    # --- gathering ----------------------------------------------------------------------------------------

    def _asked(self, effect: Asked, at_s: float) -> None:
        key = int(effect.peer)
        run = self._asks.get(key)
        if run is not None:
            if self._follows(run, effect.sequence, at_s):
                run.last_s, run.following = at_s, effect.sequence + 1
                return
            self._tell_asks(run)
        self._asks[key] = _Asks(effect.peer, at_s, at_s, effect.sequence, effect.sequence + 1)

    def _answered(self, effect: Answered, at_s: float) -> None:
        key = (int(effect.peer), effect.cast.value, effect.duplicate)
        run = self._answers.get(key)
        if run is not None:
            like = run.like
            alike = like.size == effect.size and like.distance == effect.distance
            if alike and self._follows(run, effect.sequence, at_s):
                run.last_s, run.following = at_s, effect.sequence + 1
                return
            self._tell_answers(run)
        self._answers[key] = _Answers(effect, at_s, at_s, effect.sequence, effect.sequence + 1)

    def _follows(self, run: _Asks | _Answers, sequence: int, at_s: float) -> bool:
        """Tell whether the next of a run comes when those before it let expect it."""
        if sequence != run.following:
            return False
        off_s = at_s - run.first_s - (sequence - run.first) * self._period_s
        return -self._slack_s <= off_s <= self._slack_s

    # --- records ------------------------------------------------------------------------------------------

    def _tell_asks(self, run: _Asks) -> None:
        self._emit(
            ToolAsked(
                at_s=run.last_s,
                tool=self.tool.number,
                host=self.host,
                peer=self._name(run.peer),
                first=run.first,
                count=run.following - run.first,
            )
        )

    def _tell_answers(self, run: _Answers) -> None:
        like = run.like
        self._emit(
            ToolAnswered(
                at_s=run.first_s,
                last_s=run.last_s,
                tool=self.tool.number,
                host=self.host,
                peer=self._name(like.peer),
                cast=like.cast.value,
                sequence=run.first,
                size=like.size,
                count=run.following - run.first,
                distance=like.distance,
                duplicate=like.duplicate,
            )
        )

    def _figures(self, said: Figures, at_s: float) -> ToolFigures:
        return ToolFigures(
            at_s=at_s,
            tool=self.tool.number,
            host=self.host,
            peer=self._name(said.peer),
            cast=said.cast.value,
            sent=said.sent,
            received=said.received,
            duplicates=said.duplicates,
            first=said.first,
            least_s=said.least_s,
            mean_s=said.mean_s,
            most_s=said.most_s,
            deviation_s=said.deviation_s,
        )

    def _name(self, address: Address) -> str:
        return self._names.get(address) or str(address)


def _filter(sources: list[Address | None]) -> SourceFilter | None:
    """What is wanted of a group that was joined for these sources (None: of any); None if it was not."""
    if not sources:
        return None
    named = [source for source in sources if source is not None]
    if len(named) < len(sources):
        return EVERY_SOURCE
    return SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(named, key=int)))


def names_by_address(hosts: Iterable[PlanHost]) -> dict[Address, str]:
    """Return whose address is which: every address of every host."""
    return {
        address: host.name
        for host in hosts
        for address in (host.address, host.address6, host.link_local)
        if address is not None
    }
