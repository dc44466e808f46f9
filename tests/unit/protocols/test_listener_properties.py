"""A listener takes whatever comes: any bytes, at any moment; what it says of real captures."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listener_frames import HOST_MAC, datagram, leave, query, records, report

from harness.protocols.listening import data, words
from harness.protocols.listening.frames import read
from harness.protocols.listening.listener import Listener
from harness.wire import pcap
from harness.wire.ethernet import tagged

GOOD = (
    query(),
    query(version=3, robustness=2, query_interval_s=125.0),
    query("fe80::1", version=1),
    query("fe80::1", version=2, group="ff15::1"),
    report("10.0.0.1", "239.1.1.1"),
    report("fe80::5", "ff15::1", version=1),
    leave("10.0.0.1", "239.1.1.1"),
    records("10.0.0.1", ("ALLOW", "232.1.1.1", "10.0.0.9"), ("TO_EX", "239.1.1.1")),
    records("fe80::5", ("IS_IN", "ff15::1", "fe80::9"), ("BLOCK", "ff15::2", "fe80::9")),
    datagram("10.0.0.5", "239.1.1.1"),
    datagram("fe80::5", "ff15::1"),
    tagged(query(), 20),
    tagged(tagged(datagram("10.0.0.5", "239.1.1.1"), 20), 100),
)
ETHERTYPES = (b"\x08\0", b"\x86\xdd", b"\x81\0\0\x14\x08\0", b"\x88\xa8\0\1\x86\xdd")
CAPTURES = Path(__file__).parents[1] / "wire" / "captures"


@st.composite
def frames(draw):
    """Any bytes, bytes that begin as a frame does, and good frames with bytes changed or cut."""
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind == 1:
        ethertype = draw(
            st.sampled_from([b"\x08\0", b"\x86\xdd", b"\x81\0\0\x14\x08\0", b"\x88\xa8\0\1\x86\xdd"])
        )
        first = draw(st.sampled_from([b"\x45", b"\x46", b"\x60", b"\x4f"]))
        return b"\1\0\x5e\0\0\1" + HOST_MAC + ethertype + first + draw(st.binary(max_size=120))
    frame = bytearray(draw(st.sampled_from(GOOD)))
    for at in draw(st.lists(st.integers(0, len(frame) - 1), max_size=4)):
        frame[at] = draw(st.integers(0, 255))
    return bytes(frame[: draw(st.integers(0, len(frame)))] if draw(st.booleans()) else frame)


@given(st.lists(st.tuples(st.floats(-10, 1000), frames(), st.booleans()), max_size=20), st.floats(0, 2000))
def test_any_frames_give_words_and_data(story, end_s):
    machine = Listener(own=[])
    events = [event for at_s, frame, here in story for event in machine.hear(frame, at_s, here=here)]
    events += machine.tick(end_s)
    summary = machine.summary(end_s)
    assert summary.listened_s >= end_s
    assert all("\n" not in words.told(event) for event in events)
    assert all(len(line) < 4000 and "\n" not in line for line in words.summed(summary, "eth0"))
    for thing in (*map(data.of_event, events), data.of_summary(summary)):
        assert json.loads(json.dumps(thing, allow_nan=False)) == thing
    moments = [event.at_s for event in events]
    assert all(0 <= moment <= summary.listened_s for moment in moments)
    due_s = machine.next_deadline()
    assert due_s is None or due_s > end_s or due_s > summary.listened_s


@given(st.lists(st.sampled_from(GOOD), max_size=12))
def test_events_come_in_the_order_of_their_moments(chosen):
    machine = Listener(own=[])
    events = [event for turn, frame in enumerate(chosen) for event in machine.hear(frame, 200.0 * turn)]
    moments = [event.at_s for event in events]
    assert moments == sorted(moments)


@pytest.mark.parametrize("frame", GOOD, ids=range(len(GOOD)))
def test_good_frames_are_read_and_cut_ones_never_break(frame):
    assert read(frame) is not None
    for end in range(len(frame)):
        read(frame[:end])


def summary_of(name):
    machine, began_s, last_s = Listener(), None, 0.0
    with (CAPTURES / name).open("rb") as file:
        for captured in pcap.read(file):
            began_s = captured.time_s if began_s is None else began_s
            last_s = max(last_s, captured.time_s - began_s)
            machine.hear(captured.frame, last_s)
    return machine.summary(last_s)


def test_a_capture_of_omping_on_three_nodes():
    summary = summary_of("omping-3-nodes.pcap")
    assert not summary.heard_a_querier
    group = next(group for group in summary.groups if str(group.group) == "232.43.211.234")
    assert {str(host.address) for host in group.hosts} == {"10.77.0.1", "10.77.0.2", "10.77.0.3"}
    assert {host.version for host in group.hosts} == {3}
    streams = [stream for stream in summary.streams if stream.pruned]
    assert {(str(stream.group), stream.port) for stream in streams} == {("232.43.211.234", 4321)}
    assert {str(stream.source) for stream in streams} == {"10.77.0.1", "10.77.0.2", "10.77.0.3"}


def test_a_capture_of_ssmping_and_asmping():
    summary = summary_of("ssmping-and-asmping.pcap")
    hosts = {str(group.group): group.hosts for group in summary.groups if str(group.group).startswith("2")}
    assert [host.sources for host in hosts["224.0.2.234"]] == [None]
    assert [tuple(map(str, host.sources)) for host in hosts["232.43.211.234"]] == [("10.77.0.1",)]
    assert hosts["224.0.2.234"][0].left_s is not None
