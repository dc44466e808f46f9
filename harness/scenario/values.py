"""The small texts of the language: moments, rates, shares, groups and lists of names.

Each function takes what YAML gave and returns the value, or raises ValueError with a sentence for the author
of the file. Pydantic calls them.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import Any

from harness.scenario.values6 import parse_address6, parse_group6
from harness.source.duration import parse as duration

_MOMENT = re.compile(r"^(?P<step>[a-zA-Z][\w-]*?)(?:\s*(?P<sign>[+-])\s*(?P<offset>\d[\d.]*\s*[a-z]+))?$")
_MOMENTS = "write 260s, a step's name, or a step's name + 10s"
_VLAN = re.compile(r"[1-9][0-9]{0,3}")
_PER = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

MOST_A_SECOND = 10_000
"""The highest rate: one process cannot send and record more and keep time."""
LAST_VLAN = 4094
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
SHORTEST_PREFIX, LONGEST_PREFIX = 8, 29
SMALLEST_MTU, LARGEST_MTU = 68, 65520
"""RFC 791's least, and nearly the most that a virtual Ethernet has."""
_BITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def parse_duration(value: Any) -> float:
    """Seconds from ``250ms``, ``4s``, ``2m``, ``1h`` or ``0``."""
    return duration(value)


def parse_length(value: Any) -> float:
    """Seconds of something that cannot be over before it begins: a duration above 0."""
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError("it must be longer than 0")
    return seconds


def parse_moment(value: Any) -> dict[str, str | float | None]:
    """A moment from ``260s``, ``querier-dies`` or ``querier-dies + 10s``, as the fields of a Moment."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(_MOMENTS)
    text = str(value).strip()
    if not text[:1].isalpha():
        return {"offset_s": duration(value)}
    match = _MOMENT.match(text)
    if match is None:
        msg = f'"{text}" is no moment; {_MOMENTS}'
        raise ValueError(msg)
    offset_s = duration(match["offset"].replace(" ", "")) if match["offset"] else 0.0
    return {"step": match["step"], "offset_s": -offset_s if match["sign"] == "-" else offset_s}


def parse_between(value: Any) -> tuple[dict[str, str | float | None], ...]:
    """Two moments."""
    if isinstance(value, list | tuple) and len(value) == 2:
        return tuple(parse_moment(item) for item in value)
    raise ValueError("write two moments: [260s, 270s]")


def parse_on_off(value: Any) -> bool:
    """A boolean from on, off, true or false (YAML 1.2 reads on and off as text)."""
    match value:
        case bool():
            return value
        case "on":
            return True
        case "off":
            return False
    raise ValueError(
        "write on or off" if isinstance(value, list | dict) else f'write on or off, not "{value}"'
    )


def parse_on_off_or_settings(value: Any) -> bool:
    """A boolean, where a mapping of settings, which comes another way, would do as well."""
    try:
        return parse_on_off(value)
    except ValueError as error:
        given = "a list" if isinstance(value, list | dict) else f'"{value}"'
        msg = f"write on, off, or settings in braces, not {given}"
        raise ValueError(msg) from error


def parse_rate(value: Any) -> float:
    """Datagrams a second from ``10/s`` or ``6/m``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(ms|s|m|h)", str(value))
    if match is None or not 0 < float(match[1]) / _PER[match[2]] <= MOST_A_SECOND:
        msg = f'"{value}" is no rate: write 10/s or 6/m, at most {MOST_A_SECOND}/s'
        raise ValueError(msg)
    return float(match[1]) / _PER[match[2]]


def parse_share(value: Any) -> float:
    """A share from 0 to 1, from ``12.5%``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", str(value))
    if match is None:
        cure = "write per cent, such as 1%"
        if isinstance(value, int | float) and not isinstance(value, bool):
            parts = f" ({value * 100:g}% if you mean parts of 1)" if 0 < value < 1 else ""
            cure = f"it has no unit; write {value}%{parts}"
        msg = f'"{value}" is no share: {cure}'
        raise ValueError(msg)
    if float(match[1]) > 100:
        msg = f'"{value}" is no share: they go from 0% to 100%'
        raise ValueError(msg)
    return float(match[1]) / 100


def parse_bandwidth(value: Any) -> float:
    """Bits a second from ``64kbit/s``, ``10Mbit/s`` or ``1Gbit/s``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kMG]?)bit/s", str(value))
    if match is None or float(match[1]) <= 0:
        msg = f'"{value}" is no bandwidth: write 64kbit/s, 10Mbit/s or 1Gbit/s'
        raise ValueError(msg)
    return float(match[1]) * _BITS[match[2]]


def parse_mtus(value: Any) -> tuple[int, int]:
    """The MTU of both ends from ``9000``, or one for each from ``[9000, 1500]``."""
    ends = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(ends) != 2 or not all(isinstance(end, int) and not isinstance(end, bool) for end in ends):
        raise ValueError("write an MTU, or one for each end: [9000, 1500]")
    if not all(SMALLEST_MTU <= end <= LARGEST_MTU for end in ends):
        msg = f"an MTU is from {SMALLEST_MTU} to {LARGEST_MTU}"
        raise ValueError(msg)
    return ends[0], ends[1]


def parse_count(value: Any) -> Any:
    """A number of devices, or ``1000 / 47``: so many that each gets at most 47 of the 1000."""
    if not isinstance(value, str) or "/" not in value:
        return value
    first, *dividers = (part.strip() for part in value.split("/"))
    if not all(re.fullmatch(r"[1-9][0-9]{0,9}", part, re.ASCII) for part in (first, *dividers)):
        msg = f'"{value}" is no count: write a number, or 1000 / 47 for one to every 47 of 1000'
        raise ValueError(msg)
    count = int(first)
    for divider in dividers:
        count = -(-count // int(divider))
    return count


def parse_address(value: Any) -> IPv4Address:
    """An IPv4 address; numbers, which are addresses too in C, are not."""
    try:
        return IPv4Address(str(value))
    except AddressValueError as error:
        msg = f'"{value}" is no IPv4 address'
        raise ValueError(msg) from error


def parse_any_address(value: Any) -> IPv4Address | IPv6Address:
    """An address of IPv4, or of IPv6, which has colons."""
    return parse_address6(value) if ":" in str(value) else parse_address(value)


def parse_any_addresses(value: Any) -> tuple[IPv4Address | IPv6Address, ...]:
    """One address, several with commas, or a list of them."""
    return tuple(parse_any_address(one) for one in parse_names(value))


def parse_mac(value: Any) -> str:
    """A MAC address as ``02:00:00:00:00:07``, in small letters."""
    text = str(value).lower()
    if re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", text) is None:
        msg = f'"{value}" is no MAC address: write it as 02:00:00:00:00:07'
        raise ValueError(msg)
    return text


def parse_group(value: Any) -> IPv4Address | IPv6Address:
    """A multicast group of IPv4, or of IPv6, which has colons."""
    if ":" in str(value):
        return parse_group6(value)
    address = parse_address(value)
    if not address.is_multicast:
        msg = f"{address} is no multicast group: they are 224.0.0.0 to 239.255.255.255"
        raise ValueError(msg)
    return address


def parse_subnet(value: Any) -> IPv4Network:
    """A subnet as ``10.77.0.0/16`` that is written with its first address."""
    text = str(value)
    try:
        subnet = IPv4Network(text, strict=False)
    except ValueError as error:
        msg = f'"{text}" is no subnet: write it as 10.77.0.0/16'
        raise ValueError(msg) from error
    if "/" not in text or str(subnet.network_address) != text.partition("/")[0]:
        msg = f'"{text}" is no subnet: did you mean {subnet.network_address}/{subnet.prefixlen or 16}?'
        raise ValueError(msg)
    if not SHORTEST_PREFIX <= subnet.prefixlen <= LONGEST_PREFIX:
        msg = f"{subnet} cannot hold a network: from /{SHORTEST_PREFIX} to /{LONGEST_PREFIX} it can"
        raise ValueError(msg)
    if (
        subnet.is_multicast
        or subnet.is_reserved
        or subnet.is_loopback
        or subnet.network_address in _THIS_NETWORK
    ):
        msg = f"{subnet} holds no addresses of hosts"
        raise ValueError(msg)
    return subnet


def parse_vlan(value: Any) -> int:
    """A VLAN's number, 1 to 4094 (IEEE 802.1Q reserves 0 and 4095)."""
    text = str(value)
    if isinstance(value, bool) or not _VLAN.fullmatch(text) or int(text) > LAST_VLAN:
        msg = f'"{text}" is no VLAN: they have numbers from 1 to {LAST_VLAN}'
        raise ValueError(msg)
    return int(text)


def parse_vlans(value: Any) -> Any:
    """VLANs with their settings; ``[10, 20]`` are two without any of their own."""
    if isinstance(value, dict | list | tuple) and not value:
        raise ValueError("a switch without VLANs has no vlans: write some, or leave it out")
    if not isinstance(value, list | tuple):
        return value
    vlans = [str(parse_vlan(item)) for item in value]
    twice = next((vlan for vlan in vlans if vlans.count(vlan) > 1), None)
    if twice is not None:
        msg = f"VLAN {twice} stands there twice"
        raise ValueError(msg)
    return {vlan: {} for vlan in vlans}


def parse_seen_querier(value: Any) -> IPv4Address | str:
    """An address, or ``none``."""
    try:
        return "none" if value == "none" else parse_address(value)
    except ValueError as error:
        msg = f"{error}: write the one that its queries come from, or none"
        raise ValueError(msg) from error


def parse_cable(value: Any) -> tuple[str, ...]:
    """A cable by one name (a node, or a port such as sw1:p3), or by both of its ends."""
    cable = "write the cable: a node, a port (sw1:p3), or both of its ends: [sw1, sw2]"
    if isinstance(value, dict):
        raise ValueError(cable)
    names = parse_names(value)
    if not 1 <= len(names) <= 2:
        raise ValueError(cable)
    return names


def parse_pair(value: Any) -> tuple[str, ...]:
    """Both ends of a cable."""
    pair = value if isinstance(value, list | tuple) else ()
    if len(pair) != 2 or not all(isinstance(name, str) and name.strip() for name in pair):
        raise ValueError("write both ends of the cable: [sw1, sw2]")
    return tuple(name.strip() for name in pair)


def parse_words(value: Any) -> Any:
    """A list of words, or a single one; which words there are the model says."""
    return (value,) if isinstance(value, str) else value


def parse_names(value: Any) -> tuple[str, ...]:
    """One name, several with commas, or a list of names."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError("write a name or a list of names")
    stripped = tuple(name.strip() for name in names)
    if not all(stripped):
        raise ValueError("a name is missing here")
    return stripped


def parse_texts(value: Any) -> tuple[str, ...]:
    """One text or a list of texts."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(
        isinstance(text, str) and text.strip() for text in texts
    ):
        raise ValueError("write a text or a list of texts")
    return tuple(text.strip() for text in texts)


def parse_who(value: Any) -> tuple[str, ...]:
    """Names: ``all``, ``none``, ``n1``, ``[n1, n2]``, ``all but n3``, ``all but n3, n4``."""
    if isinstance(value, str):
        words = value.strip()
        if words == "none":
            return ()
        if words == "all but" or words.startswith("all but "):
            return ("all", *(f"-{name}" for name in parse_names(words.removeprefix("all but"))))
    return parse_names(value)
