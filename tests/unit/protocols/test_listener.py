"""A listener: who asks, who is a member, which data floods; with the moments of the RFCs."""

from ipaddress import ip_address

import pytest
from listener_frames import ROUTER_MAC, datagram, leave, query, records, report

from harness.protocols.dialect import Dialect
from harness.protocols.listening import words
from harness.protocols.listening.events import (
    DamagedHeard,
    DataBegan,
    Left,
    NobodyAsks,
    QuerierChanged,
    QueryHeard,
    RanOut,
    Reported,
    RouterHeard,
)
from harness.protocols.listening.limits import MOST_HOSTS, MOST_NETWORKS, MOST_QUERIERS, MOST_STREAMS
from harness.protocols.listening.listener import Listener
from harness.wire import pim

G = ip_address("239.192.1.1")
IGMP = (Dialect.IGMP,)


def listener(**settings):
    return Listener(protocols=settings.pop("protocols", IGMP), **settings)


def heard(machine, *frames, here=False):
    """Feed (moment, frame) pairs; return all events."""
    return [event for at_s, frame in frames for event in machine.hear(frame, at_s, here=here)]


def kinds(events):
    return [type(event) for event in events]


def said(machine, now):
    return "\n".join(words.summed(machine.summary(now), "eth0"))


# --- queriers ---------------------------------------------------------------------------------------------


def test_a_querier_that_asks_as_shipped():
    machine = listener()
    events = heard(machine, (3.1, query()), (128.1, query()))
    assert kinds(events) == [QueryHeard, QuerierChanged, QueryHeard]
    assert (events[0].source, events[0].mac, events[0].query.max_response_s) == (
        ip_address("10.0.0.254"),
        ROUTER_MAC,
        10.0,
    )
    summary = machine.summary(130)
    assert summary.heard_a_querier
    (querier,) = summary.networks[0].queriers
    assert (querier.general, querier.moments_s, querier.every_s, querier.wins) == (
        2,
        (3.1, 128.1),
        125.0,
        True,
    )
    assert "querier 10.0.0.254 asked at 3.1 s, 128.1 s (IGMP v2, every 125 s)" in said(machine, 130)


def test_nobody_asks():
    machine = listener()
    summary = machine.summary(130)
    assert not summary.heard_a_querier
    assert said(machine, 130).splitlines()[1] == "IGMP: no querier heard for 130 s"


def test_the_time_that_was_really_listened_is_told_and_that_it_is_short():
    machine = listener()
    assert "no querier heard for 2 s (queriers ask every 125 s as shipped" in said(machine, 2)


def test_mld_is_a_network_of_its_own():
    machine = listener(protocols=(Dialect.IGMP, Dialect.MLD))
    heard(machine, (1, query("fe80::1", version=1)))
    text = said(machine, 130)
    assert "IGMP: no querier heard for 130 s" in text
    assert "querier fe80::1 asked at 1.0 s (MLD v1)" in text


def test_silence_is_told_at_its_moment_and_when_it_ends():
    machine = listener()
    heard(machine, (3, query()))
    assert machine.next_deadline() == 258.0  # 2 x 125 s + 10 s / 2 (RFC 9776 section 8.5)
    events = heard(machine, (400, query()))
    assert kinds(events) == [NobodyAsks, QuerierChanged, QueryHeard, QuerierChanged]
    assert (events[0].at_s, events[0].for_s, events[0].last_s) == (258.0, 255.0, 3.0)
    assert events[2].silence_s == 397.0
    assert "no querier had been heard for 397 s" in words.told(events[2])
    assert "was silent for 397 s, which is longer than the 255 s" in said(machine, 401)


def test_a_querier_that_fell_silent_is_no_querier():
    machine = listener()
    heard(machine, (3, query()))
    machine.tick(600)
    text = said(machine, 600)
    assert "IGMP: no querier heard for 597 s, since the last query at 3.0 s" in text


def test_nobody_ever_is_told_after_255_s():
    machine = listener()
    (event,) = machine.tick(300)
    assert (event.at_s, event.last_s) == (255.0, None)
    assert words.told(event).endswith("no querier heard for 255 s")


def test_version_3_says_its_own_timers():
    machine = listener()
    heard(machine, (1, query(version=3, robustness=3, query_interval_s=20.0, max_response_s=4.0)))
    (network,) = machine.summary(2).networks
    assert (network.other_querier_s, network.membership_s) == (62.0, 64.0)
    assert "QRV 3, QQIC 20 s" in said(machine, 2)


def test_election_and_a_loser_that_goes_on_asking():
    machine = listener()
    high, low = query("10.0.0.254"), query("10.0.0.1", version=3, mac=b"\2\0\0\0\0\5")
    events = heard(machine, (1, high), (2, low), (126, high), (127, low), (251, high))
    changes = [event for event in events if isinstance(event, QuerierChanged)]
    assert [(str(change.before), str(change.after)) for change in changes] == [
        ("None", "10.0.0.254"),
        ("10.0.0.254", "10.0.0.1"),
    ]
    text = said(machine, 252)
    assert "10.0.0.1 wins the election: the lowest address that asks" in text
    assert "10.0.0.254 asked 2 times more although a lower address asks" in text
    assert "queriers speak different versions: 10.0.0.254 v2, 10.0.0.1 v3" in text


def test_a_query_without_an_address_is_heard_and_wins_nothing():
    machine = listener()
    events = heard(machine, (1, query("0.0.0.0")), (2, query()))
    assert [event.after for event in events if isinstance(event, QuerierChanged)] == [
        ip_address("10.0.0.254")
    ]
    text = said(machine, 130)
    assert "querier 0.0.0.0 asked at 1.0 s" in text
    assert "it has no address" in text


def test_one_address_with_two_macs():
    machine = listener()
    heard(machine, (1, query()), (2, query(mac=b"\2\0\0\0\0\7")))
    assert "1 of its queries came from other MAC addresses" in said(machine, 3)


def test_queries_for_single_groups_are_not_general_ones():
    machine = listener()
    (event, change) = heard(machine, (1, query(group=str(G), max_response_s=1.0)))
    assert (event.query.group, change.after) == (G, ip_address("10.0.0.254"))
    assert not machine.summary(2).heard_a_querier
    assert "asked only for groups that were left" in said(machine, 130)


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (query(around={"router_alert": False}), "has no Router Alert"),
        (query(around={"hops": 64}), "has TTL 64 instead of 1"),
        (query(around={"destination": ip_address("224.0.0.2")}), "goes to 224.0.0.2 instead of 224.0.0.1"),
        (query(around={"destination_mac": b"\1\0\x5e\0\0\2"}), "goes to MAC address 01:00:5e:00:00:02"),
        (query("2001:db8::1", version=1), "comes from 2001:db8::1, and MLD is heeded from link-local"),
    ],
)
def test_what_is_wrong_around_a_query(frame, fault):
    machine = Listener()
    (event, *_) = heard(machine, (1, frame))
    assert fault in ", ".join(event.faults)
    assert fault in said(machine, 130)


def test_a_query_of_mld_that_no_host_heeds_is_no_querier():
    machine = Listener(protocols=(Dialect.MLD,))
    (event,) = heard(machine, (1, query("2001:db8::1", version=1)))
    assert not event.heeded
    assert not machine.summary(130).heard_a_querier
    assert "MLD: no querier heard for 130 s" in said(machine, 130)


def test_messages_of_version_1_need_no_router_alert():
    (event, _) = heard(listener(), (1, query(version=1, around={"router_alert": False})))
    assert event.faults == ()


# --- VLANs ------------------------------------------------------------------------------------------------


def test_each_vlan_is_a_network_of_its_own():
    machine = listener()
    events = heard(machine, (1, query(vlan=20)), (2, report("10.0.0.5", str(G), vlan=30)))
    assert events[0].vlans == (20,)
    assert "general query from 10.0.0.254" in words.told(events[0])
    assert words.told(events[0]).endswith("in VLAN 20")
    text = said(machine, 130)
    assert "IGMP: no querier heard for 130 s" in text
    assert "IGMP in VLAN 20: querier 10.0.0.254 asked at 1.0 s" in text
    assert "IGMP in VLAN 30: no querier heard for 130 s" in text
    assert "239.192.1.1 in VLAN 30: 10.0.0.5" in text


# --- members ----------------------------------------------------------------------------------------------


def test_reports_renewals_and_leaves():
    machine = listener()
    events = heard(
        machine,
        (1, report("10.0.0.1", str(G))),
        (2, report("10.0.0.1", str(G))),
        (3, leave("10.0.0.1", str(G))),
        (4, leave("10.0.0.1", str(G))),
        (5, report("10.0.0.1", str(G), version=1, router_alert=False)),
    )
    assert kinds(events) == [Reported, Reported, Left, Reported]
    assert [event.again for event in events if isinstance(event, Reported)] == [False, True, False]
    (group,) = machine.summary(6).groups
    assert [(host.reports, host.version, host.left_s) for host in group.hosts] == [(3, 1, None)]


def test_records_with_sources():
    machine = listener()
    host = "10.0.0.1"
    events = heard(
        machine,
        (1, records(host, ("ALLOW", "232.1.1.1", "10.0.0.8", "10.0.0.9"), ("TO_EX", str(G)))),
        (2, records(host, ("BLOCK", "232.1.1.1", "10.0.0.8"))),
        (3, records(host, ("BLOCK", "232.1.1.1", "10.0.0.9"), ("TO_IN", str(G)))),
    )
    assert kinds(events) == [Reported, Reported, Reported, Left, Left]
    assert [event.sources for event in events if isinstance(event, Reported)] == [
        (ip_address("10.0.0.8"), ip_address("10.0.0.9")),
        None,
        (ip_address("10.0.0.9"),),
    ]
    assert "10.0.0.1 is a member of 232.1.1.1 for 10.0.0.8, 10.0.0.9 only (v3)" in words.told(events[0])


def test_a_membership_that_nobody_renews_runs_out():
    machine = listener()
    heard(machine, (3, report("10.0.0.1", str(G))))
    events = machine.tick(300)
    (event,) = [event for event in events if isinstance(event, RanOut)]
    assert (event.at_s, event.for_s, event.asked) == (263.0, 260.0, False)  # RFC 9776 section 8.4
    assert words.told(event).endswith(
        "the membership of 239.192.1.1 ran out: nobody renewed it for 260 s (last by 10.0.0.1 at 3.0 s), "
        "and no querier was heard meanwhile"
    )
    assert "ran out at 263.0 s: nobody renewed it" in said(machine, 300)


def test_another_hosts_report_renews_the_group():
    machine = listener()
    heard(machine, (3, report("10.0.0.1", str(G))), (200, query()), (205, report("10.0.0.2", str(G))))
    assert RanOut not in kinds(machine.tick(460))
    (event,) = [event for event in machine.tick(500) if isinstance(event, RanOut)]
    assert (event.host, event.asked) == (ip_address("10.0.0.2"), False)


def test_a_membership_that_ran_out_although_somebody_asked():
    machine = listener()
    heard(machine, (3, report("10.0.0.1", str(G))), (100, query()), (225, query()))
    (event,) = [event for event in machine.tick(264) if isinstance(event, RanOut)]
    assert event.asked
    assert words.told(event).endswith("although a querier asked")


def test_a_report_to_the_wrong_address_without_router_alert():
    machine = listener()
    frame = report("10.0.0.1", str(G), destination=ip_address("224.0.0.2"), router_alert=False)
    (event,) = heard(machine, (1, frame))
    assert len(event.faults) == 2
    assert "goes to 224.0.0.2 instead of 239.192.1.1" in said(machine, 2)


# --- own memberships and data -----------------------------------------------------------------------------


def test_flooded_groups_are_those_that_this_host_did_not_ask_for():
    machine = listener(own=[G])
    other = "239.192.9.9"
    events = heard(
        machine,
        (1, datagram("10.0.0.5", str(G))),
        (2, datagram("10.0.0.5", other)),
        (3, datagram("10.0.0.5", other)),
        (4, datagram("10.0.0.5", "224.0.0.251", port=5353)),
    )
    assert [(str(event.group), event.asked) for event in events] == [
        (str(G), True),
        (other, False),
        ("224.0.0.251", False),
    ]
    (flooded,) = machine.summary(5).flooded
    assert (str(flooded.group), flooded.received, flooded.first_s, flooded.last_s) == (other, 2, 2, 3)
    text = said(machine, 130)
    assert (
        "flooded: this host did not ask for it\n"
        "    239.192.9.9 port 5405 from 10.0.0.5: 2 packets, from 2.0 s to 3.0 s, nobody has reported it"
    ) in text


def test_data_that_another_host_reported_says_so_by_not_saying_that_nobody_did():
    machine = listener(own=[])
    heard(machine, (1, report("10.0.0.7", str(G))), (2, datagram("10.0.0.5", str(G))))
    (stream,) = machine.summary(3).flooded
    assert stream.reported
    assert "nobody has reported it" not in said(machine, 3)


def test_a_guest_behind_the_interface_asks_by_its_report():
    machine = listener(own=[])
    heard(machine, (1, report("10.0.0.7", str(G))), here=True)
    heard(machine, (2, datagram("10.0.0.5", str(G))))
    assert machine.summary(3).flooded == ()


def test_what_this_host_sends_does_not_flood():
    machine = listener(own=[])
    (event,) = heard(machine, (1, datagram("10.0.0.1", str(G))), here=True)
    assert event.here
    assert machine.summary(2).flooded == ()
    assert "1 packet out" in said(machine, 2)


def test_of_a_capture_nobody_knows_who_asked():
    machine = listener()
    heard(machine, (1, datagram("10.0.0.5", str(G))))
    summary = machine.summary(2)
    assert (summary.own, summary.flooded, summary.streams[0].asked) == (None, (), None)


def test_own_memberships_that_were_not_refreshed():
    machine = listener(own=[G, ip_address("224.0.0.251")])
    assert "239.192.1.1: not reported for 130 s: nobody asked" in said(machine, 130)
    assert "224.0.0.251" not in said(machine, 130)
    heard(machine, (131, report("10.0.0.1", str(G))), here=True)
    assert "239.192.1.1: reported once, last at 131.0 s" in said(machine, 132)


def test_a_group_joined_meanwhile_was_asked_for():
    machine = listener(own=[])
    heard(machine, (1, datagram("10.0.0.5", str(G))))
    machine.set_own([G])
    assert machine.summary(2).flooded == ()


def test_data_of_ipv6_and_of_other_protocols_than_udp():
    machine = Listener(own=[])
    events = heard(
        machine, (1, datagram("fe80::5", "ff15::1")), (2, datagram("10.0.0.5", str(G), protocol=132))
    )
    assert [(str(event.group), event.port) for event in events] == [("ff15::1", 5405), (str(G), None)]
    assert kinds(events) == [DataBegan, DataBegan]


# --- routers, damage, narrowing ---------------------------------------------------------------------------


def test_pim_routers_say_hello_and_goodbye():
    machine = listener()
    hello = pim.hello_frame(pim.Hello(source=ip_address("10.0.0.254")), source_mac=ROUTER_MAC)
    bye = pim.hello_frame(pim.Hello(source=ip_address("10.0.0.254"), hold_time_s=0), source_mac=ROUTER_MAC)
    events = heard(machine, (1, hello), (31, hello), (32, bye))
    assert kinds(events) == [RouterHeard, RouterHeard]
    assert words.told(events[1]).endswith("PIM router 10.0.0.254 says goodbye")
    assert "10.0.0.254: 3 hellos, said goodbye" in said(machine, 40)


def test_damaged_messages_are_counted_by_what_is_wrong():
    machine = listener()
    broken = bytearray(query())
    broken[-1] ^= 0xFF
    events = heard(machine, (1, bytes(broken)), (2, bytes(broken)))
    assert kinds(events) == [DamagedHeard]
    assert "2 frames: the IGMP checksum is wrong" in said(machine, 3)


def test_narrowed_to_a_group():
    machine = listener(own=[], groups=[G])
    other = "239.192.9.9"
    events = heard(
        machine,
        (1, query()),
        (2, query(group=other, max_response_s=1.0)),
        (3, query(group=str(G), max_response_s=1.0)),
        (4, report("10.0.0.1", other)),
        (5, report("10.0.0.1", str(G))),
        (6, datagram("10.0.0.5", other)),
        (7, datagram("10.0.0.5", str(G))),
    )
    assert [event.at_s for event in events] == [1, 1, 3, 5, 7]


# --- limits -----------------------------------------------------------------------------------------------


def test_what_is_not_kept_is_said():
    machine = listener(own=[])
    for number in range(MOST_STREAMS + 5):
        machine.hear(datagram(f"10.{number >> 8 & 255}.{number & 255}.9", str(G)), 1.0)
    for number in range(MOST_HOSTS + 3):
        machine.hear(report(f"10.{number >> 8}.{number & 255}.7", str(G)), 2.0)
    for number in range(MOST_QUERIERS + 2):
        machine.hear(query(f"10.9.9.{number + 1}"), 3.0)
    summary = machine.summary(4)
    assert (len(summary.streams), len(summary.groups[0].hosts)) == (MOST_STREAMS, MOST_HOSTS)
    assert [(one.count, one.what) for one in summary.lacking] == [
        (2, "with queries of more queriers than are kept"),
        (3, "with reports of more groups or hosts than are kept"),
        (5, "of data of more streams than are kept"),
    ]
    assert "5 frames of data of more streams than are kept" in said(machine, 4)


def test_more_vlans_than_are_kept():
    machine = listener()
    heard(machine, *((1, query(vlan=vlan)) for vlan in range(1, MOST_NETWORKS + 4)))
    summary = machine.summary(2)
    assert len(summary.networks) == MOST_NETWORKS
    assert (summary.lacking[0].count, summary.lacking[0].what) == (4, "of more VLANs than are kept")
