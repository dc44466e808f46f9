"""A listener's summary as facts, and the causes that those fit."""

from ipaddress import ip_address

from harness.diagnosis import diagnose
from harness.diagnosis.facts import Family, GroupFlooded, NoQuerier, QuerierSeen
from harness.diagnosis.from_listening import facts_of
from harness.protocols.dialect import Dialect
from harness.protocols.listening.listener import Listener
from harness.wire import ethernet, ipv4
from harness.wire.membership import Query


def query(source="10.0.0.254", **says):
    address = ip_address(source)
    return Dialect.of(address).frame(Query(**says), source_mac=b"\2\0\0\0\0\xfe", source=address)


def data(group, source="10.0.0.5"):
    packet = ipv4.Ipv4Packet(
        source=ip_address(source), destination=ip_address(group), protocol=17, ttl=1, payload=bytes(8)
    )
    frame = ethernet.EthernetFrame(
        destination=ethernet.multicast_mac(ip_address(group)),
        source=b"\2\0\0\0\0\5",
        ethertype=ethernet.ETHERTYPE_IPV4,
        payload=ipv4.encode(packet),
    )
    return ethernet.encode(frame)


def facts(*story, listened_s=130.0, protocols=(Dialect.IGMP,)):
    machine = Listener(own=[], protocols=protocols)
    for at_s, frame in story:
        machine.hear(frame, at_s)
    return facts_of(machine.summary(listened_s), "eth0")


def causes(found):
    return [cause.key for cause in diagnose(found)]


def test_nobody_asked_for_longer_than_the_query_interval():
    found = facts()
    assert found == (NoQuerier(where="eth0", family=Family.IGMP, heard_for_s=130.0),)
    assert causes(found)[0] == "snooping-without-querier"


def test_nobody_asked_for_a_moment_is_no_fact():
    assert facts(listened_s=100.0) == ()


def test_of_mld_alone_it_is_the_same_cause():
    found = facts(protocols=(Dialect.MLD,))
    assert [one.family for one in found] == [Family.MLD]
    assert causes(found)[0] == "snooping-without-querier"


def test_somebody_asks():
    story = ((3.0, query()), (128.0, query()))
    found = facts(*story)
    assert found == (
        QuerierSeen(where="eth0", family=Family.IGMP, address="10.0.0.254", version=2, interval_s=125.0),
    )
    assert causes(found) == []


def test_a_querier_that_fell_silent_is_none():
    (fact,) = facts((3.0, query()), listened_s=400.0)
    assert fact == NoQuerier(where="eth0", family=Family.IGMP, heard_for_s=397.0)


def test_its_own_interval_and_vlan():
    frame = ethernet.tagged(query(version=3, query_interval_s=20.0, robustness=2), 20)
    (fact,) = (one for one in facts((1.0, frame), listened_s=10.0))
    assert (fact.vlan, fact.version, fact.interval_s) == ("20", 3, 20.0)


def test_only_the_other_protocol_has_one():
    found = facts((1.0, query("fe80::1", version=1)), protocols=(Dialect.IGMP, Dialect.MLD))
    assert "querier-of-other-family" in causes(found)


def test_a_querier_without_an_address():
    assert causes(facts((1.0, query("0.0.0.0"))))[0] == "querier-zero-source"


def test_floods_are_told_by_group():
    story = ((1.0, query()), (2.0, data("239.1.1.1")), (3.0, data("239.1.1.1", "10.0.0.6")))
    found = facts(*story, listened_s=10.0)
    assert found[1:] == (GroupFlooded(where="eth0", group="239.1.1.1", datagrams=2, interface="eth0"),)
    assert causes(found) == ["snooping-off-floods"]
