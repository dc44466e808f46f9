"""The genuine Open vSwitch in labs: what it does, what it can be told, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.backends.netns import vswitchd
from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.userns import has_capabilities
from harness.plan.build import build
from harness.plan.model import End
from harness.protocols.effects import Unregistered
from harness.scenario.loader import load
from harness.sockets.loop import Loop
from harness.wire.membership import Leave, Query, Report
from tests.lab.side_by_side import GROUPS, STRANGER, Network, Say, World

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
    pytest.mark.skipif(
        vswitchd.missing() is not None,
        reason="Open vSwitch is not installed: apt-get install openvswitch-switch",
    ),
]

LIMIT_S = 10.0
SWITCH = "sw1"
GROUP = GROUPS[0]


class Lab:
    """One Open vSwitch with hosts h1, h2 ... on p1, p2 ..., at a speed."""

    def __init__(self, folder: Path, profile: str, speed: float, hosts: int = 3) -> None:
        self.loop = Loop()
        plan = Network(switches=1, star=False, hosts=(1,) * hosts, profile=profile).plan(
            folder, emulated=False
        )
        self.world = World("genuine", replace(plan, speed=speed), self.loop)
        self.behaviour = plan.switches[0].behaviour
        self._rounds = 0

    def __enter__(self) -> Lab:
        self.world.build()
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()
        self.loop.close()

    def joins(self, host: str) -> None:
        self.world.do(Say(host=host, message=Report(version=2, group=GROUP)))
        self.awaits(lambda: ("member", SWITCH, f"p{host[1:]}", str(GROUP)) in self.lines(), f"{host} to join")

    def lines(self) -> frozenset[tuple[str, ...]]:
        return self.world.tables.lines()

    def awaits(self, condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> float:
        """Wait and return for how long, in seconds."""
        began_s = time.monotonic()
        self.loop.wait_for(condition, limit_s, lambda: f"{what}; tables: {sorted(self.lines())}")
        return time.monotonic() - began_s

    def awaits_hearers(self, sender: str, group: IPv4Address, wanted: list[str]) -> None:
        """Send until these and no others receive it: the daemon's flows follow its tables a little later."""
        deadline_s = time.monotonic() + LIMIT_S
        while (heard := self.hearers(sender, group)) != wanted:
            assert time.monotonic() < deadline_s, (
                f"waited {LIMIT_S} s for {wanted} to hear {group}, not {heard}"
            )

    def hearers(self, sender: str, group: IPv4Address) -> list[str]:
        """Who receives a datagram; one to a group that is always flooded tells that it has passed."""
        self._rounds += 1
        texts = [f"{sender} {to} {self._rounds}" for to in (group, "224.0.0.200")]
        for to, text in zip((group, IPv4Address("224.0.0.200")), texts, strict=True):
            self.world.probe(sender, to, text)
        others = [heard for host, heard in self.world.arrived.items() if host != sender]
        self.awaits(lambda: all(texts[1].encode() in heard for heard in others), "a fence")
        return [host for host, heard in self.world.arrived.items() if texts[0].encode() in heard]


def test_members_and_router_ports_as_shown_and_as_forwarded(tmp_path: Path) -> None:
    with Lab(tmp_path, "ovs-strict", speed=1) as lab:
        lab.awaits_hearers("h1", GROUP, [])
        lab.joins("h2")
        lab.awaits_hearers("h1", GROUP, ["h2"])
        lab.world.do(Say(host="h3", message=Query(version=2)))
        lab.awaits(lambda: ("router port", SWITCH, "p3") in lab.lines(), "a router port")
        assert ("querier", SWITCH, "10.77.0.3") in lab.lines()
        lab.awaits_hearers("h1", STRANGER, ["h3"])
        lab.world.do(Say(host="h2", message=Leave(group=GROUP)))
        lab.awaits(lambda: ("member", SWITCH, "p2", str(GROUP)) not in lab.lines(), "the leave")
        lab.awaits_hearers("h1", GROUP, ["h3"])


def test_entries_and_router_ports_age_at_the_speed_of_the_lab(tmp_path: Path) -> None:
    speed = 100.0
    with Lab(tmp_path, "ovs-strict", speed) as lab:
        lab.joins("h2")
        lab.world.do(Say(host="h3", message=Query(version=2)))
        lab.awaits(lambda: ("router port", SWITCH, "p3") in lab.lines(), "a router port")
        router_s = lab.awaits(
            lambda: ("router port", SWITCH, "p3") not in lab.lines(), "the router port's end"
        )
        assert 170 < router_s * speed < 220, "180 s"
        member_s = lab.awaits(
            lambda: not any(line[0] == "member" for line in lab.lines()), "the member's end"
        )
        assert 280 < (router_s + member_s) * speed < 340, "300 s"


def test_settings_of_a_running_switch(tmp_path: Path) -> None:
    with Lab(tmp_path, "ovs-strict", speed=1) as lab:
        configure = lab.world.devices.configure
        lab.joins("h2")
        configure(SWITCH, replace(lab.behaviour, unregistered=Unregistered.FLOOD))
        lab.awaits_hearers("h1", STRANGER, ["h2", "h3"])
        lab.awaits_hearers("h1", GROUP, ["h2"])
        configure(SWITCH, replace(lab.behaviour, static_router_ports=("p3",)))
        assert ("router port", SWITCH, "p3") in lab.lines()
        lab.awaits_hearers("h1", STRANGER, ["h3"])
        configure(SWITCH, replace(lab.behaviour, snooping=False))
        assert ("router port", SWITCH, "p3") not in lab.lines()
        lab.awaits_hearers("h1", GROUP, ["h2", "h3"])
        lab.awaits(lambda: not lab.lines(), "the tables to be lost")


def test_a_restart_loses_the_tables(tmp_path: Path) -> None:
    with Lab(tmp_path, "ovs-strict", speed=1) as lab:
        lab.joins("h2")
        lab.world.devices.restart_switch(SWITCH)
        lab.awaits(lambda: not lab.lines(), "the tables to be lost")
        lab.awaits_hearers("h1", GROUP, [])


def test_what_was_learnt_on_a_port_stays_when_its_link_goes_and_comes(tmp_path: Path) -> None:
    with Lab(tmp_path, "ovs-strict", speed=1, hosts=2) as lab:
        lab.joins("h2")
        lab.world.devices.set_link(End(device=SWITCH, port="p2"), up=False)
        lab.world.devices.set_link(End(device=SWITCH, port="p2"), up=True)
        lab.awaits_hearers("h1", GROUP, ["h2"])


SCENARIO = """\
scenario: a lab of two Open vSwitches
source: ovs-vswitchd.conf.db(5)
duration: 600s
network:
  switches: {sw: {count: 2, profile: ovs-strict}}
  links: chain
  nodes: {n: {count: 2, on: [sw1, sw2]}}
traffic: {one: {group: 239.192.0.1, rate: 1/s}}
expect: [{deliver: one, result: none}]
"""
LAB = """\
import ctypes, decimal, encodings.ascii, encodings.idna, os, sys, tempfile
from pathlib import Path
import harness.backends.netns.lab
from harness.backends.base import Options
from harness.backends.netns import NetnsBackend
from harness.observations.model import Phase
from harness.plan.build import build
from harness.scenario.loader import load

plan = build(load(Path(sys.argv[1])).variants[0])
if sys.argv[2] != "0":
    os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
def emit(record):
    if isinstance(record, Phase):
        print(record.name, flush=True)
NetnsBackend().run(plan, Options(folder=Path(tempfile.mkdtemp())), emit)
"""


def running(folder: Path, user: int) -> subprocess.Popen[str]:
    """A process with a lab that has settled."""
    path = folder / "x.scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    process = subprocess.Popen(
        (sys.executable, "-c", LAB, str(path), str(user)), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line == "run\n":
            return process
    process.stdout.close()
    process.wait()
    pytest.fail(f"the lab ended with code {process.returncode} before it ran")


def daemons_of(pid: int) -> list[int]:
    """The daemons whose parent is this process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        if name.startswith(("ovs-vswitchd", "ovsdb-server")) and int(rest.split()[1]) == pid:
            found.append(int(path.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


@pytest.mark.parametrize("user", [0, 65534])
def test_nothing_outlives_a_lab_that_is_killed(tmp_path: Path, user: int) -> None:
    if os.geteuid() != 0 and user:
        pytest.skip("becomes another user, so it must begin as root")
    tmp_path.chmod(0o755)
    with running(tmp_path, user) as process:
        daemons = daemons_of(process.pid)
        assert len(daemons) == 4, "two for each switch"
        assert not list(Path("/dev/shm").glob("mcast-ovs-*")), "files of a switch that runs"
        process.send_signal(signal.SIGKILL)
    deadline_s = time.monotonic() + LIMIT_S
    while left := [pid for pid in daemons if alive(pid)]:
        assert time.monotonic() < deadline_s, f"waited {LIMIT_S} s for the kernel to end {left}"
        time.sleep(0.01)


def test_a_lab_leaves_no_daemon_and_no_file(tmp_path: Path) -> None:
    with Lab(tmp_path, "ovs", speed=1):
        assert len(daemons_of(os.getpid())) == 2
    assert daemons_of(os.getpid()) == []
    assert not list(Path("/dev/shm").glob("mcast-ovs-*"))


def test_udp_of_real_stacks_arrives_whole(tmp_path: Path) -> None:
    """A datagram whose checksum nobody computed would be dropped by the receiver's stack."""
    path = tmp_path / "x.scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    plan, loop = build(load(path).variants[0]), Loop()
    devices = Devices(plan, loop, Clock(speed=1), lambda _: None)
    try:
        devices.build()
        with devices.enter_host("n1"):
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with devices.enter_host("n2"):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with receiver, sender:
            receiver.bind(("", 5405))
            receiver.settimeout(LIMIT_S)
            sender.sendto(b"whole", (str(plan.host("n1").address), 5405))
            assert receiver.recv(100) == b"whole"
    finally:
        devices.close()
        loop.close()
