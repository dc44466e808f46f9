"""Delivery by interval: as exact as packet by packet, at the price of the events."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicted import history_of, plan_of, records_of

from harness.backends.model.cables import CableEnd
from harness.backends.model.flows import Flows
from harness.backends.model.ways import packet_sizes
from harness.observations.model import Arrived, Sent
from harness.plan.build import build
from harness.scenario.loader import files, load

SCENARIOS = Path(__file__).parents[2] / "scenarios"
MOST_DATAGRAMS = 6000

NETWORK = """
    scenario: "by interval"
    source: ["made for this test"]
    duration: 600s
    network:
      switches:
        sw1: {profile: class-b, querier: on}
      nodes:
        n: {count: 4, on: sw1}
    traffic:
      pings: {group: 239.192.7.7, rate: 100/s, senders: [n1]}
    expect:
      - {deliver: pings, until: 100s, result: all}
"""


def leaves_nothing_to_chance(plan):
    """Else each datagram travels on its own anyhow."""
    ends = [*plan.impaired, *(one for action in plan.actions for one in action.impaired)]
    found = [impairment for end in ends for impairment in end.impairments]
    return not any(one.holds_frames or 0 < one.loss < 1 for one in found)


def shipped():
    for path in files([SCENARIOS]):
        for plan in map(build, load(path).variants):
            datagrams = sum(one.sequence_at(plan.duration_s) * len(one.senders) for one in plan.streams)
            if datagrams <= MOST_DATAGRAMS and leaves_nothing_to_chance(plan):
                yield pytest.param(plan, id=plan.name)


def rows(history, plan):
    """Every datagram of every receiver, of those whose fate no step of the timeline contests."""
    found = {}
    for stream in plan.streams:
        contested = history.contested(stream.number)
        for sender in stream.senders:
            flow = history.flow(stream.number, sender)
            for kind, table in (("heard", flow.heard), ("flooded", flow.flooded)):
                for host, row in table.items():
                    kept = bytearray(row)
                    for start, end in contested:
                        kept[start:end] = bytes(end - start)
                    if any(kept):
                        found[stream.number, sender, kind, host] = bytes(kept)
    return found


def all_ends(flows):
    return [end for switch in flows._switches.values() for end in switch.ends.values()]


@pytest.mark.parametrize("plan", list(shipped()))
def test_an_interval_delivers_what_its_datagrams_would_one_by_one(plan, monkeypatch):
    together = rows(history_of(plan), plan)
    monkeypatch.setattr(CableEnd, "chancy", lambda *_: True)
    monkeypatch.setattr(Flows, "_impaired_ends", all_ends)
    assert rows(history_of(plan), plan) == together


def test_ten_minutes_of_pings_are_a_handful_of_records(tmp_path):
    records = records_of(plan_of(tmp_path, NETWORK))
    sent = [record for record in records if isinstance(record, Sent)]
    arrived = [record for record in records if isinstance(record, Arrived)]
    assert sum(record.count for record in sent) == 60_000
    assert sum(record.count * len(record.hosts) for record in arrived) == 3 * 60_000
    assert len(sent) + len(arrived) < 40


def test_a_step_in_the_middle_cuts_a_stream_to_the_datagram(tmp_path):
    text = NETWORK + "    timeline:\n      - {at: 123.456s, leave: {node: n2, stream: pings}}\n"
    text = text.replace("querier: on}", "querier: on, fast_leave: on}")
    plan = plan_of(tmp_path, text)
    flow = history_of(plan).flow(1, "n1")
    assert flow.heard["n2"].count(1) == 12_346  # at 0 s, 0.01 s ... 123.45 s
    assert flow.heard["n3"].count(1) == 60_000


@given(st.integers(16, 65000), st.integers(576, 9216))
def test_fragments_carry_the_whole_payload_and_fit(payload, mtu):
    sizes = packet_sizes(payload, mtu, 4)
    assert all(size <= mtu for size in sizes)
    assert sum(size - 20 for size in sizes) == payload + 8
    assert all((size - 20) % 8 == 0 for size in sizes[:-1])


@given(st.integers(16, 65000), st.integers(1280, 9216))
def test_fragments_of_ipv6_have_a_header_more(payload, mtu):
    sizes = packet_sizes(payload, mtu, 6)
    header = 40 if len(sizes) == 1 else 48
    assert all(size <= mtu for size in sizes)
    assert sum(size - header for size in sizes) == payload + 8
