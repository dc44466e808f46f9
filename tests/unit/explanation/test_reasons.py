"""The roots behind a port that gets nothing: from the table back to reports, queries and who should ask."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from factory import GROUP, plan, stream, two_switches
from story import (
    AGED_ROUTER,
    SPEED_ONE,
    aged,
    link_steps,
    lossy,
    member,
    mode,
    querier,
    query,
    report,
    router,
    router_port,
    step,
    told,
    with_host,
    with_switch,
)

from harness.explanation import HopKind
from harness.observations.model import Igmp, Membership
from harness.plan.impairment import FrameKind, Impairment
from harness.plan.model import ActionKind, FirewallCommand, Forgery, PeerKind
from harness.profiles import DataPlane
from harness.protocols.dialect import Dialect
from harness.protocols.host_config import HostConfig, IgnoredQuery
from harness.protocols.querier import QuerierConfig
from harness.protocols.snooping_config import FloodUntil, HeaderCheck, RelayTo
from harness.wire.membership import Query

AGEING = "[RFC 2236 section 8.4]"
NOBODY = "no switch, router or host of this network runs a querier"
ASKS = QuerierConfig(address=IPv4Address("10.77.0.5"), mac=bytes(6))
WITH_ROUTER = plan(speed=1.0, duration_s=400.0, router=True)
R1 = "r1 (10.77.0.5)"


def long_chain():
    chain = two_switches()
    streams = (replace(chain.streams[0], stop_s=400.0),)
    return replace(chain, speed=1.0, duration_s=400.0, streams=streams)


CHAIN = long_chain()
OTHERS = [member("p3"), member("p4")]
GONE = [mode(), *OTHERS, member("p2"), aged("p2", 260.5)]
FORGOT = f"p2 (to n2) of sw1 aged out at 260.5 s, 260 s after the last report of n2 {AGEING}"


def asking(the_plan=WITH_ROUTER, **changes):
    return router(the_plan, querier=replace(ASKS, **changes), querier_on=True)


def reasons(the_plan, records, **settings):
    """Why the one switch that stops it does."""
    stop = told(the_plan, records, **settings).stopped_at
    assert stop is not None
    assert stop.kind is HopKind.SWITCH
    return stop.because


def emulated(**settings):
    return HostConfig(address=IPv4Address("10.77.0.2"), mac=bytes(6), **settings)


# --- nobody asks --------------------------------------------------------------------------------------------


def test_class_c_without_a_querier():
    assert reasons(SPEED_ONE, GONE) == (
        FORGOT,
        "no report renewed it: nobody asks: sw1 has never heard a query",
        NOBODY,
    )


def test_the_querier_was_stopped():
    stopped = step(60.0, ActionKind.STOP_QUERIER, "r1: querier off", line=21, target="r1")
    dies = replace(asking(), actions=(stopped,))
    asked = [query("10.77.0.5", 0.0), query("10.77.0.5", 31.0)]
    assert reasons(dies, [*GONE[:-1], aged("p2", 295.0), *asked])[1:] == (
        f"no report renewed it: nobody has asked since 31.0 s (query from {R1})",
        'r1\'s querier was stopped by "r1: querier off" at 60.0 s (line 21)',
    )


def test_a_switch_whose_querier_was_set_off():
    own = with_switch(SPEED_ONE, behaviour={"querier": SPEED_ONE.switches[0].querier_ready})
    off = replace(own.switches[0].behaviour, querier=None)
    configured = step(60.0, ActionKind.CONFIGURE, "sw1: querier off", target="sw1", behaviour=off)
    records = [*GONE[:-1], aged("p2", 291.0), query("10.77.255.1", 31.0, port="")]
    assert reasons(replace(own, actions=(configured,)), records)[1:] == (
        "no report renewed it: nobody has asked since 31.0 s (query from sw1 itself)",
        'sw1\'s querier was stopped by "sw1: querier off" at 60.0 s (line 14)',
    )


def test_a_querier_that_was_never_switched_on():
    ready = router(WITH_ROUTER, querier=ASKS, querier_on=False)
    assert reasons(ready, GONE)[-1] == NOBODY


def test_a_querier_that_asks_too_seldom():
    records = [*GONE[:-1], aged("p2", 200.0), query("10.77.0.5", 0.0)]
    seldom = with_switch(asking(query_interval_s=300.0), behaviour={"membership_interval_s": 125.0})
    assert reasons(seldom, records)[1:] == (
        f"no report renewed it: nobody has asked since the start (query from {R1})",
        "r1 asks every 300 s, and sw1 forgets a member after 125 s [profile rfc]",
    )


def test_a_query_that_came_too_late_to_be_answered():
    records = [*GONE[:-1], aged("p2", 262.0), query("10.77.0.5", 258.0)]
    (_, why) = reasons(asking(), records)
    assert why == (
        f"{R1} asks too seldom: the next query came 256 s after the last report, and answers take up to 10 s"
    )


def test_only_mld_is_asked():
    mld = QuerierConfig(dialect=Dialect.MLD, address=IPv6Address("fe80::9"), mac=bytes(6))
    other = router(WITH_ROUTER, mld_querier=mld, mld_querier_on=True)
    assert reasons(other, GONE)[-1] == "the only querier of this network asks in MLD, nobody asks in IGMP"


def test_a_querier_in_another_vlan():
    ten, twenty = (
        replace(SPEED_ONE.switches[0], name=f"sw1.{vlan}", chassis="sw1", vlan=vlan) for vlan in (10, 20)
    )
    hosts = tuple(replace(one, switch="sw1.20") for one in SPEED_ONE.hosts)
    rvi = replace(
        WITH_ROUTER.hosts[-1],
        switch="sw1.10",
        name="rvi",
        querier=ASKS,
        querier_on=True,
        kind=PeerKind.ROUTER,
    )
    vlans = replace(SPEED_ONE, switches=(ten, twenty), hosts=(*hosts, rvi))
    records = [replace(one, switch="sw1.20") for one in GONE]
    assert reasons(vlans, records)[-1] == (
        "rvi (on sw1.10) asks, but in VLAN 10, and this is VLAN 20: queries stay in their VLAN"
    )


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (
            {"querier_yields_to_router_port": True, "static_router_ports": ("p4",)},
            "its static router port p4 (to n4) forbids it [profile rfc]",
        ),
        ({"querier_needs_address": True}, "it has no address to ask from [profile rfc]"),
    ],
)
def test_a_querier_that_keeps_silent(behaviour, why):
    nowhere = replace(SPEED_ONE.switches[0].querier_ready, address=IPv4Address("0.0.0.0"))
    silent = with_switch(SPEED_ONE, behaviour={"querier": nowhere, **behaviour})
    assert reasons(silent, GONE)[-1] == f"sw1 has a querier that keeps silent: {why}"


def test_a_querier_that_waits():
    early = [mode(), *OTHERS]
    waits = asking(start_delay_s=60.0)
    found = reasons(waits, [*early, member("p2"), aged("p2", 20.0)], at_s=30.0)
    assert found[-1] == "r1 listens for 60 s before it asks for the first time"


def test_a_querier_that_lost_the_election():
    records = [*GONE, querier("10.77.0.5", switch="r1"), querier("10.77.0.2", 30.0, switch="r1")]
    assert reasons(asking(), records)[-1] == (
        "r1 keeps silent: it takes n2 (10.77.0.2) for the querier, since 30.0 s [RFC 2236 section 3]"
    )


def test_queries_that_get_lost_on_their_way():
    impaired = replace(asking(), impaired=(lossy("r1", "eth0", Impairment(kind=FrameKind.IGMP, loss=1.0)),))
    assert reasons(impaired, GONE)[-2:] == (
        "r1 asks, but its queries do not reach sw1",
        "the cable r1 - sw1:p5 loses all IGMP",
    )


def test_a_forged_query_that_won():
    forgery = Forgery(
        message=Query(version=2), source=IPv4Address("10.77.0.3"), source_mac="02:00:00:00:00:03"
    )
    forged = step(45.0, ActionKind.FORGE, "n3 forges a query", line=25, target="n3", forgery=forgery)
    records = [
        mode(),
        *OTHERS,
        member("p2"),
        query("10.77.0.5", 20.0),
        query("10.77.0.3", 45.0, port="p3"),
        querier("10.77.0.5", switch="r1"),
        querier("10.77.0.3", 45.0, switch="r1"),
        aged("p2", 290.0),
    ]
    assert reasons(replace(asking(), actions=(forged,)), records)[1:] == (
        "no report renewed it: all queries since then were forged",
        "the query from 10.77.0.3 at 45.0 s was forged by n3 (line 25)",
        "r1 keeps silent: it takes n3 (10.77.0.3) for the querier, since 45.0 s [RFC 2236 section 3]",
    )


# --- asked, and no answer -----------------------------------------------------------------------------------

ASKED = [query("10.77.0.5", at_s) for at_s in (0.0, 31.0, 156.0, 281.0)]


@pytest.mark.parametrize(
    ("host", "asker", "why"),
    [
        ({"answers_queries": False}, "10.77.0.5", "n2 never answers a query (host: answers_queries: off)"),
        ({"reports": False}, "10.77.0.5", "n2 never reports its groups (host: reports: off)"),
        (
            {"ignores": (IgnoredQuery.FROM_ZERO,)},
            "0.0.0.0",
            "n2 ignores the queries of 0.0.0.0: it takes none from an unspecified address",
        ),
        (
            {"extra_delay_s": 12.0},
            "10.77.0.5",
            "n2 answers queries 12 s late, when the answer counts no more",
        ),
    ],
)
def test_a_host_that_does_not_answer(host, asker, why):
    strange = with_host(asking(), "n2", emulated=emulated(**host))
    asked = [replace(one, source=asker) for one in ASKED]
    assert reasons(strange, [*GONE, *asked]) == (FORGOT, why)


def test_queries_that_the_hosts_cable_loses():
    impaired = replace(asking(), impaired=(lossy("sw1", "p2", Impairment(kind=FrameKind.IGMP, loss=1.0)),))
    assert reasons(impaired, [*GONE, *ASKED]) == (FORGOT, "the cable sw1:p2 - n2 loses all IGMP")


def test_reports_that_the_hosts_cable_loses():
    impaired = replace(asking(), impaired=(lossy("n2", "eth0", Impairment(kind=FrameKind.IGMP, loss=0.5)),))
    assert reasons(impaired, [*GONE, *ASKED]) == (
        FORGOT,
        "reports are lost on the way: the cable n2 - sw1:p2 is impaired: loss 50%; of IGMP",
    )


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (("-A", "INPUT", "-p", "igmp", "-j", "DROP"), f"{R1} asks, and n2 does not hear it: "),
        (("-A", "OUTPUT", "-p", "igmp", "-j", "DROP"), "n2 reports, and "),
    ],
)
def test_a_firewall_that_drops_igmp(rule, why):
    command = FirewallCommand(tool="iptables", arguments=rule)
    guarded = with_host(asking(), "n2", firewall=(command,))
    found = reasons(guarded, [*GONE, *ASKED])
    assert found == (FORGOT, f"{why}the firewall of n2 drops it: iptables {' '.join(rule)}")


def test_a_host_that_hears_others_keeps_its_report_back():
    flooding = with_switch(asking(), behaviour={"relay_reports_to": RelayTo.ALL})
    records = [*GONE, *ASKED, report("10.77.0.2", 5.0, "p2")]
    assert reasons(flooding, records)[-1] == (
        "sw1 passes reports to every port, so n2 hears those of others and keeps its own back "
        "[RFC 2236 section 3; profile rfc]"
    )


# --- leaves, links, restarts --------------------------------------------------------------------------------


def test_a_leave_that_cut_a_shared_port_off():
    gone = member("p2", 15.1, present=False, cause="leave from 10.77.0.3, fast leave")
    found = reasons(SPEED_ONE, [mode(), *OTHERS, member("p2"), gone])
    assert found == (
        (
            "sw1 cut p2 (to n2) off at once at 15.1 s, on a leave of n3 (10.77.0.3), without asking "
            "whether others are behind it (fast leave) [profile rfc]"
        ),
        "n2 is behind the same port, wants the group still, and reports only when asked",
    )


def test_a_leave_that_nobody_contradicted():
    slow = with_host(asking(), "n2", emulated=emulated(extra_delay_s=12.0))
    records = [
        mode(),
        *OTHERS,
        member("p2"),
        querier("10.77.0.5"),
        Igmp(at_s=24.0, switch="sw1", port="p2", what="leave", source="10.77.0.3", group=str(GROUP)),
        member("p2", 26.1, present=False, cause="left: no member answered after the leave"),
    ]
    assert reasons(slow, records) == (
        (
            "p2 (to n2) of sw1 ended at 26.1 s: nobody answered after the leave of n3 at 24.0 s "
            "[RFC 2236 section 3]"
        ),
        "n2 answers queries 12 s late, when the answer counts no more",
    )


def test_who_left_in_records_is_known_by_its_wish():
    records = [
        mode(),
        *OTHERS,
        member("p2"),
        Membership(at_s=24.0, node="n3", stream=1, joined=False),
        member("p2", 26.1, present=False, cause="left: no member answered after the leave"),
    ]
    assert "after the leave of n3 at 24.0 s" in reasons(SPEED_ONE, records)[0]


def test_a_link_that_flapped():
    ends = (("n2", "eth0"), ("sw1", "p2"))
    flapped = replace(SPEED_ONE, actions=link_steps(60.0, 61.0, ends=ends))
    gone = member("p2", 60.1, present=False, cause="port p2 down")
    assert reasons(flapped, [mode(), *OTHERS, member("p2"), gone]) == (
        "p2 (to n2) of sw1 was taken out at 60.1 s: port p2 down",
        "n2 reports again only when asked, and nobody asks: sw1 has never heard a query",
        NOBODY,
    )


def test_a_restart_until_the_answer():
    gone = member("p2", 60.1, present=False, cause="switch restarted")
    records = [mode(), *OTHERS, member("p2"), gone, query("10.77.0.5", 21.0)]
    assert reasons(asking(), records, at_s=100.0)[1:] == (
        f"n2 reports again only when asked, and nobody has asked since 21.0 s (query from {R1})",
        "r1 asks every 125 s",
    )
    again = [*records, query("10.77.0.5", 146.0)]
    assert reasons(asking(), again, at_s=150.0)[1:] == (
        "n2 was asked again at 146.0 s, and has 10 s to answer",
    )


# --- entries that never came --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "host", "why"),
    [
        (HeaderCheck.ROUTER_ALERT, {"router_alert": False}, "they have no Router Alert option"),
        (HeaderCheck.HOPS, {"hops": 64}, "their TTL is 64, not 1"),
        (
            HeaderCheck.DESTINATION,
            {"reports_to": IPv4Address("224.0.0.2")},
            "they go to 224.0.0.2, not to the group that they report",
        ),
    ],
)
def test_reports_that_fail_a_check(check, host, why):
    strict = with_switch(with_host(asking(), "n2", emulated=emulated(**host)), behaviour={"checks": (check,)})
    assert reasons(strict, [mode(), *OTHERS, *ASKED]) == (
        "no report of n2 ever came to sw1 at p2 (to n2)",
        f"sw1 drops the reports of n2 unread: {why} [RFC 9776 section 4; profile rfc]",
    )


@pytest.mark.parametrize(
    ("behaviour", "records", "why"),
    [
        (
            {"most_groups": 1},
            [member("p3", group="239.1.1.1")],
            "the table of sw1 is full: it has room for 1 groups [profile rfc]",
        ),
        (
            {"most_groups_per_port": 1},
            [member("p3"), member("p2", group="239.1.1.1")],
            "p2 of sw1 has its 1 groups and gets no more [profile rfc]",
        ),
    ],
)
def test_reports_that_a_switch_does_not_enter(behaviour, records, why):
    limited = with_switch(SPEED_ONE, behaviour=behaviour)
    assert reasons(limited, [mode(), *records, report("10.77.0.2", 1.0, "p2")]) == (why,)


def test_a_switch_that_learns_no_members_on_router_ports():
    ovs = with_switch(SPEED_ONE, behaviour={"no_members_on_router_ports": True})
    records = [mode(unregistered="drop"), router_port("p2"), report("10.77.0.2", 1.0, "p2")]
    assert reasons(ovs, records) == ("sw1 learns no members on p2, since it is a router port",)


def test_joins_of_any_source_in_the_ssm_range():
    ssm = replace(SPEED_ONE, streams=(stream(4, group=IPv4Address("232.1.1.1"), stop_s=400.0),))
    strict = with_switch(ssm, behaviour={"any_source_in_ssm": False})
    records = [mode(), report("10.77.0.2", 1.0, "p2", group="232.1.1.1")]
    assert reasons(strict, records) == (
        (
            "sw1 ignores joins of any source in the range of source-specific multicast, where 232.1.1.1 is "
            "[RFC 4604 section 3]"
        ),
    )


# --- two switches -------------------------------------------------------------------------------------------

SPLIT = [mode("sw1"), mode("sw2"), member("p1", switch="sw1"), member("p2", switch="sw2")]
KEPT = (
    "no report of n2 ever came to sw1 at p9 (to sw2)",
    (
        "sw2 knows n2 at p2, but passes reports to router ports only, and p9 (to sw1) is none "
        "[RFC 4541 section 2.1.1 (1)]"
    ),
)


def test_two_halves_without_a_querier():
    assert reasons(CHAIN, SPLIT) == (
        *KEPT,
        "no query ever made it one: nobody asks, sw2 has never heard a query",
        NOBODY,
    )


def test_class_b_is_two_halves_too_until_its_own_entries_age():
    flooding = [mode("sw1", unregistered="flood"), mode("sw2", unregistered="flood"), *SPLIT[2:]]
    assert reasons(CHAIN, flooding)[:2] == KEPT
    later = [*flooding, aged("p1", 261.0, switch="sw1")]
    found = told(CHAIN, later, at_s=300.0, fate=lambda s, r, n: True)
    assert found.stopped_at is None
    assert "such a group floods" in found.hops[2].why


def test_a_querier_without_an_address_makes_no_router_port():
    records = [*SPLIT, query("0.0.0.0", 12.0, port="p9", switch="sw2")]
    assert reasons(CHAIN, records)[2:] == (
        (
            "the only queries that came in at p9 are from 0.0.0.0, the first at 12.0 s, and such make no "
            "router port [RFC 4541 section 2.1.1 (2)]"
        ),
    )


def test_a_querier_on_the_members_side_makes_the_near_port_one():
    """sw2 asks itself: what lacks is the router port of sw1, which the query of 0.0.0.0 does not make."""
    records = [
        *SPLIT,
        query("0.0.0.0", 12.0, port="", switch="sw2"),
        query("0.0.0.0", 12.0, port="p9", switch="sw1"),
    ]
    assert reasons(CHAIN, records)[2:] == (
        "sw2 itself asks on that side; so sw1:p9 should be a router port, and is none",
        (
            "the only queries that came in at p9 are from 0.0.0.0, the first at 12.0 s, and such make no "
            "router port [RFC 4541 section 2.1.1 (2)]"
        ),
    )


def test_a_router_port_that_is_forgotten_too_early():
    router2 = replace(WITH_ROUTER.hosts[-1], switch="sw2", port="p5", querier=ASKS, querier_on=True)
    early = with_switch(
        replace(CHAIN, hosts=(*CHAIN.hosts, router2)), behaviour={"router_port_interval_s": 60.0}
    )
    records = [
        *SPLIT,
        router_port("p9"),
        query("10.77.0.5", 100.0, port="p9", switch="sw1"),
        router_port("p9", 160.0, present=False, cause=AGED_ROUTER),
    ]
    assert reasons(early, records, at_s=200.0) == (
        (
            f"p9 (to sw2) of sw1 is no router port since 160.0 s: no query came in there for 60 s, the last "
            f"at 100.0 s from {R1}"
        ),
        "queries come every 125 s, and sw1 forgets a router port after 60 s [profile rfc]",
    )


def test_a_router_port_that_only_came_now():
    records = [
        *SPLIT,
        query("10.77.0.1", 290.0, port="p9", switch="sw2"),
        router_port("p9", 290.0, switch="sw2", cause="query from 10.77.0.1"),
    ]
    assert reasons(CHAIN, records)[1:3] == (
        "p9 of sw2 is a router port only since 290.0 s (query from 10.77.0.1)",
        "n2 reports again only when asked, and nobody asks: sw1 has never heard a query",
    )


def test_a_trunk_that_was_plugged_later():
    later = replace(CHAIN, actions=link_steps(1.0, 30.0))
    off = with_switch(later, "sw2", behaviour={"snooping": False})
    records = [mode("sw1"), mode("sw2", snooping=False), member("p1")]
    assert reasons(off, records) == (
        "no report of n2 ever came to sw1 at p9 (to sw2)",
        'the way is open only since "link sw1:p9 - sw2:p9 up" at 30.0 s (line 15)',
        "n2 reports again only when asked, and nobody asks: sw1 has never heard a query",
        NOBODY,
    )


def test_an_entry_of_the_far_switch_that_aged_is_the_root():
    records = [*SPLIT, aged("p2", 262.0, switch="sw2")]
    assert reasons(CHAIN, records)[1].startswith("p2 (to n2) of sw2 aged out at 262.0 s, 260 s after")


def test_reports_lost_on_the_trunk():
    lossy_trunk = replace(
        CHAIN, impaired=(lossy("sw2", "p9", Impairment(kind=FrameKind.MULTICAST, loss=1.0)),)
    )
    relays = [*SPLIT, router_port("p9", switch="sw2")]
    assert reasons(lossy_trunk, relays) == (
        "no report of n2 ever came to sw1 at p9 (to sw2)",
        "reports are lost on the way: the cable sw2:p9 - sw1:p9 loses all multicast",
    )


# --- genuine switches ---------------------------------------------------------------------------------------

BRIDGE = with_switch(
    asking(), data_plane=DataPlane.LINUX_BRIDGE, behaviour={"flood_until": FloodUntil.QUERIER}
)


def bridge(records, at_s, fate):
    found = told(BRIDGE, records, at_s=at_s, fate=fate)
    return found.hops[2]


def test_a_bridge_floods_until_it_knows_a_querier():
    def everything(sender, receiver, number):
        return True

    hop = bridge([mode(), *OTHERS], 30.0, everything)
    assert hop.why == "floods every group as long as it knows no querier"
    knows = [mode(), *OTHERS, querier("10.77.0.5", 20.0), query("10.77.0.5", 20.0)]
    assert bridge(knows, 100.0, None).passes is False
    assert bridge(knows, 300.0, everything).why == "floods every group as long as it knows no querier"
    assert (
        bridge(knows, 25.0, everything).why == "floods every group: hosts have 10 s to answer the first query"
    )


def test_a_bridge_that_says_no_causes_is_believed_by_its_tables():
    told_by = {"cause": "told by the kernel's bridge"}
    records = [mode(), *OTHERS, member("p2", **told_by), member("p2", 260.5, present=False, **told_by)]
    records += [querier("10.77.0.5"), query("10.77.0.5", 20.0)]
    hop = bridge(records, 270.0, None)
    assert (
        hop.because[0] == f"p2 (to n2) of sw1 aged out at 260.5 s, 260 s after the last report of n2 {AGEING}"
    )


def test_what_took_a_bridges_entry_out_is_the_step_of_that_moment():
    told_by = {"cause": "told by the kernel's bridge"}
    restart = step(60.0, ActionKind.RESTART_SWITCH, "restart sw1", line=17, target="sw1")
    records = [mode(), *OTHERS, member("p2", **told_by), member("p2", 60.3, present=False, **told_by)]
    records += [querier("10.77.0.5"), query("10.77.0.5", 20.0)]
    found = told(replace(BRIDGE, actions=(restart,)), records, at_s=100.0)
    assert found.stopped_at.because[0] == (
        'p2 (to n2) of sw1 was taken out at 60.3 s: "restart sw1" at 60.0 s (line 17)'
    )


# --- IPv6 ---------------------------------------------------------------------------------------------------


def test_mld_has_reasons_of_its_own():
    group = "ff15::1"
    hosts = tuple(replace(one, address6=IPv6Address("fd77::") + one.number) for one in WITH_ROUTER.hosts)
    base = replace(
        asking(),
        hosts=tuple(
            replace(one, querier=ASKS, querier_on=True) if one.name == "r1" else one for one in hosts
        ),
        streams=(replace(WITH_ROUTER.streams[0], group=IPv6Address(group)),),
    )
    six = with_switch(base, mld=base.switches[0].behaviour)
    records = [
        mode(protocol="mld"),
        *(member(f"p{n}", group=group, protocol="mld") for n in (2, 3)),
        aged("p2", 260.5, group=group, protocol="mld"),
        *ASKED,
    ]
    assert reasons(six, records) == (
        "p2 (to n2) of sw1 aged out at 260.5 s, 260 s after the last report of n2 [RFC 2710 section 7.4]",
        "no report renewed it: nobody asks: sw1 has never heard a query",
        "the only querier of this network asks in IGMP, nobody asks in MLD",
    )
