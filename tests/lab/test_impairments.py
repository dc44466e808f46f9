"""Cables that misbehave on this machine's kernel: what is lost, late, doubled, slow or too long."""

from __future__ import annotations

import errno
import fcntl
import select
import socket
import struct
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.backends.netns.fabric import Fabric, HostSpec, LinkSpec, SwitchSpec
from harness.backends.netns.losses import Losses
from harness.backends.netns.namespaces import inside
from harness.backends.netns.relay import Relay
from harness.backends.netns.userns import has_capabilities
from harness.errors import HostError
from harness.observations.model import Arrived
from harness.observations.record import read
from harness.plan.build import build_all
from harness.plan.impairment import FrameKind, Impairment
from harness.plan.model import End
from harness.run.outcome import Outcome
from harness.run.pool import Pool
from harness.run.session import Request
from harness.sockets.loop import Loop
from harness.verdicts.judge import Status

pytestmark = pytest.mark.lab
needs_capabilities = pytest.mark.skipif(
    not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"
)

LIMIT_S = 10.0
PORT = 5405
GROUP = IPv4Address("239.192.0.1")
FENCE = IPv4Address("224.0.0.200")
N1_CABLE = (End(device="n1", port="eth0"), End(device="sw1", port="p1"))
TRUNK = (End(device="sw1", port="p9"), End(device="sw2", port="p9"))


def host(number: int, switch: str, **changes: object) -> HostSpec:
    values: dict[str, object] = {
        "name": f"n{number}",
        "mac": f"02:00:00:00:00:{number:02x}",
        "address": IPv4Address("10.0.0.0") + number,
        "prefix_length": 24,
        "switch": switch,
        "port": f"p{number}",
        "port_mac": f"02:00:00:00:01:{number:02x}",
    }
    return HostSpec(**(values | changes))  # type: ignore[arg-type]


def network(**changes: object) -> Fabric:
    """n1 and n2 on sw1, n3 on sw2; the cables of n1 and between the switches are cut."""
    link: dict[str, object] = {
        "a": ("sw1", "p9"),
        "b": ("sw2", "p9"),
        "a_mac": "02:00:00:02:00:01",
        "b_mac": "02:00:00:02:00:02",
        "cut": True,
    }
    mtu = 9000
    return Fabric(
        switches=[SwitchSpec(name=f"sw{n}", mac=f"02:00:00:01:00:0{n}", mtu=mtu) for n in (1, 2)],
        hosts=[
            host(1, "sw1", cut=True, mtu=mtu),
            host(2, "sw1", mtu=mtu),
            host(3, "sw2", mtu=mtu),
        ],
        links=[LinkSpec(**({"mtu": mtu} | link | changes))],  # type: ignore[arg-type]
    )


class Lab:
    """A fabric with cut cables whose relay is served by a thread, and a socket on each host."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.loop = Loop()
        self.relay = Relay((N1_CABLE, TRUNK), fabric, self.loop, speed=1, seed=1)
        self._on = True
        self._fences = 0
        self._thread = threading.Thread(target=self._serve)
        self.sockets = {f"n{number}": self._socket(f"n{number}") for number in (1, 2, 3)}
        self._thread.start()

    def _serve(self) -> None:
        while self._on:
            self.loop.run_until(self.loop.now() + 0.01)

    def _socket(self, name: str) -> socket.socket:
        with inside(self.fabric.host_fd(name)):
            found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            index = socket.if_nametoindex("eth0").to_bytes(4, "little")
        found.bind(("", PORT))
        found.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, bytes(8) + index)
        found.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        for group in (GROUP, FENCE):
            found.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group.packed + bytes(4) + index)
        return found

    def send(self, name: str, payload: bytes, to: IPv4Address = GROUP) -> None:
        self.sockets[name].sendto(payload, (str(to), PORT))

    def receive(self, name: str, limit_s: float = LIMIT_S) -> bytes | None:
        ready, _, _ = select.select([self.sockets[name]], [], [], limit_s)
        return self.sockets[name].recv(65536) if ready else None

    def before_fence(self, sender: str, name: str) -> list[bytes]:
        """What arrives before a last datagram that nothing holds back."""
        self._fences += 1
        fence = b"fence %d" % self._fences
        self.send(sender, fence, FENCE)
        heard: list[bytes] = []
        while (payload := self.receive(name)) != fence:
            assert payload is not None, f"{name} waited {LIMIT_S} s for the fence, heard {len(heard)}"
            if not payload.startswith(b"fence"):
                heard.append(payload)
        return heard

    def close(self) -> None:
        self._on = False
        self._thread.join()
        for one in self.sockets.values():
            one.close()
        self.relay.close()
        self.loop.close()


@contextmanager
def lab(**changes: object) -> Iterator[Lab]:
    with network(**changes) as fabric:
        found = Lab(fabric)
        try:
            yield found
        finally:
            found.close()


def until(what: str, true: object) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    assert callable(true)
    while not true():
        assert time.monotonic() < deadline_s, f"waited {LIMIT_S} s for {what}"
        time.sleep(0.002)


# --- cut cables -------------------------------------------------------------------------------------------


@needs_capabilities
def test_a_cut_cable_passes_frames_of_every_size_with_valid_checksums() -> None:
    with lab() as net:
        for size in (1, 1472, 8972):
            net.send("n1", b"x" * size)
            assert [len(net.receive(name) or b"") for name in ("n2", "n3")] == [size, size]
            net.send("n3", b"y" * size, IPv4Address("10.0.0.1"))  # behind ARP, a broadcast
            assert net.receive("n1") == b"y" * size


@needs_capabilities
def test_each_end_of_a_cut_cable_drops_what_is_longer_than_its_own_mtu() -> None:
    with lab(b_mtu=1500) as net:
        net.send("n1", b"x" * 1600)
        assert net.before_fence("n1", "n2") == [b"x" * 1600]
        assert net.before_fence("n1", "n3") == []
        # The kernel leaves room for a VLAN tag: four bytes.
        net.send("n1", b"x" * (1472 + 4))
        assert net.before_fence("n1", "n3") != []
        net.send("n1", b"x" * (1472 + 5))
        assert net.before_fence("n1", "n3") == []


def carrier(fabric: Fabric, name: str) -> bool:
    with inside(fabric.host_fd(name)):
        return _running("eth0")


def _running(device: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, 0x8913, device.encode().ljust(32, b"\0"))  # SIOCGIFFLAGS
    return bool(struct.unpack_from("h", answer, 16)[0] & 0x40)  # IFF_RUNNING


@needs_capabilities
def test_a_carrier_goes_and_comes_through_a_cut_cable_from_either_end() -> None:
    with lab() as net:
        fabric = net.fabric
        assert carrier(fabric, "n1")
        fabric.set_link("sw1", "p1", up=False)
        until("n1 to lose its carrier", lambda: not carrier(fabric, "n1"))
        fabric.set_link("sw1", "p1", up=True)
        until("n1 to have its carrier back", lambda: carrier(fabric, "n1"))
        fabric.set_host_link("n1", up=False)
        until("p1 to lose its carrier", lambda: not fabric.port_states("sw1")["p1"].passes)
        fabric.set_host_link("n1", up=True)
        fabric.wait_ready()
        fabric.set_link("sw2", "p9", up=False)
        until("p9 of sw1 to lose its carrier", lambda: not fabric.port_states("sw1")["p9"].passes)
        fabric.set_link("sw1", "p9", up=False)
        fabric.set_link("sw2", "p9", up=True)
        until("p9 of sw2 to have no carrier", lambda: not fabric.port_states("sw2")["p9"].passes)
        fabric.set_link("sw1", "p9", up=True)
        fabric.wait_ready()
        net.send("n1", b"again")
        assert net.receive("n3") == b"again"


@needs_capabilities
def test_a_cut_cable_that_begins_down_gives_no_carrier() -> None:
    with lab(up=False) as net:
        assert not net.fabric.port_states("sw2")["p9"].passes
        net.fabric.set_link("sw1", "p9", up=True)
        net.fabric.wait_ready()


# --- the relay --------------------------------------------------------------------------------------------


@needs_capabilities
def test_frames_are_as_late_as_written_one_way_and_in_order() -> None:
    with lab() as net:
        net.relay.impair(N1_CABLE[0], (Impairment(delay_s=0.1),))
        sent_s = time.monotonic()
        for number in range(20):
            net.send("n1", b"%d" % number)
        assert [net.receive("n2") for _ in range(20)] == [b"%d" % number for number in range(20)]
        assert 0.1 <= time.monotonic() - sent_s < 1.0
        net.send("n2", b"back")
        net.send("n3", b"fence", FENCE)
        assert net.receive("n1", 0.09) == b"back"


@needs_capabilities
def test_jitter_changes_the_order_and_loses_nothing() -> None:
    with lab() as net:
        net.relay.impair(TRUNK[0], (Impairment(delay_s=0.05, jitter_s=0.05),))
        for number in range(50):
            net.send("n1", b"%d" % number)
        numbers = [int(net.receive("n3") or b"-1") for _ in range(50)]
        assert sorted(numbers) == list(range(50))
        assert numbers != sorted(numbers)


@needs_capabilities
def test_doubled_frames_arrive_twice_and_only_those_that_are_meant() -> None:
    with lab() as net:
        net.relay.impair(TRUNK[0], (Impairment(duplicate=1.0, kind=FrameKind.MULTICAST, larger_than=128),))
        net.send("n1", b"x" * 101)
        net.send("n1", b"x" * 100)
        assert [len(payload) for payload in net.before_fence("n1", "n3")] == [101, 101, 100]


@needs_capabilities
def test_a_rate_spreads_frames_and_a_full_queue_loses_the_rest() -> None:
    frame = 1000 + 42
    with lab() as net:
        net.relay.impair(N1_CABLE[0], (Impairment(rate_bit_s=frame * 8 * 50, queue_bytes=10 * frame),))
        sent_s = time.monotonic()
        for _ in range(40):
            net.send("n1", b"x" * 1000)
        heard = 0
        while net.receive("n2", 0.3) is not None:
            heard += 1
            arrived_s = time.monotonic()
        assert 10 <= heard <= 13
        assert arrived_s - sent_s >= 0.02 * heard


@needs_capabilities
def test_losses_by_chance_are_within_bounds_and_about_what_was_meant() -> None:
    with lab() as net:
        losses = Losses(net.fabric.host_fd("n1"), "eth0")
        losses.set((Impairment(loss=0.3, larger_than=500), Impairment(loss=1.0, kind=FrameKind.UNICAST)))
        counts = {600: 0, 400: 0}
        for _ in range(10):
            for size in counts:
                for _ in range(50):
                    net.send("n1", b"x" * size)
            for payload in net.before_fence("n1", "n2"):
                counts[len(payload)] += 1
        assert counts[400] == 500
        assert 275 <= counts[600] <= 425  # 350 by 0.3 of 500; seven standard deviations
        losses.close()


def ipv4(protocol: int) -> bytes:
    header = (
        bytes.fromhex("4600002000000000") + bytes([1, protocol, 0, 0]) + bytes.fromhex("0a000001efc00001")
    )
    return bytes.fromhex("01005e400001" + "020000000001" + "0800") + header + bytes(12)


def icmpv6(kind: int) -> bytes:
    message = bytes.fromhex("3a00050200000100") + bytes([kind]) + bytes(27)
    header = bytes.fromhex("60000000") + len(message).to_bytes(2, "big") + bytes([0, 1])
    addresses = bytes.fromhex("fe80" + "00" * 13 + "01" + "ff02" + "00" * 13 + "16")
    return bytes.fromhex("333300000016" + "020000000001" + "86dd") + header + addresses + message


@needs_capabilities
@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        (FrameKind.IGMP, {"igmp"}),
        (FrameKind.MLD, {"mld query", "mld report", "mld2 report"}),
        (FrameKind.MULTICAST, {"igmp", "udp", "mld query", "mld report", "mld2 report", "solicitation"}),
        (FrameKind.UNICAST, {"unicast"}),
    ],
)
def test_protocols_are_told_apart_where_frames_leave(kind: FrameKind, lost: set[str]) -> None:
    frames = {
        "igmp": ipv4(2),
        "udp": ipv4(17),
        "mld query": icmpv6(130),
        "mld report": icmpv6(131),
        "mld2 report": icmpv6(143),
        "solicitation": icmpv6(135),
        "unicast": bytes.fromhex("020000000002") + ipv4(17)[6:],
        "broadcast": b"\xff" * 6 + ipv4(17)[6:],
    }
    with network() as fabric:
        losses = Losses(fabric.host_fd("n2"), "eth0")
        losses.set((Impairment(loss=1.0, kind=kind),))
        with inside(fabric.host_fd("n2")):
            mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        mouth.bind(("eth0", 0))
        refused = set()
        for name, frame in frames.items():
            try:
                mouth.send(frame)
            except OSError as error:  # the hook tells a packet socket what it has dropped
                assert error.errno == errno.ENOBUFS
                refused.add(name)
        assert refused == lost
        mouth.close()
        losses.close()


# --- in scenarios -----------------------------------------------------------------------------------------


def run(folder: Path, body: str, **values: str) -> Outcome:
    """Run a scenario of two switches, two nodes on each; values take the place of their names."""
    text = textwrap.dedent("""\
        scenario: cables that misbehave
        source: measured on Linux 6.18
        speed: SPEED
        duration: 10s
        network:
          switches: {sw: {count: 2, profile: class-d}}
          nodes: {n: {count: 4, on: sw, IMPAIR}}
          links: [{between: [sw1, sw2], MTU}]
        traffic:
          small: {group: 239.192.0.1, port: 5405, rate: 4/s, size: 64}
          large: {group: 239.192.0.2, port: 5406, rate: 4/s, size: 1400}
          omping: {mesh: [n1, n2], group: 239.192.0.3, interval: 250ms}
        """)
    for name in ("SPEED", "IMPAIR", "MTU"):
        text = text.replace(name, values.get(name, {"SPEED": "10"}.get(name, "")))
    path = folder / "cables.scenario.yaml"
    path.write_text((text + textwrap.dedent(body)).replace(", }", "}"), encoding="utf-8")
    (plan,) = build_all(path)
    with Pool(jobs=1) as pool:
        pool.submit("cables", Request(plan=plan, backend="netns", parent=folder / "runs"))
        outcome = pool.wait("cables")
    if isinstance(outcome.error, HostError):
        pytest.skip(str(outcome.error))
    assert outcome.error is None, outcome.error
    return outcome


def passes(outcome: Outcome) -> None:
    wrong = [(one.expected, one.got) for one in outcome.verdicts if one.status is not Status.PASSED]
    assert outcome.status is Status.PASSED, (wrong, outcome.impairments)


@pytest.mark.parametrize(
    ("frames", "lost", "heard"),
    [
        ("only: multicast", ("small", "large", "omping"), ("omping, by: unicast",)),
        ("only: unicast", ("omping, by: unicast",), ("small", "large", "omping")),
        ("only: igmp", (), ("small", "large", "omping", "omping, by: unicast")),
        ("only: mld", (), ("small", "omping, by: unicast")),
        ("larger_than: 1000", ("large",), ("small", "omping", "omping, by: unicast")),
        ("larger_than: 1428", (), ("large", "small")),
        ("only: multicast, larger_than: 100", ("large",), ("small", "omping", "omping, by: unicast")),
    ],
)
def test_what_is_meant_is_lost_on_the_trunk_and_comes_back(
    tmp_path: Path, frames: str, lost: tuple[str, ...], heard: tuple[str, ...]
) -> None:
    far = "senders: n1, to: n2"
    body = f"""\
        timeline:
          - {{at: 2s, impair: {{from: sw1, to: sw2, loss: 100%, {frames}}}}}
          - {{at: 6s, repair: [sw1, sw2]}}
        expect:
          - {{deliver: small, until: 1900ms, result: all}}
          - {{deliver: small, senders: n2, to: n1, result: all}}
          - {{deliver: small, senders: n1, to: n3, result: all}}
        """
    wanted = [
        f"  - {{deliver: {stream}, {far}, from: 2100ms, until: 5900ms, result: {result}}}\n"
        for streams, result in ((lost, "none"), (heard, "all"))
        for stream in streams
    ]
    wanted += [f"  - {{deliver: {stream}, {far}, from: 6100ms, result: all}}\n" for stream in (*lost, *heard)]
    passes(run(tmp_path, textwrap.dedent(body) + "".join(wanted)))


def test_an_impairment_that_is_written_at_a_node_holds_from_second_0(tmp_path: Path) -> None:
    body = """\
        expect:
          - {deliver: large, result: none}
          - {deliver: small, result: all}
        """
    passes(run(tmp_path, body, IMPAIR="impair: {loss: 100%, larger_than: 600, from: n}"))


def test_what_a_port_is_too_small_for_vanishes_there(tmp_path: Path) -> None:
    body = """\
        expect:
          - {deliver: large, senders: [n1, n3], to: [n2, n4], result: none}
          - {deliver: large, senders: [n2, n4], to: [n1, n3], result: none}
          - {deliver: large, senders: [n1, n3], to: [n1, n3], result: all}
          - {deliver: large, senders: [n2, n4], to: [n2, n4], result: all}
          - {deliver: small, result: all}
        """
    passes(run(tmp_path, body, MTU="mtu: [1500, 1000]"))


def test_a_delay_is_of_the_customers_seconds_and_duplicates_are_recorded(tmp_path: Path) -> None:
    body = """\
        timeline:
          - {at: 2s, impair: {from: sw1, to: sw2, delay: 300ms, duplicate: 100%}}
        expect:
          - {deliver: small, result: all}
        """
    outcome = run(tmp_path, body)
    passes(outcome)
    assert outcome.folder is not None
    arrived = [
        one
        for one in read(outcome.folder / "run.jsonl")
        if isinstance(one, Arrived) and one.stream == 1 and one.sender == "n1"
    ]
    late = [one for one in arrived if "n2" in one.hosts and 2.2 < one.sequence / 4 < 9]
    assert late
    assert all(one.hosts.count("n2") == 2 for one in late), late[:3]
    assert all(one.hosts.count("n3") <= 1 for one in arrived)


def test_flaps_take_the_link_down_and_up_again(tmp_path: Path) -> None:
    body = """\
        timeline:
          - {at: 2s, name: loose, flap: {link: [n2, sw2], down: 1s, up: 1s, times: 2}}
        expect:
          - {deliver: small, to: n2, until: 1900ms, result: all}
          - {deliver: small, to: n2, from: 2100ms, until: 2900ms, result: none}
          - {deliver: small, to: n2, from: 3300ms, until: 3900ms, result: all}
          - {deliver: small, to: n2, from: 4100ms, until: 4900ms, result: none}
          - {deliver: small, to: n2, from: 5300ms, result: all}
        """
    passes(run(tmp_path, body))


def test_a_redundant_link_takes_over_after_the_change_over_and_gives_back(tmp_path: Path) -> None:
    body = """\
        timeline:
          - {at: 2s, link_down: "sw1:p3"}
          - {at: 6s, link_up: "sw1:p3"}
        expect:
          - {deliver: small, until: 1900ms, result: all}
          - {deliver: small, senders: n1, to: n2, from: 2100ms, until: 2900ms, result: none}
          - {deliver: small, senders: n1, to: n2, from: 3300ms, until: 5900ms, result: all}
          - {deliver: small, senders: n1, to: n2, from: 6100ms, until: 6900ms, result: none}
          - {deliver: small, from: 7300ms, result: all}
          - {deliver: small, senders: n1, to: n3, result: all}
        """
    ring = "state: up}, [sw1, sw2]]\n  spanning_tree: {change_over: 1s}\n#"
    outcome = run(tmp_path, body, MTU=ring)
    passes(outcome)
