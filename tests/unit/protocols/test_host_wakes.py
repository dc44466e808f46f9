"""A host that is woken only to speak says what one says that is woken at every deadline."""

from __future__ import annotations

import math

import pytest
from host_bench import GROUP, OTHER_GROUP, HostBench
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protocols.effects import FilterMode, SourceFilter
from harness.wire.membership import Query

groups = st.sampled_from([GROUP, OTHER_GROUP])
events = st.one_of(
    st.tuples(st.just("join"), groups),
    st.tuples(st.just("join some"), groups),
    st.tuples(st.just("leave"), groups),
    st.tuples(st.just("rejoin"), st.none()),
    st.tuples(st.just("report"), groups),
    st.tuples(st.just("query"), st.tuples(st.sampled_from([1, 2, 3]), st.none() | groups)),
    st.tuples(st.just("wait"), st.floats(0, 300)),
)


class Sleepy(HostBench):
    """Is not woken when an older querier has been silent for long."""

    def wait(self, seconds):
        end, said = self.now + seconds, []
        while (at := self.host.next_answer_s) <= end:
            self.now = at
            said += self.keep(self.host.tick(at))
        self.now = end
        return said


def play(bench, event):  # noqa: PLR0911  one a kind of event
    what, detail = event
    if what == "join":
        return bench.join(detail)
    if what == "join some":
        source = SourceFilter(mode=FilterMode.INCLUDE, sources=(GROUP,))
        return bench.join(detail, source)
    if what == "leave":
        return bench.leave(detail)
    if what == "rejoin":
        return bench.keep(bench.host.rejoin(bench.now))
    if what == "report":
        return bench.other_reports(detail)
    if what == "wait":
        return bench.wait(detail)
    version, group = detail
    group = None if version == 1 else group
    return bench.hear(Query(version=version, group=group, max_response_s=10.0))


@pytest.mark.parametrize("linux", [False, True])
@settings(max_examples=300, deadline=None)
@given(story=st.lists(events, max_size=30), seed=st.integers(0, 3))
def test_both_say_the_same_at_the_same_moments(linux, story, seed):
    often, seldom = HostBench(seed, linux=linux), Sleepy(seed, linux=linux)
    for event in (*story, ("wait", 1000.0)):
        play(often, event)
        play(seldom, event)
        assert seldom.said == often.said
        assert seldom.host.next_answer_s >= seldom.now
    assert seldom.host.next_answer_s == math.inf
