"""Words for what was seen: from rows of datagrams to phrases."""

from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.model import Cast, PlanStream
from harness.situations.outcome import SAME_S, Spell, _phrase, _spells, _together


def stream(count):
    return PlanStream(
        name="cluster",
        number=1,
        cast=Cast.MULTICAST,
        group=IPv4Address("239.192.1.1"),
        port=5405,
        source_specific=False,
        senders=("n1",),
        receivers=("n1", "n2"),
        watchers=(),
        period_s=1.0,
        size=64,
        ttl=1,
        start_s=0.0,
        stop_s=float(count),
    )


def spells(text):
    """Spells of a row: # heard, . not heard, a datagram a second."""
    return tuple(_spells(stream(len(text)), bytearray(sign == "#" for sign in text)))


@pytest.mark.parametrize(
    ("row", "phrase"),
    [
        ("#" * 40, "works"),
        ("." * 40, "nothing"),
        ("#" * 260 + "." * 40, "dies at 260 s"),
        ("." * 100 + "#" * 40, "nothing until 100 s"),
        ("#" * 100 + "." * 20 + "#" * 40, "works, gaps of 20 s"),
        ("#" * 100 + "." * 12 + "#" * 40, "works"),
        ("#" * 100 + ".#.#" + "." * 40, "dies at 100 s"),
        ("." * 20 + "#" * 20 + "." * 20, "nothing at first, gaps of 20 s, 20 s"),
    ],
)
def test_a_pair_in_words(row, phrase):
    assert _phrase(spells(row), None) == phrase


def test_a_pair_that_never_heard_anything_has_no_row():
    assert _phrase(tuple(_spells(stream(50), None)), None) == "nothing"


def test_an_end_is_told_from_the_last_query():
    assert _phrase(spells("#" * 290 + "." * 40), 31.0) == "dies 260 s after the last query"


def test_pairs_that_fared_alike_are_told_once_by_the_first_to_change():
    alike = [spells("#" * 258 + "." * 42), spells("#" * 268 + "." * 32)]
    assert _together(alike, None) == "dies at 260 s"
    assert _together([*alike, spells("#" * 300)], None) == "dies at 260 s or works"


@given(st.text(alphabet="#.", min_size=1, max_size=60))
def test_spells_alternate_and_lie_in_the_time_of_the_stream(text):
    found = spells(text)
    assert all(one.heard != other.heard for one, other in pairwise(found))
    assert all(0 <= one.from_s < one.until_s <= len(text) for one in found)
    assert all(one.until_s <= other.from_s for one, other in pairwise(found))


def test_spells_apart_by_more_than_the_answer_time_are_told_apart():
    early = (Spell(heard=True, from_s=0.0, until_s=200.0), Spell(heard=False, from_s=200.0, until_s=300.0))
    late_s = 200.0 + SAME_S + 20
    late = (Spell(heard=True, from_s=0.0, until_s=late_s), Spell(heard=False, from_s=late_s, until_s=300.0))
    assert _together([early, late], None) == "dies at 200 s or dies at 240 s"
