"""Open vSwitch's words: what is written into its database, and what mdb/show says."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from harness.backends.netns import vswitchd
from harness.backends.netns.open_vswitch import bridge_settings, parse_groups
from harness.errors import HostError
from harness.profiles import DataPlane
from harness.protocols.effects import Unregistered
from harness.protocols.snooping_config import RelayTo
from tests.unit.verdicts.factory import plan

OLD = """\
 port  VLAN  GROUP                Age
    2     0  239.1.1.1         170
    1     0  querier             5
    1     0  ff02::1:ff87:bdc1   0
    3     0  ff15::1             9
"""
NEW = """\
 port  VLAN  protocol  GROUP                Age
    2     0  IGMPv2    239.1.1.1            170
    1     0            querier                5
"""


def test_groups_and_router_ports_of_both_forms() -> None:
    member, router = (2, IPv4Address("239.1.1.1")), (1, None)
    assert parse_groups(OLD) == (member, router, (3, IPv6Address("ff15::1")))
    assert parse_groups(NEW) == (member, router)
    assert parse_groups(OLD.splitlines()[0]) == ()


def test_a_behaviour_as_columns_of_the_database() -> None:
    switch = plan().switches[0]
    ports = [port.name for port in switch.ports]
    behaviour = replace(
        switch.behaviour,
        snooping=True,
        unregistered=Unregistered.ROUTER_PORTS,
        membership_interval_s=300.0,
        static_router_ports=(ports[0],),
        relay_reports_to=RelayTo.ROUTER_PORTS,
    )
    settings = bridge_settings(switch, behaviour)
    assert settings.snooping
    assert settings.other_config == {
        "mcast-snooping-aging-time": "300",
        "mcast-snooping-table-size": "2048",
        "mcast-snooping-disable-flood-unregistered": "true",
    }
    flags = ("mcast-snooping-flood", "mcast-snooping-flood-reports")
    assert [settings.ports[ports[0]][flag] for flag in flags] == ["true", "true"]
    assert [settings.ports[ports[1]][flag] for flag in flags] == ["false", "false"]
    flooding = bridge_settings(
        switch, replace(behaviour, unregistered=Unregistered.FLOOD, relay_reports_to=RelayTo.ALL)
    )
    assert flooding.other_config["mcast-snooping-disable-flood-unregistered"] == "false"
    assert [flooding.ports[ports[1]][flag] for flag in flags] == ["false", "true"]


def test_a_missing_program_names_its_package_and_the_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vswitchd, "find", lambda tool: None if tool == "ovs-vswitchd" else f"/bin/{tool}")
    emulated = plan()
    vswitchd.check_tools(emulated)
    first = replace(emulated.switches[0], data_plane=DataPlane.OPENVSWITCH)
    with pytest.raises(HostError) as caught:
        vswitchd.check_tools(replace(emulated, switches=(first, *emulated.switches[1:])))
    assert f"{first.name} runs" in caught.value.missing
    assert caught.value.cure == "apt-get install openvswitch-switch; or write emulated: on at the switch"
