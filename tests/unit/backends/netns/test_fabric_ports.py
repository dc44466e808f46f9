"""What a fabric refuses before it touches the kernel."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from harness.backends.netns.fabric import MAX_PORTS, Fabric, HostSpec, LinkSpec, SwitchSpec
from harness.errors import LabError

SWITCHES = [SwitchSpec(name=name, mac="02:00:00:01:00:01") for name in ("sw1", "sw2")]


def host(name: str, port: str, switch: str = "sw1") -> HostSpec:
    return HostSpec(
        name=name,
        mac="02:00:00:00:00:01",
        address=IPv4Address("10.0.0.1"),
        prefix_length=24,
        switch=switch,
        port=port,
        port_mac="02:00:00:00:01:01",
    )


CABLE = LinkSpec(a=("sw1", "p9"), b=("sw2", "p9"), a_mac="02:00:00:02:00:01", b_mac="02:00:00:02:00:02")


def test_no_two_ends_of_a_cable_have_one_index() -> None:
    fabric = Fabric(switches=SWITCHES, hosts=[host("n1", "p1"), host("n2", "p1", "sw2")], links=[CABLE])
    indexes = [fabric.port_index(*end) for end in (("sw1", "p1"), ("sw2", "p1"), CABLE.a, CABLE.b)]
    assert len(set(indexes)) == 4
    assert min(indexes) > 2


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([host("n1", "p1"), host("n2", "p1")], "port p1 of sw1 is used twice"),
        ([host("n1", "p9")], "port p9 of sw1 is used twice"),
        ([host("n1", "p1", "sw7")], "sw7, which is no switch"),
        ([host("n1", "p1"), host("n1", "p2")], "two devices of one name"),
        ([host(f"n{n}", f"q{n}") for n in range(MAX_PORTS + 1)], "more than 1023 ports"),
    ],
)
def test_impossible_fabrics_are_refused(hosts: list[HostSpec], said: str) -> None:
    with pytest.raises(LabError, match=said):
        Fabric(switches=SWITCHES, hosts=hosts, links=[CABLE])
