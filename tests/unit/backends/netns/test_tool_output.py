"""What installed tools print, as what programs of ours tell."""

from ipaddress import IPv4Address

import pytest

from harness.backends.netns.tool_output import ToolOutput
from harness.plan.tools import Made, PlanTool, Tool
from harness.protocols.probes.program import Answered, Cast, Figures, Join, Say

N1, N2 = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.2")


def told(kind, text, mode="asm"):
    tool = PlanTool(
        name="probe",
        number=1,
        tool=kind,
        made=Made.SYSTEM,
        version=4,
        hosts=("n2",),
        server="n1",
        source="",
        group=None,
        port=None,
        count=None,
        period_s=1.0,
        size=None,
        hops=64,
        mode=mode,
        start_s=0.0,
        stop_s=10.0,
    )
    output = ToolOutput(tool)
    found = [effect for line in text.splitlines() for effect in output.feed(line)]
    return [*found, *output.close()]


def lines(effects):
    return [effect.text for effect in effects if isinstance(effect, Say)]


def of(kind, effects):
    return [effect for effect in effects if isinstance(effect, kind)]


ASMPING = """\
asmping joined (S,G) = (*,224.0.2.234)
pinging 10.77.0.1 from 10.77.0.2
  unicast from 10.77.0.1, seq=1 dist=0 time=0.248 ms
  unicast from 10.77.0.1, seq=2 dist=0 time=0.200 ms
  unicast from 10.77.0.1, seq=2 dist=0 time=0.210 ms (DUP!)
multicast from 10.77.0.1, seq=2 dist=3 time=0.336 ms

--- 10.77.0.1 statistics ---
2 packets transmitted, time 2001 ms
unicast:
   2 packets received, 0% packet loss
   rtt min/avg/max/std-dev = 0.200/0.224/0.248/0.059 ms
multicast:
   1 packets received, 0% packet loss since first mc packet (seq 2) recvd
   rtt min/avg/max/std-dev = 0.336/0.336/0.336/0.000 ms
"""


def test_asmping_says_every_line_and_what_it_means():
    effects = told(Tool.ASMPING, ASMPING)
    assert lines(effects) == ASMPING.splitlines()
    assert of(Join, effects) == [Join(group=IPv4Address("224.0.2.234"))]
    assert of(Answered, effects) == [
        Answered(peer=N1, cast=Cast.UNICAST, sequence=1, size=0, distance=0),
        Answered(peer=N1, cast=Cast.UNICAST, sequence=2, size=0, distance=0),
        Answered(peer=N1, cast=Cast.UNICAST, sequence=2, size=0, distance=0, duplicate=True),
        Answered(peer=N1, cast=Cast.MULTICAST, sequence=2, size=0, distance=3),
    ]
    unicast, multicast = of(Figures, effects)
    assert (unicast.cast, unicast.sent, unicast.received, unicast.duplicates, unicast.first) == (
        Cast.UNICAST,
        2,
        2,
        1,
        1,
    )
    assert (multicast.cast, multicast.sent, multicast.received, multicast.first) == (Cast.MULTICAST, 2, 1, 2)
    assert multicast.mean_s == pytest.approx(0.000336)


def test_ssmping_names_its_source():
    effects = told(Tool.SSMPING, "ssmping joined (S,G) = (10.77.0.1,232.43.211.234)\n")
    assert of(Join, effects) == [Join(group=IPv4Address("232.43.211.234"), source=N1)]


OMPING = """\
10.77.0.2 : waiting for response msg
10.77.0.2 : joined (S,G) = (*, 232.43.211.234), pinging
10.77.0.2 :   unicast, seq=1, size=69 bytes, dist=0, time=0.056ms
10.77.0.2 : multicast, seq=3, size=69 bytes, dist=0, time=0.070ms

10.77.0.2 :   unicast, xmt/rcv/%loss = 4/4/0%, min/avg/max/std-dev = 0.034/0.061/0.093/0.030
10.77.0.2 : multicast, xmt/rcv/%loss = 4/2+1/50% (seq>=3 0%), min/avg/max/std-dev = 0.047/0.074/0.105/0.029
10.77.0.1 : response message never received
"""


def test_omping_answers_are_told_once_and_figures_of_every_peer():
    effects = told(Tool.OMPING, OMPING)
    assert lines(effects) == [line for line in OMPING.splitlines() if ", seq=" not in line]
    assert of(Answered, effects) == [
        Answered(peer=N2, cast=Cast.UNICAST, sequence=1, size=69, distance=0),
        Answered(peer=N2, cast=Cast.MULTICAST, sequence=3, size=69, distance=0),
    ]
    assert [
        (one.peer, one.cast, one.sent, one.received, one.duplicates, one.first)
        for one in of(Figures, effects)
    ] == [
        (N2, Cast.UNICAST, 4, 4, 0, 1),
        (N2, Cast.MULTICAST, 4, 2, 1, 3),
        (N1, Cast.UNICAST, 0, 0, 0, None),
        (N1, Cast.MULTICAST, 0, 0, 0, None),
    ]


def test_a_silent_peer_of_a_broadcast_omping_has_figures_of_broadcast():
    effects = told(Tool.OMPING, "10.77.0.1 : response message never received", mode="ipbc")
    assert [one.cast for one in of(Figures, effects)] == [Cast.UNICAST, Cast.BROADCAST]


MCFIRST = """\
mcfirst joined (*,G) = (*,239.192.1.1)
Received 100 bytes from 10.77.0.1 after 792.753 ms (ttl/hops 1)
Received 100 bytes from 10.77.0.2 after 793.753 ms (ttl/hops 1)
Received 100 bytes from 10.77.0.1 after 794.753 ms (ttl/hops 1)
300 bytes (payload) and 3 packets received in 0.793 seconds
"""


def test_figures_of_mcfirst_are_about_the_group_or_the_source():
    effects = told(Tool.MCFIRST, MCFIRST)
    assert [(one.peer, one.sequence, one.size) for one in of(Answered, effects)] == [
        (N1, 1, 100),
        (N2, 2, 100),
        (N1, 3, 100),
    ]
    group = IPv4Address("239.192.1.1")
    assert of(Figures, effects) == [Figures(peer=group, cast=Cast.MULTICAST, sent=0, received=3, first=1)]
    of_a_source = MCFIRST.replace("(*,G) = (*,", "(S,G) = (10.77.0.1,")
    assert [one.peer for one in of(Figures, told(Tool.MCFIRST, of_a_source))] == [N1]


def test_an_mcfirst_that_heard_nothing():
    text = "mcfirst joined (*,G) = (*,239.192.1.1)\n0 bytes (payload) and 0 packets received in 0.000 seconds"
    (figures,) = of(Figures, told(Tool.MCFIRST, text))
    assert (figures.received, figures.first) == (0, None)


@pytest.mark.parametrize("kind", list(Tool))
def test_what_is_no_address_and_what_is_no_line_of_the_tool_is_only_said(kind):
    text = "somewhere :   unicast, seq=1, size=69 bytes, dist=0, time=0.056ms\n\x1b[2Jrubbish\n\n"
    effects = told(kind, text)
    assert all(isinstance(effect, Say) for effect in effects)
