"""omping between all nodes in one process, beside a process for each node; and asmping beside Debian's own.

python benchmarks/probes.py [--nodes 50,200] [--clients 50,200] [--seconds 5]

All run in one lab: a kernel bridge without snooping, a namespace a node.

First a full mesh of omping: every node asks every other one, and every answer to the group comes to every
node, where the kernel throws away what is for others. "one process" drives all nodes on one loop, as labs do;
"a process each" forks one for every node, as it is on real hosts (the same code, or the omping that is
installed). The period between two queries is chosen so that both keep up. Datagrams are those sent and those
that came to sockets.

Then so many asmping, each a node of its own, ask one ssmpingd; Debian's programs, a process each, beside the
harness's in one process. CPU is user and system time of all processes, the kernel's work for datagrams in it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.namespaces import inside
from harness.backends.netns.userns import isolate
from harness.protocols.probes.omping import Omping, OmpingConfig, Peer
from harness.protocols.probes.program import Answered, Asked, Program
from harness.protocols.probes.ssmping import SsmpingClient
from harness.protocols.probes.ssmping_config import SsmpingConfig, SsmpingServerConfig
from harness.protocols.probes.ssmping_server import SsmpingServer
from harness.sockets.driver import Driver, Told
from harness.sockets.groups import Via
from harness.sockets.loop import Loop
from harness.sockets.packet import grow_buffer

GROUP = IPv4Address("239.192.55.50")
DELIVERIES_A_SECOND = 60_000
"""What two shared cores hand to sockets beside everything else."""
BEFORE = 3.0
"""Seconds for greetings, before counting begins."""
LIMIT_S = 600.0


@dataclass(slots=True)
class Count:
    asked: int = 0
    answered: int = 0

    def __call__(self, effect: Told, at_s: float) -> None:
        del at_s
        if isinstance(effect, Asked):
            self.asked += 1
        elif isinstance(effect, Answered):
            self.answered += 1


def address(number: int) -> IPv4Address:
    return IPv4Address("10.0.0.0") + number


@contextmanager
def fabric(nodes: int) -> Iterator[Fabric]:
    specs = [
        HostSpec(
            name=f"n{number}",
            mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
            address=address(number),
            prefix_length=16,
            switch="sw1",
            port=f"p{number}",
            port_mac=f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}",
        )
        for number in range(1, nodes + 1)
    ]
    switch = SwitchSpec(name="sw1", mac="02:00:00:02:00:01", options={"mcast_snooping": 0})
    with Fabric(switches=[switch], hosts=specs) as built:
        for spec in specs:
            built.set_neighbours(spec.name, [(one.address, one.mac) for one in specs if one is not spec])
        yield built


def cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def ompings(nodes: int, period_s: float, seconds: float) -> list[Omping]:
    everyone = [Peer(name=str(address(number)), address=address(number)) for number in range(1, nodes + 1)]
    return [
        Omping(
            OmpingConfig(
                local=address(number),
                peers=tuple(peer for peer in everyone if peer.address != address(number)),
                group=GROUP,
                period_s=period_s,
                timeout_s=seconds,
                wait_s=0.0,
                quiet=2,
                pid=number,
            ),
            random.Random(number),
        )
        for number in range(1, nodes + 1)
    ]


def drive(net: Fabric, programs: dict[str, Program], count: Count) -> None:
    """Run programs on one loop to their end."""
    loop = Loop()
    with ExitStack() as stack:
        stack.callback(loop.close)
        drivers: list[Driver] = []
        waiting: list[Driver] = []
        for name, program in programs.items():
            with inside(net.host_fd(name)):
                driver = Driver(program, loop, count, via=Via(index=2))
            stack.callback(driver.close)
            for sock in (driver.sockets.own, driver.sockets.group):
                if sock is not None:
                    grow_buffer(sock)
            drivers.append(driver)
            if not isinstance(program, SsmpingServer):
                waiting.append(driver)
        for driver in drivers:
            driver.start()
        loop.wait_for(
            lambda: all(driver.ended is not None for driver in waiting), LIMIT_S, lambda: "the programs' end"
        )


def in_one_process(net: Fabric, programs: dict[str, Program]) -> tuple[float, Count]:
    count, before_s = Count(), cpu_s(resource.RUSAGE_SELF)
    drive(net, programs, count)
    return cpu_s(resource.RUSAGE_SELF) - before_s, count


def a_process_each(net: Fabric, programs: dict[str, Program]) -> tuple[float, Count]:
    before_s, count, children = cpu_s(resource.RUSAGE_CHILDREN), Count(), []
    for name, program in programs.items():
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            own = Count()
            drive(net, {name: program}, own)
            os.write(writer, f"{own.asked} {own.answered}".encode())
            os._exit(0)
        os.close(writer)
        children.append((pid, reader))
    for pid, reader in children:
        with os.fdopen(reader) as pipe:
            asked, answered = pipe.read().split()
        os.waitpid(pid, 0)
        count.asked += int(asked)
        count.answered += int(answered)
    return cpu_s(resource.RUSAGE_CHILDREN) - before_s, count


def installed_omping(net: Fabric, nodes: int, period_s: float, seconds: float) -> tuple[float, Count]:
    before_s, running = cpu_s(resource.RUSAGE_CHILDREN), []
    everyone = [str(address(number)) for number in range(1, nodes + 1)]
    for number in range(1, nodes + 1):
        with inside(net.host_fd(f"n{number}")):
            command = ["omping", "-q", "-F", "-i", f"{period_s}", "-T", f"{seconds:g}", "-w", "0"]
            # The list must not begin with the program's own address alone: it finds itself among all.
            running.append(
                subprocess.Popen([*command, "-m", str(GROUP), *everyone], stdout=subprocess.PIPE, text=True)
            )
    count = Count()
    for process in running:
        output, _ = process.communicate(timeout=LIMIT_S)
        for line in output.splitlines():
            if "xmt/rcv/%loss = " in line:
                sent, received = line.split("= ")[1].split("/")[:2]
                count.asked += int(sent) if "unicast" in line else 0
                count.answered += int(received.split("+")[0])
    return cpu_s(resource.RUSAGE_CHILDREN) - before_s, count


def row(what: str, nodes: int, took_s: float, used_s: float, count: Count, heard: int) -> None:
    sent = count.asked * 3  # the query, and an answer by unicast and to the group
    moved = sent + heard
    print(
        f"{what:<26} {nodes:>6} {count.asked:>9} {count.answered:>9} {moved:>11} {took_s:>7.1f} "
        f"{used_s:>7.1f} {moved / took_s / 1000:>12.0f} {used_s / moved * 1e6:>8.2f}"
    )


def measured(
    what: str, nodes: int, run: Callable[[], tuple[float, Count]], heard: Callable[[Count], int]
) -> None:
    began_s = time.monotonic()
    used_s, count = run()
    row(what, nodes, time.monotonic() - began_s, used_s, count, heard(count))


def mesh(nodes: int, seconds: float) -> None:
    period_s = max(0.05, nodes * (nodes - 1) * (nodes + 1) / DELIVERIES_A_SECOND)
    lasts_s = BEFORE + max(seconds, 1.5 * period_s)

    def heard(count: Count) -> int:
        # Every query, every answer by unicast, and each answer to the group at all nodes but its sender.
        return count.asked * (2 + nodes - 1)

    def named(programs: list[Omping]) -> dict[str, Program]:
        return {f"n{number}": program for number, program in enumerate(programs, 1)}

    with fabric(nodes) as net:
        every = f"(every {period_s:.2g} s)"
        measured(
            f"one process {every}",
            nodes,
            lambda: in_one_process(net, named(ompings(nodes, period_s, lasts_s))),
            heard,
        )
        measured(
            "a process each",
            nodes,
            lambda: a_process_each(net, named(ompings(nodes, period_s, lasts_s))),
            heard,
        )
        if shutil.which("omping"):
            measured(
                "omping as installed",
                nodes,
                lambda: installed_omping(net, nodes, period_s, lasts_s),
                heard,
            )


def star(clients: int, seconds: float) -> None:
    asks = max(3, round(seconds))

    def heard(count: Count) -> int:
        return count.asked + count.answered

    def ours() -> dict[str, Program]:
        server = SsmpingServer(SsmpingServerConfig(version=4))
        group = IPv4Address("239.1.1.234")
        programs: dict[str, Program] = {"n1": server}
        for number in range(2, clients + 2):
            config = SsmpingConfig(
                server=address(1), local=address(number), group=group, count=asks, pid=number
            )
            programs[f"n{number}"] = SsmpingClient(config)
        return programs

    def debian(net: Fabric) -> tuple[float, Count]:
        before_s, running = cpu_s(resource.RUSAGE_CHILDREN), []
        with inside(net.host_fd("n1")):
            server = subprocess.Popen(["ssmpingd"], stdout=subprocess.DEVNULL)
        try:
            for number in range(2, clients + 2):
                with inside(net.host_fd(f"n{number}")):
                    command = ["asmping", "-c", str(asks), "-I", "eth0", "239.1.1.234", str(address(1))]
                    running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            count = Count()
            for process in running:
                output, _ = process.communicate(timeout=LIMIT_S)
                count.asked += asks
                count.answered += sum(" seq=" in line for line in output.splitlines())
        finally:
            server.terminate()
            server.wait(timeout=LIMIT_S)
        return cpu_s(resource.RUSAGE_CHILDREN) - before_s, count

    with fabric(clients + 1) as net:
        measured("asmping, one process", clients, lambda: in_one_process(net, ours()), heard)
        if shutil.which("asmping"):
            measured("asmping of Debian", clients, lambda: debian(net), heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", default="50,200", help="sizes of the mesh")
    parser.add_argument("--clients", default="50,200", help="how many asmping at once")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each runs at least")
    arguments, _ = parser.parse_known_args()
    isolate()
    head = ("", "nodes", "queries", "answers", "datagrams", "s", "CPU s", "thousand a s", "us CPU")
    print("{:<26} {:>6} {:>9} {:>9} {:>11} {:>7} {:>7} {:>12} {:>8}".format(*head))
    sys.stdout.flush()
    for nodes in arguments.nodes.split(","):
        mesh(int(nodes), arguments.seconds)
    for clients in arguments.clients.split(","):
        star(int(clients), arguments.seconds)


if __name__ == "__main__":
    main()
