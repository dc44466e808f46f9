"""The sentences at a probe's end, and the counting that they rest on."""

from figures import pair
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnosis import closing
from harness.diagnosis.facts import NothingHeard, PeerSilent
from harness.diagnosis.tally import MOST_RUNS, Tally

ALL, NONE = range(1, 601), range(0)


def test_the_sentence_of_a_missing_querier():
    (line,) = closing(pair("", "node3", range(1, 263)))
    assert line == (
        "unicast 0 %, multicast 100 % lost from node3 since 262 s: looks like snooping without a querier; "
        "run `mcast listen eth0 --for 130s` to confirm"
    )


def test_peers_that_fared_alike_share_a_line():
    (line,) = closing((*pair("", "n2", range(1, 263)), *pair("", "n3", range(1, 263))))
    assert line.startswith("unicast 0 %, multicast 100 % lost from n2 and n3 since 262 s: ")


def test_peers_that_fared_differently():
    lines = closing(
        (*pair("", "n2", ALL), *pair("", "n3", NONE), *pair("", "n4", 500, unicast=490)),
        (PeerSilent(peer="n5"),),
    )
    assert lines[0].startswith(
        "unicast 0 %, multicast 100 % lost from n3 from the first packet on: looks like "
    )
    assert lines[1].startswith("unicast 18 %, multicast 16 % lost from n4: looks like unicast is lost too")
    assert lines[2].startswith("n5 answered nothing at all: looks like a node answers nobody")
    assert lines[3] == "unicast 0 %, multicast 0 % lost from n2 in 600 s"


def test_good_but_short():
    (line,) = closing(pair("", "n2", range(1, 11), of=10))
    assert line == (
        "unicast 0 %, multicast 0 % lost from n2 in 10 s: too short to tell, 10 s of test end before the "
        "260 s in which memberships age; run `omping -c 600 -i 1 -q NODE...`"
    )


def test_good_and_long():
    assert closing(pair("", "n2", ALL)) == ("unicast 0 %, multicast 0 % lost from n2 in 600 s",)


def test_late():
    (line,) = closing(pair("", "n2", range(62, 601)))
    assert line.startswith(
        "unicast 0 %, multicast 100 % lost from n2 until 61 s: looks like multicast begins"
    )


def test_nothing_measured_nothing_said():
    assert closing(()) == ()


def test_nothing_heard():
    (line,) = closing((), (NothingHeard(group="239.192.3.20", lasted_s=10.0),))
    assert line.startswith("nothing was heard of 239.192.3.20: perhaps the network carries no multicast ")


def test_too_little_to_say_why():
    (line,) = closing(pair("", "n2", 480))
    assert "too little was measured to say why" in line


def test_tally_of_a_run_with_a_hole():
    tally = Tally()
    for sequence in (2, 3, 4, 8, 9):
        tally.answered(sequence, size=69)
    tally.answered(9, duplicate=True)
    assert (tally.first, tally.last, tally.received, tally.duplicates) == (2, 9, 5, 1)
    assert tally.gaps == ((5, 7),)
    assert tally.size == 69


@given(st.permutations(range(1, 31)), st.sets(st.integers(1, 30)))
def test_tally_does_not_depend_on_the_order(order, lost):
    tally = Tally()
    for sequence in order:
        if sequence not in lost:
            tally.answered(sequence)
    came = sorted(set(range(1, 31)) - lost)
    assert tally.received == len(came)
    assert (tally.first, tally.last) == ((came[0], came[-1]) if came else (None, None))
    missing = {number for start, end in tally.gaps for number in range(start, end + 1)}
    assert missing == {number for number in lost if came and came[0] < number < came[-1]}


def test_tally_stays_small():
    tally = Tally()
    for sequence in range(1, 10 * MOST_RUNS, 2):
        tally.answered(sequence)
    assert tally.scattered
    assert len(tally.gaps) < MOST_RUNS
    assert tally.last == 10 * MOST_RUNS - 1
