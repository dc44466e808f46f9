"""A host's own firewall: a customer's rules, set by the real tools in the host's namespace.

The only place where a lab runs programs. They are called by argument vector and with a time limit, never by
a shell, and see no environment but what is written here. Rules live and vanish with the host's namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from harness.errors import HostError, LabError
from harness.plan.model import FirewallCommand, Plan, PlanHost

LIMIT_S = 10.0
"""What one call may take; it takes some milliseconds."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the tools are looked for; the path of ordinary users often lacks the sbin folders."""
_PACKAGES = {
    "iptables": "iptables",
    "iptables-restore": "iptables",
    "ip6tables": "iptables",
    "ip6tables-restore": "iptables",
    "nft": "nftables",
}


def check_tools(plan: Plan) -> None:
    """Raise HostError, naming the package, if a tool that the plan's hosts need is not installed."""
    carriers = {command.tool: host.name for host in reversed(plan.hosts) for command in host.firewall}
    for tool, package in _PACKAGES.items():
        if tool in carriers and _find(tool) is None:
            raise HostError(
                f"{tool}, which sets the firewall rules of {carriers[tool]}, is not installed",
                f"apt-get install {package}",
            )


def set_up(host: PlanHost) -> None:
    """Set a host's rules in the network namespace that this thread is in. Raises LabError and HostError."""
    # The lock of the old iptables is a file in /run, which only root may write, and one for all namespaces.
    lock = os.memfd_create("xtables.lock")
    try:
        for command in host.firewall:
            _run(host.name, command, lock)
    finally:
        os.close(lock)


def _run(host: str, command: FirewallCommand, lock: int) -> None:
    path = _find(command.tool)
    if path is None:
        raise HostError(f"{command.tool} is not installed", f"apt-get install {_PACKAGES[command.tool]}")
    try:
        done = subprocess.run(  # noqa: S603  one of five known tools, by its full path, without a shell
            (path, *command.arguments),
            input=command.text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=False,
            pass_fds=(lock,),
            env={"PATH": PATH, "LC_ALL": "C", "XTABLES_LOCKFILE": f"/proc/self/fd/{lock}"},
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"firewall of {host}: {command} did not end within {LIMIT_S:g} s") from error
    if done.returncode:
        said = " / ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        raise LabError(f"firewall of {host}: {command} was refused: {said or f'exit {done.returncode}'}")


def _find(tool: str) -> str | None:
    return shutil.which(tool, path=PATH)
