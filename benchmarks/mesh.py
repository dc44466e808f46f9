"""A full mesh of one multicast each, received and accounted, beside a plain epoll loop that accounts nothing.

python benchmarks/mesh.py [--nodes 50,200] [--rounds 5]

Both use the same lab: one kernel bridge without snooping, one namespace a node, every node a member of one
group. "plain" is epoll with recv_into and a counter, the floor for Python. "harness" is the code that
scenarios run: every datagram is sent, received, parsed, gathered by sequence and turned into records. The two
alternate. Prints medians and their ratio.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import statistics
import struct
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.traffic import Traffic
from harness.backends.netns.userns import isolate
from harness.observations.model import Arrived, Record
from harness.plan.build import build
from harness.plan.model import Plan
from harness.scenario.loader import load
from harness.sockets.loop import Loop

SCENARIO = """\
scenario: full mesh
source: benchmark
network:
  switches:
    sw1: {{profile: linux-bridge, snooping: off}}
  nodes:
    n: {{count: {nodes}, on: sw1}}
traffic:
  mesh: {{group: 239.192.0.1, senders: all, receivers: all, rate: 1/h, size: 64}}
expect:
  - {{deliver: mesh, result: all, until: 1s}}
"""
LIMIT_S = 30.0


def plan_of(nodes: int) -> Plan:
    path = Path(f"/dev/shm/mesh-{os.getpid()}.scenario.yaml")
    path.write_text(SCENARIO.format(nodes=nodes), encoding="utf-8")
    try:
        return build(load(path).variants[0])
    finally:
        path.unlink()


class Plain:
    """epoll and recv_into, and a counter: what any Python program would pay."""

    def __init__(self, plan: Plan, devices: Devices) -> None:
        self.epoll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.group = IPv4Address("239.192.0.2")
        for host in plan.hosts:
            with devices.enter_host(host.name):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            interface = struct.pack("4s4si", self.group.packed, bytes(4), 2)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            sock.bind((str(self.group), 5000))
            self.epoll.register(sock.fileno(), select.EPOLLIN)
            self.sockets[sock.fileno()] = sock

    def run(self) -> tuple[float, int]:
        payload, buffer, received = bytes(64), bytearray(2048), 0
        wanted = len(self.sockets) * (len(self.sockets) - 1)
        began = time.perf_counter()
        for index, sock in enumerate(self.sockets.values()):
            sock.sendto(payload, (str(self.group), 5000))
            if index % 8 == 7:
                received += self.drain(buffer)
        while received < wanted and time.perf_counter() - began < LIMIT_S:
            received += self.drain(buffer)
        return time.perf_counter() - began, received

    def drain(self, buffer: bytearray) -> int:
        received = 0
        for descriptor, _ in self.epoll.poll(0, 512):
            receive = self.sockets[descriptor].recv_into
            while True:
                try:
                    receive(buffer)
                except BlockingIOError:
                    break
                received += 1
        return received


class Harness:
    """The traffic of the netns backend, from sendto to records."""

    def __init__(self, plan: Plan, devices: Devices, loop: Loop, clock: Clock) -> None:
        self.records: list[Record] = []
        self.plan, self.loop, self.clock = plan, loop, clock
        self.traffic = Traffic(
            plan, loop, clock, self.records.append, devices.enter_host, devices.change_membership
        )
        self.traffic.open()
        self.stream = plan.streams[0]
        for host in plan.hosts:
            self.traffic.join(host.name, self.stream)
        self.sequence = 0

    def run(self) -> tuple[float, int]:
        self.records.clear()
        wanted = self.traffic.delivered + len(self.plan.hosts) * (len(self.plan.hosts) - 1)
        began = time.perf_counter()
        for index, name in enumerate(self.stream.senders):
            self.traffic.send_one(self.stream, name, self.sequence, self.clock.now())
            if index % 8 == 7:
                self.loop.poll()
        while self.traffic.delivered < wanted and time.perf_counter() - began < LIMIT_S:
            self.loop.poll()
        self.traffic.flush()
        took = time.perf_counter() - began
        self.sequence += 1
        return took, sum(len(record.hosts) for record in self.records if isinstance(record, Arrived))


def measure(nodes: int, rounds: int) -> None:
    plan, loop, clock = plan_of(nodes), Loop(), Clock(speed=1.0)
    devices = Devices(plan, loop, clock, lambda _: None)
    devices.build()
    try:
        devices.start()
        plain, harness = Plain(plan, devices), Harness(plan, devices, loop, clock)
        wanted = nodes * (nodes - 1)
        times: dict[str, list[float]] = {"plain": [], "harness": []}
        for turn in range(rounds + 1):
            pair = (("plain", plain), ("harness", harness))
            for name, side in pair if turn % 2 else reversed(pair):
                took, received = side.run()
                if turn:  # the first round warms up
                    times[name].append(took)
                if received != wanted:
                    print(f"{nodes} nodes, {name}: {received} of {wanted} arrived", file=sys.stderr)
        floor, ours = (statistics.median(times[name]) for name in ("plain", "harness"))
        print(
            f"{nodes:>6} {wanted:>10} {floor * 1000:>10.1f} {ours * 1000:>12.1f} {ours / floor:>7.2f} "
            f"{wanted / ours / 1000:>14.0f}"
        )
        harness.traffic.close()
    finally:
        devices.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", default="50,200", help="node counts")
    parser.add_argument("--rounds", type=int, default=5)
    arguments, _ = parser.parse_known_args()
    isolate()
    head = ("nodes", "deliveries", "plain ms", "harness ms", "ratio", "thousand a s")
    print("{:>6} {:>10} {:>10} {:>12} {:>7} {:>14}".format(*head))
    for nodes in arguments.nodes.split(","):
        measure(int(nodes), arguments.rounds)


if __name__ == "__main__":
    main()
