"""What a rule asks of a packet: fields, ranges of numbers, names. No chains and no parsing here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Field(Enum):
    """What a condition asks of a packet. Numbers are compared as ranges, the others by name."""

    VERSION = "version"
    PROTOCOL = "protocol"
    NEXT_HEADER = "next header"
    SOURCE = "source"
    DESTINATION = "destination"
    SOURCE_PORT = "source port"
    DESTINATION_PORT = "destination port"
    SOURCE_PORT_BYTES = "bytes of the source port"
    DESTINATION_PORT_BYTES = "bytes of the destination port"
    """Of nft: read also from fragments that have no ports (seen on Linux 6.18)."""
    MESSAGE_TYPE = "message type"
    MESSAGE_CODE = "message code"
    HOPS = "hops"
    LENGTH = "length"
    MARK = "mark"
    LINK_TYPE = "link type"
    SOURCE_KIND = "kind of source"
    DESTINATION_KIND = "kind of destination"
    IN_INTERFACE = "incoming interface"
    OUT_INTERFACE = "outgoing interface"
    STATE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """A number lies in one of some ranges, ends included, or, negated, in none. Absent, it never holds."""

    field: Field
    ranges: tuple[tuple[int, int], ...]
    negated: bool = False

    def holds(self, value: int | str | None) -> bool:
        """Whether it holds for a packet with this value."""
        if not isinstance(value, int):
            return False
        return any(low <= value <= high for low, high in self.ranges) is not self.negated


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A name is one of some, or, negated, none; one that ends with ``*`` stands for all that begin so."""

    field: Field
    names: tuple[str, ...]
    negated: bool = False

    def holds(self, value: int | str | None) -> bool:
        """Whether it holds for a packet with this value."""
        if not isinstance(value, str):
            return False
        found = any(
            value.startswith(name[:-1]) if name.endswith("*") else value == name for name in self.names
        )
        return found is not self.negated


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """One of some combinations of conditions holds, or, negated, none."""

    options: tuple[tuple[Within | Named, ...], ...]
    negated: bool = False


Condition = Within | Named | AnyOf


def exactly(asked: Field, *numbers: int, negated: bool = False) -> Within:
    """A condition on single numbers."""
    return Within(field=asked, ranges=tuple((one, one) for one in numbers), negated=negated)
