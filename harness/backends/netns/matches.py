"""Which packets a rule is about: the conditions that rules of switches and of lossy links share.

A condition is the beginning of a rule, to which a verdict is appended. It holds in the families bridge and
netdev. Those of one network layer follow a condition or a rule that leaves no other, unless they say so.
"""

from __future__ import annotations

from harness.backends.netns.nft import Base, Cmp, Meta, Rule, compare, mask, meta, payload

ETHERTYPE_IPV4 = b"\x08\x00"
ETHERTYPE_IPV6 = b"\x86\xdd"
IPV4_PROTOCOL = (9, 1)
IPV4_SOURCE, IPV4_DESTINATION = (12, 4), (16, 4)
IPV6_SOURCE, IPV6_DESTINATION = (8, 16), (24, 16)
MAC_DESTINATION = (0, 6)
_IPPROTO_IGMP = b"\x02"
_IPPROTO_ICMPV6 = b"\x3a"
_ICMPV6_TYPE = (0, 1)
_IPV4_GROUPS = (payload(IPV4_DESTINATION), mask(b"\xf0\x00\x00\x00"))

IPV4: Rule = (meta(Meta.NFT_META_PROTOCOL), compare(ETHERTYPE_IPV4))
IPV6: Rule = (meta(Meta.NFT_META_PROTOCOL), compare(ETHERTYPE_IPV6))

IGMP: Rule = (*IPV4, payload(IPV4_PROTOCOL), compare(_IPPROTO_IGMP))
"""All of it, whatever the destination; of any packet."""

# The kernel walks the extension headers to find the transport, so a message counts with and without the
# hop-by-hop header that carries the router alert (RFC 3810 section 5).
_ICMPV6: Rule = (*IPV6, meta(Meta.NFT_META_L4PROTO), compare(_IPPROTO_ICMPV6))
_TYPE = payload(_ICMPV6_TYPE, base=Base.TRANSPORT)
MLD: tuple[Rule, Rule] = (
    (*_ICMPV6, _TYPE, compare(b"\x82", Cmp.NFT_CMP_GTE), compare(b"\x84", Cmp.NFT_CMP_LTE)),
    (*_ICMPV6, _TYPE, compare(b"\x8f")),
)
"""ICMPv6 of the types 130 to 132, and of 143: one or the other; of any packet."""

NOT_TO_IPV4_GROUP: Rule = (*_IPV4_GROUPS, compare(b"\xe0\x00\x00\x00", Cmp.NFT_CMP_NEQ))
NOT_TO_IPV6_GROUP: Rule = (payload((24, 1)), compare(b"\xff", Cmp.NFT_CMP_NEQ))

# The first octets tell 224.0.0.0/24, ff01::/16 and ff02::/16.
TO_IPV4_LINK: Rule = (payload((16, 3)), compare(b"\xe0\x00\x00"))
TO_IPV6_INTERFACE: Rule = (payload((24, 2)), compare(b"\xff\x01"))
TO_IPV6_LINK: Rule = (payload((24, 2)), compare(b"\xff\x02"))

# The same by the MAC address that groups are mapped to (RFC 1112 section 6.4, RFC 2464 section 7).
TO_IPV4_LINK_MAC: Rule = (payload((0, 5), base=Base.LINK), compare(b"\x01\x00\x5e\x00\x00"))
NOT_TO_IPV4_GROUP_MAC: Rule = (
    payload((0, 3), base=Base.LINK),
    compare(b"\x01\x00\x5e", Cmp.NFT_CMP_NEQ),
)
NOT_TO_IPV6_GROUP_MAC: Rule = (payload((0, 2), base=Base.LINK), compare(b"\x33\x33", Cmp.NFT_CMP_NEQ))
