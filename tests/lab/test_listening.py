"""``mcast listen`` in namespaces: what it hears, that it sends nothing, what it says without the right."""

import json
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.namespaces import inside
from harness.backends.netns.userns import has_capabilities
from harness.errors import ExitCode
from harness.protocols.dialect import Dialect
from harness.protocols.listening.frames import read
from harness.sockets.ear import Ear
from harness.sockets.groups import Via, change_membership
from harness.sockets.interfaces import interfaces
from harness.sockets.memberships import memberships
from harness.wire import ethernet, ipv4
from harness.wire.membership import Query, Report

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

ROOT = Path(__file__).parents[2]
LIMIT_S = 30.0
ETH_P_ALL = 3
GROUP, OTHER = IPv4Address("239.192.1.1"), IPv4Address("239.192.9.9")
ROUTER_MAC = b"\2\0\0\0\0\xfe"
EVERY_SECOND = {"mcast_snooping": 1, "mcast_query_interval": 100, "mcast_startup_query_interval": 100}


@contextmanager
def lab(*, options=None, link_local=None):
    """Two hosts, n1 and n2, on one switch."""
    hosts = [
        HostSpec(
            name=f"n{n}",
            mac=f"02:00:00:00:00:0{n}",
            address=IPv4Address(f"10.0.0.{n}"),
            prefix_length=24,
            switch="sw1",
            port=f"p{n}",
            port_mac=f"02:00:00:00:01:0{n}",
        )
        for n in (1, 2)
    ]
    switch = SwitchSpec(
        name="sw1", mac="02:00:00:01:00:01", options=options or {"mcast_snooping": 0}, link_local=link_local
    )
    with Fabric(switches=[switch], hosts=hosts) as fabric:
        yield fabric


def listener(fabric, *arguments, host="n1", before=()):
    """Start ``mcast listen eth0`` on a host."""
    command = [*before, sys.executable, "-m", "harness", "listen", "eth0", *arguments]
    with inside(fabric.host_fd(host)):
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def ended(process):
    out, err = process.communicate(timeout=LIMIT_S)
    return ExitCode(process.returncode), out, err


@contextmanager
def sender(fabric, host):
    with inside(fabric.host_fd(host)):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.bind(("eth0", 0))
        yield sock
    finally:
        sock.close()


def send_while(process, sock, *frames):
    """Send the frames again and again until the process has ended."""
    limit_s = time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < limit_s:
        for frame in frames:
            sock.send(frame)
        time.sleep(0.02)
    return ended(process)


def ask_until_told(process, sock):
    """Ask until the listener tells it: then it is listening."""
    limit_s = time.monotonic() + LIMIT_S
    while not select.select([process.stdout], [], [], 0.02)[0]:
        assert time.monotonic() < limit_s, "no query was told"
        sock.send(query())
    assert "general query from 10.0.0.254" in process.stdout.readline()


def query(**says):
    return Dialect.IGMP.frame(Query(**says), source_mac=ROUTER_MAC, source=IPv4Address("10.0.0.254"))


def data(group, source="10.0.0.2"):
    packet = ipv4.Ipv4Packet(
        source=IPv4Address(source),
        destination=group,
        protocol=17,
        ttl=1,
        payload=b"\x10\0\x15\x1d\0\x0c\0\0data",
    )
    return ethernet.encode(
        ethernet.EthernetFrame(
            destination=ethernet.multicast_mac(group),
            source=b"\2\0\0\0\0\2",
            ethertype=ethernet.ETHERTYPE_IPV4,
            payload=ipv4.encode(packet),
        )
    )


# --- what is heard ----------------------------------------------------------------------------------------


def test_the_querier_of_a_kernel_bridge():
    with lab(options={**EVERY_SECOND, "mcast_querier": 1, "mcast_igmp_version": 3}) as fabric:
        code, out, _ = ended(listener(fabric, "-4", "--for", "20s", "--count", "2", "--json"))
    assert code is ExitCode.PASSED
    summary = json.loads(out)
    (querier,) = summary["networks"][0]["queriers"]
    assert (querier["address"], querier["versions"], querier["general"]) == ("0.0.0.0", [3], 2)
    assert querier["query_interval_s"] == 1


def test_an_mld_querier():
    options = {**EVERY_SECOND, "mcast_querier": 1, "mcast_mld_version": 2}
    with lab(options=options, link_local=IPv6Address("fe80::1")) as fabric:
        code, out, _ = ended(listener(fabric, "-6", "--for", "20s", "--count", "1"))
    assert code is ExitCode.PASSED
    assert "MLD   general query from fe80::1" in out
    assert "MLD: querier fe80::1 asked at" in out


def test_a_bridge_hands_up_no_more_than_it_would_without():
    with lab() as fabric, inside(fabric.switch_fd("sw1")):
        command = [sys.executable, "-m", "harness", "listen", "br0", "--for", "500ms", "--json"]
        ended_with = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    (note,) = json.loads(ended_with.stdout)["notes"]
    assert note.startswith("br0 is a bridge, and what it keeps from this host is not heard")
    assert "listen to its port (p" in note


def test_no_querier():
    with lab() as fabric:
        code, out, err = ended(listener(fabric, "--for", "2s"))
    assert code is ExitCode.FAILED
    assert "IGMP: no querier heard for 2 s" in out
    assert "MLD: no querier heard for 2 s" in out
    assert err == ""


def test_a_querier_in_a_vlan_whose_tag_the_kernel_takes_off():
    with lab() as fabric, sender(fabric, "n2") as sock:
        process = listener(fabric, "-4", "--for", "20s", "--count", "1", "--json")
        code, out, _ = send_while(process, sock, ethernet.tagged(query(), 20))
    assert code is ExitCode.PASSED
    networks = {tuple(one["vlans"]): one["queriers"] for one in json.loads(out)["networks"]}
    assert networks[()] == []
    assert networks[20,][0]["address"] == "10.0.0.254"


def test_a_flooded_group_and_one_that_was_asked_for():
    with lab() as fabric, sender(fabric, "n2") as sock:
        with inside(fabric.host_fd("n1")):
            member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            change_membership(member, GROUP, Via(address=IPv4Address("10.0.0.1")), joined=True)
        with member:
            process = listener(fabric, "-4", "--for", "2s", "--json")
            code, out, _ = send_while(process, sock, data(GROUP), data(OTHER))
    summary = json.loads(out)
    assert code is ExitCode.FAILED
    assert [(one["group"], one["source"]) for one in summary["flooded"]] == [(str(OTHER), "10.0.0.2")]
    assert {one["group"]: one["asked"] for one in summary["streams"]} == {str(GROUP): True, str(OTHER): False}
    assert [one["group"] for one in summary["own"]] == [str(GROUP)]
    assert "snooping-off-floods" in [cause["cause"] for cause in summary["causes"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_what_it_heard_until_then(number):
    with lab() as fabric, sender(fabric, "n2") as sock:
        process = listener(fabric, "-4", "--for", "1h")
        ask_until_told(process, sock)
        process.send_signal(number)
        code, out, _ = ended(process)
    assert code is ExitCode.INTERRUPTED
    assert "IGMP: querier 10.0.0.254 asked at" in out


# --- what is left alone -----------------------------------------------------------------------------------


def allmulti(fabric):
    with inside(fabric.host_fd("n1")):
        shown = subprocess.run(
            ("ip", "-d", "-j", "link", "show", "eth0"), capture_output=True, text=True, check=True
        ).stdout
    return json.loads(shown)[0]["allmulti"]


def test_nothing_leaves_nothing_is_joined_and_nothing_stays():
    with lab() as fabric:
        with inside(fabric.host_fd("n2")):
            other = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        with inside(fabric.host_fd("n1")):
            before = memberships()
        with other, sender(fabric, "n2") as sock:
            process = listener(fabric, "--for", "1h")
            ask_until_told(process, sock)
            while_listening = allmulti(fabric)
            with inside(fabric.host_fd("n1")):
                during = memberships()
            process.kill()
            ended_with = process.wait(timeout=LIMIT_S)
            process.stdout.close()
            process.stderr.close()
            other.setblocking(False)
            senders = set()
            while True:
                try:
                    frame, address = other.recvfrom(2048)
                except BlockingIOError:
                    break
                if address[2] != socket.PACKET_OUTGOING:
                    senders.add(frame[6:12])
        assert (while_listening, allmulti(fabric)) == (2, 0)
    assert ended_with == -signal.SIGKILL
    assert senders == set()
    assert during == before


def test_without_the_right_it_says_how_to_get_it():
    drop = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    with lab() as fabric:
        code, out, err = ended(listener(fabric, "--for", "2s", before=drop))
    assert (code, out) == (ExitCode.HOST_CANNOT, "")
    assert (
        "capturing on eth0 is not permitted; cure: run as root, or give this Python the right: setcap" in err
    )


def test_an_interface_that_is_down():
    with lab() as fabric:
        fabric.set_host_link("n1", up=False)
        code, _, err = ended(listener(fabric, "--for", "2s"))
    assert code is ExitCode.HOST_CANNOT
    assert err == "eth0 is down and hears nothing; cure: ip link set eth0 up\n"


# --- the sockets ------------------------------------------------------------------------------------------


def drain(ear, sock):
    return [heard.frame for heard in ear.heard(sock)]


def test_each_frame_comes_to_one_of_the_two_sockets_and_unicast_to_none():
    mld = Dialect.MLD.frame(
        Report(version=1, group=ip_address("ff15::1")), source_mac=ROUTER_MAC, source=ip_address("fe80::5")
    )
    unicast = bytearray(data(GROUP))
    unicast[0:6] = b"\2\0\0\0\0\1"
    unicast[30:34] = bytes((10, 0, 0, 1))
    messages = [
        query(),
        mld,
        ethernet.tagged(ethernet.tagged(query(), 20), 100),
        ethernet.tagged(query(), 30),
    ]
    with lab() as fabric, sender(fabric, "n2") as sock:
        with inside(fabric.host_fd("n1")):
            ear = Ear("eth0")
        try:
            for frame in (*messages, data(GROUP), bytes(unicast)):
                sock.send(frame)
            assert drain(ear, ear.messages) == messages
            assert [read(frame).content.group for frame in drain(ear, ear.data)] == [GROUP]
        finally:
            ear.close()


def test_a_flood_of_data_is_counted_and_leaves_queries_alone():
    with lab() as fabric, sender(fabric, "n2") as sock:
        with inside(fabric.host_fd("n1")):
            ear = Ear("eth0")
        try:
            frame, limit_s = data(GROUP), time.monotonic() + LIMIT_S
            while not ear.lost_data and time.monotonic() < limit_s:
                for _ in range(1000):
                    sock.send(frame)
                ear.count_lost()
            sock.send(query())
            assert drain(ear, ear.messages) == [query()]
            ear.count_lost()
            assert (ear.lost_data > 0, ear.lost_messages) == (True, 0)
        finally:
            ear.close()


def test_interfaces_are_those_of_the_namespace():
    with lab() as fabric:
        with inside(fabric.host_fd("n1")):
            assert [one.name for one in interfaces()] == ["lo", "eth0"]
        with inside(fabric.switch_fd("sw1")):
            names = {one.name: one for one in interfaces()}
    assert names["br0"].kind == "bridge"
    assert names["p1"].master == names["br0"].index
