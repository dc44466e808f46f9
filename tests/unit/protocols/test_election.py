"""Querier election (RFC 2236 sections 3 and 7, RFC 9776 section 6.6.2)."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.election import MOST_HEARD, Believed, Election

OWN = IPv4Address("10.0.0.5")
LOWER, LOWEST, HIGHER = IPv4Address("10.0.0.2"), IPv4Address("10.0.0.1"), IPv4Address("10.0.0.9")
ZERO = IPv4Address(0)


def election(*, zero_wins: bool = False, own: IPv4Address | None = OWN) -> Election:
    made = Election(interval_s=255.0, zero_address_wins=zero_wins)
    if own is not None:
        made.stand(own, "started")
    return made


def test_it_starts_as_the_querier():
    """RFC 2236 section 3: all routers start up as a querier."""
    made = election()
    assert made.won and made.believed == Believed(address=OWN, port="")


@pytest.mark.parametrize(
    ("own", "heard", "zero_wins", "won"),
    [
        (OWN, LOWER, False, False),
        (OWN, HIGHER, False, True),
        (OWN, OWN, False, True),  # only a lower address wins
        (OWN, ZERO, False, True),  # RFC 4541 section 2.1.1: 0.0.0.0 takes no part
        (OWN, ZERO, True, False),  # measured on Linux 6.18
        (ZERO, HIGHER, False, False),  # who asks without an address yields to everybody
        (ZERO, HIGHER, True, False),
        (ZERO, ZERO, False, True),
        (ZERO, ZERO, True, False),  # where 0.0.0.0 may win, the first that asks wins
    ],
)
def test_who_wins(own, heard, zero_wins, won):
    made = election(zero_wins=zero_wins, own=own)
    made.hear(heard, "p1", 0.0)
    assert made.won is won


def test_addresses_are_compared_as_numbers_not_as_text():
    made = election(own=IPv4Address("10.0.0.10"))
    made.hear(IPv4Address("10.0.0.9"), "p1", 0.0)
    assert not made.won


def test_the_other_querier_is_believed_until_it_is_silent_for_its_interval():
    """RFC 9776 section 8.5: 255 s."""
    made = election()
    made.hear(LOWER, "p1", 0.0)
    made.hear(LOWER, "p1", 100.0)
    assert made.next_deadline() == 355.0
    assert made.expire(354.9) == []
    gone, own = made.expire(355.0)
    assert (gone.address, gone.present, own.address, own.present) == (LOWER, False, OWN, True)
    assert made.won and made.next_deadline() is None


def test_a_query_that_changes_nothing_makes_no_effect():
    made = election()
    assert len(made.hear(LOWER, "p1", 0.0)) == 2
    assert made.hear(LOWER, "p1", 1.0) == []
    assert made.hear(HIGHER, "p2", 2.0) == []


def test_when_the_lowest_falls_silent_the_next_lower_one_is_known_at_once():
    """RFC 2236 section 7: any query from a lower address keeps a non-querier silent."""
    made = election()
    made.hear(LOWEST, "p1", 0.0)
    made.hear(LOWER, "p2", 200.0)
    assert made.believed == Believed(address=LOWEST, port="p1")
    made.expire(255.0)
    assert made.believed == Believed(address=LOWER, port="p2") and not made.won


def test_an_onlooker_believes_in_the_lowest():
    made = election(own=None)
    made.hear(HIGHER, "p1", 0.0)
    made.hear(LOWER, "p2", 1.0)
    made.hear(HIGHER, "p1", 2.0)
    assert made.believed == Believed(address=LOWER, port="p2")


def test_withdrawing_leaves_the_better_rival():
    made = election()
    made.hear(HIGHER, "p1", 0.0)
    gone, come = made.withdraw("stopped")
    assert (gone.address, come.address, come.port) == (OWN, HIGHER, "p1")


def test_an_interval_of_zero_never_ends():
    made = Election(interval_s=0.0, zero_address_wins=False)
    made.hear(LOWER, "p1", 0.0)
    assert made.next_deadline() is None


@given(st.lists(st.integers(1, 0xFFFFFFFF), max_size=300))
def test_forged_addresses_are_bounded_and_the_lowest_is_never_lost(numbers):
    """RFC 9776 section 9: queries can be forged."""
    made = election(own=None)
    for number in numbers:
        made.hear(IPv4Address(number), "p1", 0.0)
    assert len(made._rivals) <= MOST_HEARD
    believed = None if made.believed is None else int(made.believed.address)
    assert believed == min(numbers, default=None)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 200)), max_size=40), st.booleans())
def test_changes_tell_the_whole_story(heard, zero_wins):
    """Whoever replays the changes always knows the querier."""
    made = Election(interval_s=255.0, zero_address_wins=zero_wins)
    now, told = 0.0, []
    effects = made.stand(IPv4Address(5), "started")
    for address, wait in heard:
        now += wait
        effects += made.expire(now) + made.hear(IPv4Address(address), "p1", now)
    for change in effects:
        if change.present:
            told.append((change.address, change.port))
        else:
            told.remove((change.address, change.port))
    assert made.believed is not None
    assert told == [(made.believed.address, made.believed.port)]
