"""Events and the summary as data for JSON: objects with the names of the fields.

Pure. Addresses are texts, MAC addresses with colons, protocols their names in small letters; infinity, which
JSON has not, is null.
"""

from __future__ import annotations

import math
import re
from dataclasses import fields, is_dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from harness.protocols.listening.events import Event
from harness.protocols.listening.summary import Summary

Data = str | int | float | bool | None | list["Data"] | dict[str, "Data"]

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def of_event(event: Event) -> dict[str, Data]:
    """An event; ``event`` names its kind, as in ``query-heard``."""
    return {"event": _WORD.sub("-", type(event).__name__).lower(), **_fields(event)}


def of_summary(summary: Summary) -> dict[str, Data]:
    """The summary; ``event`` is ``summary``, so that it can stand behind events."""
    return {
        "event": "summary",
        "querier_heard": summary.heard_a_querier,
        **_fields(summary),
        "flooded": [_plain(stream) for stream in summary.flooded],
    }


def _fields(value: object) -> dict[str, Data]:
    assert is_dataclass(value)
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> Data:
    plain: Data
    match value:
        case None | bool() | int() | str():
            plain = value
        case float():
            plain = round(value, 6) if math.isfinite(value) else None
        case Enum():
            plain = str(value.value)
        case IPv4Address() | IPv6Address():
            plain = str(value)
        case bytes():
            plain = value.hex(":")
        case tuple():
            plain = [_plain(item) for item in value]
        case _:
            plain = _fields(value)
    return plain
