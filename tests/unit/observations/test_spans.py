"""Spans mean the same as sets of numbers; moments and datagram numbers agree."""

from dataclasses import replace
from itertools import pairwise

import pytest
from factory import stream
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.observations.schedule import due, first_due, near
from harness.observations.spans import Spans, intersect, normal, size, subtract

ranges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6)


def numbers(spans: Spans) -> set[int]:
    return {number for start, end in spans for number in range(start, end)}


@settings(deadline=None)
@given(ranges, ranges)
def test_arithmetic_is_that_of_sets(left, right):
    a, b = normal(left), normal(right)
    assert numbers(a) == {number for start, end in left for number in range(start, end)}
    assert numbers(intersect(a, b)) == numbers(a) & numbers(b)
    assert numbers(subtract(a, b)) == numbers(a) - numbers(b)
    assert size(a) == len(numbers(a))
    for spans in (a, intersect(a, b), subtract(a, b)):
        assert all(start < end for start, end in spans)
        assert all(left[1] <= right[0] for left, right in pairwise(spans))


@settings(deadline=None)
@given(
    st.integers(0, 5000),
    st.sampled_from([0.1, 1 / 3, 1 / 30, 0.7, 1.0, 1.3]),
    st.sampled_from([0.0, 0.3, 7.1]),
)
def test_the_moment_of_a_datagram_leads_back_to_it(number, period_s, start_s):
    one = replace(stream(2), period_s=period_s, start_s=start_s)
    assert first_due(one, one.sent_at(number)) == number
    assert first_due(one, round(one.sent_at(number), 10)) == number
    assert first_due(one, one.sent_at(number) + period_s / 2) == number + 1


@pytest.mark.parametrize(
    ("from_s", "until_s", "found"),
    [(0, 3, ((0, 3),)), (2.5, 3.5, ((3, 4),)), (3.1, 3.9, ()), (58, 100, ((58, 60),)), (-5, 0, ())],
)
def test_a_window_is_open_at_its_end(from_s, until_s, found):
    assert due(stream(2), from_s, until_s) == found


def test_what_is_near_includes_both_ends():
    assert near(stream(2), 2.0, 3.0) == ((2, 4),)
    assert near(stream(2), 2.1, 2.9) == ()
