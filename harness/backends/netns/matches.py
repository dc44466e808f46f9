"""Which packets a rule is about: the conditions that rules of switches and of lossy links share.

A condition is the beginning of a rule, to which a verdict is appended. It holds in the families bridge and
netdev, where the ethertype is not settled before.
"""

from __future__ import annotations

from harness.backends.netns.nft import Cmp, Meta, Rule, compare, mask, meta, payload

ETHERTYPE_IPV4 = b"\x08\x00"
IPV4_PROTOCOL = (9, 1)
IPV4_DESTINATION = (16, 4)
_IPPROTO_IGMP = b"\x02"

IPV4: Rule = (meta(Meta.NFT_META_PROTOCOL), compare(ETHERTYPE_IPV4))
NOT_IPV4: Rule = (meta(Meta.NFT_META_PROTOCOL), compare(ETHERTYPE_IPV4, Cmp.NFT_CMP_NEQ))
IGMP: Rule = (*IPV4, payload(IPV4_PROTOCOL), compare(_IPPROTO_IGMP))
# The next two follow a condition or rule that leaves IPv4 only.
TO_GROUP: Rule = (payload(IPV4_DESTINATION), mask(b"\xf0\x00\x00\x00"), compare(b"\xe0\x00\x00\x00"))
NOT_TO_GROUP: Rule = (
    payload(IPV4_DESTINATION),
    mask(b"\xf0\x00\x00\x00"),
    compare(b"\xe0\x00\x00\x00", Cmp.NFT_CMP_NEQ),
)
