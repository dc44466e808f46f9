"""What tools do becomes records: what follows each other is one, and nothing is lost or told twice."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from harness.backends.tool_records import ToolRecords, names_by_address
from harness.observations.model import (
    Membership,
    ToolAnswered,
    ToolAsked,
    ToolEnded,
    ToolFigures,
    ToolSaid,
)
from harness.plan.model import PeerKind, PlanHost
from harness.plan.tools import Made, PlanTool, Tool
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter
from harness.protocols.probes.program import Answered, Asked, Cast, Ended, Figures, Join, Leave, Say

N1, N2 = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
GROUP = IPv4Address("232.43.211.234")


def host(name, address, **more):
    return PlanHost(
        name=name,
        kind=PeerKind.NODE,
        number=1,
        mac="02:00:00:00:00:01",
        address=address,
        switch="sw1",
        port="p1",
        mtu=1500,
        up=True,
        igmp_version=None,
        **more,
    )


HOSTS = (
    host("n1", N1),
    host("n2", N2, address6=IPv6Address("fd00::2"), link_local=IPv6Address("fe80::2")),
)


def tool(period_s=1.0):
    return PlanTool(
        name="probe",
        number=3,
        tool=Tool.OMPING,
        made=Made.NATIVE,
        version=4,
        hosts=("n1", "n2"),
        server="",
        source="",
        group=None,
        port=None,
        count=None,
        period_s=period_s,
        size=None,
        hops=64,
        mode="asm",
        start_s=0.0,
        stop_s=10.0,
    )


@pytest.fixture
def told():
    return []


@pytest.fixture
def records(told):
    return ToolRecords(tool(), HOSTS, told.append)


@pytest.fixture
def n1(records):
    return records.of("n1")


def answer(sequence, cast=Cast.MULTICAST, **more):
    return Answered(peer=N2, cast=cast, sequence=sequence, **({"size": 69, "distance": 0} | more))


def spans(told):
    return [(one.cast, one.sequence, one.count, one.at_s, one.last_s) for one in told]


def test_answers_that_follow_each_other_are_one_record(n1, told):
    for number in (1, 2, 3):
        n1(answer(number), float(number))
    assert told == []
    n1.flush()
    assert told == [
        ToolAnswered(
            at_s=1.0,
            last_s=3.0,
            tool=3,
            host="n1",
            peer="n2",
            cast="multicast",
            sequence=1,
            size=69,
            count=3,
            distance=0,
        )
    ]
    n1.flush()
    assert len(told) == 1


def test_casts_are_gathered_apart(n1, told):
    for number in (1, 2):
        n1(answer(number, Cast.UNICAST), float(number))
        n1(answer(number), number + 0.1)
    n1.flush()
    assert spans(told) == [("unicast", 1, 2, 1.0, 2.0), ("multicast", 1, 2, 1.1, 2.1)]


def test_a_gap_in_the_numbers_begins_a_new_record(n1, told):
    for number in (1, 2, 4, 3):
        n1(answer(number), float(number))
    n1.flush()
    assert [(one.sequence, one.count) for one in told] == [(1, 2), (4, 1), (3, 1)]


@pytest.mark.parametrize("change", [{"size": 70}, {"distance": 1}, {"distance": None}])
def test_another_size_or_distance_begins_a_new_record(n1, told, change):
    n1(answer(1), 1.0)
    n1(answer(2, **change), 2.0)
    n1.flush()
    assert [(one.sequence, one.count) for one in told] == [(1, 1), (2, 1)]


def test_duplicates_are_told_apart_and_together(n1, told):
    for number in (1, 2):
        n1(answer(number), float(number))
        n1(answer(number, duplicate=True), number + 0.01)
    n1.flush()
    assert [(one.sequence, one.count, one.duplicate) for one in told] == [(1, 2, False), (1, 2, True)]


def test_what_came_too_late_or_too_early_is_told_with_its_own_moment(n1, told):
    for at_s, number in ((1.0, 1), (2.6, 2), (3.6, 3), (3.7, 4)):
        n1(answer(number), at_s)
    n1.flush()
    assert spans(told) == [
        ("multicast", 1, 1, 1.0, 1.0),
        ("multicast", 2, 2, 2.6, 3.6),
        ("multicast", 4, 1, 3.7, 3.7),
    ]


def test_a_machine_that_is_a_little_late_may_be_allowed_for(told):
    records = ToolRecords(tool(period_s=0.001), HOSTS, told.append, slack_s=0.005)
    for number in range(1, 9):
        records.of("n1")(answer(number), 1.0 + number * 0.001 + (0.004 if number == 5 else 0))
    records.flush()
    assert [(one.sequence, one.count) for one in told] == [(1, 8)]


def test_requests_are_gathered_by_peer_and_told_with_the_moment_of_the_last(n1, told):
    for number in (1, 2):
        n1(Asked(peer=N2, sequence=number), float(number))
    n1(Asked(peer=N1, sequence=2), 2.0)
    n1.flush()
    assert told == [
        ToolAsked(at_s=2.0, tool=3, host="n1", peer="n2", first=1, count=2),
        ToolAsked(at_s=2.0, tool=3, host="n1", peer="n1", first=2, count=1),
    ]


def test_figures_come_after_what_they_count_and_hosts_do_not_mix(records, told):
    records.of("n2")(Asked(peer=N1, sequence=1), 1.0)
    records.of("n1")(Asked(peer=N2, sequence=1), 1.0)
    said = Figures(peer=N2, cast=Cast.MULTICAST, sent=1, received=0, duplicates=2, first=None, mean_s=0.25)
    records.of("n1")(said, 5.0)
    assert told == [
        ToolAsked(at_s=1.0, tool=3, host="n1", peer="n2", first=1, count=1),
        ToolFigures(
            at_s=5.0,
            tool=3,
            host="n1",
            peer="n2",
            cast="multicast",
            sent=1,
            received=0,
            duplicates=2,
            mean_s=0.25,
        ),
    ]


def test_lines_memberships_and_the_end_are_told_at_once(n1, told):
    n1(Join(group=GROUP), 0.5)
    n1(Say(text="pinging", error=True), 1.0)
    n1(Leave(group=GROUP), 2.0)
    n1(Ended(status=1), 2.0)
    assert told == [
        Membership(at_s=0.5, node="n1", stream=3, joined=True),
        ToolSaid(at_s=1.0, tool=3, host="n1", text="pinging", error=True),
        Membership(at_s=2.0, node="n1", stream=3, joined=False),
        ToolEnded(at_s=2.0, tool=3, host="n1", status=1),
    ]


def test_who_joins_for_several_sources_is_one_member_until_the_last_is_left(n1, told):
    n1(Join(group=GROUP, source=N2), 0.5)
    n1(Join(group=GROUP, source=N1), 0.6)
    n1(Leave(group=GROUP, source=N2), 1.0)
    assert n1.joined == ((GROUP, N1),)
    n1(Leave(group=GROUP, source=N1), 1.5)
    assert [(one.at_s, one.joined) for one in told] == [(0.5, True), (1.5, False)]


def test_what_has_ended_is_in_no_group(n1, told):
    n1(Join(group=GROUP), 0.5)
    n1(Ended(status=0), 2.0)
    assert told[1:] == [
        Membership(at_s=2.0, node="n1", stream=3, joined=False),
        ToolEnded(at_s=2.0, tool=3, host="n1", status=0),
    ]
    assert n1.joined == ()


def test_names_of_hosts_stand_for_all_their_addresses(n1, told):
    assert names_by_address(HOSTS) == {
        N1: "n1",
        N2: "n2",
        IPv6Address("fd00::2"): "n2",
        IPv6Address("fe80::2"): "n2",
    }
    n1(Asked(peer=IPv4Address("192.0.2.1"), sequence=1), 1.0)
    n1.flush()
    assert told[0].peer == "192.0.2.1"


def test_what_is_wanted_of_a_group_follows_the_joins(told):
    wants = []
    n1 = ToolRecords(tool(), HOSTS, told.append, wanted=lambda *want: wants.append(want)).of("n1")
    n1(Join(group=GROUP, source=N2), 0.0)
    n1(Join(group=GROUP, source=N1), 0.0)
    n1(Leave(group=GROUP, source=N2), 0.0)
    n1(Join(group=GROUP), 0.0)
    n1(Ended(status=0), 0.0)
    include = FilterMode.INCLUDE
    assert wants == [
        ("n1", 3, GROUP, SourceFilter(mode=include, sources=(N2,))),
        ("n1", 3, GROUP, SourceFilter(mode=include, sources=(N1, N2))),
        ("n1", 3, GROUP, SourceFilter(mode=include, sources=(N1,))),
        ("n1", 3, GROUP, EVERY_SOURCE),
        ("n1", 3, GROUP, None),
    ]
    assert n1.has_ended
