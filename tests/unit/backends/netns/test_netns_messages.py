"""The codec: what is stamped decodes as what was meant, and pyroute2 has left nothing out."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg

from harness.backends.netns import messages
from harness.backends.netns.messages import HostSettings, OperState, PortState, Template, VethEnd

PORT = VethEnd(index=107, name="p7", mac="02:00:00:00:01:07", mtu=1400)
PEER = VethEnd(index=2, name="eth0", mac="02:00:00:00:00:07", mtu=9000)


def decoded(message: bytes | bytearray, kind: Any = ifinfmsg) -> Any:
    found = kind(bytes(message))
    found.decode()
    return found


def test_a_veth_message_carries_both_ends() -> None:
    message = decoded(messages.new_veth(PORT, 2, PEER, 33, up=True))
    assert (message["index"], message["flags"], message["change"]) == (107, 1, 1)
    assert message.get_attr("IFLA_IFNAME") == "p7"
    assert message.get_attr("IFLA_ADDRESS") == PORT.mac
    assert (message.get_attr("IFLA_MTU"), message.get_attr("IFLA_MASTER")) == (1400, 2)
    peer = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "VETH_INFO_PEER")
    assert peer["index"] == 2
    assert peer.get_attr("IFLA_IFNAME") == "eth0"
    assert peer.get_attr("IFLA_ADDRESS") == PEER.mac
    assert (peer.get_attr("IFLA_MTU"), peer.get_attr("IFLA_NET_NS_FD")) == (9000, 33)


def test_a_veth_port_can_begin_down() -> None:
    assert decoded(messages.new_veth(PORT, 2, PEER, 33, up=False))["flags"] == 0


def test_stamping_leaves_no_trace_of_an_earlier_stamp() -> None:
    first = bytes(messages.new_veth(PORT, 2, PEER, 33, up=True))
    messages.new_veth(VethEnd(index=9, name="a-longer-name", mac=PEER.mac, mtu=70), 9, PORT, 9, up=False)
    assert bytes(messages.new_veth(PORT, 2, PEER, 33, up=True)) == first


def test_a_host_gets_its_address_and_settings() -> None:
    message = decoded(messages.address(2, IPv4Interface("10.1.2.3/20")), ifaddrmsg)
    assert (message["index"], message["prefixlen"]) == (2, 20)
    assert message.get_attr("IFA_LOCAL") == message.get_attr("IFA_ADDRESS") == "10.1.2.3"
    settings = HostSettings(igmpv2_report_interval_ms=70, igmpv3_report_interval_ms=30, force_igmp_version=2)
    message = decoded(messages.host_settings(2, settings), messages.SettingsLink)
    families = message.get_attr("IFLA_AF_SPEC")
    inet = families.get_attr("AF_INET").get_attr("IFLA_INET_CONF")
    assert inet.get_attr("FORCE_IGMP_VERSION") == 2
    assert inet.get_attr("IGMPV2_UNSOLICITED_REPORT_INTERVAL") == 70
    assert inet.get_attr("IGMPV3_UNSOLICITED_REPORT_INTERVAL") == 30
    assert families.get_attr("AF_INET6").get_attr("IFLA_INET6_ADDR_GEN_MODE") == 1


def test_a_neighbour_is_permanent() -> None:
    message = decoded(messages.neighbour(2, IPv4Address("10.0.0.9"), PEER.mac), ndmsg)
    assert (message["ifindex"], message["state"]) == (2, 0x80)
    assert (message.get_attr("NDA_DST"), message.get_attr("NDA_LLADDR")) == ("10.0.0.9", PEER.mac)


@pytest.mark.parametrize("option", messages.BRIDGE_OPTIONS)
def test_every_bridge_option_is_encoded(option: str) -> None:
    (message,) = messages.bridge_options(2, {option: 1})
    data = decoded(message).get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA")
    assert data.get_attr(messages.BRIDGE_OPTIONS[option]) == 1


@pytest.mark.parametrize("option", messages.PORT_OPTIONS)
def test_every_port_option_is_encoded(option: str) -> None:
    info = decoded(messages.port_options(5, {option: 1})).get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_SLAVE_DATA").get_attr(messages.PORT_OPTIONS[option]) == 1


def test_a_querier_is_set_last_and_alone() -> None:
    first, last = messages.bridge_options(2, {"mcast_querier": 1, "mcast_query_interval": 100})
    data = [decoded(message).get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA") for message in (first, last)]
    assert [value for _, value in data[0]["attrs"]] == [100]
    assert [name for name, _ in data[1]["attrs"]] == ["IFLA_BR_MCAST_QUERIER"]


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown option 'mcast_snoping'; known: .*mcast_snooping"):
        messages.bridge_options(2, {"mcast_snoping": 1})


@pytest.mark.parametrize("name", ["sixteen-octets-x", "a" * 40])
def test_a_name_that_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="more than 15 characters"):
        messages.name_field(name)


def test_a_mac_address_is_six_octets() -> None:
    assert messages.mac_field("02:00:5e:00:53:01") == bytes.fromhex("02005e005301")
    with pytest.raises(ValueError, match="no MAC address"):
        messages.mac_field("02:00:5e")


def test_a_template_whose_field_is_ambiguous_is_refused() -> None:
    with pytest.raises(AssertionError, match="field a is 2 times"):
        Template(b"xAAxAA", {"a": b"AA"})
    with pytest.raises(ValueError, match="longer or shorter"):
        Template(b"xAAx", {"a": b"AA"}).stamp(a=b"B")


def test_a_ports_state_is_read() -> None:
    message = ifinfmsg()
    message["family"] = 7
    message["index"] = 107
    message["attrs"] = [
        ("IFLA_IFNAME", "p7"),
        ("IFLA_OPERSTATE", "UP"),
        ("IFLA_PROTINFO", {"attrs": [("IFLA_BRPORT_STATE", 3)]}),
    ]
    message["header"]["type"] = 16
    message.encode()
    state = messages.link_state(bytes(message.data))
    assert (state.index, state.name, state.oper_state) == (107, "p7", OperState.UP)
    assert state.port_state is PortState.FORWARDING
    assert state.passes
    assert state.rx_packets is None
