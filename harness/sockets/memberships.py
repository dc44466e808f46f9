"""The groups that the kernel of this network namespace is in: /proc/net/igmp and /proc/net/igmp6.

The first prints a group as the number that its four octets are in this machine's memory, the second octet by
octet (ip_mc_seq_show of net/ipv4/igmp.c, igmp6_mc_seq_show of net/ipv6/mcast.c). Lines of another form are
passed over: the files tell nothing that would be worth failing for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from harness.wire.membership import Address

_OF_THREAD = Path("/proc/thread-self/net")
"""Of the namespace that this very thread is in."""
_DEVICE_V4 = re.compile(r"(\d+)\t(\S+)\s*:")
_GROUP_V4 = re.compile(r"\t+([0-9A-Fa-f]{8})\s+\d+")
_LINE_V6 = re.compile(r"(\d+)\s+(\S+)\s+([0-9A-Fa-f]{32})\s")


def memberships(root: Path = _OF_THREAD) -> dict[str, tuple[Address, ...]]:
    """Return the groups of each interface, in the kernel's order; nothing of a protocol without its file."""
    found: dict[str, list[Address]] = {}
    for name, parse in (("igmp", parse_igmp), ("igmp6", parse_igmp6)):
        try:
            text = (root / name).read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        for interface, group in parse(text):
            found.setdefault(interface, []).append(group)
    return {interface: tuple(groups) for interface, groups in found.items()}


def parse_igmp(text: str, byte_order: str = sys.byteorder) -> Iterator[tuple[str, Address]]:
    """Yield interface and group of /proc/net/igmp as a machine of this byte order prints it."""
    interface = ""
    for line in text.splitlines():
        if device := _DEVICE_V4.match(line):
            interface = device[2]
        elif (group := _GROUP_V4.match(line)) and interface:
            octets = bytes.fromhex(group[1])
            yield interface, IPv4Address(octets[::-1] if byte_order == "little" else octets)


def parse_igmp6(text: str) -> Iterator[tuple[str, Address]]:
    """Yield interface and group of /proc/net/igmp6."""
    for line in text.splitlines():
        if match := _LINE_V6.match(line):
            yield match[2], IPv6Address(bytes.fromhex(match[3]))
