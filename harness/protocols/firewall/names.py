"""Names that rules use for numbers, and how numbers, ranges and addresses are written.

The names are those of /etc/protocols and /etc/services on Debian 12 as far as rules for clusters use them,
of iptables' ``-p icmp -h`` and of nft's ``describe``. Every reader raises ValueError with the word.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from harness.protocols.firewall.conditions import Field, Within

PROTOCOLS = {
    "hopopt": 0,
    "icmp": 1,
    "igmp": 2,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "ospf": 89,
    "pim": 103,
    "vrrp": 112,
    "sctp": 132,
    "udplite": 136,
}
SERVICES = {
    "ssh": 22,
    "domain": 53,
    "bootps": 67,
    "bootpc": 68,
    "tftp": 69,
    "http": 80,
    "sunrpc": 111,
    "ntp": 123,
    "netbios-ns": 137,
    "netbios-dgm": 138,
    "snmp": 161,
    "snmp-trap": 162,
    "https": 443,
    "syslog": 514,
    "dhcpv6-client": 546,
    "dhcpv6-server": 547,
    "mdns": 5353,
}
ICMP_TYPES = {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    "redirect": 5,
    "echo-request": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
    "info-request": 15,
    "info-reply": 16,
    "address-mask-request": 17,
    "address-mask-reply": 18,
}
ICMPV6_TYPES = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "mld-listener-reduction": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
}
IGMP_TYPES = {
    "membership-query": 0x11,
    "membership-report-v1": 0x12,
    "membership-report-v2": 0x16,
    "leave-group": 0x17,
    "membership-report-v3": 0x22,
}


def number(word: str, names: dict[str, int], limit: int) -> int:
    """A name or a number up to ``limit``."""
    found = names.get(word.lower())
    if found is not None:
        return found
    try:
        value = int(word, 0 if word[:2].lower() == "0x" else 10)
    except ValueError:
        raise ValueError(word) from None
    if not 0 <= value <= limit:
        raise ValueError(word)
    return value


def number_range(word: str, separator: str, names: dict[str, int], limit: int) -> tuple[int, int]:
    """One number, or two with a separator between; one left out is the lowest or the highest."""
    if word.lower() in names or separator not in word:
        only = number(word, names, limit)
        return only, only
    low, _, high = word.partition(separator)
    ends = number(low, names, limit) if low else 0, number(high, names, limit) if high else limit
    if ends[0] > ends[1]:
        raise ValueError(word)
    return ends


def address_range(word: str, version: int) -> tuple[int, int]:
    """An address, a prefix, an address with a mask, or two addresses with a dash between."""
    if "-" in word:
        low, _, high = word.partition("-")
        ends = address_range(low, version)[0], address_range(high, version)[1]
        if ends[0] > ends[1]:
            raise ValueError(word)
        return ends
    address, slash, mask = word.partition("/")
    if version == 4 and address.replace(".", "").isdigit():
        address = ".".join((address.split(".") + ["0"] * 3)[:4]) if slash else address
    try:
        text = f"{address}{slash}{mask}"
        network = IPv4Network(text, strict=False) if version == 4 else IPv6Network(text, strict=False)
    except ValueError:
        raise ValueError(word) from None
    return int(network.network_address), int(network.broadcast_address)


def addresses(asked: Field, words: list[str], version: int, *, negated: bool = False) -> Within:
    """A condition on addresses, prefixes and ranges."""
    ranges = tuple(address_range(word, version) for word in words)
    return Within(field=asked, ranges=ranges, negated=negated)
