"""What was seen in a situation, in words: ``dies at 260 s``, ``across: nothing``, ``router ports``.

Takes the records of a run and the plan that it ran; whatever it says was measured. What lasts a
few seconds only is not told; pairs that fared alike are told once. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.observations.history import History
from harness.observations.model import Igmp, Record
from harness.plan.model import ActionKind, PeerKind, Plan, PlanStream

SAME_S = 15.0
"""What lasts less is not told, and pairs that changed within it fared alike: hosts answer when they like."""
_ALMOST_ALL, _HARDLY_ANY = 0.98, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time in which everything was heard, or nothing: [from_s, until_s)."""

    heard: bool
    from_s: float
    until_s: float


def words(situation: str, plan: Plan, records: tuple[Record, ...]) -> tuple[str, ...]:
    """The outcome of a situation's run, one text for each of its columns. KeyError for an unknown one."""
    history = History(records, plan)
    if situation == "groups":
        return tuple(_reach(history, stream) for stream in plan.streams if stream.name != "registered")
    return (_delivery(history, plan, _last_query_s(plan, records)),)


def _last_query_s(plan: Plan, records: Iterable[Record]) -> float | None:
    """When the querier that the timeline stops was heard for the last time; None if none is stopped."""
    stops = [action.at_s for action in plan.actions if action.kind is ActionKind.STOP_QUERIER]
    if not stops:
        return None
    heard = (
        record.at_s
        for record in records
        if isinstance(record, Igmp) and record.what == "query" and record.at_s <= stops[0]
    )
    return max(heard, default=stops[0])


def _delivery(history: History, plan: Plan, last_query_s: float | None) -> str:
    """How the members on one switch fared, and those on two; and what it cost the others."""
    (stream,) = plan.streams
    switch_of = {host.name: host.switch for host in plan.nodes}
    same: list[tuple[Spell, ...]] = []
    across: list[tuple[Spell, ...]] = []
    for sender in stream.senders:
        for receiver in stream.receivers:
            if receiver != sender:
                row = history.flow(stream.number, sender).heard.get(receiver)
                fared = same if switch_of[sender] == switch_of[receiver] else across
                fared.append(tuple(_spells(stream, row)))
    told = [_together(same, last_query_s)]
    if across:
        beyond = _together(across, last_query_s)
        told = told if beyond == told[0] else [f"same switch {told[0]}", f"across {beyond}"]
    return "; ".join((*told, *_cost(history, plan, stream)))


def _spells(stream: PlanStream, row: bytearray | None) -> Iterator[Spell]:
    """A pair's datagrams as times of hearing and of not hearing."""
    count = stream.sequence_at(stream.stop_s)
    short = SAME_S / stream.period_s
    heard = [row is not None and row[number] > 0 for number in range(count)]
    began, number = 0, 0
    while number < count:
        lasts = next((n for n in range(number, count) if heard[n] != heard[began]), count)
        back = next((n for n in range(lasts, count) if heard[n] == heard[began]), count)
        if lasts < count and back - lasts < short and back < count:
            number = back
            continue
        if lasts - began >= short or (began, lasts) == (0, count):
            yield Spell(heard=heard[began], from_s=stream.sent_at(began), until_s=stream.sent_at(lasts))
        began = number = lasts


def _together(fared: list[tuple[Spell, ...]], last_query_s: float | None) -> str:
    """Pairs that changed at about the same times in one phrase, the others one by one."""
    kinds: dict[str, list[tuple[Spell, ...]]] = {}
    for spells in fared:
        for known in kinds.values():
            if _alike(known[0], spells):
                known.append(spells)
                break
        else:
            kinds[str(len(kinds))] = [spells]
    phrases = [_phrase(min(alike, key=lambda s: s[0].until_s), last_query_s) for alike in kinds.values()]
    return " or ".join(dict.fromkeys(phrases))


def _alike(one: tuple[Spell, ...], other: tuple[Spell, ...]) -> bool:
    return len(one) == len(other) and all(
        a.heard == b.heard and abs(a.from_s - b.from_s) <= SAME_S for a, b in zip(one, other, strict=True)
    )


def _phrase(spells: tuple[Spell, ...], last_query_s: float | None) -> str:
    match spells:
        case (Spell(heard=True),):
            return "works"
        case (Spell(heard=False),):
            return "nothing"
        case (Spell(heard=True, until_s=until_s), Spell()):
            return f"dies {_moment(until_s, last_query_s)}"
        case (Spell(heard=False, until_s=until_s), Spell()):
            return f"nothing until {_rounded(until_s)}"
        case _:
            gaps = [spell for spell in spells if not spell.heard]
            lengths = ", ".join(_rounded(gap.until_s - gap.from_s) for gap in gaps)
            return f"{'works' if spells[0].heard else 'nothing at first'}, gaps of {lengths}"


def _moment(at_s: float, last_query_s: float | None) -> str:
    if last_query_s is None:
        return f"at {_rounded(at_s)}"
    return f"{_rounded(at_s - last_query_s)} after the last query"


def _rounded(seconds: float) -> str:
    """To 10 s: hosts answer and report within some seconds, so nothing more exact is true."""
    return f"{round(seconds, -1):.0f} s"


def _cost(history: History, plan: Plan, stream: PlanStream) -> Iterator[str]:
    """Whether a host that did not ask for it was spared; of the first and of the last tenth of the time."""
    guests = [host.name for host in plan.nodes if host.name not in stream.receivers]
    shares = [_flooded(history, stream, guest) for guest in guests]
    if all(last >= _ALMOST_ALL and first >= _ALMOST_ALL for first, last in shares):
        yield "floods"
    elif any(last > _HARDLY_ANY for _, last in shares):
        yield "floods in the end"
    elif any(first > _HARDLY_ANY for first, _ in shares):
        yield "floods at first"


def _flooded(history: History, stream: PlanStream, guest: str) -> tuple[float, float]:
    rows = [history.flow(stream.number, sender).flooded.get(guest) for sender in stream.senders]
    tenth = max(1, stream.sequence_at(stream.stop_s) // 10)
    total = tenth * len(rows)
    first = sum(tenth - row[:tenth].count(0) for row in rows if row is not None)
    last = sum(tenth - row[-tenth:].count(0) for row in rows if row is not None)
    return first / total, last / total


def _reach(history: History, stream: PlanStream) -> str:
    """Whom the datagrams of a group without members reached."""
    (sender,) = stream.senders
    flow = history.flow(stream.number, sender)
    reached = {
        host.name
        for host in history.plan.hosts
        if (row := flow.flooded.get(host.name)) is not None and row.count(0) <= _HARDLY_ANY * len(row)
    }
    routers = {host.name for host in history.plan.hosts if host.kind is PeerKind.ROUTER}
    nodes = {host.name for host in history.plan.nodes} - {sender}
    members = {name for one in history.plan.streams for name in one.receivers}
    if nodes <= reached:
        return "everybody"
    told = []
    if members & reached:
        told.append("the members of the other")
    if routers & reached:
        told.append("router ports")
    return " and ".join(told) or "nobody"
