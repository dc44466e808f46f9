"""IGMP and MLD are the same protocol twice: a story told in both has the same ending."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from switch_bench import HOST_MAC, PORTS, Bench, said, sent
from switch_stories import configs, stories

from harness.protocols.dialect import (
    Dialect,
    can_have_members,
    never_pruned,
    never_reported,
    source_specific,
)
from harness.protocols.effects import Effect, Heard, Send
from harness.protocols.querier import Querier
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import SnoopingConfig
from harness.wire import membership, pim
from harness.wire.membership import Query, RecordType, Report

LINK_LOCAL = IPv6Address("fe80::200")
GLOBAL = IPv6Address("2001:db8::200")
GROUP6 = IPv6Address("ff15::1")
_IPV4 = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b")


def six(value):
    """The same thing said in MLD: another version number, other addresses in the same order."""
    if isinstance(value, IPv4Address):
        return address6(value)
    if isinstance(value, Dialect):
        return Dialect.MLD
    if isinstance(value, str):
        return _IPV4.sub(lambda found: str(address6(IPv4Address(found[0]))), value)
    if isinstance(value, tuple):
        return tuple(six(item) for item in value)
    return six_of(value) if is_dataclass(value) else value


def six_of(value):
    if isinstance(value, Send):
        read = Dialect.IGMP.parse(value.frame)
        assert read is not None
        return Send, value.port, six(read.message)
    said = {field.name: six(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Query | Report | QuerierConfig):
        said["version"] = value.version - 1
    if isinstance(value, Heard) and value.what.startswith("report"):
        said["what"] = f"report v{int(value.what[-1]) - 1}"
    return type(value)(**said)


def address6(address: IPv4Address) -> IPv6Address:
    number = int(address)
    if not number:
        return IPv6Address(0)
    if address.is_multicast:
        return IPv6Address((0xFF35 if number >> 24 == 232 else 0xFF15) << 112 | number & 0xFFFF)
    if address in (IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")):
        return IPv6Address(0x20010DB8 << 96 | number & 0xFFFF)
    return IPv6Address(0xFE80 << 112 | number & 0xFFFF)


def in_mld(effect: Effect):
    if not isinstance(effect, Send):
        return effect
    read = Dialect.MLD.parse(effect.frame)
    assert read is not None
    return Send, effect.port, read.message


def has_counterpart(value) -> bool:
    """MLD has no version 1 of IGMP, and its queriers need an address."""
    match value:
        case Report(version=1) | Query(version=1) | QuerierConfig(version=1):
            return False
        case QuerierConfig(address=address):
            return not address.is_unspecified
        case SnoopingConfig():
            return True
        case dict():
            return all(has_counterpart(item) for item in value.values())
        case tuple():
            return all(has_counterpart(item) for item in value)
        case _:
            return True


def tell(bench: Bench, event: tuple) -> list[Effect]:
    """One event, for a bench of either dialect; messages are those of the dialect already."""
    what, port, detail = event
    switch, now = bench.switch, bench.now
    if what == "wait":
        return bench.wait(detail)
    does = {
        "report": lambda: bench.hear(port, *detail),
        "leave": lambda: bench.hear(port, *detail),
        "query": lambda: bench.hear(port, *detail),
        "hello": lambda: bench.hello(port, *detail),
        "down": lambda: bench.keep(switch.port_down(port, now)),
        "up": lambda: bench.keep(switch.port_up(port, now)),
        "restart": lambda: bench.keep(switch.restart(now)),
        "configure": lambda: bench.keep(switch.reconfigure(SnoopingConfig(**detail), now)),
        "tree": lambda: bench.keep(switch.topology_change(now)),
    }
    return does[what]()


def of_host(event: tuple) -> tuple:
    """Reports and leaves come from the host at the port, hellos and queries from whoever asks."""
    what, port, detail = event
    if what in ("report", "leave"):
        return what, port, (detail, IPv4Address(f"10.77.0.{port[1:]}"))
    return event


def translated(event: tuple) -> tuple:
    what, port, detail = event
    if what == "configure":
        return what, port, in_six(detail)
    return what, port, six(detail)


def in_six(config: dict) -> dict:
    return {**{name: six(value) for name, value in config.items()}, "dialect": Dialect.MLD}


counterparts = stories.map(
    lambda story: [of_host(event) for event in story if event[0] != "noise" and has_counterpart(event[2])]
)


@settings(max_examples=400, deadline=None)
@given(configs.filter(has_counterpart), counterparts)
def test_a_story_told_in_mld_ends_as_in_igmp(config, story):
    igmp, mld = Bench(**config), Bench(**in_six(config))
    assert [(at, six(effect)) for at, effect in igmp.log] == [(at, in_mld(effect)) for at, effect in mld.log]
    for event in story:
        effects, effects6 = tell(igmp, event), tell(mld, translated(event))
        assert [six(effect) for effect in effects] == [in_mld(effect) for effect in effects6]
        assert igmp.now == mld.now
        assert six(igmp.switch.filters()) == mld.switch.filters()
        assert igmp.switch.router_ports() == mld.switch.router_ports()
        assert six(igmp.switch.querier_address()) == mld.switch.querier_address()
        assert igmp.switch.next_deadline() == mld.switch.next_deadline()


# Frames that are no frames

messages = st.sampled_from(
    [
        Query(version=2),
        Query(version=3, group=IPv4Address("239.192.1.1"), sources=(IPv4Address("10.0.0.1"),)),
        Report(version=2, group=IPv4Address("239.192.1.1")),
        membership.Leave(group=IPv4Address("239.192.1.1")),
        membership.RecordReport(
            records=(
                membership.GroupRecord(
                    type=RecordType.TO_EX,
                    group=IPv4Address("239.192.1.1"),
                    sources=(IPv4Address("10.0.0.1"),),
                ),
            )
        ),
    ]
)
wounds = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(Dialect), configs, messages, wounds, st.integers(0, 120), st.binary(max_size=120))
def test_no_frame_makes_a_switch_or_a_router_stumble(dialect, config, message, wounded, cut, noise):
    speaks_mld = dialect is Dialect.MLD and has_counterpart(config)
    bench = Bench(**(in_six(config) if speaks_mld else config))
    frame = bench.dialect.frame(
        six(message) if speaks_mld else message,
        source_mac=HOST_MAC,
        source=six(IPv4Address("10.77.0.1")) if speaks_mld else IPv4Address("10.77.0.1"),
    )
    hurt = bytearray(frame)
    for at, value in wounded:
        hurt[at % len(hurt)] = value
    router = Querier(
        QuerierConfig(dialect=Dialect.MLD, address=LINK_LOCAL, mac=HOST_MAC, version=2)
        if speaks_mld
        else QuerierConfig(address=IPv4Address("10.77.0.9"), mac=HOST_MAC, version=3),
        ports=("eth0",),
    )
    router.start(0.0)
    for data in (bytes(hurt), frame[:cut], frame[:14] + noise, noise):
        for effect in bench.keep(bench.switch.receive("p1", data, bench.now)):
            assert not isinstance(effect, Send) or effect.port in PORTS
        router.receive("eth0", data, 1.0)
    bench.wait(600)
    assert bench.members() == []


# What is MLD's own


def mld_querier(**settings: object) -> QuerierConfig:
    return QuerierConfig(
        **{"dialect": Dialect.MLD, "address": LINK_LOCAL, "mac": HOST_MAC, "version": 1, **settings}
    )


@pytest.mark.parametrize("address", [IPv6Address(0), GLOBAL])
def test_a_querier_without_a_link_local_address_is_silent(address):
    """RFC 9777 section 5.1.14: hosts drop queries from any other address."""
    bench = Bench(dialect=Dialect.MLD, querier=mld_querier(address=address))
    assert said([effect for _, effect in bench.log]) == [] and bench.switch.querier_address() is None
    router = Querier(mld_querier(address=address), ports=("eth0",))
    assert router.start(0.0) == [] and router.next_deadline() is None


def test_a_query_from_a_global_address_is_dropped():
    bench = Bench(dialect=Dialect.MLD)
    assert bench.query("p4", GLOBAL, version=1) == []
    assert bench.switch.rejected == 1 and bench.switch.router_ports() == ()
    router = Querier(mld_querier(), ports=("eth0",))
    router.start(0.0)
    frame = Dialect.MLD.frame(Query(version=1), source_mac=HOST_MAC, source=IPv6Address("2001:db8::1"))
    assert router.receive("eth0", frame, 1.0) == [] and router.acting


def test_a_report_from_no_address_is_taken():
    """RFC 4541 section 3: a host reports before its address is its own."""
    bench = Bench(dialect=Dialect.MLD)
    bench.hear("p1", Report(version=1, group=GROUP6), IPv6Address(0))
    assert bench.switch.members() == ((GROUP6, "p1"),)


def test_version_1_of_mld_has_leaves_and_queries_for_groups():
    bench = Bench(dialect=Dialect.MLD, querier=mld_querier())
    bench.hear("p1", Report(version=1, group=GROUP6), IPv6Address("fe80::1"))
    left = bench.hear("p1", membership.Leave(group=GROUP6), IPv6Address("fe80::1"))
    assert sent(left, Dialect.MLD) == [("p1", Query(version=1, group=GROUP6, max_response_s=1.0))]
    bench.wait(2)
    assert bench.members() == []


def test_igmp_means_nothing_to_a_switch_of_mld():
    bench = Bench(dialect=Dialect.MLD)
    frame = Dialect.IGMP.frame(
        Report(version=2, group=IPv4Address("239.192.1.1")),
        source_mac=HOST_MAC,
        source=IPv4Address("10.77.0.1"),
    )
    assert bench.switch.receive("p1", frame, 0.0) == []
    hello = pim.hello_frame(pim.Hello(source=IPv4Address("10.77.0.1")), source_mac=HOST_MAC)
    listening = Bench(dialect=Dialect.MLD, learn_router_from_pim=True)
    assert listening.switch.receive("p1", hello, 0.0) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"version": 3},
        {"version": 0},
        {"address": IPv4Address("10.77.0.1")},
        {"dialect": Dialect.IGMP},
    ],
)
def test_a_querier_cannot_mix_the_protocols(settings):
    with pytest.raises(ValueError, match=r"no version|no address"):
        mld_querier(**settings)
    with pytest.raises(ValueError, match="another protocol"):
        SnoopingConfig(querier=mld_querier())


@pytest.mark.parametrize(
    ("group", "pruned", "one_source"),
    [
        ("239.192.1.1", True, False),
        ("224.0.0.251", False, False),
        ("224.0.1.1", True, False),
        ("232.1.1.1", True, True),
        ("ff02::1", False, False),
        ("ff02::1:ff00:1", False, False),
        ("ff01::5", False, False),
        ("ff05::1:3", True, False),
        ("ff15::1", True, False),
        ("ff3e::8000:1", True, True),
        ("ff35:40:2001:db8::1", True, False),
    ],
)
def test_which_groups_are_pruned_and_which_are_source_specific(group, pruned, one_source):
    """RFC 4541 sections 2.1.2 and 3; RFC 4607 section 1."""
    address = IPv6Address(group) if ":" in group else IPv4Address(group)
    assert can_have_members(address) is pruned and never_pruned(address) is not pruned
    assert source_specific(address) is one_source


@pytest.mark.parametrize("address", ["10.77.0.1", "0.0.0.0", "255.255.255.255"])
def test_what_is_no_group_has_no_members(address):
    assert not can_have_members(IPv4Address(address)) and not can_have_members(GLOBAL)


@pytest.mark.parametrize(
    ("group", "never"),
    [
        ("224.0.0.1", True),
        ("224.0.0.2", False),
        ("239.1.1.1", False),
        ("ff02::1", True),
        ("ff02::2", False),
        ("ff12::1", False),
        ("ff00::5", True),
        ("ff01::5", True),
        ("ff11::5", True),
        ("ff15::1", False),
        ("ff3e::8000:1", False),
    ],
)
def test_groups_that_no_host_reports(group, never):
    assert never_reported(ip_address(group)) is never
