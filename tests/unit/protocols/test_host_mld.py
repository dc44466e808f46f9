"""A host's membership part in MLD: what differs from IGMP. The rest is told in test_host.py."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address

import pytest
from host_bench import OWN_MAC, ROUTER_MAC

from harness.protocols.dialect import Dialect
from harness.protocols.effects import FilterMode, Heard, Send, SourceFilter
from harness.protocols.host import MembershipHost
from harness.protocols.host_config import HostConfig, IgnoredQuery
from harness.wire import mld
from harness.wire.membership import GroupRecord, Leave, Query, RecordReport, RecordType, Report

GROUP = IPv6Address("ff15::1")
OWN = IPv6Address("fe80::ff:fe00:1")
ROUTER = IPv6Address("fe80::a:ff:fe00:1")


class Bench:
    """Drives one host; what it sends comes back as frames."""

    def __init__(self, **settings):
        config = {"address": OWN, "mac": OWN_MAC, "prefix_length": 64, "dialect": Dialect.MLD}
        self.host = MembershipHost(HostConfig(**{**config, **settings}), random.Random(1))
        self.now = 0.0

    def join(self, group=GROUP, **sources):
        return self.frames(self.host.join(group, self.now, **sources))

    def leave(self, group=GROUP):
        return self.frames(self.host.leave(group, self.now))

    def hear(self, message, source=ROUTER, **frame):
        data = mld.mld_frame(message, source_mac=ROUTER_MAC, source=source, **frame)
        return self.frames(self.host.receive(data, self.now))

    def wait(self, seconds):
        end, sent = self.now + seconds, []
        while (at := self.host.next_deadline()) is not None and at <= end:
            self.now = at
            sent += self.frames(self.host.tick(at))
        self.now = end
        return sent

    @staticmethod
    def frames(effects):
        return [mld.parse_mld_frame(one.frame) for one in effects if isinstance(one, Send)]


def messages(frames):
    return [frame.message for frame in frames]


def test_version_2_reports_records_from_its_link_local_address():
    (frame,) = Bench().join()
    assert frame.message == RecordReport(records=(GroupRecord(type=RecordType.TO_EX, group=GROUP),))
    assert (frame.source, frame.destination) == (OWN, mld.ALL_V2_ROUTERS)
    assert (frame.hops, frame.router_alert) == (1, True)


def test_version_1_reports_to_the_group_and_is_done_with_it():
    bench = Bench(version=1)
    (frame,) = bench.join()
    assert (frame.message, frame.destination) == (Report(version=1, group=GROUP), GROUP)
    (frame,) = bench.leave()
    assert (frame.message, frame.destination) == (Leave(group=GROUP), mld.ALL_ROUTERS)


def test_a_querier_of_version_1_is_answered_in_version_1_until_it_is_gone():
    bench = Bench()
    bench.join()
    bench.wait(5)
    bench.hear(Query(version=1, max_response_s=10.0))
    assert messages(bench.wait(10)) == [Report(version=1, group=GROUP)]
    assert bench.host.version == 1
    bench.wait(260)  # twice 125 s and 10 s after the query (RFC 9777 section 9.12)
    assert bench.host.version == 2


def test_sources_stand_in_its_records():
    source = IPv6Address("fd77::1")
    (frame,) = Bench().join(sources=SourceFilter(mode=FilterMode.INCLUDE, sources=(source,)))
    record = GroupRecord(type=RecordType.ALLOW, group=GROUP, sources=(source,))
    assert frame.message == RecordReport(records=(record,))


@pytest.mark.parametrize("group", ["ff02::1", "ff01::5"])
def test_a_group_of_every_node_is_never_reported(group):
    bench = Bench()
    assert bench.join(IPv6Address(group)) + bench.wait(10) == []


@pytest.mark.parametrize(
    "frame",
    [
        {"source": IPv6Address(0)},
        {"source": IPv6Address("fd77::a:1")},
        {"hops": 2},
        {"router_alert": False},
    ],
)
def test_queries_that_no_host_heeds(frame):
    bench = Bench(robustness=1)
    bench.join()
    assert bench.hear(Query(version=2), **frame) + bench.wait(100) == []
    bench.hear(Query(version=2))
    assert len(bench.wait(100)) == 1


def test_anothers_report_from_nowhere_keeps_nobody_silent():
    bench = Bench(version=1, robustness=1)
    bench.join()
    bench.hear(Query(version=1))
    bench.hear(Report(version=1, group=GROUP), source=IPv6Address(0))
    assert len(bench.wait(100)) == 1
    bench.hear(Query(version=1))
    bench.hear(Report(version=1, group=GROUP), source=IPv6Address("fe80::2"))
    assert bench.wait(100) == []


def test_every_querier_of_the_link_is_in_its_subnet():
    bench = Bench(robustness=1, ignores=(IgnoredQuery.OFF_SUBNET,))
    bench.join()
    bench.hear(Query(version=2))
    assert len(bench.wait(100)) == 1


@pytest.mark.parametrize(("version", "what"), [(1, "report v1"), (2, "report v2")])
def test_its_reports_are_told_in_the_words_of_mld(version, what):
    host = Bench(version=version).host
    told = [effect for effect in host.join(GROUP, 0.0) if isinstance(effect, Heard)]
    assert told == [Heard(what=what, port="", source=OWN, group=GROUP, sent=True)]


def test_a_group_of_igmp_is_none_of_mld():
    with pytest.raises(ValueError, match="no group of MLD"):
        Bench().join(IPv4Address("239.1.1.1"))


@pytest.mark.parametrize(("linux", "answers"), [(True, 0), (False, 1)])
def test_linux_told_to_speak_version_2_does_not_see_queries_of_version_1(linux, answers):
    bench = Bench(linux=linux, version=2, robustness=1)
    bench.join()
    bench.wait(10)
    bench.hear(Query(version=1, max_response_s=5.0))
    assert len(bench.wait(20)) == answers
