"""The small texts of the language: moments, rates, shares, groups and lists of names.

Each function takes what YAML gave and returns the value, or raises ValueError with a sentence for the author
of the file. Pydantic calls them; an already parsed value passes through.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from harness.source.duration import parse as duration

_MOMENT = re.compile(r"^(?P<step>[a-zA-Z][\w-]*?)(?:\s*(?P<sign>[+-])\s*(?P<offset>\d[\d.]*\s*[a-z]+))?$")
_PER = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(value: Any) -> Any:
    """Seconds from ``250ms``, ``4s``, ``2m``, ``1h`` or ``0``."""
    return value if isinstance(value, float) else duration(value)


def parse_moment(value: Any) -> Any:
    """A moment from ``260s``, ``querier-dies`` or ``querier-dies + 10s``."""
    if isinstance(value, dict) or not isinstance(value, str | int | float):
        return value
    text = str(value).strip()
    if not text[:1].isalpha():
        return {"offset_s": duration(value)}
    match = _MOMENT.match(text)
    if match is None:
        msg = f"\"{text}\" is no moment: write 260s, a step's name, or a step's name + 10s"
        raise ValueError(msg)
    offset = duration(match["offset"].replace(" ", "")) if match["offset"] else 0.0
    return {"step": match["step"], "offset_s": -offset if match["sign"] == "-" else offset}


def parse_between(value: Any) -> Any:
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
    msg = f"write on or off, not {value!r}"
    raise ValueError(msg)


def parse_rate(value: Any) -> float:
    """Datagrams a second from ``10/s`` or ``6/m``."""
    if isinstance(value, float):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(ms|s|m|h)", str(value))
    if match is None or float(match[1]) <= 0:
        msg = f'"{value}" is no rate: write 10/s or 6/m'
        raise ValueError(msg)
    return float(match[1]) / _PER[match[2]]


def parse_share(value: Any) -> float:
    """A share from 0 to 1, from ``12.5%``."""
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", str(value))
    if match is None or float(match[1]) > 100:
        msg = f'"{value}" is no share: write per cent, such as 1%'
        raise ValueError(msg)
    return float(match[1]) / 100


def parse_group(value: Any) -> IPv4Address:
    """An IPv4 multicast group that hosts may join (not 224.0.0.1, which is never reported)."""
    try:
        address = IPv4Address(value)
    except (AddressValueError, ValueError) as error:
        msg = f'"{value}" is no IPv4 address'
        raise ValueError(msg) from error
    if not address.is_multicast:
        msg = f"{address} is no multicast group: they are 224.0.0.0 to 239.255.255.255"
        raise ValueError(msg)
    return address


def parse_who(value: Any) -> Any:
    """Names: ``all``, ``none``, ``n1``, ``[n1, n2]``, ``all but n3``, ``all but n3, n4``."""
    if isinstance(value, str):
        words = value.strip()
        if words == "none":
            return ()
        if words.startswith("all but "):
            return ("all", *(f"-{name.strip()}" for name in words.removeprefix("all but ").split(",")))
        return tuple(name.strip() for name in words.split(","))
    return tuple(value) if isinstance(value, list) else value
