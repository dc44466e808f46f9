"""Make this process ready for labs: capable, and out of the host's own network namespace.

With the needed capabilities a new network namespace is enough. Without them the process moves, itself and
without re-execution, into a new user namespace in which it is root (user_namespaces(7)). The kernel allows
that only to a single-threaded process. It cannot be undone. Nothing here builds a lab.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.backends.netns.namespaces import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    create_namespace,
    unshare,
)
from harness.errors import HostError

CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
CAP_SYS_ADMIN = 21
_NEEDED = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW | 1 << CAP_SYS_ADMIN

Read = Callable[[str], str | None]
"""Returns a file's text, None where there is none; a parameter, so that tests can be other hosts."""


_TRIAL = """\
from harness.backends.netns.userns import isolate
from harness.errors import HostError
try:
    isolate()
except HostError as error:
    print(error.missing, error.cure, sep="\\0", end="")
"""


def read_text(path: str) -> str | None:
    """Return a file's text, or None when it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def has_capabilities(read: Read = read_text) -> bool:
    """Return whether this process holds the capabilities that labs need, in its own user namespace."""
    effective = _status_field("CapEff", read)
    return effective is not None and int(effective, 16) & _NEEDED == _NEEDED


def isolate() -> None:
    """Leave the host's network namespace, by way of a user namespace if this process lacks capabilities.

    Afterwards labs can be built, and even a mistake of theirs cannot reach the host's interfaces. Raises
    HostError, with the cure, when this machine forbids it.
    """
    if not has_capabilities():
        enter_user_namespace()
        return
    try:
        unshare(CLONE_NEWNET)
    except OSError as error:
        raise explain_refusal(error.errno or 0) from error


def check_isolation() -> None:
    """Raise HostError, with the cure, if ``isolate`` would fail here; this process stays where it is."""
    if has_capabilities():
        os.close(create_namespace())
        return
    try:
        found = subprocess.run(  # noqa: S603  our own interpreter and text
            (sys.executable, "-c", _TRIAL), capture_output=True, text=True, check=True
        ).stdout
    except OSError as error:
        what = f"this user cannot run {sys.executable} ({error.strerror})"
        raise HostError(what, "use a Python that every user may run, such as /usr/bin/python3") from error
    if found:
        raise HostError(*found.split("\0"))


def enter_user_namespace() -> None:
    """Become root of a new user, network and mount namespace, in this process.

    Raises HostError that names what forbids it: too many threads, a sysctl, AppArmor or a container's filter.
    """
    uid, gid = os.geteuid(), os.getegid()
    threads = int(_status_field("Threads", read_text) or 1)
    if threads != 1:
        raise HostError(
            f"a process of {threads} threads cannot enter a user namespace",
            "run as root, or call harness.backends.netns.userns.isolate() before any thread starts",
        )
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny", encoding="utf-8")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="utf-8")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="utf-8")
    except OSError as error:
        raise explain_refusal(error.errno or 0) from error
    if not has_capabilities():
        raise explain_refusal(errno.EPERM)


def explain_refusal(number: int, read: Read = read_text) -> HostError:
    """Return why this host forbids an unprivileged user namespace, most specific reason first."""
    if _is_number("/proc/sys/user/max_user_namespaces", 0, read):
        return HostError("user namespaces are switched off", "sysctl -w user.max_user_namespaces=15000")
    if _is_number("/proc/sys/kernel/unprivileged_userns_clone", 0, read):
        return HostError(
            "only root may make user namespaces here", "sysctl -w kernel.unprivileged_userns_clone=1"
        )
    if _is_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1, read):
        return HostError(
            "AppArmor takes the capabilities from unprivileged user namespaces (Ubuntu 23.10 and later)",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        )
    if number == errno.ENOSPC:
        return HostError(
            "the limit of user or network namespaces is reached",
            "sysctl -w user.max_user_namespaces=15000 user.max_net_namespaces=65536",
        )
    if _status_field("Seccomp", read) == "2":
        return HostError(
            "the container's seccomp filter forbids unshare(2)",
            "start it with --cap-add NET_ADMIN --cap-add SYS_ADMIN --security-opt seccomp=unconfined",
        )
    return HostError(f"the kernel refuses a user namespace: {os.strerror(number)}", "run as root")


def _is_number(path: str, number: int, read: Read) -> bool:
    text = read(path)
    return text is not None and text.strip() == str(number)


def _status_field(name: str, read: Read) -> str | None:
    for line in (read("/proc/self/status") or "").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    return None
