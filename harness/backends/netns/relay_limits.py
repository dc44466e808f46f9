"""What the relay of cut cables cannot hold: delays that are shorter than it is late, and too many frames.

Measured on Linux 6.18 with one loop on a slow core: a frame that is not delayed takes 30 microseconds longer
than over a whole cable; one that is, comes up to a millisecond late, as epoll counts in milliseconds and
rounds up; 30,000 frames a second pass without a loss where the loop has nothing else to do.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.plan.impairment import Impairment
from harness.plan.links import cable_words
from harness.plan.model import Cast, End, Plan, PlanStream

DELAY_FLOOR_S = 0.005
"""Five times what the relay may be late."""
FRAMES_A_SECOND = 10_000
"""What one loop relays beside its other work."""


def _short_delays(plan: Plan) -> Iterator[tuple[str, Impairment]]:
    """Yield what would delay frames by less than the floor at the plan's speed, and on which cable."""
    names = {end: cable_words((cable,)) for cable in plan.relayed for end in cable}
    changed = (one for action in plan.actions for one in action.impaired)
    for impaired in (*plan.impaired, *changed):
        for impairment in impaired.impairments:
            if 0 < impairment.delay_s / plan.speed < DELAY_FLOOR_S * 0.999:
                yield names[impaired.end], impairment


def refusals(plan: Plan) -> Iterator[str]:
    """Yield a sentence for each thing that the relay cannot hold."""
    told: dict[str, None] = {}
    for cable, impairment in _short_delays(plan):
        fastest = impairment.delay_s / DELAY_FLOOR_S
        cure = f"use speed {fastest:.4g} or less" if fastest >= 1 else "make the delay longer"
        real_s = impairment.delay_s / plan.speed
        told[
            f"the cable {cable}: delay {impairment.delay_s:g} s at speed "
            f"{plan.speed:g} is {real_s:.3g} s, under the {DELAY_FLOOR_S:g} s that can be held (the relay "
            f"is up to a millisecond late); {cure}"
        ] = None
    yield from told
    total = sum(_frames(plan, ends) for ends in plan.relayed)
    if total > FRAMES_A_SECOND:
        yield (
            f"the cables that delay, double or slow frames would relay up to {total:,.0f} a real second at "
            f"speed {plan.speed:g}, more than the {FRAMES_A_SECOND:,} that one process can; lower the rate, "
            "the senders or the speed"
        )


def _frames(plan: Plan, cable: tuple[End, End]) -> float:
    """The most frames a real second on a cable: every stream may pass one between switches."""
    hosts = {host.name for host in plan.hosts}
    host = next((end.device for end in cable if end.device in hosts), None)
    return sum(_copies(stream, host) * plan.speed / stream.period_s for stream in plan.streams)


def _copies(stream: PlanStream, host: str | None) -> int:
    """The datagrams of one period that may pass a cable: of a host (those that it sends or gets) or any."""
    senders, receivers = len(stream.senders), len(stream.receivers)
    if stream.cast is Cast.MULTICAST:
        return senders
    if host is None:
        return senders * receivers
    return (host in stream.senders) * receivers + (host in stream.receivers) * senders
