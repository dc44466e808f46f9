"""What this host can do, tried and not guessed: each probe does the thing itself and reports what happened.

Probes that touch the kernel run in a forked child that isolates itself first, so nothing of them is visible
on the host and nothing stays. Each "no" carries the command that cures it and what living without it costs.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError, HostError

if TYPE_CHECKING:
    from harness.backends.netns.fabric import Fabric

FDS_A_NODE = 6
"""Namespace, netlink, tap, and sockets of two streams and a mesh."""
_OWN_FDS = 64
_MANY_NODES = 1000
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where tools for administrators are, which the path of ordinary users often lacks."""
_PYTHON_FLOOR = (3, 11)
_OWN_BRIDGE_NETFILTER = (5, 3)
"""Since then every network namespace has its own bridge-nf-call-iptables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that this host can do or cannot. ``needed``: without it no lab runs at all."""

    name: str
    ok: bool
    detail: str
    needed: bool = False
    cure: str = ""
    cost: str = ""


def findings() -> tuple[Finding, ...]:
    """Return everything that was found, what is needed first."""
    return (*_outside(), *_isolated(), *_limits(), *_tools())


# --- what can be read -------------------------------------------------------------------------------------


def _outside() -> Iterator[Finding]:
    system, release = platform.system(), platform.release()
    yield Finding(
        name="Linux",
        ok=system == "Linux",
        detail=f"{system} {release}",
        needed=True,
        cure="run on Linux, or in a Linux virtual machine",
        cost="no labs; check, plan and judge work",
    )
    yield Finding(
        name="Python",
        ok=sys.version_info >= _PYTHON_FLOOR,
        detail=platform.python_version(),
        needed=True,
        cure="install Python 3.11 or later",
        cost="nothing runs",
    )


def _limits() -> Iterator[Finding]:
    backlog = _number("/proc/sys/net/core/netdev_max_backlog")
    yield Finding(
        name="netdev_max_backlog",
        ok=backlog is None or backlog >= 1000,
        detail="not visible from here" if backlog is None else f"{backlog} frames a core",
        cure="sysctl -w net.core.netdev_max_backlog=5000",
        cost="bursts in big labs are dropped by this machine; such runs are inconclusive",
    )
    calls = _number("/proc/sys/net/bridge/bridge-nf-call-iptables")
    yield Finding(
        name="br_netfilter",
        ok=not calls or _kernel() >= _OWN_BRIDGE_NETFILTER,
        detail="not loaded" if calls is None else f"bridge-nf-call-iptables = {calls}, labs have their own",
        cure="sysctl -w net.bridge.bridge-nf-call-iptables=0",
        cost="the host's iptables rules may drop frames on the labs' bridges",
    )


def _tools() -> Iterator[Finding]:
    for tool, package, use in (
        ("iptables", "iptables", "scenarios whose nodes carry iptables rules"),
        (
            "nft",
            "nftables",
            "scenarios whose nodes carry nft rules, and looking at a held lab's switch tables",
        ),
        (
            "ovs-vswitchd",
            "openvswitch-switch",
            "switches of the profiles ovs and ovs-strict that are not emulated: on",
        ),
        ("ssmpingd", "ssmping", "scenarios that run the real ssmping, asmping or mcfirst (tool: system)"),
        ("ip", "iproute2", "looking at a held lab"),
        ("nsenter", "util-linux", "entering a held lab's nodes"),
        ("tcpdump", "tcpdump", "watching a held lab (--pcap works without)"),
        ("mn", "mininet", "the benchmarks against Mininet"),
    ):
        path = shutil.which(tool) or shutil.which(tool, path=_SYSTEM_PATH)
        yield Finding(
            name=tool,
            ok=path is not None,
            detail=path or "not installed",
            cure=f"apt-get install {package}",
            cost=f"only {use}",
        )


def _kernel() -> tuple[int, ...]:
    numbers = platform.release().split("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit())


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


# --- what must be tried -----------------------------------------------------------------------------------

_SWITCH = "probe"
_PORT = "p1"
_HOST = "n1"


def _isolated() -> tuple[Finding, ...]:
    """Return what a child that isolates itself found; it ends with everything that it made."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w", encoding="utf-8") as pipe:
                json.dump([asdict(finding) for finding in _probe_kernel()], pipe)
            code = 0
        finally:
            if sys.exc_info()[0] is not None:
                traceback.print_exc()
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    if not text:
        return (
            Finding(
                name="kernel probes",
                ok=False,
                detail="the probing process broke; see above",
                needed=True,
                cure="report this with the traceback above",
                cost="nobody knows what this host can do",
            ),
        )
    return tuple(Finding(**finding) for finding in json.loads(text))


def _probe_kernel() -> Iterator[Finding]:
    """Yield findings, each resting on the one before: rights, network, packet sockets, nftables."""
    from harness.backends.netns import namespaces, userns  # noqa: PLC0415  only the child loads the backend

    root = userns.has_capabilities()
    try:
        userns.isolate()
    except HostError as error:
        yield Finding(
            name="rights",
            ok=False,
            detail=error.missing,
            needed=True,
            cure=error.cure,
            cost="no labs; check, plan and judge work",
        )
        return
    detail = "root" if root else "an unprivileged user namespace; receive buffers stay at net.core.rmem_max"
    yield Finding(name="rights", ok=True, detail=detail, needed=True)
    yield _files(namespaces.raise_fd_limit())
    yield from _probe_network()


def _files(limit: int) -> Finding:
    nodes = (limit - _OWN_FDS) // FDS_A_NODE
    return Finding(
        name="open files",
        ok=nodes >= _MANY_NODES,
        detail=f"{limit}: labs of up to about {nodes} nodes",
        cure="ulimit -Hn 65536 (or LimitNOFILE= of the service)",
        cost=f"labs of more than {nodes} nodes are refused",
    )


def _probe_network() -> Iterator[Finding]:
    from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec  # noqa: PLC0415

    host = HostSpec(
        name=_HOST,
        mac="02:00:00:00:00:01",
        address=IPv4Address("10.0.0.1"),
        prefix_length=24,
        switch=_SWITCH,
        port=_PORT,
        port_mac="02:00:00:00:01:01",
    )
    switch = SwitchSpec(name=_SWITCH, mac="02:00:00:00:02:01", options={"mcast_snooping": 1})
    fabric = Fabric(switches=(switch,), hosts=(host,))
    built = _try(
        "namespaces, veth, bridge with IGMP snooping",
        fabric.build,
        needed=True,
        cure="a kernel with CONFIG_NET_NS, CONFIG_VETH, CONFIG_BRIDGE_IGMP_SNOOPING (modprobe veth bridge)",
        cost="no labs; check, plan and judge work",
    )
    yield built
    if built.ok:
        yield from _probe_data_plane(fabric)
    fabric.close()


def _probe_data_plane(fabric: Fabric) -> Iterator[Finding]:
    from harness.backends.netns.data_plane import DataPlane  # noqa: PLC0415
    from harness.backends.netns.losses import Losses  # noqa: PLC0415
    from harness.backends.netns.namespaces import inside  # noqa: PLC0415
    from harness.plan.impairment import Impairment  # noqa: PLC0415
    from harness.sockets.packet import Tap  # noqa: PLC0415

    namespace = fabric.switch_fd(_SWITCH)

    def open_tap() -> None:
        with inside(namespace):
            Tap(_PORT).close()

    yield _try(
        "packet sockets (AF_PACKET)",
        open_tap,
        needed=True,
        cure="a kernel with CONFIG_PACKET (modprobe af_packet)",
        cost="no switch's IGMP is seen: no labs",
    )
    yield _try(
        "nftables in the bridge family",
        lambda: DataPlane(namespace).install(),
        cure="a kernel with CONFIG_NF_TABLES_BRIDGE (modprobe nf_tables nft_meta_bridge)",
        cost="no switch profiles but linux-bridge",
    )
    yield _try(
        "nftables egress hook (links that lose frames)",
        lambda: Losses(namespace, _PORT).set((Impairment(loss=0.5, larger_than=1000),)),
        cure="Linux 5.16 or later with CONFIG_NETFILTER_EGRESS",
        cost="no silence, and no loss of frames",
    )


def _try(name: str, do: Callable[[], object], *, cure: str, cost: str, needed: bool = False) -> Finding:
    try:
        do()
    except HostError as error:
        return Finding(name=name, ok=False, detail=error.missing, needed=needed, cure=error.cure, cost=cost)
    except (HarnessError, OSError) as error:
        return Finding(name=name, ok=False, detail=str(error), needed=needed, cure=cure, cost=cost)
    return Finding(name=name, ok=True, detail="works", needed=needed)
