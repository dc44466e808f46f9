"""One interface's silence: what leaves it vanishes, by rules on the netdev egress hook.

The hook comes before the taps of AF_PACKET on that interface, so a capture there does not show what vanished.
"""

from __future__ import annotations

import errno
import struct
from enum import Enum
from typing import assert_never

from harness.backends.netns.matches import IGMP, IPV4, TO_IPV4_GROUP
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import NETLINK_NETFILTER, NetlinkSocket, RefusedError
from harness.backends.netns.nft import (
    DROP,
    NFPROTO_NETDEV,
    Cmp,
    Hook,
    Meta,
    Rule,
    compare,
    del_table,
    meta,
    new_chain,
    new_rule,
    new_table,
    verdict,
)

OWN_MARK = 0x4D43
"""SO_MARK of the harness's own packet sockets on a host: what they send is not the kernel's."""


class Silence(Enum):
    """What a silent interface no longer sends."""

    ALL = "all"
    MULTICAST = "multicast"
    """IPv4 datagrams to 224.0.0.0/4, IGMP among them."""
    IGMP = "igmp"


def _silenced(what: Silence) -> Rule:
    match what:
        case Silence.ALL:
            return ()
        case Silence.IGMP:
            return IGMP
        case Silence.MULTICAST:
            return (*IPV4, *TO_IPV4_GROUP)
        case _:
            assert_never(what)


class SilentLink:
    """Frames that leave an interface vanish, without error to a UDP or raw IP sender.

    A sender on AF_PACKET itself gets ENOBUFS. What arrives is not touched.
    """

    @staticmethod
    def silence(namespace: int, device: str, what: Silence = Silence.ALL) -> None:
        """Silence a device in the namespace behind a descriptor, instead of any earlier silence of it."""
        SilentLink.restore(namespace, device)
        with inside(namespace):
            _drop(_table(device), device, _silenced(what))

    @staticmethod
    def restore(namespace: int, device: str) -> None:
        """Let a device speak again; nothing happens if it does already."""
        with inside(namespace), NetlinkSocket(NETLINK_NETFILTER) as socket:
            try:
                socket.transaction((del_table(NFPROTO_NETDEV, _table(device)),))
            except RefusedError as refused:
                if refused.errno != errno.ENOENT:
                    raise


def mute_kernel(device: str) -> None:
    """Let no IGMP leave a device of the namespace that this thread is in but what carries ``OWN_MARK``.

    For good; a silence of the link comes and goes beside it, and holds for what is marked too.
    """
    unmarked = (meta(Meta.NFT_META_MARK), compare(struct.pack("=I", OWN_MARK), Cmp.NFT_CMP_NEQ))
    _drop(f"mute-{device}", device, (*unmarked, *IGMP))


def _drop(table: str, device: str, condition: Rule) -> None:
    with NetlinkSocket(NETLINK_NETFILTER) as socket:
        socket.transaction(
            (
                new_table(NFPROTO_NETDEV, table),
                new_chain(NFPROTO_NETDEV, table, "egress", Hook.NETDEV_EGRESS, 0, device),
                new_rule(NFPROTO_NETDEV, table, "egress", (*condition, verdict(DROP))),
            ),
            f"silence of {device}",
        )


def _table(device: str) -> str:
    return f"silence-{device}"
