"""Impairments of cables in a plan: what holds when, which cables need a relay, and what is no cable."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.backends.netns.relay_limits import FRAMES_A_SECOND, refusals
from harness.errors import ScenarioError
from harness.plan.build import build
from harness.plan.impairment import FrameKind, Impairment
from harness.plan.model import Plan
from harness.scenario.loader import load

SCENARIO = """\
scenario: cables
source: made up
duration: 60s
speed: SPEED
network:
  switches: {sw: {count: 2, profile: class-d}}
  nodes: {n: {count: 4, on: sw1}, far: {on: sw2}}
  links: chain
traffic: {totem: {group: 239.192.0.1, rate: RATE}, omping: {mesh: n, group: 239.192.0.2, interval: 10s}}
timeline: [STEPS]
expect: [{deliver: totem, result: all, until: 9s}]
"""


def planned(folder: Path, steps: str, *, speed: float = 1, rate: str = "1/s") -> Plan:
    path = folder / "x.scenario.yaml"
    text = SCENARIO.replace("STEPS", steps).replace("SPEED", str(speed)).replace("RATE", rate)
    path.write_text(text, encoding="utf-8")
    return build(load(path).variants[0])


def complaints(folder: Path, steps: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        planned(folder, steps)
    return [problem.message for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("{at: 1s, impair: {between: [n1, sw2], loss: 1%}}", "n1 and sw2 are no neighbours"),
        ("{at: 1s, repair: [n1, far]}", "n1 and far are no neighbours"),
        ("{at: 1s, flap: {link: [n1, sw2], down: 1s, up: 1s, times: 9}}", "n1 and sw2 are no neighbours"),
        (
            "{at: 50s, flap: {link: n1, down: 1s, up: 1s, times: 9}}",
            "67 s is after the end of the scenario (60 s)",
        ),
    ],
)
def test_what_is_no_cable_or_too_late_is_told_once(tmp_path: Path, steps: str, told: str) -> None:
    assert complaints(tmp_path, steps) == [told]


def states(plan: Plan) -> list[dict[str, tuple[str, ...]]]:
    """After each action the ends that it changes, with what then holds."""
    return [
        {one.end.device: tuple(map(str, one.impairments)) for one in action.impaired}
        for action in plan.actions
    ]


def test_impairments_add_up_silences_end_by_themselves_and_a_repair_ends_all(tmp_path: Path) -> None:
    steps = """
      {at: 1s, impair: {between: [n1, sw1], loss: 10%}},
      {at: 2s, silence: {from: n1, to: sw1, only: igmp}},
      {at: 3s, silence: {from: n1, to: sw1, larger_than: 900}},
      {at: 4s, restore: {from: n1, to: sw1, only: igmp}},
      {at: 5s, impair: {from: sw1, to: n1, delay: 10ms}},
      {at: 6s, restore: {between: [n1, sw1]}},
      {at: 7s, repair: n1},
    """
    igmp, large = "nothing passes; of IGMP", "nothing passes; of packets larger than 900 bytes"
    assert states(planned(tmp_path, steps)) == [
        {"n1": ("loss 10%",), "sw1": ("loss 10%",)},
        {"n1": ("loss 10%", igmp)},
        {"n1": ("loss 10%", igmp, large)},
        {"n1": ("loss 10%", large)},
        {"sw1": ("loss 10%", "delay 10 ms")},
        {"n1": ("loss 10%",), "sw1": ("loss 10%", "delay 10 ms")},
        {"n1": (), "sw1": ()},
    ]


def test_only_cables_that_ever_hold_frames_are_relayed(tmp_path: Path) -> None:
    steps = """
      {at: 1s, impair: {between: [n1, sw1], loss: 10%}}, {at: 1s, silence: {between: [n2, sw1]}},
      {at: 2s, impair: {from: n3, to: sw1, duplicate: 1%}}, {at: 3s, repair: n3},
      {at: 4s, impair: {from: sw2, to: sw1, rate: 1Mbit/s}},
    """
    relayed = planned(tmp_path, steps).relayed
    assert [(a.device, b.device) for a, b in relayed] == [("n3", "sw1"), ("sw1", "sw2")]
    assert planned(tmp_path, "").relayed == ()


def test_an_impairment_says_itself() -> None:
    slow = Impairment(kind=FrameKind.MLD, larger_than=0, rate_bit_s=64000, queue_bytes=900, duplicate=0.015)
    assert str(slow) == "rate 64kbit/s, queue 900 bytes, 1.5% doubled; of MLD, packets larger than 0 bytes"
    assert str(Impairment(delay_s=0.02, jitter_s=0.005)) == "delay 20 ms +- 5 ms"


# --- what the relay can hold ------------------------------------------------------------------------------


def test_a_delay_that_the_speed_makes_too_short_is_refused_with_the_reason(tmp_path: Path) -> None:
    steps = "{at: 1s, impair: {between: [n1, sw1], delay: 20ms}}"
    assert list(refusals(planned(tmp_path, steps, speed=4))) == []
    assert list(refusals(planned(tmp_path, steps, speed=10))) == [
        (
            "the cable n1 - sw1:p1: delay 0.02 s at speed 10 is 0.002 s, under the 0.005 s that can be held "
            "(the relay is up to a millisecond late); use speed 4 or less"
        )
    ]


def test_more_frames_than_the_relay_passes_are_refused(tmp_path: Path) -> None:
    steps = "{at: 1s, impair: {between: [sw1, sw2], duplicate: 1%}}"
    assert list(refusals(planned(tmp_path, steps, rate="1000/s"))) == []
    (told,) = refusals(planned(tmp_path, steps, rate="1000/s", speed=3))
    assert f"more than the {FRAMES_A_SECOND:,} that one process can" in told
    assert list(refusals(planned(tmp_path, "", rate="1000/s", speed=3))) == []
