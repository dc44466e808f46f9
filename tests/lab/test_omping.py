"""`mcast omping` on three nodes of a real network: passing, blocked, late, absent, with the original.

Multicast is blocked as a switch without flooding blocks it: the ports do not flood groups. Every wait is for
something that a process says.
"""

import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, IPv6Address

import pytest

from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.host_ipv6 import HostIPv6
from harness.backends.netns.namespaces import inside
from harness.backends.netns.userns import has_capabilities
from harness.sockets import bpf

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

LIMIT_S = 30.0
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
OURS = (sys.executable, "-m", "harness", "omping")
REAL = shutil.which("omping") or shutil.which("omping", path="/usr/sbin:/usr/local/sbin:/usr/local/bin")
NODES = ("n1", "n2", "n3")
ADDRESSES = tuple(f"10.0.0.{n}" for n in (1, 2, 3))


class Process:
    """A program in a node's namespace, and the lines that it has said."""

    def __init__(self, fabric: Fabric, node: str, words: tuple[str, ...]) -> None:
        with inside(fabric.host_fd(node)):
            self._process = subprocess.Popen(  # it ends with the stage
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        assert self._process.stdout is not None
        self._out = self._process.stdout
        self.said = ""

    def wait_for(self, text: str, times: int = 1) -> None:
        """Read on until the text was said so often."""
        end_s = time.monotonic() + LIMIT_S
        while self.said.count(text) < times:
            ready, _, _ = select.select([self._out], [], [], max(0.0, end_s - time.monotonic()))
            assert ready, f"waited {LIMIT_S} s for {text!r}, heard:\n{self.said}"
            data = os.read(self._out.fileno(), 65536)
            assert data, f"ended before {text!r}, said:\n{self.said}"
            self.said += data.decode()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self, status: int = 0) -> list[str]:
        """Wait for the end; return all lines."""
        out, _ = self._process.communicate(timeout=LIMIT_S)
        self.said += out.decode()
        assert self._process.returncode == status, self.said
        return self.said.splitlines()

    def kill(self) -> None:
        with self._process:
            if self._process.poll() is None:
                self._process.kill()


class Stage:
    """Three nodes at a switch."""

    def __init__(self, fabric: Fabric, stack: ExitStack) -> None:
        self.fabric = fabric
        self._stack = stack

    def run(self, node: str, *words: str, program: tuple[str, ...] = OURS) -> Process:
        process = Process(self.fabric, node, (*program, *words))
        self._stack.callback(process.kill)
        return process

    def run_all(self, *words: str, addresses: tuple[str, ...] = ADDRESSES) -> list[Process]:
        return [self.run(node, *words, *addresses) for node in NODES]

    def asked_all(
        self, *words: str, addresses: tuple[str, ...] = ADDRESSES, count: int = 20
    ) -> list[list[str]]:
        """Let all ask all so often; return their lines. Nobody ends before all have asked: -E."""
        often = ("-E", "-w", "0", "-F", "-i", "0.02", "-c", str(count))
        processes = self.run_all(*often, *words, addresses=addresses)
        for process in processes:
            process.wait_for("given amount of query messages was sent", times=2)
        for process in processes:
            process.send(signal.SIGINT)
        return [process.ended() for process in processes]

    def raise_loopback(self, node: str) -> None:
        with inside(self.fabric.host_fd(node)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))

    def flood_groups(self, *, on: bool, to: tuple[str, ...] = ("p1", "p2", "p3")) -> None:
        for port in to:
            self.fabric.port_options("sw1", port, {"mcast_flood": int(on)})


@contextmanager
def three_nodes() -> Iterator[Stage]:
    hosts = [
        HostSpec(
            name=f"n{n}",
            mac=f"02:00:00:00:00:0{n}",
            address=IPv4Address(f"10.0.0.{n}"),
            prefix_length=24,
            switch="sw1",
            port=f"p{n}",
            port_mac=f"02:00:00:00:01:0{n}",
            ipv6=True,
            inet6=HostIPv6(
                address=IPv6Address(f"fd00::{n}"), link_local=IPv6Address(f"fe80::{n}"), prefix_length=64
            ),
        )
        for n in (1, 2, 3)
    ]
    spec = SwitchSpec(name="sw1", mac="02:00:00:01:00:01", options={"mcast_snooping": 0})
    with Fabric(switches=[spec], hosts=hosts) as fabric, ExitStack() as stack:
        yield Stage(fabric, stack)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with three_nodes() as made:
        yield made


def _summary(lines):
    return lines[lines.index("") + 1 :]


# --- our own ----------------------------------------------------------------------------------------------


def test_three_nodes_hear_each_other(stage):
    for lines in stage.asked_all("-q"):
        figures = [line.split(" = ")[1].split(",")[0] for line in _summary(lines) if "xmt/rcv" in line]
        assert figures == ["20/20/0%"] * 4, "\n".join(lines)


@pytest.mark.parametrize(
    "words",
    [("-M", "ssm"), ("-M", "ipbc"), ("-m", "239.192.1.1", "-p", "5000"), ("-6",)],
    ids=["ssm", "ipbc", "asm", "ipv6"],
)
def test_every_mode_passes(stage, words):
    addresses = tuple(f"fd00::{n}" for n in (1, 2, 3)) if "-6" in words else ADDRESSES
    cast = "broadcast" if "ipbc" in words else "multicast"
    for lines in stage.asked_all("--json", *words, addresses=addresses):
        found = json.loads(lines[-1])
        assert found["status"] == 0
        for peer in found["peers"]:
            assert (peer["unicast"]["received"], peer[cast]["received"]) == (20, 20), "\n".join(lines)
            assert peer[cast]["first"] == 1


def test_blocked_multicast_is_lost_and_unicast_is_not(stage):
    stage.flood_groups(on=False, to=("p3",))
    for node, lines in zip(NODES, stage.asked_all("--json"), strict=True):
        for peer in json.loads(lines[-1])["peers"]:
            assert peer["unicast"]["loss"] == 0
            assert peer["multicast"]["loss"] == (1 if node == "n3" else 0), "only the deaf node loses"


def test_multicast_that_comes_late_is_counted_from_its_first(stage):
    stage.flood_groups(on=False)
    first, *others = stage.run_all("-F", "-i", "0.05", "-w", "0")
    for address in ADDRESSES[1:]:
        first.wait_for(f"{address} :   unicast, seq=5,")
    stage.flood_groups(on=True)
    for address in ADDRESSES[1:]:
        first.wait_for(f"{address} : multicast, seq=", times=3)
    first.send(signal.SIGINT)
    lines = first.ended()
    late = [line for line in _summary(lines) if "multicast" in line and "xmt/rcv" in line]
    assert len(late) == 2
    for line in late:
        since = int(line.split("(seq>=")[1].split()[0])
        assert since > 5
        assert " 0%)" in line
    assert not any("multicast, seq=1," in line for line in lines)
    for process in others:
        process.send(signal.SIGINT)
        process.ended()


def test_an_absent_node_never_answers(stage):
    first, second = (stage.run(node, "-T", "3", "-w", "0", *ADDRESSES) for node in NODES[:2])
    for process, present in ((first, ADDRESSES[1]), (second, ADDRESSES[0])):
        lines = process.ended()
        assert f"{ADDRESSES[2]} : response message never received" in _summary(lines)
        assert f"{present} : joined (S,G) = (*, 232.43.211.234), pinging" in lines


def test_sigusr1_says_the_summary_and_sigint_ends_with_it(stage):
    first, second = (stage.run(node, "-F", "-i", "0.05", *ADDRESSES[:2]) for node in NODES[:2])
    first.wait_for("multicast, seq=1,")
    second.wait_for("multicast, seq=1,")
    first.send(signal.SIGUSR1)
    first.wait_for("multicast, xmt/rcv/%loss")
    first.send(signal.SIGINT)
    first.wait_for("multicast, xmt/rcv/%loss", times=2)
    second.wait_for(f"{ADDRESSES[0]} : server told us to stop")
    first.ended()
    second.ended()


def test_a_second_sigint_ends_the_wait_for_peers(stage):
    process = stage.run("n1", "-w", "-1", *ADDRESSES[:2])
    process.wait_for("waiting for response msg")
    process.send(signal.SIGINT)
    process.wait_for("never received")
    process.send(signal.SIGINT)
    process.ended()


def test_a_second_copy_says_that_the_address_is_in_use(stage):
    first = stage.run("n1", *ADDRESSES[:2])
    first.wait_for("waiting for response msg")
    second = stage.run("n1", *ADDRESSES[:2])
    second.ended(status=1)


def test_a_test_of_oneself_has_its_lines_out_when_it_is_killed(stage):
    stage.raise_loopback("n1")
    process = stage.run("n1", *ADDRESSES[:1])
    process.wait_for("10.0.0.1 : multicast, seq=1,")
    process.send(signal.SIGKILL)
    process.ended(status=-signal.SIGKILL)


def test_clients_and_versions(stage):
    server = stage.run("n1", *ADDRESSES[:2])
    server.wait_for("waiting for response msg")
    client = stage.run("n2", "-O", "client", "-F", "-i", "0.05", "-c", "5", "--json", *ADDRESSES[:2])
    found = json.loads(client.ended()[-1])
    assert found["peers"][0]["multicast"]["received"] == 5
    versions = stage.run("n2", "-VV", "-w", "0", *ADDRESSES[:2])
    assert "10.0.0.1 : omping 0.0.5" in versions.ended()


@pytest.mark.parametrize("size", range(1, 12))
def test_the_kernel_keeps_back_what_begins_otherwise(stage, size):
    wanted = bytes(range(100, 100 + size))
    others = [wanted[:at] + b"?" + wanted[at + 1 :] for at in range(size)]
    with inside(stage.fabric.host_fd("n1")):
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with inside(stage.fabric.host_fd("n2")):
        mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with ear, mouth:
        bpf.install(ear, bpf.beginning(wanted))
        ear.bind((ADDRESSES[0], 4321))
        ear.settimeout(LIMIT_S)
        for data in (*others, wanted[:-1], wanted, wanted + b" and more"):
            mouth.sendto(data, (ADDRESSES[0], 4321))
        assert [ear.recv(100) for _ in range(2)] == [wanted, wanted + b" and more"]


# --- with the original ------------------------------------------------------------------------------------


@pytest.mark.skipif(
    REAL is None, reason="the original omping is not installed (and not packaged in Debian 12)"
)
def test_the_original_and_ours_hear_each_other(stage):
    assert REAL is not None
    words = ("-c", "5", "-q", *ADDRESSES)
    processes = [stage.run(node, *words, program=(REAL,)) for node in NODES[:2]]
    processes.append(stage.run("n3", *words))
    for process in processes:
        figures = [line for line in _summary(process.ended()) if "xmt/rcv" in line]
        assert len(figures) == 4
        assert all("/0%" in line for line in figures), "\n".join(figures)
