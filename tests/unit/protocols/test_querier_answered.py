"""The short way of a report to a router does what the long one does."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st
from switch_bench import GROUP, HOST_MAC, OTHER_GROUP, SWITCH, host, querier, record

from harness.protocols.dialect import Dialect
from harness.protocols.effects import Heard
from harness.protocols.querier import Querier
from harness.wire.membership import Leave, Query, RecordType, Report

groups = st.sampled_from([GROUP, OTHER_GROUP])
messages = st.one_of(
    st.builds(Report, version=st.sampled_from([1, 2]), group=groups),
    st.builds(Leave, group=groups),
    st.builds(lambda kind, group: record(kind, group=group), st.sampled_from(RecordType), groups),
    st.builds(lambda kind, group: record(kind, "10.0.0.1", group=group), st.sampled_from(RecordType), groups),
    st.just(Query(version=2)),
)
events = st.tuples(messages, st.floats(0, 3))


@given(st.lists(events, max_size=30), st.sampled_from([2, 3]), st.booleans())
def test_both_ways_lead_to_the_same(story, version, starts):
    routers = [Querier(querier(version=version), ports=("eth0",)) for _ in range(2)]
    for router in routers if starts else ():
        router.start(0.0)
    now = 0.0
    for message, wait_s in story:
        source = IPv4Address(int(SWITCH) + 1) if isinstance(message, Query) else host("p1")
        frame = Dialect.IGMP.frame(message, source_mac=HOST_MAC, source=source)
        read = Dialect.IGMP.parse(frame)
        said = [one for one in routers[0].receive("eth0", frame, now) if not _heard(one)]
        short = routers[1].answered(read, "eth0")
        again = [] if short else [one for one in routers[1].receive("eth0", frame, now) if not _heard(one)]
        assert said == again
        assert not (short and said)
        now += wait_s
        assert routers[0].tick(now) == routers[1].tick(now)
        assert routers[0].next_deadline() == routers[1].next_deadline()
        assert routers[0].follows_up == routers[1].follows_up


def _heard(effect) -> bool:
    return isinstance(effect, Heard) and not effect.sent
