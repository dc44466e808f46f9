"""The silence of a host's kernel where the harness speaks IGMP in its place, on the netdev egress hook.

The hook comes before the taps of AF_PACKET on that interface, so a capture there does not show what vanished.
"""

from __future__ import annotations

import struct

from harness.backends.netns.matches import IGMP
from harness.backends.netns.netlink import NETLINK_NETFILTER, NetlinkSocket
from harness.backends.netns.nft import (
    DROP,
    NFPROTO_NETDEV,
    Cmp,
    Hook,
    Meta,
    Rule,
    compare,
    meta,
    new_chain,
    new_rule,
    new_table,
    verdict,
)

OWN_MARK = 0x4D43
"""SO_MARK of the harness's own packet sockets on a host: what they send is not the kernel's."""


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
