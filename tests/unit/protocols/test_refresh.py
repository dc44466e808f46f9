"""The short way of a report that only refreshes does what the long one does, whatever has happened before."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from switch_bench import GROUP, HOST_MAC, Bench, host
from switch_stories import GROUPS, configs, play, ports, stories

from harness.protocols.effects import Heard, Send
from harness.wire.membership import GroupRecord, RecordReport, RecordType, Report

joins = st.builds(Report, version=st.just(2), group=st.sampled_from(GROUPS)) | st.builds(
    lambda group: RecordReport(records=(GroupRecord(type=RecordType.IS_EX, group=group),)),
    st.sampled_from(GROUPS),
)
told_again = st.lists(
    st.tuples(st.just("report"), ports, joins) | st.tuples(st.just("wait"), st.just(""), st.floats(0, 90)),
    max_size=20,
)


class ShortWay(Bench):
    """Offers every frame to ``refresh`` first."""

    def __init__(self, **settings: object) -> None:
        self.refreshed = 0
        super().__init__(**settings)
        receive = self.switch.receive

        def offered(port, frame, now):
            onward = self.switch.refresh(port, frame, now)
            if onward is None:
                return receive(port, frame, now)
            self.refreshed += 1
            return [Send(port=name, frame=frame) for name in onward]

        self.switch.receive = offered  # type: ignore[method-assign]


def beside_the_record(effects):
    return [effect for effect in effects if not (isinstance(effect, Heard) and not effect.sent)]


def state(bench):
    switch = bench.switch
    return switch.filters(), switch.router_ports(), switch.querier_address(), switch.next_deadline()


@settings(max_examples=300)
@given(configs, stories, told_again, stories)
def test_both_ways_lead_to_the_same(config, before, again, after):
    long, short = Bench(**config), ShortWay(**config)
    assert state(short) == state(long)
    for event in (*before, *again, *after):
        assert beside_the_record(play(short, event)) == beside_the_record(play(long, event))
        assert state(short) == state(long)


def test_a_report_that_is_told_again_takes_the_short_way():
    bench = ShortWay(membership_interval_s=260.0)
    bench.join("p1")
    assert bench.refreshed == 0
    bench.wait(100.0)
    bench.join("p1")
    bench.wait(200.0)
    assert bench.refreshed == 1
    assert bench.members() == [(str(GROUP), "p1")]


def test_what_is_not_such_a_report_is_left_alone():
    bench = Bench()
    frame = bench.dialect.frame(Report(version=2, group=GROUP), source_mac=HOST_MAC, source=host("p1"))
    assert bench.switch.refresh("p1", frame, 0.0) is None
    assert bench.members() == []
    assert bench.switch.refresh("p1", b"noise", 0.0) is None
