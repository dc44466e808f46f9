"""The addresses of IPv6 in the language: groups, hosts' addresses, subnets, sources of queries.

As ``harness.scenario.values``: each function takes what YAML gave and returns the value, or raises ValueError
with a sentence for the author. Scopes of groups follow RFC 4291 section 2.7.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address, IPv6Network
from typing import Any

SHORTEST_PREFIX6, LONGEST_PREFIX6 = 16, 96
"""A device's number takes the last 32 bits."""
_RESERVED_SCOPE, _INTERFACE_SCOPE = 0, 1


def parse_address6(value: Any) -> IPv6Address:
    """An IPv6 address without a zone, since a host has one interface."""
    try:
        address = IPv6Address(str(value))
    except AddressValueError as error:
        msg = f'"{value}" is no IPv6 address'
        raise ValueError(msg) from error
    if address.scope_id is not None:
        msg = f'"{value}" names an interface: write {str(address).partition("%")[0]}'
        raise ValueError(msg)
    return address


def parse_group6(value: Any) -> IPv6Address:
    """An IPv6 multicast group that can be on a wire."""
    address = parse_address6(value)
    if not address.is_multicast:
        msg = f"{address} is no multicast group: those of IPv6 begin with ff"
        raise ValueError(msg)
    scope = address.packed[1] & 0x0F
    if scope == _RESERVED_SCOPE:
        msg = f"{address} has scope 0, which is reserved: scope 2 is the link, 5 the site"
        raise ValueError(msg)
    if scope == _INTERFACE_SCOPE:
        msg = f"{address} has scope 1 and never leaves its host: scope 2 is the link, 5 the site"
        raise ValueError(msg)
    return address


def parse_host_address6(value: Any) -> IPv6Address:
    """A global or unique local address; link-local ones follow from the MAC."""
    address = parse_address6(value)
    if address.is_link_local:
        msg = f"{address} is link-local: those follow from the MAC; write one of subnet6"
        raise ValueError(msg)
    if address.is_multicast or address.is_loopback or address.is_unspecified:
        msg = f"{address} is no host's address"
        raise ValueError(msg)
    return address


def parse_query_source6(value: Any) -> IPv6Address:
    """What MLD queries come from: a link-local address (RFC 9777 section 5.1.14), or ``::`` for none."""
    address = parse_address6(value)
    if not address.is_link_local and not address.is_unspecified:
        msg = f"{address} is not link-local: hosts hear MLD queries from fe80::/64 only (:: is no address)"
        raise ValueError(msg)
    return address


def parse_seen_querier6(value: Any) -> IPv6Address | str:
    """An IPv6 address, or ``none``."""
    return "none" if value == "none" else parse_address6(value)


def parse_subnet6(value: Any) -> IPv6Network:
    """A subnet as ``fd77::/64`` that is written with its first address."""
    text = str(value)
    try:
        subnet = IPv6Network(text, strict=False)
    except ValueError as error:
        msg = f'"{text}" is no IPv6 subnet: write it as fd77::/64'
        raise ValueError(msg) from error
    address, slash, _ = text.partition("/")
    if not slash or IPv6Address(address) != subnet.network_address:
        prefix = subnet.prefixlen if slash else 64
        first = IPv6Network((subnet.network_address, prefix), strict=False)
        msg = f'"{text}" is no IPv6 subnet: did you mean {first}?'
        raise ValueError(msg)
    if not SHORTEST_PREFIX6 <= subnet.prefixlen <= LONGEST_PREFIX6:
        msg = f"{subnet} cannot hold a network: from /{SHORTEST_PREFIX6} to /{LONGEST_PREFIX6} it can"
        raise ValueError(msg)
    if subnet.is_multicast or subnet.is_link_local or subnet.network_address.is_unspecified:
        msg = f"{subnet} holds no addresses that hosts could be given"
        raise ValueError(msg)
    return subnet
