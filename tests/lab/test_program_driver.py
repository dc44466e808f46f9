"""The driver of probe tools: a small program on real sockets of three hosts at one switch."""

from __future__ import annotations

import errno
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest

from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.namespaces import inside
from harness.backends.netns.userns import has_capabilities
from harness.protocols.probes.program import (
    Ended,
    Endpoint,
    Incoming,
    Join,
    Leave,
    Say,
    SocketsWanted,
    Transmit,
)
from harness.sockets.driver import Driver
from harness.sockets.groups import Via
from harness.sockets.loop import Loop

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

GROUP = IPv4Address("239.1.2.3")
ADDRESSES = {name: IPv4Address(f"10.0.0.{number}") for number, name in enumerate(("n1", "n2", "n3"), 1)}
PORT = 4321
LIMIT_S = 10.0


@dataclass
class Recorder:
    """A program that keeps what it is told, and obeys orders."""

    sockets: SocketsWanted
    wakes_at_s: float | None = None
    heard: list[tuple[bytes, Endpoint, bool, int | None]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    port: int = 0
    orders: list[object] = field(default_factory=list)

    def start(self, now, port):
        self.port = port
        return self.orders

    def receive(self, datagram: Incoming, now):
        self.heard.append((datagram.payload, datagram.sender, datagram.by_group, datagram.hops))
        return ()

    def refused(self, error, now):
        self.refusals.append(error)
        return ()

    def tick(self, now):
        self.ticks.append(now)
        due_s, self.wakes_at_s = self.wakes_at_s, None
        return () if due_s is None or now < due_s else (Say(text="woken"), Ended(status=7))

    def next_deadline(self):
        return self.wakes_at_s

    def interrupt(self, now):
        return (Ended(status=130),)

    def report(self, now):
        return (Say(text="still here"),)


@pytest.fixture
def hosts():
    specs = [
        HostSpec(
            name=name,
            mac=f"02:00:00:00:00:0{number}",
            address=address,
            prefix_length=24,
            switch="sw1",
            port=f"p{number}",
            port_mac=f"02:00:00:00:01:0{number}",
        )
        for number, (name, address) in enumerate(ADDRESSES.items(), 1)
    ]
    spec = SwitchSpec(name="sw1", mac="02:00:00:01:00:01", options={"mcast_snooping": 0})
    with Fabric(switches=[spec], hosts=specs) as fabric, ExitStack() as stack:
        for name in ADDRESSES:
            others = [(spec.address, spec.mac) for spec in specs if spec.name != name]
            fabric.set_neighbours(name, others)
        loop = Loop()
        stack.callback(loop.close)

        def run(name, program, **options):
            with inside(fabric.host_fd(name)):
                driver = Driver(
                    program, loop, options.pop("told", lambda *_: None), via=Via(index=2), **options
                )
            stack.callback(driver.close)
            driver.start()
            return driver

        yield run, loop


def wanted(name, **more):
    return SocketsWanted(version=4, local=ADDRESSES[name], port=PORT, **more)


def test_unicast_and_groups_arrive_with_their_sender_and_hops(hosts):
    run, loop = hosts
    hears = Recorder(wanted("n2", group=GROUP), orders=[Join(group=GROUP)])
    run("n2", hears)
    deaf = Recorder(wanted("n3", group=GROUP))
    run("n3", deaf)
    asks = Recorder(wanted("n1", hops=9))
    asks.orders = [
        Transmit(payload=b"one", to=Endpoint(address=ADDRESSES["n2"], port=PORT)),
        Transmit(payload=b"all", to=Endpoint(address=GROUP, port=PORT)),
        Transmit(payload=b"three", to=Endpoint(address=ADDRESSES["n3"], port=PORT)),
    ]
    run("n1", asks)
    loop.wait_for(lambda: len(hears.heard) == 2 and deaf.heard, LIMIT_S, lambda: f"datagrams: {hears.heard}")
    sender = Endpoint(address=ADDRESSES["n1"], port=PORT)
    assert sorted(hears.heard) == [(b"all", sender, True, 9), (b"one", sender, False, 9)]
    assert deaf.heard == [(b"three", sender, False, 9)], "it has joined nothing"


def test_a_program_joins_one_source_and_leaves(hosts):
    run, loop = hosts
    hears = Recorder(wanted("n3", group=GROUP), orders=[Join(group=GROUP, source=ADDRESSES["n2"])])
    driver = run("n3", hears)
    for name in ("n1", "n2"):
        to_group = Transmit(payload=name.encode(), to=Endpoint(address=GROUP, port=PORT))
        to_host = Transmit(payload=b"end", to=Endpoint(address=ADDRESSES["n3"], port=PORT))
        run(name, Recorder(wanted(name), orders=[to_group, to_host]))
    loop.wait_for(lambda: len(hears.heard) == 3, LIMIT_S, lambda: f"datagrams: {hears.heard}")
    assert {payload for payload, _, by_group, _ in hears.heard if by_group} == {b"n2"}
    driver.sockets.change_membership(Leave(group=GROUP, source=ADDRESSES["n2"]))
    with pytest.raises(OSError, match="Invalid argument"):
        driver.sockets.change_membership(Leave(group=GROUP, source=ADDRESSES["n2"]))


def test_a_connected_program_is_told_that_nobody_listens(hosts):
    run, loop = hosts
    peer = Endpoint(address=ADDRESSES["n2"], port=PORT)
    asks = Recorder(
        SocketsWanted(version=4, local=ADDRESSES["n1"], peer=peer),
        orders=[Transmit(payload=b"anybody", to=peer)],
    )
    run("n1", asks)
    loop.wait_for(lambda: asks.refusals, LIMIT_S, lambda: "the refusal")
    assert asks.refusals == [errno.ECONNREFUSED]
    assert asks.port not in {0, PORT}


def test_the_clock_of_a_program_may_run_faster(hosts):
    run, loop = hosts

    class Fast:
        zero_s = loop.now()

        def now(self):
            return (loop.now() - self.zero_s) * 1000

        def real(self, at_s):
            return self.zero_s + at_s / 1000

    told = []
    wakes = Recorder(wanted("n1"), wakes_at_s=100.0)
    driver = run("n1", wakes, clock=Fast(), told=lambda effect, at_s: told.append((effect, at_s)))
    loop.wait_for(lambda: driver.ended is not None, LIMIT_S, lambda: "the end")
    assert driver.ended == 7
    assert [effect for effect, _ in told] == [Say(text="woken"), Ended(status=7)]
    assert all(at_s >= 100 for _, at_s in told)


def test_an_ended_program_gives_its_sockets_back(hosts):
    run, _ = hosts
    told = []
    driver = run("n1", Recorder(wanted("n1")), told=lambda effect, _: told.append(effect))
    with pytest.raises(OSError, match="in use"):
        run("n1", Recorder(wanted("n1")))
    driver.report()
    driver.interrupt()
    driver.close()
    assert told == [Say(text="still here"), Ended(status=130)]
    assert run("n1", Recorder(wanted("n1"))).ended is None


def test_a_flood_does_not_stop_the_clock(hosts):
    run, loop = hosts
    hears = Recorder(wanted("n2"), wakes_at_s=loop.now() + 0.2)
    driver = run("n2", hears)
    flood = Transmit(payload=b"flood", to=Endpoint(address=ADDRESSES["n2"], port=PORT))
    asks = Recorder(wanted("n1"), orders=[flood] * 200)
    driver_of_asks = run("n1", asks)

    def more():
        driver_of_asks.start()
        loop.call_at(loop.now() + 0.001, more)

    more()
    loop.wait_for(lambda: driver.ended is not None, LIMIT_S, lambda: f"the tick, {len(hears.heard)} heard")
    assert len(hears.heard) >= 200
