"""The fabric on this machine's kernel: real namespaces and bridges; what passes and what is left behind."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.backends.netns import messages
from harness.backends.netns.data_plane import DataPlane
from harness.backends.netns.fabric import Fabric, HostSpec, LinkSpec, SwitchSpec
from harness.backends.netns.losses import Losses
from harness.backends.netns.mdb import RTNLGRP_MDB, Member, RouterKind, parse, read_mdb
from harness.backends.netns.messages import OperState, PortState
from harness.backends.netns.namespaces import create_namespace, inside
from harness.backends.netns.netlink import NetlinkSocket, RefusedError
from harness.backends.netns.userns import has_capabilities
from harness.errors import LabError
from harness.plan.impairment import FrameKind, Impairment
from harness.protocols.dialect import Dialect
from harness.protocols.effects import EVERY_SOURCE, Unregistered

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

LIMIT_S = 10.0
PORT = 5405
GROUP = IPv4Address("239.192.0.1")
OTHER_GROUP = IPv4Address("239.192.0.2")
FENCE_GROUP = IPv4Address("224.0.0.200")
"""Of 224.0.0.0/24, so no rule holds it back: when it has arrived, so has all that was sent before."""
ETH_P_ALL = 3
SIOCGIFMTU = 0x8921
SIOCGIFHWADDR = 0x8927


def host(number: int, switch: str = "sw1", **changes: object) -> HostSpec:
    values: dict[str, object] = {
        "name": f"n{number}",
        "mac": f"02:00:00:00:00:{number:02x}",
        "address": IPv4Address("10.0.0.0") + number,
        "prefix_length": 16,
        "switch": switch,
        "port": f"p{number}",
        "port_mac": f"02:00:00:00:01:{number:02x}",
    }
    return HostSpec(**(values | changes))  # type: ignore[arg-type]


def switch(number: int = 1, **options: int) -> SwitchSpec:
    return SwitchSpec(
        name=f"sw{number}", mac=f"02:00:00:01:00:{number:02x}", options={"mcast_snooping": 0} | options
    )


def four_hosts() -> Fabric:
    return Fabric(switches=[switch()], hosts=[host(number) for number in range(1, 5)])


def two_switches(*, up: bool = True) -> Fabric:
    return Fabric(
        switches=[switch(1), switch(2)],
        hosts=[host(number, "sw1" if number < 4 else "sw2") for number in range(1, 7)],
        links=[
            LinkSpec(
                a=("sw1", "p9"), b=("sw2", "p9"), a_mac="02:00:00:02:00:01", b_mac="02:00:00:02:00:02", up=up
            )
        ],
    )


def wait_until(what: str, true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"waited {LIMIT_S} s for {what}"
        time.sleep(0.002)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Station:
    """A host's UDP socket, member of the groups under test and of the fence's group."""

    def __init__(
        self, fabric: Fabric, name: str, groups: Sequence[IPv4Address] = (GROUP, OTHER_GROUP)
    ) -> None:
        self.name = name
        with inside(fabric.host_fd(name)):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            index = socket.if_nametoindex("eth0")
        self.socket.bind(("", PORT))
        request = bytes(4) + index.to_bytes(4, sys.byteorder)
        for group in (*groups, FENCE_GROUP):
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group.packed + request)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, bytes(4) + request)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)

    def send(self, to: IPv4Address, payload: bytes) -> int:
        return self.socket.sendto(payload, (str(to), PORT))

    def until_fence(self, fence: bytes) -> list[bytes]:
        """Return what arrived before the fence."""
        heard: list[bytes] = []
        while True:
            ready, _, _ = select.select([self.socket], [], [], LIMIT_S)
            assert ready, f"{self.name} waited {LIMIT_S} s for {fence!r}, heard {heard!r}"
            payload = self.socket.recv(2048)
            if payload == fence:
                return heard
            if not payload.startswith(b"fence"):
                heard.append(payload)


class Party:
    """All stations of a fabric; tells who hears what."""

    def __init__(self, fabric: Fabric, names: Sequence[str]) -> None:
        self.stations = {name: Station(fabric, name) for name in names}
        self._fences = 0

    def hearers(self, sender: str, to: IPv4Address) -> list[str]:
        """Send one datagram and return the names of those who hear it."""
        return self.hearers_of(sender, lambda: self.stations[sender].send(to, b"probe"))

    def hearers_of(self, sender: str, deed: Callable[[], object]) -> list[str]:
        self._fences += 1
        fence = b"fence %d" % self._fences
        deed()
        self.stations[sender].send(FENCE_GROUP, fence)
        others = [station for station in self.stations.values() if station.name != sender]
        return [station.name for station in others if station.until_fence(fence)]

    def close(self) -> None:
        for station in self.stations.values():
            station.socket.close()


@contextmanager
def party(fabric: Fabric, count: int) -> Iterator[Party]:
    found = Party(fabric, [f"n{number}" for number in range(1, count + 1)])
    try:
        yield found
    finally:
        found.close()


@contextmanager
def emulated(fabric: Fabric) -> Iterator[DataPlane]:
    plane = DataPlane(fabric.switch_fd("sw1"))
    try:
        plane.install()
        yield plane
    finally:
        plane.close()


@contextmanager
def tap(namespace: int, device: str) -> Iterator[socket.socket]:
    with inside(namespace):
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    with found:
        found.bind((device, ETH_P_ALL))
        yield found


def frames(of: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(of.recv(2048, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return found


# --- building ---------------------------------------------------------------------------------------------


def test_four_hosts_on_one_switch_reach_each_other() -> None:
    with four_hosts() as fabric:
        states = fabric.port_states("sw1")
        assert sorted(states) == ["p1", "p2", "p3", "p4"]
        assert all(state.passes for state in states.values())
        assert states["p3"].index == fabric.port_index("sw1", "p3")
        with party(fabric, 4) as people:
            assert people.hearers("n1", IPv4Address("10.0.0.3")) == ["n3"]
            assert people.hearers("n1", GROUP) == ["n2", "n3", "n4"]


def test_two_switches_pass_multicast_over_their_cable() -> None:
    with two_switches() as fabric, party(fabric, 6) as people:
        assert people.hearers("n1", GROUP) == ["n2", "n3", "n4", "n5", "n6"]
        assert people.hearers("n5", IPv4Address("10.0.0.2")) == ["n2"]


def test_a_cable_that_begins_down_can_be_set_up() -> None:
    with two_switches(up=False) as fabric:
        assert fabric.port_states("sw1")["p9"].oper_state is OperState.DOWN
        assert not fabric.port_states("sw2")["p9"].passes
        fabric.set_link("sw1", "p9", up=True)
        fabric.wait_ready()
        with party(fabric, 6) as people:
            assert people.hearers("n1", GROUP) == ["n2", "n3", "n4", "n5", "n6"]


def test_a_host_whose_port_begins_down_is_not_waited_for() -> None:
    with Fabric(switches=[switch()], hosts=[host(1), host(2, up=False), host(3)]) as fabric:
        assert fabric.port_states("sw1")["p2"].port_state is PortState.DISABLED
        fabric.set_link("sw1", "p2", up=True)
        fabric.wait_ready()
        fabric.set_link("sw1", "p3", up=False)
        with party(fabric, 2) as people:
            assert people.hearers("n1", GROUP) == ["n2"]


def test_waiting_in_vain_says_for_what() -> None:
    with four_hosts() as fabric:
        fabric.set_host_link("n2", up=False)
        wait_until("p2 to lose its carrier", lambda: not fabric.port_states("sw1")["p2"].passes)
        with pytest.raises(LabError, match=r"3 of 4 ports forwarding; p2 of sw1 is \w*DOWN and DISABLED"):
            fabric.wait_ready(0.02)
        fabric.set_host_link("n2", up=True)
        fabric.wait_ready()


def test_hosts_are_configured_as_specified() -> None:
    spec = host(1, unsolicited_v2_ms=70, unsolicited_v3_ms=30, igmp_version=2, mtu=1400)
    with Fabric(switches=[switch()], hosts=[spec]) as fabric, inside(fabric.host_fd("n1")):
        settings = Path("/proc/sys/net/ipv4/conf/eth0")
        assert (settings / "igmpv2_unsolicited_report_interval").read_text() == "70\n"
        assert (settings / "igmpv3_unsolicited_report_interval").read_text() == "30\n"
        assert (settings / "force_igmp_version").read_text() == "2\n"
        with NetlinkSocket() as netlink:
            names = [messages.link_state(message).name for message in netlink.dump(messages.get_links())]
        assert names == ["lo", "eth0"]
        assert link_field("eth0", SIOCGIFMTU)[:4] == (1400).to_bytes(4, sys.byteorder)
        assert link_field("eth0", SIOCGIFHWADDR)[2:8] == bytes.fromhex("020000000001")
        # No IPv6 link-local address: nothing but IPv4 is on the wire.
        assert "eth0" not in Path("/proc/thread-self/net/if_inet6").read_text()


def link_field(device: str, request: int) -> bytes:
    """Return what ioctl(2) of netdevice(7) says of a device, after its name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, request, device.encode().ljust(32, b"\0"))[16:]


def test_a_port_of_smaller_mtu_drops_long_datagrams_silently() -> None:
    specs = [host(1), host(2), host(3, port_mtu=1000)]
    with Fabric(switches=[switch()], hosts=specs) as fabric, party(fabric, 3) as people:
        sender = people.stations["n1"]
        assert people.hearers_of("n1", lambda: sender.send(GROUP, b"x" * 1200)) == ["n2"]
        assert people.hearers_of("n1", lambda: sender.send(GROUP, b"x" * 900)) == ["n2", "n3"]


def test_permanent_neighbours_make_arp_needless() -> None:
    with four_hosts() as fabric, party(fabric, 4) as people:
        fabric.set_neighbours("n1", [(IPv4Address("10.0.0.2"), "02:00:00:00:00:02")])
        with tap(fabric.host_fd("n1"), "eth0") as seen:
            assert people.hearers("n1", IPv4Address("10.0.0.2")) == ["n2"]
            assert [frame for frame in frames(seen) if frame[12:14] == b"\x08\x06"] == []


# --- the kernel's own snooping ----------------------------------------------------------------------------


def test_the_kernels_multicast_database_is_read_and_followed() -> None:
    # Version 3: a host holds a version 2 report back when it overhears another's (RFC 2236 section 3).
    options = {"mcast_snooping": 1, "mcast_igmp_version": 3, "mcast_query_response_interval": 10}
    fabric = Fabric(
        switches=[switch(1, **options, mcast_querier=1)],
        hosts=[host(number, unsolicited_v3_ms=10) for number in (1, 2, 3)],
    )
    with fabric, ExitStack() as stack:
        with inside(fabric.switch_fd("sw1")):
            news, netlink = (stack.enter_context(NetlinkSocket()) for _ in range(2))
        news.subscribe(RTNLGRP_MDB)
        fabric.port_options("sw1", "p3", {"mcast_router": 2})
        fabric.port_options("sw1", "p2", {"fastleave": 1})
        member = Station(fabric, "n2", (GROUP,))
        stack.callback(member.socket.close)
        expected = (GROUP, None, fabric.port_index("sw1", "p2"))
        wait_until("n2's membership", lambda: expected in read_mdb(netlink).members)
        assert read_mdb(netlink).router_ports == {fabric.port_index("sw1", "p3"): RouterKind.PERMANENT}
        heard = [line for message in news.receive() for line in parse(message)]
        joined = [line for line in heard if isinstance(line, Member) and line.group == GROUP]
        # The kernel tells again when a second report changes the entry's filter mode.
        assert {(line.present, line.port) for line in joined} == {(True, expected[2])}
        routers = [line for line in heard if not isinstance(line, Member)]
        assert [(line.present, line.port) for line in routers] == [(True, fabric.port_index("sw1", "p3"))]
        member.socket.close()
        wait_until("the end of n2's membership", lambda: expected not in read_mdb(netlink).members)
        left = [line for message in news.receive() for line in parse(message)]
        assert (False, GROUP) in [(line.present, line.group) for line in left if isinstance(line, Member)]


# --- the emulated switch's data plane ---------------------------------------------------------------------


def test_sets_decide_which_ports_hear_a_group() -> None:
    with four_hosts() as fabric, emulated(fabric) as plane, party(fabric, 4) as people:
        assert people.hearers("n1", GROUP) == ["n2", "n3", "n4"]
        plane.set_mode(Dialect.IGMP, snooping=True, unregistered=Unregistered.DROP)
        assert people.hearers("n1", GROUP) == []
        plane.apply({(GROUP, "p2"): EVERY_SOURCE, (GROUP, "p3"): EVERY_SOURCE})
        assert people.hearers("n1", GROUP) == ["n2", "n3"]
        assert people.hearers("n1", OTHER_GROUP) == []
        plane.apply({(GROUP, "p2"): None, (GROUP, "p4"): EVERY_SOURCE})
        assert people.hearers("n1", GROUP) == ["n3", "n4"]
        assert plane.members() == {(GROUP, "p3"): EVERY_SOURCE, (GROUP, "p4"): EVERY_SOURCE}
        plane.set_mode(Dialect.IGMP, snooping=False, unregistered=Unregistered.DROP)
        assert people.hearers("n1", GROUP) == ["n2", "n3", "n4"]


@pytest.mark.parametrize(
    ("unregistered", "hear_unregistered"),
    [
        (Unregistered.FLOOD, ["n2", "n3", "n4"]),
        (Unregistered.ROUTER_PORTS, ["n4"]),
        (Unregistered.DROP, []),
    ],
)
def test_router_ports_and_unregistered_groups(
    unregistered: Unregistered, hear_unregistered: list[str]
) -> None:
    with four_hosts() as fabric, emulated(fabric) as plane, party(fabric, 4) as people:
        plane.set_mode(Dialect.IGMP, snooping=True, unregistered=unregistered)
        plane.apply({(GROUP, "p2"): EVERY_SOURCE}, {(Dialect.IGMP, "p4"): True})
        assert people.hearers("n1", GROUP) == ["n2", "n4"]
        assert people.hearers("n1", OTHER_GROUP) == hear_unregistered
        assert plane.routers() == {(Dialect.IGMP, "p4")}
        assert plane.groups() == {GROUP}


def test_nothing_but_ipv4_multicast_is_held_back() -> None:
    ipv6 = bytes.fromhex("333300000001" + "020000000001" + "86dd") + b"six" + bytes(60)
    with four_hosts() as fabric, emulated(fabric) as plane, party(fabric, 4) as people:
        plane.set_mode(Dialect.IGMP, snooping=True, unregistered=Unregistered.DROP)
        # Unicast needs ARP, a broadcast, to pass first.
        assert people.hearers("n1", IPv4Address("10.0.0.4")) == ["n4"]
        with tap(fabric.host_fd("n1"), "eth0") as mouth, tap(fabric.host_fd("n3"), "eth0") as ear:
            people.hearers_of("n1", lambda: mouth.send(ipv6))
            assert ipv6 in frames(ear)


def test_igmp_reaches_the_tap_on_the_port_and_no_further() -> None:
    with four_hosts() as fabric, emulated(fabric), party(fabric, 3) as people:
        switch_ns, host_ns = fabric.switch_fd("sw1"), fabric.host_fd("n2")
        with tap(switch_ns, "p4") as port, tap(host_ns, "eth0") as neighbour:
            member = Station(fabric, "n4", (GROUP,))
            people.stations["n4"] = member
            reports: list[bytes] = []

            def reported() -> bool:
                reports.extend(frame for frame in frames(port) if frame[23:24] == b"\x02")
                return bool(reports)

            wait_until("n4's report on p4", reported)
            member.send(FENCE_GROUP, b"fence n4")
            people.stations["n2"].until_fence(b"fence n4")
            # The neighbour's tap shows its own reports too, which repeat.
            arrived = [frame for frame in frames(neighbour) if frame[6:12] != b"\2\0\0\0\0\2"]
            assert [frame for frame in arrived if frame[23:24] == b"\x02"] == []


def test_more_members_than_one_message_holds() -> None:
    members = [(IPv4Address("239.1.0.0") + number, f"p{number % 7}") for number in range(2500)]
    with four_hosts() as fabric, emulated(fabric) as plane:
        plane.apply(dict.fromkeys(members, EVERY_SOURCE))
        assert plane.members() == dict.fromkeys(members, EVERY_SOURCE)
        plane.apply(dict.fromkeys(members[:2400]) | dict.fromkeys(members[2399:], EVERY_SOURCE))
        assert plane.members() == dict.fromkeys(members[2399:], EVERY_SOURCE)
        plane.apply(dict.fromkeys(members))
        assert plane.members() == {}
        assert plane.groups() == frozenset()


def test_nft_prints_the_data_plane_as_it_was_meant() -> None:
    with four_hosts() as fabric, emulated(fabric) as plane:
        plane.set_mode(Dialect.IGMP, snooping=True, unregistered=Unregistered.FLOOD)
        plane.apply({(GROUP, "p2"): EVERY_SOURCE}, {(Dialect.IGMP, "p4"): True})
        with inside(fabric.switch_fd("sw1")):
            try:
                text = subprocess.run(
                    ("nft", "list", "ruleset"), capture_output=True, text=True, check=True
                ).stdout
            except FileNotFoundError:
                pytest.skip("the program nft is not installed")
    assert 'elements = { "p2" . 239.192.0.1 }' in text
    assert 'elements = { "p4" }' in text
    assert "hook forward priority 0" in text
    assert "meta protocol ip goto igmp_acl" in text
    assert text.count("accept\n") == 4
    assert text.count(" drop\n") == 2


def test_a_refused_change_names_the_reason_and_changes_nothing() -> None:
    with four_hosts() as fabric:
        plane = DataPlane(fabric.switch_fd("sw1"))
        with pytest.raises(RefusedError, match="No such file or directory"):
            plane.apply({(GROUP, "p1"): EVERY_SOURCE})
        plane.install()
        plane.apply({(GROUP, "p1"): EVERY_SOURCE})
        assert plane.groups() == {GROUP}
        plane.close()


# --- silence ----------------------------------------------------------------------------------------------


def test_a_silent_host_sends_without_error_and_without_a_trace() -> None:
    with four_hosts() as fabric, party(fabric, 4) as people:
        speaker, namespace = people.stations["n1"], fabric.host_fd("n1")
        losses = Losses(namespace, "eth0")

        def speak_in_silence() -> None:
            losses.set((Impairment(loss=1),))
            assert speaker.send(GROUP, b"unheard") == len(b"unheard")
            losses.set(())

        with tap(namespace, "eth0") as own:
            assert people.hearers_of("n1", speak_in_silence) == []
            assert [frame for frame in frames(own) if b"unheard" in frame] == []
        assert people.hearers("n1", GROUP) == ["n2", "n3", "n4"]
        losses.close()


def test_silence_of_multicast_leaves_unicast() -> None:
    with four_hosts() as fabric, party(fabric, 4) as people:
        losses = Losses(fabric.host_fd("n1"), "eth0")
        losses.set((Impairment(loss=1),))
        losses.set((Impairment(loss=1, kind=FrameKind.MULTICAST),))
        people.stations["n1"].send(GROUP, b"unheard")
        people.stations["n1"].send(IPv4Address("10.0.0.2"), b"fence unicast")
        assert people.stations["n2"].until_fence(b"fence unicast") == []
        losses.set((Impairment(loss=1, kind=FrameKind.IGMP),))
        assert people.hearers("n1", GROUP) == ["n2", "n3", "n4"]
        losses.close()


# --- what is left behind ----------------------------------------------------------------------------------


def visible_on_host() -> tuple[list[str], list[str]]:
    named = Path("/run/netns")
    return sorted(name for _, name in socket.if_nameindex()), sorted(
        path.name for path in (named.iterdir() if named.exists() else ())
    )


def test_nothing_of_a_lab_is_visible_on_the_host() -> None:
    before = visible_on_host()
    with two_switches():
        assert visible_on_host() == before
    assert visible_on_host() == before


def test_building_and_closing_leaves_no_descriptor() -> None:
    before = open_files()
    for _ in range(5):
        with two_switches() as fabric:
            assert open_files() > before
        fabric.close()
        assert open_files() == before


def test_a_build_that_fails_midway_says_where_and_leaves_nothing() -> None:
    before = open_files()
    fabric = Fabric(switches=[switch()], hosts=[host(1), host(2, mtu=20), host(3)])
    with pytest.raises(RefusedError, match=r"message 2 of 3 \(n2 on sw1\)"):
        fabric.build()
    assert open_files() == before


CHILD = """
import sys
sys.path[:0] = {path!r}
from ipaddress import IPv4Address
from harness.backends.netns import messages
from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.userns import isolate
{before}
isolate()
hosts = [
    HostSpec(name=f"n{{n}}", mac=f"02:00:00:00:00:0{{n}}", address=IPv4Address(f"10.0.0.{{n}}"),
             prefix_length=24, switch="sw1", port=f"p{{n}}", port_mac=f"02:00:00:00:01:0{{n}}")
    for n in (1, 2, 3)
]
fabric = Fabric(switches=[SwitchSpec(name="sw1", mac="02:00:00:01:00:01")], hosts=hosts)
fabric.build()
{after}
print("ready", flush=True)
sys.stdin.read()
fabric.close()
"""


def child(before: str = "", after: str = "", fds: Sequence[int] = ()) -> subprocess.Popen[str]:
    source = CHILD.format(path=[path for path in sys.path if path], before=before, after=after)
    return subprocess.Popen(
        (sys.executable, "-c", source),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=fds,
    )


def test_a_killed_process_leaves_nothing() -> None:
    # The child ties its host n1 to a namespace of ours with a cable: when our end is gone, n1's namespace is.
    watch = create_namespace()
    with ExitStack() as stack:
        stack.callback(os.close, watch)
        with inside(watch):
            netlink = stack.enter_context(NetlinkSocket())

        def links() -> list[str]:
            return [messages.link_state(message).name for message in netlink.dump(messages.get_links())]

        tie = f"""
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import NetlinkSocket
with inside(fabric.host_fd("n1")):
    netlink = NetlinkSocket()
ends = [messages.VethEnd(index=n, name=name, mac=f"02:00:00:00:02:0{{n - 7}}", mtu=1500)
        for n, name in ((8, "tie"), (9, "tied"))]
netlink.request((messages.new_veth(ends[0], 0, ends[1], {watch}, up=False),))
"""
        process = stack.enter_context(child(after=tie, fds=(watch,)))
        assert process.stdout is not None
        said = process.stdout.readline()
        if said != "ready\n":
            process.kill()
            pytest.fail(process.communicate()[1])
        assert links() == ["lo", "tied"]
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until("the kernel to remove the dead process's lab", lambda: links() == ["lo"])


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, so it must begin as root")
def test_a_user_without_privilege_builds_a_lab() -> None:
    # An interpreter in a home directory cannot be started by others, so the child loads all and then steps
    # down. That takes its right to its own /proc files; execve(2) or prctl(PR_SET_DUMPABLE) gives it back.
    before = """
import ctypes, os
import harness.backends.netns.data_plane
os.setgroups([]); os.setgid(65534); os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
from harness.backends.netns.userns import has_capabilities
assert not has_capabilities()
"""
    after = """
from harness.backends.netns.data_plane import EVERY_SOURCE, DataPlane
plane = DataPlane(fabric.switch_fd("sw1"))
plane.install()
plane.apply({(IPv4Address("239.1.1.1"), "p1"): EVERY_SOURCE})
assert plane.members() == {(IPv4Address("239.1.1.1"), "p1"): EVERY_SOURCE}
assert all(state.passes for state in fabric.port_states("sw1").values())
assert os.getuid() == 0 and open("/proc/self/uid_map").read().split() == ["0", "65534", "1"]
"""
    with child(before, after) as process:
        out, err = process.communicate("")
    assert (out, err, process.returncode) == ("ready\n", "", 0)
