"""What the probe tools print, line by line: true texts, the odd forms, and anything at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.probes.program import Cast
from harness.readings.probe_lines import (
    AnswerRead,
    FiguresRead,
    Joined,
    McFirstLines,
    NeverAnswered,
    OmpingLines,
    Pinging,
    Received,
    SsmpingLines,
    StoppedWith,
    Waiting,
)

SAMPLES = Path(__file__).parent / "samples"


def events(reader, text):
    fed = [event for line in text.splitlines() for event in reader.feed(line)]
    return [*fed, *reader.close()]


def sample(name):
    return (SAMPLES / name).read_text(encoding="utf-8")


def test_omping_of_three_nodes():
    seen = events(OmpingLines(), sample("omping-three-nodes.txt"))
    assert seen[:3] == [
        Waiting(peer="10.77.0.2"),
        Waiting(peer="10.77.0.3"),
        Joined(peer="10.77.0.2", group="232.43.211.234"),
    ]
    answers = [event for event in seen if isinstance(event, AnswerRead)]
    assert [(one.cast, one.sequence, one.duplicate) for one in answers if one.sequence == 2] == [
        (Cast.UNICAST, 2, False),
        (Cast.MULTICAST, 2, False),
        (Cast.MULTICAST, 2, True),
    ]
    assert answers[0] == AnswerRead(
        peer="10.77.0.2", cast=Cast.UNICAST, sequence=1, size=69, distance=0, time_s=pytest.approx(0.000056)
    )
    assert StoppedWith(peer="10.77.0.2", reason="given amount of query messages was sent") in seen
    *_, multicast, absent = seen
    assert multicast == FiguresRead(
        peer="10.77.0.2",
        cast=Cast.MULTICAST,
        sent=3,
        received=3,
        duplicates=1,
        least_s=pytest.approx(0.000047),
        mean_s=pytest.approx(0.000074),
        most_s=pytest.approx(0.000105),
        deviation_s=pytest.approx(0.000029),
    )
    assert absent == NeverAnswered(peer="10.77.0.3")


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            "n1  : multicast, xmt/rcv/%loss = 8/4/50% (seq>=5 0%), min/avg/max/std-dev = 0.1/0.2/0.3/0.4",
            FiguresRead(
                peer="n1",
                cast=Cast.MULTICAST,
                sent=8,
                received=4,
                first=5,
                least_s=pytest.approx(0.0001),
                mean_s=pytest.approx(0.0002),
                most_s=pytest.approx(0.0003),
                deviation_s=pytest.approx(0.0004),
            ),
        ),
        (
            "n1 : multicast, xmt/rcv/%loss = 4/0/100%, min/avg/max/std-dev = 0.000/0.000/0.000/0.000",
            FiguresRead(peer="n1", cast=Cast.MULTICAST, sent=4, received=0),
        ),
        (
            "n1 :   unicast, xmt/rcv/%loss = 49/50/-2%, min/avg/max/std-dev =",
            FiguresRead(peer="n1", cast=Cast.UNICAST, sent=49, received=50),
        ),
        (
            "fd00::2 : broadcast, seq=7, size=81 bytes, dist=3, time=0.078ms (0.050 avg, 0% loss)",
            AnswerRead(
                peer="fd00::2",
                cast=Cast.BROADCAST,
                sequence=7,
                size=81,
                distance=3,
                time_s=pytest.approx(0.000078),
            ),
        ),
        (
            "n1 : multicast, seq=7, size=81 bytes",
            AnswerRead(peer="n1", cast=Cast.MULTICAST, sequence=7, size=81),
        ),
        (
            "n2 : joined (S,G) = (10.77.0.2, 232.43.211.234), pinging",
            Joined(peer="n2", group="232.43.211.234", source="10.77.0.2"),
        ),
        ("n2 : server told us to stop", StoppedWith(peer="n2", reason="server told us to stop")),
    ],
)
def test_odd_lines_of_omping(line, event):
    assert OmpingLines().feed(line) == (event,)


@pytest.mark.parametrize(
    "line", ["", "n1", "n1 : hello", "n1 : unicast, seq=, size=69 bytes", "$ omping n1 n2"]
)
def test_other_lines_say_nothing(line):
    assert OmpingLines().feed(line) == ()


def test_asmping_that_dies():
    seen = events(SsmpingLines(), sample("asmping-dies.txt"))
    assert seen[:2] == [Joined(group="239.192.3.234"), Pinging(peer="10.77.0.1", own="10.77.0.2")]
    multicast = [one.sequence for one in seen if isinstance(one, AnswerRead) and one.cast is Cast.MULTICAST]
    assert multicast == [1, 2, 3, 4, 5]
    unicast_figures, multicast_figures = seen[-2:]
    assert (unicast_figures.sent, unicast_figures.received, unicast_figures.first) == (9, 9, None)
    assert (multicast_figures.sent, multicast_figures.received, multicast_figures.first) == (9, 5, 1)
    assert multicast_figures.lasted_s == pytest.approx(9.001)
    assert multicast_figures.deviation_s == pytest.approx(0.000030)


def test_asmping_of_which_no_multicast_came():
    *_, figures = events(SsmpingLines(), sample("asmping-blocked.txt"))
    assert figures == FiguresRead(
        peer="10.77.0.1", cast=Cast.MULTICAST, sent=4, received=0, lasted_s=pytest.approx(4.001)
    )


def test_ssmping_calls_its_peer_s_and_means_the_source():
    seen = events(SsmpingLines(), sample("ssmping-good.txt"))
    assert seen[0] == Joined(group="232.43.211.234", source="10.77.0.1")
    assert seen[1] == Pinging(peer="10.77.0.1", own="10.77.0.2")
    assert {one.peer for one in seen[2:]} == {"10.77.0.1"}


def test_figures_whose_round_trips_were_cut_off_come_at_the_end():
    text = sample("asmping-dies.txt")
    seen = events(SsmpingLines(), text[: text.rindex("   rtt")])
    assert (seen[-1].cast, seen[-1].received, seen[-1].mean_s) == (Cast.MULTICAST, 5, None)


def test_mcfirst():
    *answers, end = events(McFirstLines(), sample("mcfirst-three.txt"))[1:]
    assert [(one.sequence, one.size) for one in answers] == [(1, 100), (2, 100), (3, 100)]
    assert end == Received(size=300, datagrams=3, lasted_s=pytest.approx(1.224))
    assert events(McFirstLines(), sample("mcfirst-nothing.txt"))[-1] == Received(
        size=0, datagrams=0, lasted_s=0.0
    )


@given(st.lists(st.text()))
def test_no_line_is_too_much(lines):
    for reader in (OmpingLines(), SsmpingLines(), McFirstLines()):
        assert isinstance([*(event for line in lines for event in reader.feed(line)), *reader.close()], list)


WORDS = """
n1 : unicast, multicast, seq=1 xmt/rcv/%loss = 3/3/0%, min/avg/max/std-dev 0.1/0.2 -1 . / (dup)
(seq>=5 time=1ms packets received, 0% packet loss rtt unicast: multicast: --- statistics 10.0.0.1 ---
"""
PIECES = st.sampled_from([*WORDS.split(), "9" * 5000])


@given(st.lists(st.lists(PIECES).map(" ".join)))
def test_no_mixture_of_their_words_is_too_much(lines):
    for reader in (OmpingLines(), SsmpingLines(), McFirstLines()):
        assert isinstance([*(event for line in lines for event in reader.feed(line)), *reader.close()], list)
