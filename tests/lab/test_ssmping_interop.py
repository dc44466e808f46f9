"""Debian's ssmping programs and ours, in each other's roles: the same lines, figures, errors and statuses.

Two nodes at a switch. The real client and ours run side by side against one server, once the real one and
once ours; what they write must be the same but for times. Every wait is for a line, a port or an end.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.host_ipv6 import HostIPv6
from harness.backends.netns.losses import Losses
from harness.backends.netns.namespaces import inside
from harness.backends.netns.userns import has_capabilities
from harness.plan.impairment import FrameKind, Impairment
from harness.protocols.probes.program import Cast
from harness.protocols.probes.ssmping_account import Account

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

LIMIT_S = 30.0
REAL, OURS = "real", "ours"
TOOLS = ("ssmpingd", "ssmping", "asmping", "mcfirst")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
PORT = 4321
SERVER, CLIENT = "n1", "n2"
NET6 = "fd00:77::"

needs_real = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; cure: apt-get install ssmping"
)


# --- programs in namespaces -------------------------------------------------------------------------------


def command(made: str, tool: str, *words: str) -> tuple[str, ...]:
    return (tool, *words) if made == REAL else (sys.executable, "-m", "harness.tools", tool, *words)


class Process:
    """A program in a node's namespace: its lines as they come, its errors when it has ended."""

    def __init__(self, fabric: Fabric, node: str, words: tuple[str, ...]) -> None:
        self._words = words
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it is closed with the process
        environment = os.environ | {"COLUMNS": "100"}
        with inside(fabric.host_fd(node)):
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
            )
        assert self._process.stdout is not None
        self._out = self._process.stdout
        self.said = ""

    def wait_for(self, text: str) -> None:
        """Read on until the text was said."""
        end_s = time.monotonic() + LIMIT_S
        while text not in self.said:
            assert self._read(end_s), f"{self._words} ended before {text!r}: {self.said}{self.errors}"

    def wait(self) -> int:
        """Read on to the end, and return the status."""
        end_s = time.monotonic() + LIMIT_S
        while self._read(end_s):
            pass
        return self._process.wait(LIMIT_S)

    def _read(self, end_s: float) -> bool:
        ready, _, _ = select.select([self._out], [], [], max(0.0, end_s - time.monotonic()))
        assert ready, f"waited {LIMIT_S} s for {self._words}, which said: {self.said}{self.errors}"
        data = os.read(self._out.fileno(), 65536)
        self.said += data.decode()
        return bool(data)

    @property
    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode()

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(LIMIT_S)
        self._out.close()
        self._errors.close()


class Stage:
    """Two nodes at a switch, n1 and n2."""

    def __init__(self, fabric: Fabric, stack: ExitStack) -> None:
        self.fabric = fabric
        self._stack = stack
        self._losses = Losses(fabric.switch_fd("sw1"), "p2")
        stack.callback(self._losses.close)

    def run(self, node: str, made: str, tool: str, *words: str) -> Process:
        process = Process(self.fabric, node, command(made, tool, *words))
        self._stack.callback(process.close)
        return process

    def both(self, tool: str, *words: str) -> tuple[Process, Process]:
        """Run the real client and ours side by side."""
        return self.run(CLIENT, REAL, tool, *words), self.run(CLIENT, OURS, tool, *words)

    def serve(self, made: str) -> Process:
        server = self.run(SERVER, made, "ssmpingd")
        self.wait_bound(made)
        return server

    def wait_bound(self, made: str) -> None:
        end_s = time.monotonic() + LIMIT_S
        while not all(self._is_bound(name) for name in ("udp", "udp6")):
            assert time.monotonic() < end_s, f"waited {LIMIT_S} s for {made} ssmpingd to bind its ports"
            time.sleep(0.01)

    def _is_bound(self, name: str) -> bool:
        with inside(self.fabric.host_fd(SERVER)):
            table = Path("/proc/thread-self/net", name).read_text(encoding="ascii")
        return f":{PORT:04X} " in table

    def block(self, *, multicast: bool) -> None:
        """Let the switch's port of the client lose groups, or nothing."""
        lost = (Impairment(kind=FrameKind.MULTICAST, loss=1.0),) if multicast else ()
        self._losses.set(lost)

    def ip(self, node: str, *words: str) -> None:
        """Set up something more in a node's namespace."""
        if (ip := shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")) is None:
            pytest.skip("not installed: ip; cure: apt-get install iproute2")
        with inside(self.fabric.host_fd(node)):
            subprocess.run([ip, *words], check=True, timeout=LIMIT_S)

    def sender(self) -> socket.socket:
        """A socket on n1 that sends to groups with one hop."""
        with inside(self.fabric.host_fd(SERVER)):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.1"))
        return self._stack.enter_context(sock)


@contextmanager
def stage() -> Iterator[Stage]:
    hosts = [
        HostSpec(
            name=f"n{n}",
            mac=f"02:00:00:00:00:0{n}",
            address=IPv4Address(f"10.77.0.{n}"),
            prefix_length=24,
            switch="sw1",
            port=f"p{n}",
            port_mac=f"02:00:00:00:01:0{n}",
            ipv6=True,
            inet6=HostIPv6(
                link_local=IPv6Address(f"fe80::{n}"), address=IPv6Address(f"{NET6}{n}"), prefix_length=64
            ),
        )
        for n in (1, 2)
    ]
    switch = SwitchSpec(name="sw1", mac="02:00:00:01:00:01", options={"mcast_snooping": 0})
    with Fabric(switches=[switch], hosts=hosts) as fabric, ExitStack() as stack:
        for host, other in (hosts, hosts[::-1]):
            fabric.set_neighbours(host.name, [(other.address, other.mac)])
        yield Stage(fabric, stack)


@pytest.fixture
def lab():
    with stage() as opened:
        yield opened


# --- what is compared -------------------------------------------------------------------------------------

TIME = re.compile(r"\d+\.\d{3}(?= ms|/| seconds| kbits)|(?<=time )\d+(?= ms)")


def masked(text: str) -> str:
    return TIME.sub("T", text)


def same(real: Process, ours: Process, status: int) -> str:
    """Both have the same status, lines and errors but for times; returns the lines."""
    assert (real.wait(), ours.wait()) == (status, status), f"{real.said}{ours.said}{ours.errors}"
    assert masked(ours.said) == masked(real.said)
    assert ours.errors == real.errors
    for process in (real, ours):
        check_figures(process.said)
    return masked(real.said)


ANSWER = re.compile(r" *(unicast|multicast) from \S+ seq=(\d+) dist=-?\d+ time=(\d+)\.(\d{3}) ms$", re.M)


def check_figures(said: str) -> None:
    """The statistics are what our account makes of the lines of each answer; no digit is different."""
    if " statistics ---" not in said:
        return
    accounts = {Cast.UNICAST: Account(), Cast.MULTICAST: Account()}
    for cast, number, whole, part in ANSWER.findall(said):
        assert accounts[Cast(cast)].is_new(int(number))
        accounts[Cast(cast)].add(int(number), int(whole + part))
    unicast, multicast = accounts.values()
    lines = said.splitlines()
    sent = next(int(line.split()[0]) for line in lines if " packets transmitted, " in line)
    expected = ["unicast:", f"   {unicast.received} packets received, {unicast.loss(sent)}% packet loss"]
    expected += [unicast.trips()] if unicast.received else []
    expected.append("multicast:")
    if multicast.received:
        loss = multicast.loss_since_first(sent)
        since = f"since first mc packet (seq {multicast.first}) recvd"
        expected += [
            f"   {multicast.received} packets received, {loss}% packet loss {since}",
            multicast.trips(),
        ]
    else:
        expected.append("   0 packets received, 100% packet loss")
    assert lines[lines.index("unicast:") :] == expected


def answers(server: str, count: int, *, multicast: bool = True) -> str:
    lines = []
    for number in range(1, count + 1):
        lines.append(f"  unicast from {server}, seq={number} dist=0 time=T ms")
        if multicast:
            lines.append(f"multicast from {server}, seq={number} dist=0 time=T ms")
    return "\n".join(lines)


# --- real and ours, in both roles -------------------------------------------------------------------------


@needs_real
@pytest.mark.parametrize("server", [REAL, OURS])
@pytest.mark.parametrize(
    ("tool", "words", "joined", "host"),
    [
        ("asmping", ("224.0.2.1", "10.77.0.1"), "(*,224.0.2.234)", "10.77.0.1"),
        ("asmping", ("10.77.0.1", "239.1.2.3"), "(*,239.1.2.234)", "10.77.0.1"),
        ("ssmping", ("10.77.0.1",), "(10.77.0.1,232.43.211.234)", "10.77.0.1"),
        ("asmping", ("-6", "ff15::1", f"{NET6}1"), "(*,ff15::4321:1234)", f"{NET6}1"),
        ("ssmping", ("-6", f"{NET6}1"), f"({NET6}1,ff3e::4321:1234)", f"{NET6}1"),
    ],
    ids=["asm", "other order", "ssm", "asm6", "ssm6"],
)
def test_answers_pass(lab, server, tool, words, joined, host):
    serving = lab.serve(server)
    lines = same(*lab.both(tool, "-I", "eth0", "-c", "2", *words), status=0)
    pinged = "S" if tool == "ssmping" else host
    client = host[:-1] + "2"
    assert lines.startswith(
        f"{tool} joined (S,G) = {joined}\npinging {pinged} from {client}\n{answers(host, 2)}\n\n"
        f"--- {host} statistics ---\n2 packets transmitted, time T ms\n"
    )
    serving.wait_for(f"received request from {client}\n" * 4)


@needs_real
@pytest.mark.parametrize("server", [REAL, OURS])
def test_multicast_is_blocked_and_unicast_is_not(lab, server):
    lab.serve(server)
    lab.block(multicast=True)
    lines = same(*lab.both("asmping", "-I", "eth0", "-c", "2", "224.0.2.1", "10.77.0.1"), status=1)
    assert answers("10.77.0.1", 2, multicast=False) in lines
    assert lines.endswith("multicast:\n   0 packets received, 100% packet loss\n")


@needs_real
@pytest.mark.parametrize("server", [REAL, OURS])
@pytest.mark.parametrize(
    ("size", "warning"), [("500", None), ("1400", "1400, got 1024"), ("50", "50, got 80")]
)
def test_version_and_sizes(lab, server, size, warning):
    """Of 1400 bytes the clients read 1024; with the version an answer cannot have 50."""
    lab.serve(server)
    lines = same(*lab.both("ssmping", "-I", "eth0", "-c", "1", "-v", "-s", size, "10.77.0.1"), status=0)
    assert lines.count("Server version: 0.9.1 (20080418) [asm][size]\n") == 1
    if warning is None:
        assert answers("10.77.0.1", 1) in lines
    else:
        assert lines.count(f"Warning, requested packet size {warning}\n") == 2


@needs_real
def test_nobody_serves(lab):
    real, ours = lab.both("asmping", "-I", "eth0", "-c", "2", "224.0.2.1", "10.77.0.1")
    assert "unicast:\n   0 packets received, 100% packet loss\nmulticast:\n" in same(real, ours, status=1)
    assert ours.errors == "recv failed: Connection refused\nerrno=111\n" * 2


@needs_real
@pytest.mark.parametrize("tool", ["asmping", "ssmping", "mcfirst"])
def test_without_a_route_to_the_group_it_cannot_be_joined(lab, tool):
    words = {
        "asmping": ("-c", "1", "224.0.2.1", "10.77.0.1"),
        "ssmping": ("-c", "1", "10.77.0.1"),
        "mcfirst": ("-t", "1", "239.192.1.1", "5405"),
    }
    real, ours = lab.both(tool, *words[tool])
    assert same(real, ours, status=1) == ""
    what = "channel" if tool == "ssmping" else "group"
    assert ours.errors == f"Failed to join multicast {what}: No such device\nerrno=19\n"


@needs_real
@pytest.mark.parametrize(("first", "second"), [(REAL, OURS), (OURS, REAL)])
def test_two_servers_do_not_fit_on_one_host(lab, first, second):
    lab.serve(first)
    late = lab.run(SERVER, second, "ssmpingd")
    assert late.wait() == 1
    in_use = "Address already in use\nerrno=98\n"
    assert late.errors == f"bind: {in_use}bind: {in_use}both v4 and v6 binds failed: {in_use}"


@needs_real
@pytest.mark.parametrize("server", [REAL, OURS])
def test_an_interrupt_says_the_statistics(lab, server):
    lab.serve(server)
    for client in lab.both("asmping", "-I", "eth0", "224.0.2.1", "10.77.0.1"):
        client.wait_for("multicast from 10.77.0.1, seq=2 ")
        client.interrupt()
        assert client.wait() == 0
        assert "multicast:\n   " in client.said
        check_figures(client.said)


@needs_real
def test_opened_late_and_closed_again(lab):
    """Each client's statistics are those of its own lines, whatever moment the switch chose."""
    lab.serve(OURS)
    lab.block(multicast=True)
    clients = lab.both("asmping", "-I", "eth0", "-c", "7", "224.0.2.1", "10.77.0.1")
    for client in clients:
        client.wait_for("  unicast from 10.77.0.1, seq=2 ")
    lab.block(multicast=False)
    for client in clients:
        client.wait_for("multicast from 10.77.0.1")
    lab.block(multicast=True)
    for client in clients:
        assert client.wait() == 0
        check_figures(client.said)
        first = re.search(r"since first mc packet \(seq (\d)\)", client.said)
        assert first is not None
        assert int(first[1]) >= 2
        assert ", 0% packet loss since" not in client.said


@needs_real
@pytest.mark.parametrize("server", [REAL, OURS])
def test_duplicates(lab, server):
    """What comes from the server leaves the switch's port of the client twice."""
    if (nft := shutil.which("nft")) is None:
        pytest.skip("not installed: nft; cure: apt-get install nftables")
    lab.serve(server)
    rules = (
        'table netdev twice { chain c { type filter hook ingress device "p1" priority 0; '
        'ip protocol udp dup to "p2"; }; }'
    )
    with inside(lab.fabric.switch_fd("sw1")):
        subprocess.run([nft, rules], check=True, timeout=LIMIT_S)
    for client in lab.both("asmping", "-I", "eth0", "-c", "2", "224.0.2.1", "10.77.0.1"):
        assert client.wait() == 0
        for cast in ("  unicast", "multicast"):
            for number in (1, 2):
                line = f"{cast} from 10.77.0.1, seq={number} dist=0 time=T ms"
                assert masked(client.said).count(f"{line}\n") == 1
                assert masked(client.said).count(f"{line} (DUP!)\n") == 1
        assert "   2 packets received, 0% packet loss\n" in client.said
        check_figures("\n".join(line for line in client.said.splitlines() if "(DUP!)" not in line))


@needs_real
@pytest.mark.parametrize("server", [REAL, OURS])
def test_a_server_answers_from_the_address_that_was_asked(lab, server):
    """Else a client that joined for that source hears nothing: the address is not the interface's first."""
    lab.ip(SERVER, "address", "add", "10.77.0.9/24", "dev", "eth0")
    lab.serve(server)
    lines = same(*lab.both("ssmping", "-I", "eth0", "-c", "1", "10.77.0.9"), status=0)
    assert answers("10.77.0.9", 1) in lines


# --- mcfirst ----------------------------------------------------------------------------------------------


@needs_real
@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (("239.192.1.1", "5405"), "(*,G) = (*,239.192.1.1)"),
        (("10.77.0.1", "239.192.1.1", "5405"), "(S,G) = (10.77.0.1,239.192.1.1)"),
        (("239.192.1.1", "10.77.0.1", "5405"), "(S,G) = (10.77.0.1,239.192.1.1)"),
        (("-c", "3", "239.192.1.1", "5405"), "(*,G) = (*,239.192.1.1)"),
        (("-r", "-c", "3", "239.192.1.1", "5405"), "(*,G) = (*,239.192.1.1)"),
    ],
    ids=["any", "source first", "source second", "three", "rates"],
)
def test_mcfirst_hears_the_same(lab, words, joined):
    clients = lab.both("mcfirst", "-I", "eth0", *words)
    for client in clients:
        client.wait_for(f"mcfirst joined {joined}\n")
    sender = lab.sender()
    for _ in range(3):
        sender.sendto(bytes(100), ("239.192.1.1", 5405))
        time.sleep(0.01)  # so that there is a rate
    lines = same(*clients, status=0)
    count = 3 if "-c" in words else 1
    assert f"{100 * count} bytes (payload) and {count} packets received in T seconds\n" in lines
    assert lines.count("Received 100 bytes from 10.77.0.1 after T ms (ttl/hops 1)\n") == (
        0 if "-r" in words else count
    )
    assert ("Average rate: T kbits of payload per second\n" in lines) == (count > 1)


@needs_real
def test_mcfirst_hears_nothing_of_another_source_or_at_all(lab):
    other = lab.both("mcfirst", "-I", "eth0", "-t", "2", "10.77.0.9", "239.192.1.1", "5405")
    for client in other:
        client.wait_for("mcfirst joined")
    lab.sender().sendto(bytes(100), ("239.192.1.1", 5405))
    assert same(*other, status=1).endswith("\n0 bytes (payload) and 0 packets received in T seconds\n")


# --- ours alone -------------------------------------------------------------------------------------------


def test_the_two_commands_of_the_cluster_s_notes(lab):
    """``ssmpingd`` on A, ``asmping 224.0.2.1 ip_of_A`` on B, by ``mcast``, where B has a default route."""
    lab.ip(CLIENT, "route", "add", "default", "dev", "eth0")
    server = lab.serve(OURS)
    mcast = (sys.executable, "-m", "harness")
    client = Process(lab.fabric, CLIENT, (*mcast, "asmping", "224.0.2.1", "10.77.0.1"))
    try:
        client.wait_for("multicast from 10.77.0.1, seq=2 ")
        client.interrupt()
        assert client.wait() == 0
    finally:
        client.close()
    assert masked(client.said).startswith(
        f"asmping joined (S,G) = (*,224.0.2.234)\npinging 10.77.0.1 from 10.77.0.2\n{answers('10.77.0.1', 2)}"
    )
    server.interrupt()
    assert server.wait() == 0
    assert server.said == "received request from 10.77.0.2\n" * 2


def test_an_interrupted_mcfirst_says_what_came(lab):
    """The original dies without a word."""
    client = lab.run(CLIENT, OURS, "mcfirst", "-I", "eth0", "-c", "5", "239.192.1.1", "5405")
    client.wait_for("mcfirst joined")
    lab.sender().sendto(bytes(100), ("239.192.1.1", 5405))
    client.wait_for("Received 100 bytes")
    client.interrupt()
    assert client.wait() == 0
    assert client.said.splitlines()[-1].startswith("100 bytes (payload) and 1 packets received in ")


def test_an_object_at_the_end(lab):
    server = lab.run(SERVER, OURS, "ssmpingd", "--json")
    lab.wait_bound("ours")
    client = lab.run(CLIENT, OURS, "ssmping", "--json", "-I", "eth0", "-c", "2", "-v", "10.77.0.1")
    assert client.wait() == 0
    found = json.loads(client.said)
    assert found["server_version"] == "0.9.1 (20080418) [asm][size]"
    assert (found["group"], found["source"]) == ("232.43.211.234", "10.77.0.1")
    assert [found[cast]["received"] for cast in ("unicast", "multicast")] == [2, 2]
    assert found["unicast"]["min_ms"] <= found["unicast"]["avg_ms"] <= found["unicast"]["max_ms"]
    assert client.errors.count("icast from 10.77.0.1") == 4
    server.interrupt()
    assert server.wait() == 0
    served = json.loads(server.said)["ipv4"]
    assert (served["requests"], served["received_bytes"], served["sent_bytes"]) == (2, 84, 296)
