"""Where what became of datagrams parts: one by one, or by the share that was lost where the plan leaves it to
chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.comparison.chance import Chances, bound
from harness.comparison.fates import Fates, fates
from harness.comparison.limits import Limits
from harness.comparison.model import Parting, Subject
from harness.comparison.places import Ways
from harness.comparison.series import Span
from harness.observations.history import History
from harness.observations.schedule import near
from harness.observations.spans import intersect, size
from harness.plan.model import Plan, PlanStream
from harness.verdicts import words


@dataclass(slots=True, kw_only=True)
class _Share:
    """What a host missed of a stream in both runs, of those senders whose datagrams are lost by chance."""

    stream: PlanStream
    host: str
    by_socket: bool
    total: int = 0
    left: int = 0
    right: int = 0
    senders: list[str] = field(default_factory=list)

    def add(self, one: Fates) -> None:
        self.total += size(one.sent)
        self.left += one.missing(one.left)
        self.right += one.missing(one.right)
        self.senders.append(one.sender)


class Deliveries:
    """Compares the datagrams of two runs. ``loose`` are switches whose tables are left to chance."""

    def __init__(
        self,
        plan: Plan,
        left: History,
        right: History,
        limits: Limits,
        ways: Ways,
        chances: Chances,
        *,
        loose: frozenset[str],
        until_s: float,
    ) -> None:
        self._plan = plan
        self._left, self._right = left, right
        self._ways = ways
        self._limits = limits
        self._chances = chances
        self._loose = loose
        self._until_s = until_s
        self._left_out: dict[tuple[str, str], None] = {}
        self._shares: dict[tuple[int, str, bool], _Share] = {}

    def partings(self) -> Iterator[Parting]:
        """Yield where datagrams part, those compared by share at the end."""
        for one in fates(self._plan, self._left, self._right, self._until_s):
            spans = one.spans(once=False)
            if not spans:
                continue
            ends = self._ways.ends(one.sender, one.host, spans[0].from_s)
            if any(end.device in self._loose for end in ends):
                self._left_out[one.stream.name, one.host] = None
            elif self._chances.loses(one.stream, ends):
                key = (one.stream.number, one.host, one.by_socket)
                share = _Share(stream=one.stream, host=one.host, by_socket=one.by_socket)
                self._shares.setdefault(key, share).add(one)
            elif span := self._limits.first(one.spans(once=self._chances.doubles(ends))):
                yield self._parting(one, span)
        for share in self._shares.values():
            yield from self._unlike(share)

    def notes(self) -> tuple[str, ...]:
        """Return what was not compared one by one, in words."""
        found = [
            f"left to chance: what {host} gets of {name}, behind such a switch"
            for name, host in self._left_out
        ]
        found += [
            f"compared by share: what {one.host} {'gets' if one.by_socket else 'sees'} of {one.stream.name} "
            f"({words.share(one.left / one.total)} and {words.share(one.right / one.total)} lost)"
            for one in self._shares.values()
            if one.total
        ]
        return tuple(found)

    def _parting(self, one: Fates, span: Span) -> Parting:
        sent = intersect(near(one.stream, span.from_s, span.until_s), one.sent)
        return Parting(
            subject=Subject.DELIVERY,
            at_s=span.from_s,
            until_s=span.until_s,
            hop=self._ways.stretch(one, sent[0][0]),
            left=_got(one, one.left, sent, until_s=span.until_s),
            right=_got(one, one.right, sent),
            hosts=(one.sender, one.host),
        )

    def _unlike(self, one: _Share) -> Iterator[Parting]:
        slack = self._limits.tolerance_s / one.stream.period_s if self._limits.anything_changes else 0.0
        allowed = bound(one.total, one.left + one.right, slack * len(one.senders)) if one.total else 0.0
        if abs(one.left - one.right) <= allowed:
            return
        yield Parting(
            subject=Subject.SHARE,
            at_s=one.stream.start_s,
            until_s=self._until_s,
            hop=one.host,
            left=f"loses {one.left} of {words.count(one.total, 'datagram')} of {one.stream.name}",
            right=f"loses {one.right}; chance explains {allowed:.0f} more or less",
            hosts=(one.senders[0], one.host),
        )


def _got(one: Fates, row: bytes, sent: tuple[tuple[int, int], ...], until_s: float | None = None) -> str:
    """Say how many of these datagrams a host got in one run; with ``until_s``, of what and until when."""
    total, missing = size(sent), sum(row.count(0, first, end) for first, end in sent)
    twice = total - missing - sum(row.count(1, first, end) for first, end in sent)
    verb = "brings" if one.by_socket else "floods"
    doubled = f", {twice} more than once" if twice else ""
    if until_s is None:
        return f"{verb} {total - missing or 'none'}{doubled}"
    what = f"{words.count(total, 'datagram')} of {one.stream.name} from {one.sender} to {one.host}"
    return f"{verb} {total - missing or 'none'} of {what}{doubled} until {words.moment(until_s)}"
