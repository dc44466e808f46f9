"""What the model says for certain of a scenario, and where a lab says otherwise.

Chance decides when hosts answer, and at times who does. So the model runs with several seeds: what is the
same in all of them, and was for ``tolerance_s`` before and is for as long after, does not hang on luck. A lab
that differs there has parted from the model. What differs among the model's own runs is not compared.

A fact is a line of a table, a querier, a mode, or how often a receiver gets a sender's datagrams; each is a
value that changes at moments. Nothing is asserted here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import TypeVar

from harness.backends.base import Options
from harness.backends.model import ModelBackend
from harness.backends.netns.limits import MLD_RESPONSE_FLOOR_S, WIRE_RESPONSE_FLOOR_S
from harness.observations.history import History
from harness.observations.model import Impaired, Mode, Phase, Record, TableLine
from harness.plan.model import Plan
from harness.profiles import DataPlane
from harness.protocols.dialect import Dialect
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import SnoopingConfig

TOLERANCE_REAL_S = 0.05
"""How far apart in this machine's time the same things may happen in a lab and in the model."""
SEEDS, SEEDS_IN_DOUBT = 8, 64
"""How many runs of the model an envelope has, and one that must confirm a parting."""
_KNOWN_WITHIN_REAL_S = 0.03
"""A join is known so soon, where nothing is in doubt."""
_LATE_REAL_S = 0.02
"""So much later each a busy lab's first queries may come."""
_DRIFT = 0.002
"""By how much a device's clock may be wrong."""
_BLIP_S = 0.5
"""What lasts shorter, in the customer's seconds, is no difference."""
_OPEN_VSWITCH_S = 5.0
"""The daemon counts whole seconds of a clock that is put forward, and ages what it has at its next turn."""
_LATE_TIMERS = 0.125
"""The kernel's bridge lets its timers fire up to an eighth of their interval late (docs/kernel-quirks.md)."""

Shuffled = TypeVar("Shuffled")
Paced = TypeVar("Paced", SnoopingConfig, QuerierConfig)
Value = str | int | bool | None
Course = list[tuple[float, Value]]
"""The moments at which a fact took a value, in their order. Before the first one it is None."""
Facts = dict[str, Course]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """A fact that is one thing in the lab and another in every run of the model, at a certain moment."""

    at_s: float
    fact: str
    lab: Value
    model: Value

    def __str__(self) -> str:
        return f"{self.at_s:.1f} s  {self.fact}: lab {_text(self.lab)}, model {_text(self.model)}"


def _text(value: Value) -> str:
    return "none" if value is None else str(value)


def partings(plan: Plan, lab: Iterable[Record], *, seeds: int = SEEDS) -> tuple[Parting, ...]:
    """Everything in which a lab parts from the model, the earliest first."""
    seen = tuple(lab)
    plan = as_held(plan)
    tolerance_s = _tolerance_s(plan, seen)
    observed = facts_of(plan, seen)
    settles_in_s = _settles_in_s(plan, seen)
    computed = [facts_of(plan, predicted(plan, seed, settles_in_s)) for seed in range(seeds)]
    moments = (0.0, *sorted({action.at_s for action in plan.actions}), plan.duration_s)
    names = dict.fromkeys(name for facts in (observed, *computed) for name in facts)
    changes = {
        at_s
        for facts in computed
        for name, course in facts.items()
        if _is_of_tables(name)
        for at_s, _ in course
    }
    of_deliveries = tuple(sorted({*moments, *(at_s for at_s in changes if 0 < at_s < plan.duration_s)}))
    found: list[Parting] = []
    for name in names:
        courses = [facts.get(name, []) for facts in computed]
        at = moments if _is_of_tables(name) else of_deliveries
        parting = _first(name, _without_blips(observed.get(name, [])), courses, at, tolerance_s)
        if parting is not None:
            found.append(parting)
    return tuple(sorted(found, key=lambda parting: parting.at_s))


def _joining_in_another_order(plan: Plan, chance: Random) -> Plan:
    """The plan with another seed, whose nodes join in another order: kernels report within some ticks."""

    def shuffled(found: tuple[Shuffled, ...]) -> tuple[Shuffled, ...]:
        return tuple(chance.sample(found, len(found)))

    streams = (replace(stream, receivers=shuffled(stream.receivers)) for stream in plan.streams)
    return replace(plan, seed=chance.randrange(1 << 30), streams=shuffled(tuple(streams)))


def _by_other_clocks(plan: Plan, chance: Random) -> Plan:
    """The plan with a clock for each device that runs a little fast or slow: so nothing is due together.

    What two devices do at one moment by the plan, a lab does in one order or the other.
    """
    names = (device.name for device in (*plan.switches, *plan.hosts))
    pace = {name: 1 + chance.uniform(-_DRIFT, _DRIFT) for name in names}

    def paced(config: Paced | None, name: str) -> Paced | None:
        return None if config is None else config.scaled(pace[name])

    return replace(
        plan,
        switches=tuple(
            replace(one, behaviour=one.behaviour.scaled(pace[one.name]), mld=paced(one.mld, one.name))
            for one in plan.switches
        ),
        hosts=tuple(
            replace(one, querier=paced(one.querier, one.name), mld_querier=paced(one.mld_querier, one.name))
            for one in plan.hosts
        ),
        actions=tuple(
            replace(one, behaviour=paced(one.behaviour, one.target), mld=paced(one.mld, one.target))
            if one.target in pace
            else one
            for one in plan.actions
        ),
    )


def _settles_in_s(plan: Plan, lab: Iterable[Record]) -> float:
    """How long a lab took from switching everything on to the scenario's zero, in the customer's seconds."""
    phases = {record.name: record.real_s for record in lab if isinstance(record, Phase)}
    if not {"settle", "run"} <= phases.keys():
        return 0.0
    return (phases["run"] - phases["settle"]) * plan.speed


def as_held(plan: Plan) -> Plan:
    """The plan with the timer that a lab rounds up: how long a host's querier waits after a leave.

    On the wire that is at least a tenth of a second, whatever the speed.
    """
    floors = {Dialect.IGMP: WIRE_RESPONSE_FLOOR_S, Dialect.MLD: MLD_RESPONSE_FLOOR_S}

    def held(querier: QuerierConfig | None) -> QuerierConfig | None:
        if querier is None:
            return None
        least_s = floors[querier.dialect] * plan.speed
        return replace(querier, last_member_interval_s=max(querier.last_member_interval_s, least_s))

    hosts = (
        replace(host, querier=held(host.querier), mld_querier=held(host.mld_querier)) for host in plan.hosts
    )
    return replace(plan, hosts=tuple(hosts))


def _is_of_tables(name: str) -> bool:
    """Whether a fact is one of a switch's; deliveries hang on all of these."""
    return " heard by " not in name and " at the interface of " not in name


def _without_blips(course: Course) -> Course:
    """A course without what was so only for a moment, as where two things were due together."""
    kept: Course = []
    for index, (at_s, value) in enumerate(course):
        if index + 1 < len(course) and course[index + 1][0] - at_s < _BLIP_S:
            continue
        if not kept or kept[-1][1] != value:
            kept.append((at_s, value))
    return kept


def predicted(plan: Plan, seed: int, settles_in_s: float = 0.0) -> tuple[Record, ...]:
    """The records of the model with another chance, and queriers that started so long before the scenario.

    A lab does not tell when in that time the nodes joined: in every other run it is late. Nor does it do
    everything at once: the first queries come a little later.
    """
    settles_in_s -= seed // 2 % 3 * _LATE_REAL_S * plan.speed
    joins_after_s = max(0.0, settles_in_s - _KNOWN_WITHIN_REAL_S * plan.speed) if seed % 2 else 0.0
    records: list[Record] = []
    changed = _by_other_clocks(_joining_in_another_order(plan, Random(seed)), Random(seed)) if seed else plan
    ModelBackend(settles_in_s, joins_after_s).run(changed, Options(folder=plan.file.parent), records.append)
    return tuple(records)


def facts_of(plan: Plan, records: Sequence[Record]) -> Facts:
    """The course of every fact in the records of a run."""
    facts: Facts = {}
    genuine = {switch.name for switch in plan.switches if switch.data_plane is not DataPlane.EMULATED}
    queriers: dict[str, dict[str, None]] = {}
    for record in sorted(
        (one for one in records if isinstance(one, TableLine | Mode)), key=lambda one: one.at_s
    ):
        match record:
            case Mode():
                if record.switch not in genuine:  # those tell what is configured, not what they do
                    text = f"snooping {record.snooping}, unregistered {record.unregistered}"
                    _note(facts, f"{record.switch}: mode of {record.protocol}", record.at_s, text)
            case TableLine(table="querier"):
                name = f"{record.switch}: querier of {record.protocol}"
                known = queriers.setdefault(name, {})
                if record.present:
                    known[record.address] = None
                else:
                    known.pop(record.address, None)
                _note(facts, name, record.at_s, next(reversed(known), None))
            case TableLine(table="member"):
                name = f"{record.switch}: {record.group} on {record.port}"
                _note(facts, name, record.at_s, (record.filter or "every source") if record.present else None)
            case TableLine():
                name = f"{record.switch}: {record.protocol} router port {record.port}"
                _note(facts, name, record.at_s, "there" if record.present else None)
    facts.update(_deliveries(plan, records))
    return facts


def _note(facts: Facts, name: str, at_s: float, value: Value) -> None:
    course = facts.setdefault(name, [])
    if course and course[-1][0] == at_s:
        course.pop()
    course.append((at_s, value))


def _deliveries(plan: Plan, records: Iterable[Record]) -> Iterator[tuple[str, Course]]:
    history = History(records, plan)
    for stream in plan.streams:
        for sender in stream.senders:
            flow = history.flow(stream.number, sender)
            for what, rows in (("heard by", flow.heard), ("at the interface of", flow.flooded)):
                for host, row in rows.items():
                    course: Course = []
                    for number, count in enumerate(row):
                        if not course or course[-1][1] != (count or None):
                            course.append((stream.sent_at(number), count or None))
                    yield f"{stream.name} ({stream.cast.value}) of {sender} {what} {host}", course


def _tolerance_s(plan: Plan, lab: Iterable[Record]) -> float:
    """In the customer's seconds: what any machine is late, and what this one was."""
    late_s = max((record.late_s for record in lab if isinstance(record, Impaired)), default=0.0)
    tolerance_s = TOLERANCE_REAL_S * plan.speed + late_s
    bridges = [switch for switch in plan.switches if switch.data_plane is DataPlane.LINUX_BRIDGE]
    slack = (
        _LATE_TIMERS * max(one.behaviour.membership_interval_s, one.behaviour.other_querier_interval_s)
        for one in bridges
    )
    daemons = any(switch.data_plane is DataPlane.OPENVSWITCH for switch in plan.switches)
    return tolerance_s + max(slack, default=0.0) + (_OPEN_VSWITCH_S if daemons else 0.0)


def _first(
    name: str, lab: Course, courses: Sequence[Course], moments: Sequence[float], tolerance_s: float
) -> Parting | None:
    """The first moment at which the lab contradicts what all runs of the model agree on."""
    for start_s, end_s, value in _agreed(courses, moments):
        from_s, until_s = start_s + tolerance_s, end_s - tolerance_s
        if from_s >= until_s:
            continue
        at = bisect_right(lab, from_s, key=lambda change: change[0])
        if (seen := lab[at - 1][1] if at else None) != value:
            return Parting(at_s=from_s, fact=name, lab=seen, model=value)
        for at_s, seen in lab[at:]:
            if at_s >= until_s:
                break
            if seen != value:
                return Parting(at_s=at_s, fact=name, lab=seen, model=value)
    return None


def _agreed(courses: Sequence[Course], moments: Sequence[float]) -> Iterator[tuple[float, float, Value]]:
    """Stretches in which all courses have one value, and no step was taken: (start, end, value)."""
    changes = {at_s for course in courses for at_s, _ in course if moments[0] < at_s < moments[-1]}
    ordered = sorted(changes | set(moments))
    at = [0] * len(courses)
    for start_s, end_s in pairwise(ordered):
        values = []
        for index, course in enumerate(courses):
            while at[index] < len(course) and course[at[index]][0] <= start_s:
                at[index] += 1
            values.append(course[at[index] - 1][1] if at[index] else None)
        if all(value == values[0] for value in values):
            yield start_s, end_s, values[0]
