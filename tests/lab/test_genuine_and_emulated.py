"""The emulated Linux bridge and Open vSwitch against the genuine ones: one script, the same at every step.

Scripts are generated: up to four switches in a chain or a star, up to six hosts, reports of all versions,
leaves, queries of real and impossible addresses, groups of the local network, links down and up. Whatever
differs is a mistake of the emulation, or stands in docs/kernel-quirks.md. ``GENUINE_EXAMPLES=2000`` runs that
many scripts for each profile instead of the few of every day.
"""

from __future__ import annotations

import os
import tempfile
from ipaddress import IPv4Address
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from harness.backends.netns import vswitchd
from harness.backends.netns.userns import has_capabilities
from harness.wire.membership import GroupRecord, Leave, Query, RecordReport, RecordType, Report
from tests.lab.side_by_side import GROUPS, LINK_LOCAL, Cable, Network, Say, Step, side_by_side

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

WANTED = os.environ.get("GENUINE_EXAMPLES")
EXAMPLES = int(WANTED or 14)
ASKS_S = 0.1
"""The max response time of all queries: the least that the wire can say."""
GENERAL_QUIET_S, GROUP_QUIET_S = 0.2, 0.35
"""Past the grace after a first query, and past the two last-member intervals after a group query; the
kernel's timers fire up to an eighth late."""
SOURCES = (None, IPv4Address("0.0.0.0"), IPv4Address("10.77.0.200"), IPv4Address("192.0.2.1"))
"""The host's own address, none, another of its subnet, a stranger's."""
OPEN_VSWITCH = pytest.mark.skipif(
    vswitchd.missing() is not None, reason="Open vSwitch is not installed: apt-get install openvswitch-switch"
)


@st.composite
def networks(draw: st.DrawFn, profile: str, extra: str) -> Network:
    switches = draw(st.integers(1, 4))
    hosts = draw(st.lists(st.integers(1, switches), min_size=2, max_size=6))
    return Network(
        switches=switches, star=draw(st.booleans()), hosts=tuple(hosts), profile=profile, settings=extra
    )


def spoken(host: str) -> st.SearchStrategy[Step]:
    groups = st.sampled_from((*GROUPS, GROUPS[0], LINK_LOCAL))
    reports = st.builds(Report, version=st.sampled_from((1, 2)), group=groups)
    records = st.builds(
        GroupRecord,
        type=st.sampled_from(RecordType),
        group=groups,
        sources=st.sampled_from(((), (IPv4Address("10.77.0.1"),), (IPv4Address("10.77.0.1"), SOURCES[2]))),
    )
    record_reports = st.builds(RecordReport, records=st.lists(records, min_size=1, max_size=3).map(tuple))
    members = st.one_of(reports, record_reports, reports, st.builds(Leave, group=groups))
    senders = st.sampled_from((None, None, None, *SOURCES))
    said = st.builds(Say, host=st.just(host), message=members, source=senders)
    versions = st.sampled_from((2, 3))
    general = st.builds(Query, version=versions, max_response_s=st.just(ASKS_S))
    asked = st.builds(
        Say,
        host=st.just(host),
        message=general,
        source=st.sampled_from(SOURCES),
        quiet_s=st.just(GENERAL_QUIET_S),
    )
    of_group = st.builds(
        Query, version=versions, max_response_s=st.just(ASKS_S), group=st.sampled_from(GROUPS)
    )
    asked_of_group = st.builds(
        Say, host=st.just(host), message=of_group, source=senders, quiet_s=st.just(GROUP_QUIET_S)
    )
    return st.one_of(said, said, said, said, asked, asked_of_group)


@st.composite
def scripts(draw: st.DrawFn, network: Network) -> tuple[Step, ...]:
    ports = network.ports()
    unplugged: list[tuple[str, str]] = []
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.integers(0, 7))
        if kind == 0:
            port = draw(st.sampled_from(ports))
            up = port in unplugged
            (unplugged.remove if up else unplugged.append)(port)
            steps.append(Cable(switch=port[0], port=port[1], up=up))
        else:
            host = draw(st.integers(1, len(network.hosts)))
            steps.append(draw(spoken(f"h{host}")))
    return tuple(steps)


def same(data: st.DataObject, profile: str, extra: str = "") -> None:
    """Draw a network and a script, run it in both worlds, and compare after every step."""
    network = data.draw(networks(profile, extra), label="network")
    script = data.draw(scripts(network), label="script")
    with tempfile.TemporaryDirectory() as folder, side_by_side(network, Path(folder)) as both:
        for number, step in enumerate(script, 1):
            both.step(step)
            differences = both.differences()
            if differences:
                for done in script[:number]:
                    note(str(done))
            assert not differences, differences


bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=WANTED is None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, *((Phase.shrink,) if WANTED else ())),
)


@bounded
@given(st.data())
def test_linux_bridge(data: st.DataObject) -> None:
    same(data, "linux-bridge")


@OPEN_VSWITCH
@bounded
@given(st.data())
def test_open_vswitch(data: st.DataObject) -> None:
    same(data, "ovs", ", snooping: on")


@OPEN_VSWITCH
@bounded
@given(st.data())
def test_strict_open_vswitch(data: st.DataObject) -> None:
    same(data, "ovs-strict")


def test_timers_of_the_linux_bridge(tmp_path: Path) -> None:
    """Each is looked at well before it runs out, and well after."""
    network = Network(
        switches=1,
        star=False,
        hosts=(1, 1),
        profile="linux-bridge",
        settings=", membership_interval: 15s",
        speed=10,
    )
    kept, left = (Say(host=f"h{n}", message=Report(version=2, group=GROUPS[n])) for n in (1, 2))
    members = [("member", "sw1", "p1", str(GROUPS[1])), ("member", "sw1", "p2", str(GROUPS[2]))]
    with side_by_side(network, tmp_path) as both:
        for step in (kept, left, Say(host="h2", message=Leave(group=GROUPS[2]))):
            both.step(step)
            assert not both.differences()
        assert both.genuine.tables.lines() == frozenset(members), "a leave takes two seconds, also unasked"
        both.wait(0.4)
        assert not both.differences()
        assert both.genuine.tables.lines() == frozenset(members[:1])
        both.wait(0.6)
        assert not both.differences()
        assert both.genuine.tables.lines() == frozenset(members[:1])
        both.wait(1.0)
        assert not both.differences()
        assert both.genuine.tables.lines() == frozenset()
