"""Frames that a cable loses: rules on the netdev egress hook of the end that sends them, at kernel speed.

Losses by chance use the kernel's own random numbers, which take no seed: two runs lose different frames, so a
verdict on them needs bounds. The hook comes before the taps of AF_PACKET on that interface: a capture there
does not show what was lost, and a sender on a packet socket is told (ENOBUFS), while one on a UDP or raw IP
socket is not. What arrives is not touched. Knows nothing of frames that are held back; see ``relay``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from harness.backends.netns.matches import IGMP, MLD
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import NETLINK_NETFILTER, NetlinkSocket
from harness.backends.netns.nft import (
    DROP,
    NFPROTO_NETDEV,
    Base,
    Cmp,
    Expression,
    Hook,
    Meta,
    Rule,
    compare,
    del_table,
    mask,
    meta,
    new_chain,
    new_rule,
    new_table,
    payload,
    random_below,
    to_network_order,
    verdict,
)
from harness.plan.impairment import FrameKind, Impairment

_ETHERNET_HEADER = 14
_A_MILLION = 1_000_000
_DESTINATION_MAC = 0
_CHAIN = "egress"

_KINDS: dict[FrameKind, tuple[Rule, ...]] = {
    FrameKind.ALL: ((),),
    # RFC 1112 section 6.4 and RFC 2464 section 7.
    FrameKind.MULTICAST: (
        (payload((_DESTINATION_MAC, 3), base=Base.LINK), compare(b"\x01\x00\x5e")),
        (payload((_DESTINATION_MAC, 2), base=Base.LINK), compare(b"\x33\x33")),
    ),
    FrameKind.UNICAST: ((payload((_DESTINATION_MAC, 1), base=Base.LINK), mask(b"\x01"), compare(b"\x00")),),
    FrameKind.IGMP: (IGMP,),
    FrameKind.MLD: MLD,
}


def loss_rules(impairment: Impairment) -> tuple[Rule, ...]:
    """Return the rules that lose what an impairment loses; none if it loses nothing."""
    if not impairment.loss:
        return ()
    size: Rule = ()
    if impairment.larger_than is not None:
        least = impairment.larger_than + _ETHERNET_HEADER
        size = (meta(Meta.NFT_META_LEN), to_network_order(), _compare_number(least, Cmp.NFT_CMP_GT))
    chance: Rule = ()
    if impairment.loss < 1:
        limit = round(impairment.loss * _A_MILLION)
        chance = (random_below(_A_MILLION), to_network_order(), _compare_number(limit, Cmp.NFT_CMP_LT))
    return tuple((*kind, *size, *chance, verdict(DROP)) for kind in _KINDS[impairment.kind])


def _compare_number(number: int, op: Cmp) -> Expression:
    return compare(struct.pack("!I", number), op)


class Losses:
    """What one interface does not send, in the namespace behind a descriptor."""

    def __init__(self, namespace: int, device: str) -> None:
        self._device = device
        self._table = f"losses-{device}"
        self._is_there = False
        with inside(namespace):
            self._socket = NetlinkSocket(NETLINK_NETFILTER)

    def set(self, impairments: Iterable[Impairment]) -> None:
        """Lose what these say, instead of what was lost before; the change is one transaction."""
        rules = [rule for impairment in impairments for rule in loss_rules(impairment)]
        messages = [del_table(NFPROTO_NETDEV, self._table)] if self._is_there else []
        if rules:
            messages += [
                new_table(NFPROTO_NETDEV, self._table),
                new_chain(NFPROTO_NETDEV, self._table, _CHAIN, Hook.NETDEV_EGRESS, 0, self._device),
                *(new_rule(NFPROTO_NETDEV, self._table, _CHAIN, rule) for rule in rules),
            ]
        if messages:
            self._socket.transaction(messages, f"losses of {self._device}")
        self._is_there = bool(rules)

    def close(self) -> None:
        """Close the socket. The rules stay: they end with the namespace."""
        self._socket.close()
