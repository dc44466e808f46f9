from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.plan.model import (
    Audience,
    Cast,
    ExpectDelivery,
    PeerKind,
    Plan,
    PlanHost,
    PlanStream,
    PlanSwitch,
    Port,
    Subject,
    Where,
)
from harness.profiles import DataPlane
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import SnoopingConfig

sys.path.insert(0, str(Path(__file__).parents[2] / "plugin"))

import fake_lab

fake_lab.register()

GROUP = IPv4Address("239.192.0.1")


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., Plan]:
    """Return plans of three nodes on one switch that all hear each other once a second."""
    file = tmp_path / "small.scenario.yaml"
    file.write_text("scenario: small\n\nspeed: 100\n", encoding="utf-8")

    def make(variant: str = "good", **changes: object) -> Plan:
        return replace(_plan(file, variant), **changes)  # type: ignore[arg-type]

    return make


def _plan(file: Path, variant: str) -> Plan:
    names = ("n1", "n2", "n3")
    where = Where(file=file, line=1, text="deliver: all")
    subject = Subject(
        streams=(1,), senders=names, audience=Audience.MEMBERS, names=(), from_s=0.0, until_s=10.0
    )
    querier = QuerierConfig(address=IPv4Address("10.77.0.1"), mac=bytes(6))
    return Plan(
        title="small",
        file=file,
        variant=variant,
        role=None,
        speed=100.0,
        seed=7,
        duration_s=10.0,
        prefix_length=16,
        switches=(
            PlanSwitch(
                name="sw1",
                chassis="sw1",
                vlan=None,
                profile="class-a",
                title="a switch",
                data_plane=DataPlane.EMULATED,
                mac="02:00:00:00:ff:01",
                address=IPv4Address("10.77.0.1"),
                mtu=1500,
                behaviour=SnoopingConfig(querier=querier, fast_leave_ports=frozenset({"p2", "p1"})),
                querier_ready=querier,
                ports=tuple(_port(number, name) for number, name in enumerate(names, 1)),
            ),
        ),
        hosts=tuple(_host(number, name) for number, name in enumerate(names, 1)),
        links=(),
        streams=(
            PlanStream(
                name="s",
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
                stop_s=10.0,
            ),
        ),
        actions=(),
        expectations=(ExpectDelivery(where=where, subject=subject, loss_at_least=0.0, loss_at_most=0.0),),
    )


def _port(number: int, peer: str) -> Port:
    return Port(
        name=f"p{number}",
        number=number,
        mac=f"02:00:00:00:01:{number:02x}",
        peer=peer,
        peer_port="eth0",
        peer_kind=PeerKind.NODE,
        mtu=1500,
        up=True,
    )


def _host(number: int, name: str) -> PlanHost:
    return PlanHost(
        name=name,
        kind=PeerKind.NODE,
        number=number,
        mac=f"02:00:00:00:00:{number:02x}",
        address=IPv4Address(f"10.77.1.{number}"),
        switch="sw1",
        port=f"p{number}",
        mtu=1500,
        up=True,
        igmp_version=None,
    )
