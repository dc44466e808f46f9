"""Walks a datagram's way hop by hop and puts the explanation together.

The tables that a datagram met are those of its moment, give or take the millisecond that it takes through a
lab: where they contradict what was seen, the moments next to it are tried as well. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.explanation.case import Assumed, Case, trouble
from harness.explanation.hosts import receiver_hop, sender_hop
from harness.explanation.members import not_wanted
from harness.explanation.model import Explanation, Hop, HopKind
from harness.explanation.scene import Cable, Scene, end_words
from harness.explanation.switches import switch_hop
from harness.observations.history import History
from harness.observations.schedule import first_due
from harness.plan.model import Cast, Plan, PlanStream
from harness.plan.names import chassis_of
from harness.wire.membership import Address

_TAG = 4
"""So many bytes more than its MTU an interface takes, the room of a VLAN tag (measured on Linux 6.18)."""


def explain(history: History, stream: PlanStream, sender: str, receiver: str, at_s: float) -> Explanation:
    """Explain what became of the last datagram due at or before a moment, or why there is none.

    Raises KeyError for a host that the plan does not know.
    """
    scene = Scene(history)
    number = _number(history, stream, at_s)
    due_s = max(stream.sent_at(number), 0.0) if number >= 0 else at_s
    case = Case(scene=scene, stream=stream, sender=sender, receiver=receiver, at_s=due_s)
    delivered = _delivered(case, number)
    hops = _hops(case, number, delivered)
    member = stream.cast is Cast.UNICAST or not not_wanted(case)
    if delivered is not None and delivered is not _reaches(hops, receiver_too=member):
        for like in _alternatives(case):
            other = _hops(like, number, delivered)
            if _reaches(other, receiver_too=member) is delivered:
                hops = other
                break
    return Explanation(
        stream=stream.name,
        group=str(stream.group) if stream.cast is Cast.MULTICAST else str(_unicast(case)),
        sender=sender,
        receiver=receiver,
        at_s=due_s,
        hops=hops,
        delivered=delivered,
        summary=_summary(hops, delivered, disturbed=bool(history.impaired_until(due_s))),
    )


def _alternatives(case: Case) -> Iterator[Case]:
    """The same case where what the records say next to it, or do not say of genuine bridges, was so."""
    for shift_s in (case.scene.history.guard_s, -case.scene.history.guard_s):
        yield replace(case, at_s=case.at_s + shift_s)
    if any(case.is_genuine(switch) for switch in case.scene.switches):
        yield replace(case, assumed=Assumed.FLOODS)
        yield replace(case, assumed=Assumed.PRUNES)


def _unicast(case: Case) -> Address:
    return case.scene.hosts[case.receiver].unicast_for(case.stream.group)


def _number(history: History, stream: PlanStream, at_s: float) -> int:
    """The last datagram due at or before a moment; -1 before the first."""
    most = first_due(stream, min(stream.stop_s, history.plan.duration_s))
    number = first_due(stream, at_s)
    if number >= most or stream.sent_at(number) > at_s:
        number -= 1
    return min(number, most - 1)


def _delivered(case: Case, number: int) -> bool | None:
    """Whether the records say that the receiver got a datagram, by its socket or its interface."""
    history, stream = case.scene.history, case.stream
    if number < 0 or case.sender not in stream.senders:
        return None
    flow = history.flow(stream.number, case.sender)
    if not any(first <= number < end for first, end in flow.sent):
        return None
    rows = [
        row for row in (flow.heard.get(case.receiver), flow.flooded.get(case.receiver)) if row is not None
    ]
    if any(row[number] for row in rows):
        return True
    watched = case.receiver in stream.watchers or case.receiver in stream.receivers
    return False if watched and case.sender != case.receiver else None


def _reaches(hops: tuple[Hop, ...], *, receiver_too: bool = False) -> bool:
    """Whether nothing on the way stops it before the receiver's card, or its socket."""
    return all(hop.passes is not False for hop in hops if receiver_too or hop.kind is not HopKind.RECEIVER)


def _hops(case: Case, number: int, delivered: bool | None) -> tuple[Hop, ...]:
    cables = case.way()
    hops = [sender_hop(case, number)]
    if not cables:
        hops.append(_nowhere(case))
    for index, cable in enumerate(cables):
        hops.append(_cable_hop(case, cable))
        if index + 1 < len(cables):
            hops.append(_switch(case, cable.far.device, cables[index + 1].near.port))
    reached = bool(cables) and _reaches(tuple(hops))
    unicast = case.stream.cast is Cast.UNICAST
    wanted = "" if unicast else not_wanted(case)
    hops.append(receiver_hop(case, wanted=wanted, reached=reached, delivered=delivered))
    return tuple(hops)


def _switch(case: Case, switch: str, port: str) -> Hop:
    if case.stream.cast is Cast.MULTICAST:
        return switch_hop(case, switch, port)
    why = f"goes to {case.towards(switch, port)} by its MAC address"
    return Hop(kind=HopKind.SWITCH, device=switch, port=port, passes=True, why=why)


def _cable_hop(case: Case, cable: Cable) -> Hop:
    passes, why = trouble(case, cable, case.frames)
    if passes is not False:
        for end in (cable.near, cable.far):
            mtu = case.scene.mtu(end)
            if case.packet > mtu + _TAG:
                passes = False
                longer = f"longer than the MTU of {end_words(end)}, {mtu}"
                why = f"the packet of {case.packet} bytes is {longer}: dropped without a word"
                break
    return Hop(kind=HopKind.CABLE, device=cable.near.device, port=cable.near.port, passes=passes, why=why)


def _nowhere(case: Case) -> Hop:
    """No cable joins the two: they are in two networks, perhaps two VLANs of one."""
    scene = case.scene
    here, there = scene.hosts[case.sender].switch, scene.hosts[case.receiver].switch
    return Hop(
        kind=HopKind.CABLE,
        device=here,
        passes=False,
        why=f"no cable leads from {here} to {there}",
        because=tuple(_apart(scene.plan, here, there)),
    )


def _apart(plan: Plan, here: str, there: str) -> Iterator[str]:
    near, far = plan.switch(here), plan.switch(there)
    if near.vlan != far.vlan:
        yield f"they are two VLANs, {near.vlan} and {far.vlan}: nothing passes between them without a router"
        return
    if near.vlan is None:
        return
    both = {near.chassis, far.chassis}
    lanes = [link for link in plan.links if both & {chassis_of(link.a[0]), chassis_of(link.b[0])}]
    carried = sorted({vlan for link in lanes if (vlan := plan.switch(link.a[0]).vlan) is not None})
    if carried:
        listed = ", ".join(map(str, carried))
        yield f"the links on the way carry VLAN {listed} only, and this is VLAN {near.vlan}"


def _summary(hops: tuple[Hop, ...], delivered: bool | None, *, disturbed: bool) -> str:
    """The deciding hop and the root behind it in one sentence."""
    stop = next((hop for hop in hops if hop.passes is False), None)
    receiver = hops[-1]
    if delivered:
        last = _last_deciding(hops)
        if stop is not None and stop is not receiver:
            return f"it came although {_told(stop)}"
        return f"it came: {_told(last)}"
    if stop is not None:
        return f"it did not come: {_told(stop)}" if delivered is False else _told(stop)
    chance = next((hop for hop in hops if hop.passes is None), None)
    if chance is not None:
        end = "got lost by chance" if delivered is False else "may get lost by chance"
        return f"it {end}: {chance.why}"
    if delivered is False:
        doubt = "; this machine had lost or delayed frames by then" if disturbed else ""
        return f"it did not come, although every hop lets it pass: the records do not say why{doubt}"
    return f"every hop lets it pass: {_told(_last_deciding(hops))}"


def _last_deciding(hops: tuple[Hop, ...]) -> Hop:
    """The last switch, which put it on the receiver's cable."""
    return next((hop for hop in reversed(hops) if hop.kind is HopKind.SWITCH), hops[0])


def _told(hop: Hop) -> str:
    place = "" if hop.kind is HopKind.CABLE else f"{hop.device}: "
    return place + "; ".join((hop.why, *hop.because[-1:]))
