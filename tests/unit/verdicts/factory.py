"""Tiny plans and the records of runs of them, made by hand.

The network is one switch, sw1, with nodes n1, n2 ... on p1, p2 ... and, if asked for, router r1 on the next
port; stream 1 goes to 239.192.0.1, a datagram a second from each node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from harness.observations.model import Arrived, Ended, Record, Sent, Started
from harness.plan.model import (
    Action,
    Audience,
    Cast,
    PeerKind,
    Plan,
    PlanHost,
    PlanLink,
    PlanStream,
    PlanSwitch,
    Port,
    Subject,
    Where,
)
from harness.profiles import DataPlane
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import SnoopingConfig

GROUP = IPv4Address("239.192.0.1")
FILE = Path("scenarios/querier/querier-lost.scenario.yaml")
Fate = Callable[[str, str, int], bool]
"""Whether a sender's datagram of a number comes to a receiver."""


def where(line: int = 19, text: str = "after 25s  239.192.0.1: delivery none", why: str = "") -> Where:
    return Where(file=FILE, line=line, text=text, why=why)


def node(number: int, switch: str = "sw1", kind: PeerKind = PeerKind.NODE, prefix: str = "n") -> PlanHost:
    return PlanHost(
        name=f"{prefix}{number}",
        kind=kind,
        number=number,
        mac=f"02:00:00:00:00:{number:02x}",
        address=IPv4Address("10.77.0.0") + number,
        switch=switch,
        port=f"p{number}",
        mtu=1500,
        up=True,
        igmp_version=None,
    )


def switch(name: str, ports: Iterable[tuple[str, str, str, PeerKind]]) -> PlanSwitch:
    return PlanSwitch(
        name=name,
        chassis=name,
        vlan=None,
        profile="rfc",
        title="by the RFC",
        data_plane=DataPlane.EMULATED,
        mac="02:00:00:00:ff:01",
        address=IPv4Address("10.77.255.1"),
        mtu=1500,
        behaviour=SnoopingConfig(),
        querier_ready=QuerierConfig(address=IPv4Address("10.77.255.1"), mac=bytes(6)),
        ports=tuple(
            Port(
                name=port,
                number=int(port[1:]),
                mac=f"02:00:00:00:fe:{int(port[1:]):02x}",
                peer=peer,
                peer_port=peer_port,
                peer_kind=kind,
                mtu=1500,
                up=True,
            )
            for port, peer, peer_port, kind in ports
        ),
    )


def stream(nodes: int, **changes: object) -> PlanStream:
    names = tuple(f"n{number}" for number in range(1, nodes + 1))
    base = PlanStream(
        name="ring",
        number=1,
        cast=Cast.MULTICAST,
        group=GROUP,
        port=5405,
        source_specific=False,
        senders=names,
        receivers=names,
        watchers=(),
        period_s=1.0,
        size=64,
        ttl=1,
        start_s=0.0,
        stop_s=60.0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def plan(
    nodes: int = 4,
    *,
    streams: tuple[PlanStream, ...] = (),
    actions: tuple[Action, ...] = (),
    speed: float = 100.0,
    router: bool = False,
    duration_s: float = 60.0,
) -> Plan:
    hosts = [node(number) for number in range(1, nodes + 1)]
    if router:
        hosts.append(replace(node(nodes + 1, kind=PeerKind.ROUTER), name="r1"))
    return Plan(
        title="The querier is lost",
        file=FILE,
        variant="as-shipped",
        role="fault",
        speed=speed,
        seed=7,
        duration_s=duration_s,
        prefix_length=16,
        switches=(switch("sw1", [(host.port, host.name, "eth0", host.kind) for host in hosts]),),
        hosts=tuple(hosts),
        links=(),
        streams=streams or (stream(nodes, stop_s=duration_s),),
        actions=actions,
        expectations=(),
    )


def two_switches() -> Plan:
    """n1 on sw1, n2 on sw2, a cable between p9 and p9."""
    left = switch("sw1", [("p1", "n1", "eth0", PeerKind.NODE), ("p9", "sw2", "p9", PeerKind.SWITCH)])
    right = switch("sw2", [("p2", "n2", "eth0", PeerKind.NODE), ("p9", "sw1", "p9", PeerKind.SWITCH)])
    return replace(
        plan(2),
        switches=(left, right),
        hosts=(node(1), node(2, switch="sw2")),
        links=(PlanLink(a=("sw1", "p9"), b=("sw2", "p9"), mtu=1500, b_mtu=1500, up=True),),
    )


def subject(the_plan: Plan, from_s: float = 0.0, until_s: float = 60.0, **changes: object) -> Subject:
    base = Subject(
        streams=(1,),
        senders=the_plan.streams[0].senders,
        audience=Audience.MEMBERS,
        names=(),
        from_s=from_s,
        until_s=until_s,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def everything(sender: str, receiver: str, number: int) -> bool:
    return True


def nothing(sender: str, receiver: str, number: int) -> bool:
    return False


def before(number: int) -> Fate:
    """Every datagram up to a number, none from it on."""
    return lambda sender, receiver, n: n < number


def since(number: int) -> Fate:
    return lambda sender, receiver, n: n >= number


def started(the_plan: Plan) -> Started:
    return Started(
        scenario=str(the_plan.file),
        variant=the_plan.variant,
        backend="netns",
        seed=the_plan.seed,
        speed=the_plan.speed,
        kernel="6.18",
        version="0.1.0",
        wall_clock="2026-01-01T00:00:00.000+00:00",
        plan_digest="0",
    )


def traffic(
    the_plan: Plan,
    fate: Fate = everything,
    *,
    flooded: Fate = nothing,
    number: int = 1,
    until_s: float | None = None,
) -> list[Record]:
    """All that is sent and arrives of one stream; ``fate`` is for its receivers, ``flooded`` for watchers."""
    one = the_plan.stream(number)
    end_s = min(one.stop_s, the_plan.duration_s) if until_s is None else until_s
    count = one.sequence_at(end_s)
    found: list[Record] = []
    for sender in one.senders:
        found.append(Sent(at_s=one.sent_at(count - 1), stream=number, sender=sender, first=0, count=count))
        for sequence in range(count):
            hosts = tuple(r for r in one.receivers if r != sender and fate(sender, r, sequence))
            seen = tuple(w for w in one.watchers if w != sender and flooded(sender, w, sequence))
            if hosts or seen:
                at_s = one.sent_at(sequence) + 0.01
                found.append(
                    Arrived(
                        at_s=at_s, stream=number, sender=sender, sequence=sequence, hosts=hosts, flooded=seen
                    )
                )
    return found


def run(the_plan: Plan, *parts: Iterable[Record], status: str = "complete", detail: str = "") -> list[Record]:
    """A whole run around its records."""
    records = [record for part in parts for record in part]
    last_s = max((record.at_s for record in records if hasattr(record, "at_s")), default=0.0)
    return [started(the_plan), *records, Ended(at_s=last_s, status=status, detail=detail)]
