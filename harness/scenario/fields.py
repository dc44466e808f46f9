"""The values of the language as types: what pydantic checks, and what editors are told about it.

Each is a Python type, the function of ``harness.scenario.values`` that reads it, and its JSON Schema.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from harness.scenario.values import (
    LARGEST_MTU,
    LAST_VLAN,
    SMALLEST_MTU,
    parse_address,
    parse_any_address,
    parse_any_addresses,
    parse_bandwidth,
    parse_between,
    parse_cable,
    parse_count,
    parse_duration,
    parse_group,
    parse_length,
    parse_mac,
    parse_moment,
    parse_mtus,
    parse_names,
    parse_on_off,
    parse_on_off_or_settings,
    parse_pair,
    parse_rate,
    parse_seen_querier,
    parse_share,
    parse_subnet,
    parse_texts,
    parse_vlan,
    parse_vlans,
    parse_who,
)
from harness.scenario.values6 import (
    parse_host_address6,
    parse_query_source6,
    parse_seen_querier6,
    parse_subnet6,
)

NAME = r"^[a-zA-Z][a-zA-Z0-9_-]*$"
SWITCH_NAME = r"^[a-zA-Z][a-zA-Z0-9_-]*(\.[1-9][0-9]{0,3})?$"
"""A switch (sw1), or one VLAN of it (sw1.20)."""


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "number"], "pattern": pattern, "examples": list(examples)})


Name = Annotated[str, Field(pattern=NAME)]
SwitchName = Annotated[str, Field(pattern=SWITCH_NAME)]
_VLAN = {"type": "integer", "minimum": 1, "maximum": LAST_VLAN}
VlanId = Annotated[int, BeforeValidator(parse_vlan), WithJsonSchema(_VLAN)]
VlanKey = Annotated[
    int, BeforeValidator(parse_vlan), WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,3}$"})
]
"""The number of a VLAN where it stands before its settings."""


class OrListOfVlans:
    """Annotates a mapping of VLANs: a list of their numbers will do as well."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of both forms."""
        return {"anyOf": [handler(core_schema), {"type": "array", "items": _VLAN, "uniqueItems": True}]}


VLANS = (BeforeValidator(parse_vlans), OrListOfVlans())
"""What makes a mapping of VLANs one that may also be written as a list."""
Duration = Annotated[
    float, BeforeValidator(parse_duration), _text(r"^\d+(\.\d+)?(ms|s|m|h)$|^0$", "250ms", "4s", "2m")
]
"""Seconds of the customer's time."""
Length = Annotated[
    float, BeforeValidator(parse_length), _text(r"^\d+(\.\d+)?(ms|s|m|h)$", "250ms", "4s", "2m")
]
"""Seconds of the customer's time, more than 0."""


class Moment(BaseModel):
    """A point of the scenario's time: seconds from its start, or from a named step of its timeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str | None = None
    offset_s: float = 0.0

    def __str__(self) -> str:
        if self.step is None:
            return f"{self.offset_s:g} s"
        if not self.offset_s:
            return self.step
        return f"{self.step} {'-' if self.offset_s < 0 else '+'} {abs(self.offset_s):g} s"


MomentText = Annotated[
    Moment,
    BeforeValidator(parse_moment),
    _text(
        r"^\d+(\.\d+)?(ms|s|m|h)$|^0$|^[a-zA-Z][\w-]*( *[+-] *\d+(\.\d+)?(ms|s|m|h))?$",
        "260s",
        "querier-dies",
        "querier-dies + 10s",
    ),
]
Between = Annotated[
    tuple[Moment, Moment],
    BeforeValidator(parse_between),
    WithJsonSchema({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": ["string", "number"]}}),
]
_ON_OFF = WithJsonSchema({"enum": ["on", "off", True, False]})
Count = Annotated[
    int,
    BeforeValidator(parse_count),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^[1-9]\d*( */ *[1-9]\d*)*$"},
            ]
        }
    ),
]
"""So many equal devices; ``1000 / 47`` is one to every 47 of 1000, rounded up."""
OnOff = Annotated[bool, BeforeValidator(parse_on_off), _ON_OFF]
OnOffOrSettings = Annotated[bool, BeforeValidator(parse_on_off_or_settings), _ON_OFF]
"""The short form of what can be switched on and off, where settings are the long one."""
Rate = Annotated[float, BeforeValidator(parse_rate), _text(r"^\d+(\.\d+)?/(ms|s|m|h)$", "1/s", "10/s", "6/m")]
"""Datagrams a second of the customer's time."""
Share = Annotated[float, BeforeValidator(parse_share), _text(r"^\d+(\.\d+)?%$", "0%", "1%", "12.5%")]
"""A share from 0 to 1, written as per cent."""
Bandwidth = Annotated[
    float, BeforeValidator(parse_bandwidth), _text(r"^\d+(\.\d+)? ?[kMG]?bit/s$", "64kbit/s", "10Mbit/s")
]
"""Bits a second of the customer's time."""
Mtu = Annotated[int, Field(ge=SMALLEST_MTU, le=LARGEST_MTU)]
Mtus = Annotated[
    tuple[int, int],
    BeforeValidator(parse_mtus),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": SMALLEST_MTU, "maximum": LARGEST_MTU},
                {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer"}},
            ]
        }
    ),
]
"""The MTU at each end of a cable."""
_IPV4: dict[str, Any] = {"type": "string", "format": "ipv4"}
_IPV6: dict[str, Any] = {"type": "string", "format": "ipv6"}
Group = Annotated[
    IPv4Address | IPv6Address,
    BeforeValidator(parse_group),
    WithJsonSchema({"anyOf": [_IPV4, _IPV6], "examples": ["239.192.73.188", "ff15::73bc"]}),
]
"""A group's address says whether it is of IPv4 or of IPv6."""
Address = Annotated[
    IPv4Address, BeforeValidator(parse_address), WithJsonSchema({"type": "string", "format": "ipv4"})
]
AnyAddress = Annotated[
    IPv4Address | IPv6Address,
    BeforeValidator(parse_any_address),
    WithJsonSchema({"anyOf": [_IPV4, _IPV6]}),
]
AnyAddresses = Annotated[
    tuple[IPv4Address | IPv6Address, ...],
    BeforeValidator(parse_any_addresses),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One address or several."""
Mac = Annotated[
    str,
    BeforeValidator(parse_mac),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$"}),
]
"""A MAC address in small letters."""
Subnet = Annotated[
    IPv4Network,
    BeforeValidator(parse_subnet),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+){3}/\d+$", "examples": ["10.77.0.0/16"]}),
]
HostAddress6 = Annotated[IPv6Address, BeforeValidator(parse_host_address6), WithJsonSchema(_IPV6)]
QuerySource6 = Annotated[
    IPv6Address, BeforeValidator(parse_query_source6), WithJsonSchema({**_IPV6, "examples": ["fe80::1"]})
]
"""A link-local address, or :: for none."""
Subnet6 = Annotated[
    IPv6Network,
    BeforeValidator(parse_subnet6),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9a-fA-F:.]+/\d+$", "examples": ["fd77::/64"]}),
]
SeenQuerier6 = Annotated[IPv6Address | Literal["none"], BeforeValidator(parse_seen_querier6)]
_ONE_OR_MORE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Names = Annotated[tuple[str, ...], BeforeValidator(parse_names), WithJsonSchema(_ONE_OR_MORE)]
"""One name or several."""
CableName = Annotated[tuple[str, ...], BeforeValidator(parse_cable), WithJsonSchema(_ONE_OR_MORE)]
"""A cable: a node, a port (sw1:p3), or both of its ends."""
Texts = Annotated[tuple[str, ...], BeforeValidator(parse_texts), WithJsonSchema(_ONE_OR_MORE)]
Who = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_who),
    WithJsonSchema({**_ONE_OR_MORE, "examples": ["all", "none", "n1", ["n1", "n2"], "all but n3"]}),
]
"""Names of nodes; "all", or "all" followed by "-name" for each exception, is kept as written."""
Pair = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_pair),
    WithJsonSchema({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string"}}),
]
"""Two names."""
Audience = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_who),
    WithJsonSchema(
        {**_ONE_OR_MORE, "examples": ["members", "non-members", "router-ports", "n1", ["n1", "n2"]]}
    ),
]
"""("members",), ("non-members",), ("router-ports",) or names of nodes and routers."""
SeenQuerier = Annotated[IPv4Address | Literal["none"], BeforeValidator(parse_seen_querier)]
Parameter = Annotated[Any, WithJsonSchema({"type": ["string", "number", "boolean"]})]
