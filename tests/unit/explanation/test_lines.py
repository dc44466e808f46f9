"""An explanation as text: short, aligned, the root under the hop that decides."""

import pickle
from dataclasses import replace

from factory import GROUP, node, switch, two_switches
from story import SPEED_ONE, aged, member, mode, told

from harness.explanation import Explanation, Hop, HopKind, lines
from harness.explanation.text import hop_lines
from harness.plan.model import PeerKind, PlanLink
from harness.report import explanation_data

NO_QUERIER = [mode(), *(member(f"p{n}") for n in (1, 2, 3, 4)), *(aged(f"p{n}", 260.5) for n in (1, 2, 3, 4))]


def came(s, r, n):
    return True


def test_what_a_tired_engineer_reads():
    assert "\n".join(lines(told(SPEED_ONE, NO_QUERIER))) == (
        f"""\
n1 -> n2  {GROUP} at 300.0 s: did not come
  ok    n1      sends it to {GROUP}: a packet of 92 bytes
  STOP  sw1:p2  nobody is a member of {GROUP} here, and such a group goes to router ports only (none) \
[profile rfc]
        it knew: members none; router ports none; querier none
        because p2 (to n2) of sw1 aged out at 260.5 s, 260 s after the last report of n2 \
[RFC 2236 section 8.4]
        because no report renewed it: nobody asks: sw1 has never heard a query
        because no switch, router or host of this network runs a querier
  --    n2      is a member of {GROUP} from the start"""
    )


def test_what_came_says_why():
    found = told(SPEED_ONE, [mode(), member("p2", 3.0)], fate=came)
    assert "\n".join(lines(found)) == (
        f"""\
n1 -> n2  {GROUP} at 300.0 s: came
  ok    n1      sends it to {GROUP}: a packet of 92 bytes
  ok    sw1:p2  p2 (to n2) is a member of {GROUP} [RFC 4541 section 2.1.2 (1)]
        because it is so since 3.0 s: report from 10.77.0.2
  ok    n2      is a member of {GROUP} from the start"""
    )


def chain(length):
    """n1 at the first of many switches in a row, n2 at the last."""
    base = two_switches()
    switches, links = [], []
    for number in range(1, length + 1):
        ports = [("p1", "n1", "eth0", PeerKind.NODE)] if number == 1 else []
        ports += [("p2", "n2", "eth0", PeerKind.NODE)] if number == length else []
        ports += [("p8", f"sw{number - 1}", "p9", PeerKind.SWITCH)] if number > 1 else []
        ports += [("p9", f"sw{number + 1}", "p8", PeerKind.SWITCH)] if number < length else []
        switches.append(switch(f"sw{number}", ports))
        if number > 1:
            near, far = (f"sw{number - 1}", "p9"), (f"sw{number}", "p8")
            links.append(PlanLink(a=near, b=far, mtu=1500, b_mtu=1500, up=True))
    hosts = (node(1), node(2, switch=f"sw{length}"))
    return replace(base, switches=tuple(switches), links=tuple(links), hosts=hosts)


def test_a_long_way_is_told_in_a_few_lines():
    records = [mode(f"sw{n}", snooping=False) for n in range(1, 41)]
    found = told(chain(40), records, at_s=30.0, fate=came)
    assert len(found.hops) == 2 + 40 + 41
    text = lines(found)
    assert len(text) == 6
    assert text[3] == "  ...   38 more switches"


def test_the_hop_that_stops_it_is_never_left_out():
    records = [mode(f"sw{n}", snooping=n == 20) for n in range(1, 41)]
    text = lines(told(chain(40), records, at_s=30.0))
    assert len(text) <= 12
    assert any(line.startswith("  STOP  sw20:p9") for line in text)
    assert "  ...   37 more switches" in text


def test_a_surprise_is_told():
    assert hop_lines(told(SPEED_ONE, [mode(), member("p2")]))[-1] == (
        "it did not come, although every hop lets it pass: the records do not say why"
    )
    assert hop_lines(told(SPEED_ONE, NO_QUERIER, fate=came))[-1] == (
        "it came all the same: the records do not say how it passed sw1:p2"
    )


def test_luck_has_a_sign():
    hops = (
        Hop(kind=HopKind.SENDER, device="n1", passes=True, why="sends it"),
        Hop(
            kind=HopKind.CABLE, device="n1", port="eth0", passes=None, why="the cable n1 - sw1:p1 is impaired"
        ),
        Hop(kind=HopKind.RECEIVER, device="n2", passes=True, why="listens"),
    )
    found = Explanation(
        stream="ring",
        group="10.77.0.2",
        sender="n1",
        receiver="n2",
        at_s=1.0,
        hops=hops,
        delivered=False,
        summary="it got lost by chance",
    )
    assert hop_lines(found)[1].startswith("luck  cable  the cable n1 - sw1:p1")
    assert len(hop_lines(found)) == 3


def test_data_and_pickles():
    found = told(SPEED_ONE, NO_QUERIER)
    assert pickle.loads(pickle.dumps(found)) == found
    data = explanation_data(found)
    assert (data["sender"], data["receiver"], data["at_s"], data["delivered"]) == ("n1", "n2", 300.0, False)
    stop = data["hops"][2]
    assert (stop["kind"], stop["device"], stop["port"], stop["passes"]) == ("switch", "sw1", "p2", False)
    assert stop["rule"] == "profile rfc"
    assert len(stop["because"]) == 3
    assert data["lines"] == list(lines(found))
