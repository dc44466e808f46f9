"""Bring-up and tear-down side by side: this harness, Mininet with LinuxBridge, and ``ip -batch``.

    python benchmarks/bringup.py [--quick] [--sizes 10,50,200,500,1000,10x50] [--rounds 3]
                                 [--mininet-python PATH]

"ready" is the time until every bridge port is FORWARDING and IF_OPER_UP, by one and the same check for all.
"down" is the time until the kernel has really finished: sentinel namespaces are queued behind the lab's
own, the kernel cleans namespaces up in order, so when the last sentinel's cable is gone, so is the lab.
What that costs without any lab is measured first and printed; it is in every figure. Every measurement is a
fresh process in a fresh network namespace; imports are not timed. Methods alternate and change order every
round; medians are printed. Needs root. Mininet is run by ``--mininet-python`` (an interpreter with
``mininet`` and ``pyroute2``) and needs the programs mnexec, brctl and ifconfig; a peer that is not
installed is skipped, and the table says why. A size such as 10x50 is ten switches of fifty hosts around a
core switch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from harness.backends.netns import messages  # noqa: E402
from harness.backends.netns.fabric import Fabric, HostSpec, LinkSpec, SwitchSpec  # noqa: E402
from harness.backends.netns.namespaces import (  # noqa: E402
    CLONE_NEWNET,
    create_namespace,
    inside,
    raise_fd_limit,
    unshare,
)
from harness.backends.netns.netlink import NetlinkSocket  # noqa: E402

SIZES = "10,50,200,500,1000,10x50"
QUICK_SIZES = "10,50,200"
LIMIT_S = 600.0
SENTINELS = 3
SINGLE_ROUND_FROM = 500
"""Mininet takes half a minute to a minute for so many hosts: unless asked for more, one round must do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """``switches`` with ``hosts`` each; more than one switch hang on a core switch."""

    switches: int
    hosts: int

    @classmethod
    def parse(cls, text: str) -> Size:
        left, cross, right = text.partition("x")
        return cls(switches=int(left) if cross else 1, hosts=int(right if cross else left))

    @property
    def total(self) -> int:
        return self.switches * self.hosts

    @property
    def ports(self) -> int:
        return self.total + (2 * self.switches if self.switches > 1 else 0)

    def __str__(self) -> str:
        return f"{self.switches}x{self.hosts}" if self.switches > 1 else str(self.hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Seconds, and the proportional set size of the process tree with the lab up.

    Imports count. Of a peer only what comes on top of this file's own tools counts.
    """

    ready_s: float
    down_s: float
    pss_mb: float


# --- what all methods are measured with -------------------------------------------------------------------


class Sentinel:
    """Tells when the kernel has cleaned up every namespace that was released before ``wait``."""

    def __init__(self) -> None:
        self._watch = create_namespace()
        with inside(self._watch):
            self._netlink = NetlinkSocket()

    def wait(self) -> None:
        """Wait for three sentinels, one after the other.

        The first may share a batch with the lab. A batch ends with an RCU barrier, after which namespaces
        that only a closing socket still held are queued: those share a batch with the second at the latest.
        """
        for _ in range(SENTINELS):
            self._wait_for_one()

    def _wait_for_one(self) -> None:
        namespace = create_namespace()
        ends = [
            messages.VethEnd(index=index, name=name, mac=f"02:00:00:0f:00:0{index}", mtu=1500)
            for index, name in ((8, "here"), (9, "there"))
        ]
        self._netlink.request((messages.new_veth(ends[1], 0, ends[0], namespace, up=False),))
        os.close(namespace)
        deadline_s = time.monotonic() + LIMIT_S
        while len(list(self._netlink.dump(messages.get_links()))) > 1:
            if time.monotonic() > deadline_s:
                raise TimeoutError("the kernel has not finished its tear-down")
            time.sleep(0.001)


def passing_ports(netlink: NetlinkSocket) -> int:
    return sum(messages.link_state(message).passes for message in netlink.dump(messages.get_ports()))


def wait_for_ports(count: int) -> None:
    """Wait until so many ports of this namespace's bridges pass frames (for the peers, who do not wait)."""
    deadline_s = time.monotonic() + LIMIT_S
    with NetlinkSocket() as netlink:
        while (found := passing_ports(netlink)) < count:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{found} of {count} ports forwarding")
            time.sleep(0.002)


def tree_pss_mb() -> float:
    """Return the proportional set size of this process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue
        parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(status.parent.name))
    total, waiting = 0, [os.getpid()]
    while waiting:
        process = waiting.pop()
        waiting += parents.get(process, [])
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def timed(build: Callable[[], None], close: Callable[[], None], tools_mb: float = 0.0) -> Sample:
    sentinel = Sentinel()
    start_s = time.monotonic()
    build()
    ready_s = time.monotonic() - start_s
    pss_mb = tree_pss_mb() - tools_mb
    start_s = time.monotonic()
    close()
    sentinel.wait()
    return Sample(ready_s=ready_s, down_s=time.monotonic() - start_s, pss_mb=pss_mb)


# --- the methods, each run in a process of its own --------------------------------------------------------


def measure_harness(size: Size) -> Sample:
    switches = [SwitchSpec(name=f"sw{s}", mac=f"02:01:00:00:00:{s:02x}") for s in range(size.switches)]
    hosts = [
        HostSpec(
            name=f"n{number}",
            mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
            address=IPv4Address("10.0.0.1") + number,
            prefix_length=16,
            switch=f"sw{number // size.hosts}",
            port=f"p{number % size.hosts + 1}",
            port_mac=f"02:02:00:00:{number >> 8:02x}:{number & 255:02x}",
        )
        for number in range(size.total)
    ]
    links = []
    if size.switches > 1:
        links = [
            LinkSpec(
                a=(f"sw{s}", "up"),
                b=("core", f"p{s + 1}"),
                a_mac=f"02:03:00:00:00:{s:02x}",
                b_mac=f"02:04:00:00:00:{s:02x}",
            )
            for s in range(size.switches)
        ]
        switches.append(SwitchSpec(name="core", mac="02:01:00:00:00:ff"))
    for switch in range(len(switches)):
        # Peers leave the kernel's snooping on, so it is on here too.
        old = switches[switch]
        switches[switch] = SwitchSpec(name=old.name, mac=old.mac, options={"mcast_snooping": 1})
    fabric = Fabric(switches=switches, hosts=hosts, links=links)
    return timed(fabric.build, fabric.close)


def measure_mininet(size: Size) -> Sample:
    tools_mb = tree_pss_mb()
    # Mininet lives in another interpreter's packages, where only this method runs.
    from mininet.log import setLogLevel  # type: ignore[import-not-found]  # noqa: PLC0415
    from mininet.net import Mininet  # type: ignore[import-not-found]  # noqa: PLC0415
    from mininet.nodelib import LinuxBridge  # type: ignore[import-not-found]  # noqa: PLC0415
    from mininet.topo import Topo  # type: ignore[import-not-found]  # noqa: PLC0415

    setLogLevel("error")
    topo = Topo()
    switches = [topo.addSwitch(f"s{s + 1}") for s in range(size.switches)]
    if size.switches > 1:
        core = topo.addSwitch("s99")
        for switch in switches:
            topo.addLink(switch, core)
    for number in range(size.total):
        topo.addLink(topo.addHost(f"h{number + 1}"), switches[number // size.hosts])
    made: list[object] = []

    def build() -> None:
        net = Mininet(topo=topo, switch=LinuxBridge, controller=None, ipBase="10.0.0.0/16")
        made.append(net)
        net.start()
        wait_for_ports(size.ports)

    return timed(build, lambda: made.pop().stop(), tools_mb)  # type: ignore[attr-defined]


def measure_ip_batch(size: Size) -> Sample:
    """One ``ip -batch`` for the links and one for each host, in named namespaces."""
    subprocess.run(("mount", "-t", "tmpfs", "tmpfs", "/run"), check=True)
    hosts = [f"h{number}" for number in range(size.total)]
    up, rest = [f"netns add {host}" for host in hosts], []
    up += [f"link add br{switch} up type bridge" for switch in range(size.switches)]
    if size.switches > 1:
        up.append("link add core up type bridge")
        for s in range(size.switches):
            up.append(f"link add u{s} up master br{s} type veth peer name d{s}")
            up.append(f"link set d{s} up master core")
    for number, host in enumerate(hosts):
        up.append(
            f"link add p{number} up master br{number // size.hosts} type veth peer name eth0 netns {host}"
        )
        address = IPv4Address("10.0.0.1") + number
        rest.append((host, f"addr add {address}/16 dev eth0\nlink set eth0 up\n"))

    def build() -> None:
        subprocess.run(("ip", "-batch", "-"), input="\n".join(up) + "\n", text=True, check=True)
        for host, lines in rest:
            subprocess.run(("ip", "-n", host, "-batch", "-"), input=lines, text=True, check=True)
        wait_for_ports(size.ports)

    def close() -> None:
        lines = "".join(f"netns del {host}\n" for host in hosts)
        subprocess.run(("ip", "-batch", "-"), input=lines, text=True, check=True)

    return timed(build, close, tree_pss_mb())


def measure_nothing(_: Size) -> Sample:
    return timed(lambda: None, lambda: None)


METHODS: dict[str, Callable[[Size], Sample]] = {
    "harness": measure_harness,
    "mininet": measure_mininet,
    "ip-batch": measure_ip_batch,
}


def child(method: str, size: Size) -> None:
    """Measure once and print the sample as JSON; the caller gave this process namespaces of its own."""
    raise_fd_limit()
    unshare(CLONE_NEWNET)
    sample = METHODS.get(method, measure_nothing)(size)
    print(json.dumps({"ready_s": sample.ready_s, "down_s": sample.down_s, "pss_mb": sample.pss_mb}))


# --- the parent -------------------------------------------------------------------------------------------


def why_not(method: str, python: str) -> str | None:
    """Return why a method cannot run here, or None."""
    needed = {"harness": (), "mininet": ("mnexec", "brctl", "ifconfig"), "ip-batch": ("ip",)}[method]
    missing = [program for program in needed if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    if method == "mininet":
        found = subprocess.run((python, "-c", "import mininet, pyroute2"), capture_output=True, check=False)
        if found.returncode:
            return f"{python} cannot import mininet and pyroute2"
    return None


def run_child(method: str, size: Size, python: str) -> Sample:
    command = ("unshare", "--net", "--mount", python, __file__, "--child", method, "--sizes", str(size))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    if done.returncode:
        raise SystemExit(f"{method} at {size} failed:\n{done.stderr[-2000:]}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


def rounds_of(size: Size, asked: int | None, *, quick: bool) -> int:
    if asked is not None:
        return asked
    return 1 if quick or size.total >= SINGLE_ROUND_FROM else 3


def measure(sizes: Sequence[tuple[Size, int]], pythons: dict[str, str]) -> dict[tuple[str, str], Sample]:
    samples: dict[tuple[str, str], list[Sample]] = {}
    for size, rounds in sizes:
        for number in range(rounds):
            order = list(pythons) if number % 2 == 0 else list(reversed(pythons))
            for method in order:
                sample = run_child(method, size, pythons[method])
                samples.setdefault((method, str(size)), []).append(sample)
                print(
                    f"{size} {method} round {number + 1}: ready {sample.ready_s:.3f} s,"
                    f" down {sample.down_s:.3f} s",
                    file=sys.stderr,
                )
    return {
        key: Sample(
            ready_s=statistics.median(sample.ready_s for sample in found),
            down_s=statistics.median(sample.down_s for sample in found),
            pss_mb=statistics.median(sample.pss_mb for sample in found),
        )
        for key, found in samples.items()
    }


def table(sizes: Sequence[Size], medians: dict[tuple[str, str], Sample]) -> str:
    head = (
        f"{'hosts':>6}  {'method':<9} {'ready s':>8} {'down s':>8} {'both s':>8} {'times':>7} {'PSS MB':>7}"
    )
    lines = [head]
    for size in sizes:
        ours = medians["harness", str(size)]
        for method in METHODS:
            sample = medians.get((method, str(size)))
            if sample is None:
                continue
            both = sample.ready_s + sample.down_s
            ratio = both / (ours.ready_s + ours.down_s)
            lines.append(
                f"{size!s:>6}  {method:<9} {sample.ready_s:8.3f} {sample.down_s:8.3f} {both:8.3f}"
                f" {ratio:6.1f}x {sample.pss_mb:7.1f}"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"sizes {QUICK_SIZES}, one round")
    parser.add_argument("--sizes", help=f"comma-separated, default {SIZES}")
    parser.add_argument("--rounds", type=int, help="default 3, and 1 for large sizes")
    mininet = "interpreter that has mininet and pyroute2"
    parser.add_argument("--mininet-python", default=sys.executable, help=mininet)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    text = options.sizes or (QUICK_SIZES if options.quick else SIZES)
    sizes = [Size.parse(part) for part in text.split(",")]
    if options.child:
        child(options.child, sizes[0])
        return
    pythons: dict[str, str] = {}
    for method in METHODS:
        python = options.mininet_python if method == "mininet" else sys.executable
        if reason := why_not(method, python):
            print(f"skipped {method}: {reason}")
        else:
            pythons[method] = python
    print(f"Linux {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    nothing = [run_child("nothing", sizes[0], sys.executable).down_s for _ in range(3)]
    print(f"in every figure of down: {statistics.median(nothing):.3f} s, the cost of measuring no lab")
    counted = [(size, rounds_of(size, options.rounds, quick=options.quick)) for size in sizes]
    print("medians of rounds: " + ", ".join(f"{rounds} at {size}" for size, rounds in counted))
    print(table(sizes, measure(counted, pythons)))


if __name__ == "__main__":
    main()
