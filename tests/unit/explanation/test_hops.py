"""Each kind of hop: who sends, what a cable does, by which rule a switch decides, who takes it."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from factory import GROUP, plan, run, stream, traffic, two_switches
from story import (
    SPEED_ONE,
    acted,
    link_steps,
    lossy,
    member,
    mode,
    router_port,
    step,
    told,
    with_host,
    with_switch,
)

from harness.explanation import HopKind, explain
from harness.explanation.way import exits
from harness.observations.history import History
from harness.observations.model import Impaired, Membership, Sent
from harness.plan.impairment import FrameKind, Impairment
from harness.plan.model import ActionKind, Cast, FirewallCommand, ImpairedEnd, PlanLink
from harness.protocols.snooping_config import Lookup

ALL_MEMBERS = [mode(), *(member(f"p{number}") for number in range(1, 5))]
CHAIN = two_switches()
BOTH_FLOOD = [mode("sw1", snooping=False), mode("sw2", snooping=False)]


def came(s, r, n):
    return True


def kinds(found):
    return [hop.kind for hop in found.hops]


def only_stop(found, kind):
    stop = found.stopped_at
    assert stop is not None
    assert stop.kind is kind
    return stop


# --- the way ------------------------------------------------------------------------------------------------


def test_the_way_between_two_switches():
    assert exits(CHAIN, "n1", "n2") == (("sw1", "p9"), ("sw2", "p2"))
    assert exits(CHAIN, "n2", "n1") == (("sw2", "p9"), ("sw1", "p1"))
    assert exits(SPEED_ONE, "n1", "n3") == (("sw1", "p3"),)
    assert exits(replace(CHAIN, links=()), "n1", "n2") == ()


def test_every_device_and_cable_on_the_way_is_a_hop():
    found = told(CHAIN, BOTH_FLOOD, at_s=30.0, fate=came)
    assert kinds(found) == [
        HopKind.SENDER,
        HopKind.CABLE,
        HopKind.SWITCH,
        HopKind.CABLE,
        HopKind.SWITCH,
        HopKind.CABLE,
        HopKind.RECEIVER,
    ]
    assert [(hop.device, hop.port) for hop in found.hops if hop.kind is HopKind.SWITCH] == [
        ("sw1", "p9"),
        ("sw2", "p2"),
    ]
    assert found.delivered
    assert found.stopped_at is None


def test_the_last_datagram_before_the_moment_is_meant():
    assert told(SPEED_ONE, ALL_MEMBERS, at_s=30.7, fate=came).at_s == 30.0
    assert told(SPEED_ONE, ALL_MEMBERS, at_s=4000.0, fate=came).at_s == 399.0


def test_a_ring_is_walked_over_what_is_not_blocked():
    spare = PlanLink(a=("sw1", "p8"), b=("sw2", "p8"), mtu=1500, b_mtu=1500, up=False, blocked=True)
    ring = replace(CHAIN, links=(spare, *CHAIN.links))
    found = told(ring, BOTH_FLOOD, at_s=30.0, fate=came)
    assert [hop.port for hop in found.hops if hop.kind is HopKind.SWITCH] == ["p9", "p2"]


# --- the sender ---------------------------------------------------------------------------------------------


def test_who_does_not_send():
    silent = replace(SPEED_ONE, streams=(stream(4, senders=("n1",), stop_s=400.0),))
    found = told(silent, ALL_MEMBERS, sender="n3")
    assert only_stop(found, HopKind.SENDER).why == "does not send ring; its senders are n1"
    assert found.delivered is None


def test_before_the_first_datagram():
    late = replace(SPEED_ONE, streams=(stream(4, start_s=50.0, stop_s=400.0),))
    found = told(late, ALL_MEMBERS, at_s=30.0)
    assert only_stop(found, HopKind.SENDER).why == "sends nothing before 50.0 s"
    assert found.delivered is None


def test_a_kernel_that_refuses_names_the_firewall():
    command = FirewallCommand(tool="iptables", arguments=("-A", "OUTPUT", "-d", "224.0.0.0/4", "-j", "DROP"))
    guarded = with_host(SPEED_ONE, "n1", firewall=(command,))
    refused = Sent(at_s=399.0, stream=1, sender="n1", first=0, count=400, error="Operation not permitted")
    found = explain(
        History(run(guarded, ALL_MEMBERS, [refused]), guarded), guarded.streams[0], "n1", "n2", 30.0
    )
    stop = only_stop(found, HopKind.SENDER)
    assert stop.why == "its kernel refused to send: Operation not permitted"
    assert stop.because == ("the firewall of n1 drops it: iptables -A OUTPUT -d 224.0.0.0/4 -j DROP",)


# --- cables -------------------------------------------------------------------------------------------------


def test_a_cable_that_is_down_names_the_step():
    steps = link_steps(20.0)
    found = told(replace(CHAIN, actions=steps), BOTH_FLOOD, at_s=30.0)
    assert only_stop(found, HopKind.CABLE).why == (
        'the cable sw1:p9 - sw2:p9 is down since "link sw1:p9 - sw2:p9 down" at 20.0 s (line 14)'
    )


def test_a_cable_that_came_back_passes():
    steps = link_steps(20.0, 25.0)
    assert told(replace(CHAIN, actions=steps), BOTH_FLOOD, at_s=30.0, fate=came).stopped_at is None


def test_a_step_that_was_not_carried_out_did_nothing():
    undone = replace(CHAIN, actions=link_steps(20.0))
    everything = run(undone, BOTH_FLOOD, traffic(undone))
    found = explain(History(everything, undone), undone.streams[0], "n1", "n2", 30.0)
    assert found.stopped_at is None


def test_a_blocked_cable():
    blocked = replace(CHAIN, links=(replace(CHAIN.links[0], up=False, blocked=True),))
    found = told(blocked, BOTH_FLOOD, at_s=30.0)
    assert only_stop(found, HopKind.CABLE).why == "the cable sw1:p9 - sw2:p9 is blocked by the spanning tree"


def test_an_unplugged_host():
    found = told(with_host(SPEED_ONE, "n2", up=False), ALL_MEMBERS)
    assert only_stop(found, HopKind.CABLE).why == "the cable sw1:p2 - n2 is unplugged from the start"


@pytest.mark.parametrize(
    ("impairment", "passes"),
    [
        (Impairment(loss=1.0), False),
        (Impairment(kind=FrameKind.MULTICAST, loss=1.0), False),
        (Impairment(kind=FrameKind.UNICAST, loss=1.0), True),
        (Impairment(kind=FrameKind.IGMP, loss=1.0), True),
        (Impairment(loss=1.0, larger_than=91), False),
        (Impairment(loss=1.0, larger_than=92), True),
        (Impairment(loss=0.2), None),
        (Impairment(rate_bit_s=512e3), None),
        (Impairment(delay_s=0.1), True),
    ],
)
def test_what_an_impairment_does_to_a_datagram_of_92_bytes(impairment, passes):
    impaired = replace(SPEED_ONE, impaired=(lossy("sw1", "p2", impairment),))
    found = told(impaired, ALL_MEMBERS, fate=came if passes else None)
    (hop,) = [hop for hop in found.hops if hop.kind is HopKind.CABLE and hop.device == "sw1"]
    assert hop.passes is passes
    concerns = passes is not True or impairment.delay_s > 0
    assert bool(hop.why) is concerns


def test_only_the_end_that_sends_impairs():
    other_way = replace(SPEED_ONE, impaired=(lossy("n2", "eth0", Impairment(loss=1.0)),))
    assert told(other_way, ALL_MEMBERS, fate=came).stopped_at is None


def test_a_silence_names_its_step():
    silence = ImpairedEnd(end=lossy("sw1", "p2").end, impairments=(Impairment(loss=1.0),))
    silenced = replace(
        SPEED_ONE,
        actions=(step(60.0, ActionKind.SILENCE, "silence sw1 -> n2", line=16, impaired=(silence,)),),
    )
    found = told(silenced, ALL_MEMBERS)
    assert only_stop(found, HopKind.CABLE).why == (
        "the cable sw1:p2 - n2 loses every frame since 60.0 s (line 16)"
    )
    assert told(silenced, ALL_MEMBERS, at_s=59.0, fate=came).stopped_at is None


@pytest.mark.parametrize(("size", "passes"), [(1472, True), (1476, True), (1477, False)])
def test_a_packet_that_is_longer_than_the_mtu(size, passes):
    """Four bytes more pass: the room of a VLAN tag."""
    large = with_host(replace(SPEED_ONE, streams=(stream(4, size=size, stop_s=400.0),)), "n1", mtu=9000)
    found = told(large, ALL_MEMBERS, fate=came if passes else None)
    assert (found.stopped_at is None) is passes
    if not passes:
        stop = only_stop(found, HopKind.CABLE)
        assert (
            stop.why
            == "the packet of 1505 bytes is longer than the MTU of sw1:p1, 1500: dropped without a word"
        )


def test_what_its_own_mtu_makes_fragments_of_passes():
    large = replace(SPEED_ONE, streams=(stream(4, size=8972, stop_s=400.0),))
    found = told(large, ALL_MEMBERS, fate=came)
    assert found.stopped_at is None
    assert found.hops[0].why.endswith("a packet of 9000 bytes, in fragments of at most 1500 bytes")


def test_where_no_cable_leads_to_the_receiver():
    apart = replace(CHAIN, links=())
    assert (
        only_stop(told(apart, BOTH_FLOOD, at_s=30.0), HopKind.CABLE).why == "no cable leads from sw1 to sw2"
    )


def test_two_vlans_are_two_networks():
    switches = tuple(
        replace(one, vlan=vlan, chassis="sw") for one, vlan in zip(CHAIN.switches, (10, 20), strict=True)
    )
    found = told(replace(CHAIN, links=(), switches=switches), BOTH_FLOOD, at_s=30.0)
    assert only_stop(found, HopKind.CABLE).because == (
        "they are two VLANs, 10 and 20: nothing passes between them without a router",
    )


# --- switches: every rule -----------------------------------------------------------------------------------


def at_sw1(found):
    (hop,) = [hop for hop in found.hops if hop.kind is HopKind.SWITCH]
    return hop


def test_a_member_gets_it():
    hop = at_sw1(told(SPEED_ONE, ALL_MEMBERS, fate=came))
    assert hop.why == f"p2 (to n2) is a member of {GROUP}"
    assert hop.because == ("it is so from the start: report from 10.77.0.2",)
    assert hop.rule == "RFC 4541 section 2.1.2 (1)"


def test_a_router_port_gets_it():
    hop = at_sw1(told(SPEED_ONE, [mode(), member("p3"), router_port("p2", 45.0)], fate=came))
    assert hop.why == "p2 (to n2) is a router port"
    assert hop.because == ("it is so since 45.0 s: query from 10.77.0.5",)


def test_no_member_among_members():
    hop = at_sw1(told(SPEED_ONE, [mode(), member("p3"), member("p4")]))
    assert hop.passes is False
    assert hop.why == f"p2 (to n2) is no member of {GROUP} and no router port; members are elsewhere"
    assert hop.knew == "members p3 p4; router ports none; querier none"


@pytest.mark.parametrize(
    ("unregistered", "passes", "says"),
    [
        ("flood", True, "such a group floods"),
        ("router-ports", False, "such a group goes to router ports only (p5)"),
        ("drop", False, "such a group is dropped"),
    ],
)
def test_a_group_without_members(unregistered, passes, says):
    records = [mode(unregistered=unregistered), router_port("p5")]
    hop = at_sw1(told(SPEED_ONE, records, fate=came if passes else None))
    assert hop.passes is passes
    assert hop.why == f"nobody is a member of {GROUP} here, and {says}"
    assert hop.rule == "profile rfc"


@pytest.mark.parametrize(
    ("profile", "behaviour", "rule"),
    [
        ("juniper-ex", {}, "profile juniper-ex, unverified"),
        ("class-c", {}, "profile class-c"),
        ("class-b", {}, "set by the scenario"),
        ("./mine.profile.yaml", {}, "profile ./mine.profile.yaml"),
    ],
)
def test_a_setting_is_the_profiles_or_the_scenarios(profile, behaviour, rule):
    """The machine's own default is to give unregistered groups to router ports; class B floods them."""
    shipped = with_switch(SPEED_ONE, profile=profile, behaviour=behaviour)
    assert at_sw1(told(shipped, [mode()])).rule == rule


def test_a_switch_that_does_not_snoop():
    off = with_switch(SPEED_ONE, behaviour={"snooping": False})
    hop = at_sw1(told(off, [mode(snooping=False, cause="snooping is off")], fate=came))
    assert hop.why == "floods every group: snooping is off"


def test_a_flood_after_a_change_of_topology_says_since_when():
    records = [*ALL_MEMBERS, mode(snooping=False, at_s=90.0, cause="topology change: everything floods")]
    hop = at_sw1(told(SPEED_ONE, records, fate=came))
    assert hop.why == "floods every group: topology change: everything floods"
    assert hop.because == ("since 90.0 s",)


def test_a_source_that_is_not_wanted():
    filtering = with_switch(SPEED_ONE, behaviour={"source_filtering": True})
    records = [mode(), member("p2", 5.0, filter="include 10.77.0.3")]
    hop = at_sw1(told(filtering, records))
    assert hop.why == f"p2 (to n2) wants {GROUP} from 10.77.0.3 only, and this is from n1 (10.77.0.1)"
    assert hop.rule == "RFC 9776 section 6.2"
    assert at_sw1(told(filtering, records, sender="n3", fate=came)).passes
    excluding = [mode(), member("p2", 5.0, filter="exclude 10.77.0.1")]
    assert "from everybody but 10.77.0.1" in at_sw1(told(filtering, excluding)).why


def test_a_group_of_the_link_goes_everywhere():
    link = replace(SPEED_ONE, streams=(stream(4, group=IPv4Address("224.0.0.251"), stop_s=400.0),))
    hop = at_sw1(told(link, [mode()], fate=came))
    assert hop.why == "224.0.0.251 is of the range that stays on a link, which goes to every port"


def test_a_group_whose_mac_is_that_of_the_link():
    alias = replace(SPEED_ONE, streams=(stream(4, group=IPv4Address("239.128.0.5"), stop_s=400.0),))
    by_mac = with_switch(alias, behaviour={"lookup": Lookup.MAC})
    hop = at_sw1(told(by_mac, [mode()], fate=came))
    assert "01:00:5e:00:00:05 of 239.128.0.5 is also that of a group of 224.0.0.0/24" in hop.why
    assert hop.rule == "profile rfc"
    assert at_sw1(told(alias, [mode()])).passes is False


def test_a_group_that_shares_its_mac_with_another():
    by_mac = with_switch(SPEED_ONE, behaviour={"lookup": Lookup.MAC})
    hop = at_sw1(told(by_mac, [mode(), member("p2", group="238.64.0.1")], fate=came))
    assert hop.why == (
        "looks groups up by MAC address: p2 (to n2) is a member of 238.64.0.1, which shares "
        f"01:00:5e:40:00:01 with {GROUP}"
    )


def test_unicast_goes_by_mac_address():
    unicast = replace(SPEED_ONE, streams=(stream(4, cast=Cast.UNICAST, stop_s=400.0),))
    found = told(unicast, [mode()], fate=came)
    assert found.group == "10.77.0.2"
    assert at_sw1(found).why == "goes to p2 (to n2) by its MAC address"
    assert found.hops[-1].why == "listens"


def six(the_plan):
    """The same network with IPv6, whose stream goes to a group of it."""
    hosts = tuple(replace(one, address6=IPv6Address("fd77::") + one.number) for one in the_plan.hosts)
    switches = tuple(replace(one, mld=one.behaviour) for one in the_plan.switches)
    streams = (replace(the_plan.streams[0], group=IPv6Address("ff15::1")),)
    return replace(the_plan, hosts=hosts, switches=switches, streams=streams)


def test_ipv6_goes_by_what_mld_taught():
    records = [mode(), member("p2"), mode(protocol="mld"), member("p3", group="ff15::1", protocol="mld")]
    hop = at_sw1(told(six(SPEED_ONE), records))
    assert hop.passes is False
    assert hop.knew == "members p3; router ports none; querier none"
    assert hop.rule == "RFC 4541 section 3"


def test_a_switch_without_mld_floods_ipv6():
    bare = with_switch(six(SPEED_ONE), mld=None)
    assert at_sw1(told(bare, [mode()], fate=came)).why == "knows no MLD: it floods every group of IPv6"


# --- the receiver -------------------------------------------------------------------------------------------


def change(at_s, joined, name="n2"):
    return Membership(at_s=at_s, node=name, stream=1, joined=joined)


def test_a_member_since_when():
    assert told(SPEED_ONE, ALL_MEMBERS, fate=came).hops[-1].why == f"is a member of {GROUP} from the start"
    joins = replace(SPEED_ONE, streams=(stream(4, receivers=("n3",), stop_s=400.0),))
    found = told(joins, [*ALL_MEMBERS, change(20.0, True)], fate=came)
    assert found.hops[-1].why == f"is a member of {GROUP} since 20.0 s"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([], f"is no member of {GROUP}: it never joins"),
        ([change(350.0, True)], f"is no member of {GROUP}: it joins at 350.0 s only"),
        ([change(20.0, True), change(40.0, False)], f"is no member of {GROUP}: it left at 40.0 s"),
    ],
)
def test_who_is_no_member(changes, why):
    guest = replace(SPEED_ONE, streams=(stream(4, receivers=("n3",), watchers=("n2",), stop_s=400.0),))
    found = told(guest, [mode(), member("p3"), *changes])
    assert found.hops[-1].why == why
    assert at_sw1(found).because == (f"n2 {why}",)
    assert found.delivered is False


def test_a_card_that_is_flooded_although_its_host_never_asked():
    guest = replace(SPEED_ONE, streams=(stream(4, receivers=("n3",), watchers=("n2",), stop_s=400.0),))
    records = run(guest, [mode(unregistered="flood")], traffic(guest, flooded=came))
    found = explain(History(records, guest), guest.streams[0], "n1", "n2", 300.0)
    assert found.delivered
    assert found.hops[-1].why == f"is no member of {GROUP}: it never joins; its card gets it all the same"
    assert found.summary == f"it came: sw1: nobody is a member of {GROUP} here, and such a group floods"


def test_its_own_firewall_is_evaluated():
    commands = (
        FirewallCommand(tool="iptables", arguments=("-A", "INPUT", "-i", "lo", "-j", "ACCEPT")),
        FirewallCommand(tool="iptables", arguments=("-A", "INPUT", "-p", "udp", "-j", "DROP")),
    )
    found = told(with_host(SPEED_ONE, "n2", firewall=commands), ALL_MEMBERS)
    stop = only_stop(found, HopKind.RECEIVER)
    assert stop.why == "its own firewall drops it: iptables -A INPUT -p udp -j DROP"
    assert found.summary == f"it did not come: n2: {stop.why}"


def test_a_firewall_that_nobody_can_read_is_quoted_only_where_nothing_else_stops_it():
    odd = FirewallCommand(
        tool="iptables", arguments=("-A", "INPUT", "-m", "u32", "--u32", "6=1", "-j", "DROP")
    )
    guarded = with_host(SPEED_ONE, "n2", firewall=(odd,))
    stop = only_stop(told(guarded, ALL_MEMBERS), HopKind.RECEIVER)
    assert stop.why == "does not take it, although everything on the way lets it pass"
    assert stop.because[0].startswith("n2 has a firewall of its own: `iptables -A INPUT -m u32")
    assert told(guarded, ALL_MEMBERS, fate=came).stopped_at is None


# --- what the records do not explain ------------------------------------------------------------------------


def test_a_datagram_that_nothing_stops_and_that_did_not_come():
    found = told(SPEED_ONE, ALL_MEMBERS)
    assert found.stopped_at is None
    assert found.summary == "it did not come, although every hop lets it pass: the records do not say why"


def test_a_machine_that_lost_frames_is_named():
    lost = Impaired(at_s=10.0, what="backlog", count=3)
    found = told(SPEED_ONE, [*ALL_MEMBERS, lost])
    assert found.summary.endswith("; this machine had lost or delayed frames by then")


def test_tables_a_moment_later_are_tried():
    """The datagram of 300 s met a table line that the records have a little later, within the guard."""
    fast = plan(speed=100.0, duration_s=400.0)
    records = [*ALL_MEMBERS, member("p2", 300.05, present=False, cause="aged out: no report")]
    assert told(fast, records).stopped_at.device == "sw1"
    assert told(fast, records, fate=came).stopped_at is None


def test_nobody_watched():
    unwatched = replace(SPEED_ONE, streams=(stream(4, receivers=("n3",), stop_s=400.0),))
    assert told(unwatched, [mode(), member("p3")]).delivered is None


def test_unknown_hosts_are_key_errors():
    records = run(SPEED_ONE, ALL_MEMBERS, acted())
    with pytest.raises(KeyError):
        explain(History(records, SPEED_ONE), SPEED_ONE.streams[0], "n1", "n9", 30.0)
