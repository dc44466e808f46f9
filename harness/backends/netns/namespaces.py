"""Anonymous network namespaces: made, entered and held by file descriptor only.

A namespace made here has no name: nothing appears under /run/netns and ``ip netns`` does not list it. It
lives as long as a descriptor, a socket or a process holds it, so it ends with the process that made it,
however that ends. Namespaces belong to threads (namespaces(7), setns(2)): everything here acts on the
calling thread alone. This module may not speak netlink and may not know what a namespace is used for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HostError

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

COMFORTABLE_FD_LIMIT = 65536
"""Enough for the largest bridge (1023 ports) with namespace, sockets and taps of every host."""

_NO_IPV6 = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
_BRIDGE_NETFILTER = Path("/proc/sys/net/bridge")
_THIS_NAMESPACE = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Move the calling thread into new namespaces (unshare(2)); raises OSError. ``os.unshare`` is 3.12+."""
    if _libc.unshare(ctypes.c_int(flags)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def setns(fd: int) -> None:
    """Move the calling thread into the network namespace behind ``fd`` (setns(2)); raises OSError."""
    if _libc.setns(ctypes.c_int(fd), ctypes.c_int(CLONE_NEWNET)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def current_namespace() -> int:
    """Return a new descriptor of the calling thread's network namespace. Raises HostError."""
    try:
        return os.open(_THIS_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _host_error(error) from error


def create_namespace() -> int:
    """Make a network namespace and return its only descriptor (close-on-exec).

    The calling thread is back where it was when this returns. The new namespace holds nothing but ``lo``,
    which is down. Raises HostError when not permitted or when a limit of this machine is reached.
    """
    with creating_namespaces() as create:
        return create()


@contextmanager
def creating_namespaces() -> Iterator[Callable[[], int]]:
    """Give a function that makes a namespace, *leaves the thread in it* and returns its descriptor.

    For many at once: a socket for the new namespace can be opened without going back and forth. After the
    block the thread is in the namespace of before. The function raises HostError.
    """

    def create() -> int:
        try:
            unshare(CLONE_NEWNET)
        except OSError as error:
            raise _host_error(error) from error
        return current_namespace()

    home = current_namespace()
    try:
        yield create
    finally:
        setns(home)
        os.close(home)


@contextmanager
def inside(fd: int) -> Iterator[None]:
    """Run the block in the namespace behind ``fd``, then return to the namespace of before.

    Sockets opened in the block stay in that namespace for ever. Only the calling thread moves.
    """
    home = current_namespace()
    try:
        setns(fd)
        try:
            yield
        finally:
            setns(home)
    finally:
        os.close(home)


def quiet_namespace() -> None:
    """Keep IPv6 and the host's iptables out of the namespace that the thread is in."""
    if _NO_IPV6.exists():
        _NO_IPV6.write_text("1", encoding="utf-8")
    for hook in ("iptables", "ip6tables", "arptables"):
        path = _BRIDGE_NETFILTER / f"bridge-nf-call-{hook}"
        if path.exists():
            path.write_text("0", encoding="utf-8")


def raise_fd_limit(needed: int = 0) -> int:
    """Raise this process's soft limit of open files as far as allowed and return it.

    Raises HostError when the limit stays under ``needed``.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, needed, COMFORTABLE_FD_LIMIT)
    wanted = max(needed, COMFORTABLE_FD_LIMIT, hard)
    for limit in ((wanted, wanted), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        except (PermissionError, ValueError):
            continue
        soft = limit[0]
        break
    if soft < needed:
        raise HostError(
            f"a lab of this size needs {needed} open files, this process may have {soft}",
            f"ulimit -n {needed} (or LimitNOFILE= of the service)",
        )
    return soft


def _host_error(error: OSError) -> HostError:
    match error.errno:
        case errno.EPERM:
            return HostError(
                "making a network namespace is not permitted",
                "run as root, or under a user namespace: unshare --user --map-root-user --net",
            )
        case errno.ENOSPC:
            return HostError(
                "the limit of network namespaces is reached", "sysctl -w user.max_net_namespaces=65536"
            )
        case errno.EMFILE | errno.ENFILE:
            return HostError("no file descriptor is left for a network namespace", "ulimit -n 65536")
        case errno.ENOENT:
            return HostError(f"{_THIS_NAMESPACE} is missing", "mount -t proc proc /proc")
        case _:
            return HostError(
                f"the kernel refuses a network namespace: {error.strerror}",
                "a kernel with CONFIG_NET_NS and free memory (about 0.3 MB a host)",
            )
