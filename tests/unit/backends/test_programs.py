"""What runs where, for how long, and who is told whom to ask."""

import textwrap
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from harness.backends.programs import Role, address_of, broadcast_of, programs_of
from harness.plan.build import build_all
from harness.plan.tools import Made, PlanTool, Tool
from harness.protocols.probes.program import Asked, Join, Transmit

SCENARIO = """\
scenario: tools
source: made up
network:
  switches: {sw1: {profile: class-c}}
  nodes: {n: {count: 3, on: sw1}}
traffic:
  one: {group: "ff15::1", senders: n1, receivers: n2, rate: 1/s}
expect: [{deliver: one, result: all}]
"""
GROUP = IPv4Address("239.192.77.1")


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "tools.scenario.yaml"
    path.write_text(textwrap.dedent(SCENARIO), encoding="utf-8")
    (built,) = build_all(path)
    return built


def tool(**changes):
    settings = {
        "name": "probe",
        "number": 7,
        "tool": Tool.OMPING,
        "made": Made.NATIVE,
        "version": 4,
        "hosts": ("n1", "n2", "n3"),
        "server": "",
        "source": "",
        "group": GROUP,
        "port": None,
        "count": None,
        "period_s": 1.0,
        "size": None,
        "hops": 64,
        "mode": "asm",
        "start_s": 1.0,
        "stop_s": 10.0,
    }
    return PlanTool(**(settings | changes))


ASMPING = {"tool": Tool.ASMPING, "hosts": ("n2",), "server": "n1"}


def begun(hosted):
    return list(hosted.program.start(0.0, 5000))


def of(kind, effects):
    return [effect for effect in effects if isinstance(effect, kind)]


def test_every_node_of_an_omping_asks_every_other(plan):
    found = programs_of(plan, tool(), 1)
    assert [(one.host, one.role, one.start_s, one.stop_s) for one in found] == [
        (name, Role.CLIENT, 1.0, 10.0) for name in ("n1", "n2", "n3")
    ]
    for own, hosted in enumerate(found, 1):
        sent = of(Transmit, begun(hosted))
        others = [str(plan.host(f"n{other}").address) for other in (1, 2, 3) if other != own]
        assert [str(one.to.address) for one in sent] == others


def test_the_same_seed_gives_the_same_bytes_and_hosts_differ(plan):
    first, again = (programs_of(plan, tool(), 4) for _ in range(2))
    other = programs_of(plan, tool(), 5)
    assert [begun(one) for one in first] == [begun(one) for one in again]
    assert begun(programs_of(plan, tool(), 4)[0]) != begun(other[0])


def test_broadcast_is_that_of_the_network(plan):
    host = plan.host("n1")
    broadcast = broadcast_of(plan, host)
    assert str(broadcast).endswith(".255")
    (hosted, *_) = programs_of(plan, tool(mode="ipbc", group=None), 1)
    assert hosted.program.sockets.group == broadcast
    assert hosted.program.sockets.broadcast


def test_a_server_comes_first_and_runs_as_long_as_anybody_asks_it(plan):
    one = tool(**ASMPING, start_s=2.0, stop_s=5.0)
    two = tool(**ASMPING | {"hosts": ("n3",)}, number=8, start_s=1.0, stop_s=4.0)
    elsewhere = tool(**ASMPING | {"server": "n3"}, number=9)
    plan = replace(plan, tools=(one, two, elsewhere))
    found = programs_of(plan, one, 1)
    assert [(h.host, h.role, h.start_s, h.stop_s) for h in found] == [
        ("n1", Role.SERVER, 1.0, 5.0),
        ("n2", Role.CLIENT, 2.0, 5.0),
    ]
    assert [(h.host, h.role) for h in programs_of(plan, two, 1)] == [("n3", Role.CLIENT)]
    assert [h.host for h in programs_of(plan, elsewhere, 1)] == ["n3", "n2"]
    (_, client) = found
    effects = begun(client)
    assert [effect.peer for effect in of(Asked, effects)] == [plan.host("n1").address]
    assert of(Join, effects) == [Join(group=IPv4Address("239.192.77.234"))]


def test_ssmping_joins_for_its_server_alone(plan):
    asking = tool(tool=Tool.SSMPING, hosts=("n2",), server="n1", group=None)
    client = programs_of(replace(plan, tools=(asking,)), asking, 1)[1]
    (join,) = of(Join, begun(client))
    assert join.source == plan.host("n1").address


def test_mcfirst_listens_for_its_time(plan):
    listening = tool(tool=Tool.MCFIRST, hosts=("n3",), port=5405, source="n1")
    (hosted,) = programs_of(plan, listening, 1)
    assert hosted.role is Role.LISTENER
    assert of(Join, begun(hosted)) == [Join(group=GROUP, source=plan.host("n1").address)]
    assert hosted.program.sockets.group_port == 5405
    assert hosted.program.next_deadline() == 9.0


@pytest.mark.parametrize("lacking", ["group", "port"])
def test_mcfirst_needs_a_group_and_a_port(plan, lacking):
    listening = tool(**{"tool": Tool.MCFIRST, "hosts": ("n3",), "port": 5405, lacking: None})
    with pytest.raises(ValueError, match="without a group or a port"):
        programs_of(plan, listening, 1)


def test_addresses_are_of_the_tools_version(plan):
    host = plan.host("n1")
    assert address_of(host, tool()) == host.address
    assert address_of(host, tool(version=6, group=IPv6Address("ff15::1"))) == host.address6
    assert address_of(host, tool(version=6, group=None)) == host.address6
    assert address_of(host, tool(version=6, group=IPv6Address("ff02::4321:1234"))) == host.link_local
    with pytest.raises(ValueError, match="n1 has no IPv6 address"):
        address_of(replace(host, address6=None), tool(version=6, group=None))
