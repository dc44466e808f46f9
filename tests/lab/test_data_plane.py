"""The emulated switch's data plane on this machine's kernel: which port gets which frame, rule by rule.

The cases of a table are one fabric's: see ``stage``.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage import LONG_OPTIONS, MARK, ROUTER_ALERT, Stage, frame, icmpv6, mac_of, stage

from harness.backends.netns.data_plane import DataPlane
from harness.backends.netns.namespaces import inside
from harness.backends.netns.userns import has_capabilities
from harness.protocols.dialect import Dialect
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter, Unregistered
from harness.protocols.snooping_config import Lookup
from harness.sockets.bpf import CONTROL_FRAMES
from harness.sockets.packet import Tap
from harness.wire.membership import Address

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

Members = Mapping[tuple[Address, str], SourceFilter]
Routers = Mapping[tuple[Dialect, str], bool]


@contextmanager
def plane_of(on: Stage, dialects: tuple[Dialect, ...] = tuple(Dialect)) -> Iterator[DataPlane]:
    plane = DataPlane(on.fabric.switch_fd("sw1"))
    try:
        plane.install(dialects)
        yield plane
    finally:
        plane.close()


def include(*sources: str) -> SourceFilter:
    return SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(map(ip_address, sources))))  # type: ignore[type-var]


def exclude(*sources: str) -> SourceFilter:
    return SourceFilter(sources=tuple(sorted(map(ip_address, sources))))  # type: ignore[type-var]


def entries(*lines: tuple[str, str, SourceFilter]) -> dict[tuple[Address, str], SourceFilter]:
    return {(ip_address(group), port): sources for group, port, sources in lines}


ALL = {"p2", "p3", "p4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Tables, a mode, and where the datagrams (source, group) must come out."""

    members: Members = field(default_factory=dict)
    routers: Routers = field(default_factory=dict)
    dialect: Dialect = Dialect.IGMP
    snooping: bool = True
    unregistered: Unregistered = Unregistered.DROP
    lookup: Lookup = Lookup.IP
    source_filtering: bool = True
    wanted: Mapping[tuple[str, str], set[str]]


A, B, C = "10.0.0.1", "10.0.0.8", "10.0.0.9"
A6, B6, C6 = "fd00::1", "fd00::8", "fd00::9"
TABLES = {
    "sources": Rules(
        members=entries(
            ("239.1.1.1", "p2", EVERY_SOURCE),
            ("239.1.1.1", "p3", exclude(A, B)),
            ("239.1.1.1", "p4", include(A)),
            ("239.1.1.2", "p4", include(B, C)),
        ),
        wanted={
            (A, "239.1.1.1"): {"p2", "p4"},
            (B, "239.1.1.1"): {"p2"},
            (C, "239.1.1.1"): {"p2", "p3"},
            (A, "239.1.1.2"): set(),
            (B, "239.1.1.2"): {"p4"},
            (A, "239.1.1.3"): set(),
        },
    ),
    "an included source alone makes the group registered": Rules(
        members=entries(("239.1.1.1", "p4", include(A))),
        unregistered=Unregistered.FLOOD,
        wanted={(B, "239.1.1.1"): set(), (A, "239.1.1.1"): {"p4"}, (B, "239.1.1.2"): ALL},
    ),
    "router ports get every registered group, of refused sources too": Rules(
        members=entries(("239.1.1.1", "p2", exclude(A)), ("239.1.1.1", "p3", exclude(A))),
        routers={(Dialect.IGMP, "p3"): True, (Dialect.MLD, "p4"): True},
        wanted={
            (A, "239.1.1.1"): {"p3"},
            (B, "239.1.1.1"): {"p2", "p3"},
            (A, "239.9.9.9"): set(),
        },
    ),
    "unregistered to router ports": Rules(
        members=entries(("239.1.1.1", "p2", EVERY_SOURCE)),
        routers={(Dialect.IGMP, "p3"): True, (Dialect.MLD, "p4"): True},
        unregistered=Unregistered.ROUTER_PORTS,
        wanted={(A, "239.1.1.1"): {"p2", "p3"}, (A, "239.9.9.9"): {"p3"}},
    ),
    "groups of the link always flood, and without snooping all do": Rules(
        members=entries(("239.1.1.1", "p2", EVERY_SOURCE)),
        wanted={
            (A, "224.0.0.1"): ALL,
            (A, "224.0.0.251"): ALL,
            (A, "224.0.1.1"): set(),
            (A, "239.0.0.5"): set(),  # shares its MAC address with 224.0.0.5, which only matters with MAC
        },
    ),
    "no snooping": Rules(
        members=entries(("239.1.1.1", "p2", exclude(A))),
        snooping=False,
        wanted={(A, "239.1.1.1"): ALL, (A, "239.9.9.9"): ALL},
    ),
    "coarse sources": Rules(
        members=entries(("239.1.1.1", "p2", exclude(A)), ("239.1.1.1", "p3", include(B))),
        source_filtering=False,
        wanted={(A, "239.1.1.1"): {"p2", "p3"}, (B, "239.1.1.1"): {"p2", "p3"}},
    ),
    "MAC addresses": Rules(
        members=entries(
            ("239.1.1.1", "p2", exclude(A)),
            ("225.129.1.1", "p3", include(B)),
            ("239.2.2.2", "p4", EVERY_SOURCE),
        ),
        routers={(Dialect.MLD, "p4"): True},
        lookup=Lookup.MAC,
        wanted={
            (A, "239.1.1.1"): {"p2", "p3"},
            (A, "225.129.1.1"): {"p2", "p3"},
            (A, "232.1.1.1"): {"p2", "p3"},  # nobody's group, but their address
            (A, "239.2.2.2"): {"p4"},
            (A, "239.2.2.3"): set(),
            (A, "239.0.0.5"): ALL,
            (A, "225.128.0.9"): ALL,
            (A, "224.0.0.7"): ALL,
            (A, "239.64.0.5"): set(),
        },
    ),
    "MAC addresses, unregistered flood": Rules(
        members=entries(("239.1.1.1", "p2", EVERY_SOURCE)),
        routers={(Dialect.IGMP, "p3"): True},
        lookup=Lookup.MAC,
        unregistered=Unregistered.FLOOD,
        wanted={(A, "231.129.1.1"): {"p2", "p3"}, (A, "239.1.1.2"): ALL},
    ),
    "IPv6 sources": Rules(
        dialect=Dialect.MLD,
        members=entries(
            ("ff15::1", "p2", EVERY_SOURCE),
            ("ff15::1", "p3", exclude(A6, B6)),
            ("ff15::1", "p4", include(A6)),
            ("ff35::2", "p4", include(B6)),
        ),
        wanted={
            (A6, "ff15::1"): {"p2", "p4"},
            (B6, "ff15::1"): {"p2"},
            (C6, "ff15::1"): {"p2", "p3"},
            (A6, "ff35::2"): set(),
            (B6, "ff35::2"): {"p4"},
            (A6, "ff15::3"): set(),
            (A6, "ff02::fb"): ALL,
            (A6, "ff01::1"): ALL,
            (A6, "ff02::1:ff00:1"): ALL,
            (A6, "ff12::1"): set(),
            (A, "239.1.1.1"): ALL,  # the other family has a mode of its own, which is off
        },
    ),
    "IPv6 router ports": Rules(
        dialect=Dialect.MLD,
        members=entries(("ff15::1", "p2", exclude(A6))),
        routers={(Dialect.IGMP, "p3"): True, (Dialect.MLD, "p4"): True},
        unregistered=Unregistered.ROUTER_PORTS,
        wanted={(A6, "ff15::1"): {"p4"}, (B6, "ff15::1"): {"p2", "p4"}, (A6, "ff15::2"): {"p4"}},
    ),
    "IPv6 by MAC address": Rules(
        dialect=Dialect.MLD,
        members=entries(("ff15::1:0:1", "p2", exclude(A6)), ("ff35::2:0:1", "p3", include(B6))),
        lookup=Lookup.MAC,
        unregistered=Unregistered.FLOOD,
        wanted={
            (A6, "ff15::1:0:1"): {"p2", "p3"},
            (A6, "ff18::7:0:1"): {"p2", "p3"},
            (A6, "ff02::1"): ALL,  # of the link, though the address is theirs
            (A6, "ff15::1:0:2"): ALL,
        },
    ),
}


@pytest.fixture(scope="module")
def scene() -> Iterator[tuple[Stage, DataPlane]]:
    with stage() as on, plane_of(on) as plane:
        yield on, plane


@contextmanager
def told(plane: DataPlane, members: Members, routers: Routers) -> Iterator[None]:
    """Tables for a while; both families' modes are off again afterwards."""
    plane.apply(members, routers)
    try:
        yield
    finally:
        plane.apply(dict.fromkeys(members), dict.fromkeys(routers, False))
        for dialect in Dialect:
            plane.set_mode(dialect, snooping=False, unregistered=Unregistered.FLOOD)
        assert plane.members() == {}
        assert plane.groups() == frozenset()
        assert plane.member_macs() == frozenset()
        assert plane.routers() == frozenset()


@pytest.mark.parametrize("rules", TABLES.values(), ids=TABLES.keys())
def test_the_tables_decide_where_a_datagram_goes(rules: Rules, scene: tuple[Stage, DataPlane]) -> None:
    on, plane = scene
    with told(plane, rules.members, rules.routers):
        # After the tables: keys of sets follow the mode.
        plane.set_mode(
            rules.dialect,
            snooping=rules.snooping,
            unregistered=rules.unregistered,
            lookup=rules.lookup,
            source_filtering=rules.source_filtering,
        )
        found = on.ports([frame(source, group, b"datagram") for source, group in rules.wanted])
        assert dict(zip(rules.wanted, found, strict=True)) == rules.wanted


def test_a_filter_can_change_and_be_told_again(scene: tuple[Stage, DataPlane]) -> None:
    on, plane = scene
    entry = (IPv4Address("239.1.1.1"), "p2")
    datagrams = [frame(source, "239.1.1.1", b"datagram") for source in (A, B)]
    steps: list[tuple[SourceFilter | None, list[set[str]]]] = [
        (include(A), [{"p2"}, set()]),
        (include(A), [{"p2"}, set()]),
        (include(A, B), [{"p2"}, {"p2"}]),
        (include(), [set(), set()]),
        (exclude(A), [set(), {"p2"}]),
        (exclude(B), [{"p2"}, set()]),
        (EVERY_SOURCE, [{"p2"}, {"p2"}]),
        (None, [set(), set()]),
        (None, [set(), set()]),
    ]
    with told(plane, {}, {}):
        plane.set_mode(Dialect.IGMP, snooping=True, unregistered=Unregistered.DROP, source_filtering=True)
        for sources, wanted in steps:
            plane.apply({entry: sources})
            assert on.ports(datagrams) == wanted, sources
            known = None if sources == include() else sources
            assert plane.members() == ({} if known is None else {entry: known})


# --- what is trapped, and what the tap sees ---------------------------------------------------------------

IGMP_REPORT = frame(A, "239.1.1.1", bytes((0x16, 0, 0, 0)) + bytes(4), protocol=2)
PIM_HELLO = frame(A, "224.0.0.13", bytes((0x20, 0, 0, 0)), protocol=103)
PIM6_HELLO = frame(A6, "ff02::d", bytes((0x20, 0, 0, 0)), protocol=103)
PIM_ELSEWHERE = frame(A, "239.1.1.1", bytes((0x21, 0, 0, 0)), protocol=103)
MLD_FRAMES = [
    frame(A6, group, icmpv6(kind), protocol=58, options=options)
    for kind, group in ((130, "ff02::1"), (131, "ff15::1"), (132, "ff02::2"), (143, "ff02::16"))
    for options in (b"", ROUTER_ALERT, LONG_OPTIONS)
]
OTHER_ICMPV6 = [
    frame(A6, "ff02::1", icmpv6(kind), protocol=58, options=options)
    for kind in (128, 129, 133, 135, 142, 144)
    for options in (b"", ROUTER_ALERT)
]
DATAGRAMS = [frame(A, "239.1.1.1", b"x"), frame(A6, "ff15::1", b"x")]


@pytest.mark.parametrize("snooping", [True, False])
@pytest.mark.parametrize(
    ("dialects", "trapped", "passed"),
    [
        (
            (Dialect.IGMP,),
            [IGMP_REPORT],
            [*MLD_FRAMES, *OTHER_ICMPV6, PIM_HELLO, PIM6_HELLO, DATAGRAMS[1]],
        ),
        (
            (Dialect.IGMP, Dialect.MLD),
            [IGMP_REPORT, *MLD_FRAMES],
            [*OTHER_ICMPV6, PIM_HELLO, PIM6_HELLO],
        ),
    ],
    ids=["IGMP", "IGMP and MLD"],
)
def test_messages_of_a_spoken_dialect_are_trapped_in_every_mode(
    dialects: tuple[Dialect, ...], trapped: list[bytes], passed: list[bytes], *, snooping: bool
) -> None:
    with stage() as on, plane_of(on, dialects) as plane:
        for dialect in dialects:
            plane.set_mode(dialect, snooping=snooping, unregistered=Unregistered.DROP)
        assert on.ports(trapped) == [set()] * len(trapped)
        assert on.ports(passed) == [ALL] * len(passed)


def test_the_tap_sees_what_the_control_plane_reads(scene: tuple[Stage, DataPlane]) -> None:
    on, _ = scene
    with inside(on.fabric.switch_fd("sw1")):
        tap = Tap("p1", CONTROL_FRAMES)
    sent = [IGMP_REPORT, PIM_HELLO, PIM6_HELLO, PIM_ELSEWHERE, *MLD_FRAMES, *OTHER_ICMPV6, *DATAGRAMS]
    on.ports(sent)
    seen = [seen.data for seen in tap.frames()]
    tap.close()
    assert [data[: data.rfind(MARK)] for data in seen] == [
        IGMP_REPORT,
        PIM_HELLO,
        PIM6_HELLO,
        *MLD_FRAMES,
    ]


def test_nft_prints_the_tables_of_both_families(scene: tuple[Stage, DataPlane]) -> None:
    on, plane = scene
    members = entries(
        ("239.1.1.1", "p2", exclude(A)), ("ff15::1", "p3", include(A6)), ("ff15::2", "p4", EVERY_SOURCE)
    )
    with told(plane, members, {(Dialect.MLD, "p4"): True}):
        plane.set_mode(Dialect.IGMP, snooping=True, unregistered=Unregistered.DROP, source_filtering=True)
        plane.set_mode(Dialect.MLD, snooping=True, unregistered=Unregistered.DROP, source_filtering=True)
        by_address = listing(on)
        plane.set_mode(Dialect.IGMP, snooping=True, unregistered=Unregistered.DROP, lookup=Lookup.MAC)
        by_mac = listing(on)
    for line in (
        'elements = { "p2" . 239.1.1.1 . 10.0.0.1 }',
        'elements = { "p3" . ff15::1 . fd00::1 }',
        'elements = { "p4" . ff15::2 }',
        "meta protocol ip6 goto mld_acl",
        "icmpv6 type 130-132 drop",
        "icmpv6 type mld2-listener-report drop",
        'elements = { "p4" }',
    ):
        assert line in by_address
    assert 'elements = { "p2" . 01:00:5e:01:01:01 }' in by_mac
    assert "239.1.1.1" not in by_mac
    assert "oifname . ether daddr @member_macs accept" in by_mac


def listing(on: Stage) -> str:
    with inside(on.fabric.switch_fd("sw1")):
        try:
            return subprocess.run(
                ("nft", "list", "ruleset"), capture_output=True, text=True, check=True
            ).stdout
        except FileNotFoundError:
            pytest.skip("the program nft is not installed")


# --- any tables, any datagrams ----------------------------------------------------------------------------

GROUPS_V4 = ["239.1.1.1", "239.129.1.1", "225.1.1.1", "232.1.1.2", "239.0.0.5", "224.0.0.5", "225.128.0.5"]
GROUPS_V6 = ["ff15::1", "ff35::1", "ff15::1:1", "ff02::1", "ff12::1", "ff01::9", "ff15::2"]
families = st.sampled_from([(Dialect.IGMP, GROUPS_V4, [A, B, C]), (Dialect.MLD, GROUPS_V6, [A6, B6, C6])])
modes = st.fixed_dictionaries(
    {
        "snooping": st.sampled_from([True, True, True, False]),
        "unregistered": st.sampled_from(Unregistered),
        "lookup": st.sampled_from(Lookup),
        "source_filtering": st.booleans(),
    }
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Dialect, dict[str, object], Members, Routers, list[tuple[str, str]]]:
    dialect, groups, sources = draw(families)
    filters = st.builds(
        lambda mode, chosen: SourceFilter(mode=mode, sources=tuple(map(ip_address, sorted(chosen)))),
        st.sampled_from(FilterMode),
        st.sets(st.sampled_from(sources)),
    )
    members = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(groups).map(ip_address), st.sampled_from(sorted(ALL))), filters
        )
    )
    routers = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(Dialect), st.sampled_from(sorted(ALL))), st.just(True), max_size=2
        )
    )
    return dialect, draw(modes), members, routers, [(s, g) for s in sources for g in groups]


def alike(one: Address, other: Address, lookup: object) -> bool:
    return mac_of(one) == mac_of(other) if lookup is Lookup.MAC else one == other


def receives(
    port: str,
    source: Address,
    group: Address,
    dialect: Dialect,
    mode: Mapping[str, object],
    members: Members,
    routers: Routers,
) -> bool:
    """What a switch should do, in a few lines, to hold against what nftables does."""
    by_mac = mode["lookup"] is Lookup.MAC
    of_link = [IPv4Address(0xE0000000 + n) for n in range(256)] if group.version == 4 else []
    if not mode["snooping"] or any(alike(group, one, mode["lookup"]) for one in of_link):
        return True
    if isinstance(group, IPv6Address) and group.packed[:2] in {b"\xff\x01", b"\xff\x02"}:
        return True
    known = [
        (at, sources)
        for (one, at), sources in members.items()
        if alike(one, group, mode["lookup"]) and sources != SourceFilter(mode=FilterMode.INCLUDE)
    ]
    if not known and mode["unregistered"] is not Unregistered.ROUTER_PORTS:
        return mode["unregistered"] is Unregistered.FLOOD
    coarse = by_mac or not mode["source_filtering"]
    wanted = any(at == port and (coarse or sources.passes(source)) for at, sources in known)
    return wanted or (dialect, port) in routers


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(situation=situations())
def test_the_kernel_delivers_what_the_tables_say(
    situation: tuple[Dialect, dict[str, object], Members, Routers, list[tuple[str, str]]],
    scene: tuple[Stage, DataPlane],
) -> None:
    on, plane = scene
    dialect, mode, members, routers, datagrams = situation
    with told(plane, members, routers):
        plane.set_mode(dialect, **mode)  # type: ignore[arg-type]
        found = on.ports([frame(source, group, b"datagram") for source, group in datagrams])
    for (source, group), ports in zip(datagrams, found, strict=True):
        wanted = {
            port
            for port in ALL
            if receives(port, ip_address(source), ip_address(group), dialect, mode, members, routers)
        }
        assert ports == wanted, f"{source} to {group}"
