"""The silence of a host's kernel where the harness speaks IGMP or MLD for it, on the netdev egress hook.

The hook comes before the taps of AF_PACKET on that interface, so a capture there does not show what vanished.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from harness.backends.netns.matches import IGMP, MLD
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
from harness.protocols.dialect import Dialect

OWN_MARK = 0x4D43
"""SO_MARK of the harness's own packet sockets on a host: what they send is not the kernel's."""


_SPOKEN: Mapping[Dialect, tuple[Rule, ...]] = {Dialect.IGMP: (IGMP,), Dialect.MLD: MLD}


def mute_kernel(device: str, dialects: Iterable[Dialect]) -> None:
    """Let nothing of these protocols leave a device of this thread's namespace but what has ``OWN_MARK``.

    For good; a silence of the link comes and goes beside it, and holds for what is marked too.
    """
    unmarked = (meta(Meta.NFT_META_MARK), compare(struct.pack("=I", OWN_MARK), Cmp.NFT_CMP_NEQ))
    _drop(f"mute-{device}", device, [(*unmarked, *one) for spoken in dialects for one in _SPOKEN[spoken]])


def _drop(table: str, device: str, conditions: Iterable[Rule]) -> None:
    with NetlinkSocket(NETLINK_NETFILTER) as socket:
        socket.transaction(
            (
                new_table(NFPROTO_NETDEV, table),
                new_chain(NFPROTO_NETDEV, table, "egress", Hook.NETDEV_EGRESS, 0, device),
                *(
                    new_rule(NFPROTO_NETDEV, table, "egress", (*condition, verdict(DROP)))
                    for condition in conditions
                ),
            ),
            f"silence of {device}",
        )
