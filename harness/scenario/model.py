"""A scenario as it was written: the language of ``*.scenario.yaml`` and ``*.topology.yaml``, as pydantic models.

Nothing is resolved here: names are names, counts are counts, moments may refer to a step of the timeline.
The models are strict (unknown keys are mistakes) and frozen. The JSON Schema for editors comes from them.
They do no I/O; ``harness.scenario.loader`` reads files and turns pydantic's errors into file:line:column.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from harness.scenario.values import (
    parse_between,
    parse_duration,
    parse_group,
    parse_moment,
    parse_on_off,
    parse_rate,
    parse_share,
    parse_who,
)

NAME = r"^[a-zA-Z][a-zA-Z0-9_-]*$"


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "number"], "pattern": pattern, "examples": list(examples)})


Name = Annotated[str, Field(pattern=NAME)]
Duration = Annotated[
    float, BeforeValidator(parse_duration), _text(r"^\d+(\.\d+)?(ms|s|m|h)$|^0$", "250ms", "4s", "2m")
]
"""Seconds of the customer's time."""


class Moment(BaseModel):
    """A point of the scenario's time: seconds from its start, or from a named step of its timeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str | None = None
    offset_s: float = 0.0

    def __str__(self) -> str:
        if self.step is None:
            return f"{self.offset_s:g} s"
        return self.step if not self.offset_s else f"{self.step} {self.offset_s:+g} s"


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
OnOff = Annotated[bool, BeforeValidator(parse_on_off), WithJsonSchema({"enum": ["on", "off", True, False]})]
Rate = Annotated[float, BeforeValidator(parse_rate), _text(r"^\d+(\.\d+)?/(ms|s|m|h)$", "1/s", "10/s", "6/m")]
"""Datagrams a second of the customer's time."""
Share = Annotated[float, BeforeValidator(parse_share), _text(r"^\d+(\.\d+)?%$", "0%", "1%", "12.5%")]
"""A share from 0 to 1, written as per cent."""
Group = Annotated[
    IPv4Address,
    BeforeValidator(parse_group),
    WithJsonSchema({"type": "string", "format": "ipv4", "examples": ["239.192.73.188"]}),
]
Who = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_who),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "examples": ["all", "none", "n1", ["n1", "n2"], "all but n3"],
        }
    ),
]
"""Names of nodes; the single word "all", or "all" followed by "-name" for each exception, is kept as written."""


class Strict(BaseModel):
    """The base of everything in a file: frozen, and a key that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


# --- the network ------------------------------------------------------------------------------------------


class Querier(Strict):
    """Who asks for members. Times left out take the profile's, or those of RFC 2236 section 8."""

    address: IPv4Address | None = Field(None, description="source address of the queries; 0.0.0.0 is allowed")
    version: Literal[1, 2, 3] | None = None
    query_interval: Duration | None = None
    max_response: Duration | None = None
    robustness: int | None = Field(None, ge=1, le=7)
    startup_interval: Duration | None = None
    startup_count: int | None = Field(None, ge=0, le=10)
    other_querier_interval: Duration | None = None


class UnregisteredRule(str, Enum):
    """What a snooping switch does with a group without members."""

    FLOOD = "flood"
    ROUTER_PORTS = "router-ports"
    DROP = "drop"


def _on_off_or_mapping(value: Any) -> str:
    return "settings" if isinstance(value, dict | Querier) else "switch"


QuerierSetting = Annotated[
    Annotated[OnOff, Tag("switch")] | Annotated[Querier, Tag("settings")], Discriminator(_on_off_or_mapping)
]


class SwitchSettings(Strict):
    """What can be configured on a switch, at the start and while it runs. Left out: the profile's default."""

    snooping: OnOff | None = None
    querier: QuerierSetting | None = None
    fast_leave: OnOff | None = None
    router_ports: tuple[str, ...] | None = Field(
        None,
        description="static multicast router ports: a port's name (p3), or the neighbour on it (n1, sw2)",
    )
    unregistered: UnregisteredRule | None = None
    membership_interval: Duration | None = Field(None, description="0 never ages")
    router_port_interval: Duration | None = None
    last_member_interval: Duration | None = None
    last_member_count: int | None = Field(None, ge=1, le=10)


class Switch(SwitchSettings):
    """A switch, or ``count`` equal ones: sw with count 3 is sw1, sw2, sw3."""

    profile: str = Field("linux-bridge", description="behaviour: a vendor's platform or linux-bridge")
    count: int | None = Field(None, ge=1, le=200)
    address: IPv4Address | None = None
    mtu: int | None = Field(None, ge=68, le=65520)


class Nodes(Strict):
    """A node, or ``count`` equal ones: n with count 8 is n1 to n8."""

    count: int | None = Field(None, ge=1, le=5000)
    on: str | tuple[str, ...] = Field(
        description="the switch (sw1) or a port of it (sw1:p7); of several switches the nodes take turns"
    )
    address: IPv4Address | None = None
    mtu: int | None = Field(None, ge=68, le=65520)
    igmp_version: Literal[1, 2, 3] | None = Field(
        None, description="forced; else the stack follows the querier"
    )
    port: Literal["up", "down"] = "up"


class Router(Strict):
    """A multicast router as its network sees it: it queries, and its port becomes a router port."""

    on: str
    address: IPv4Address | None = None
    mtu: int | None = Field(None, ge=68, le=65520)
    querier: QuerierSetting = True
    port: Literal["up", "down"] = "up"


class Link(Strict):
    """A cable between two switches."""

    between: tuple[str, str]
    mtu: int | None = Field(None, ge=68, le=65520)
    state: Literal["up", "down"] = "up"


class Network(Strict):
    """Switches, bridges, routers, nodes and the links between switches."""

    switches: dict[Name, Switch] = {}
    bridges: dict[Name, Switch] = Field({}, description="as switches; the profile is linux-bridge")
    routers: dict[Name, Router] = {}
    nodes: dict[Name, Nodes] = {}
    links: Literal["chain", "star"] | tuple[Link | tuple[str, str], ...] = Field(
        (), description="chain and star (around the first) connect all switches in the order of the file"
    )
    mtu: int = Field(1500, ge=68, le=65520)
    subnet: str = "10.77.0.0/16"


# --- traffic ----------------------------------------------------------------------------------------------


class Stream(Strict):
    """Datagrams to one group, from each sender at its own rate."""

    group: Group
    port: int = Field(5405, ge=1, le=65535)
    senders: Who = ("all",)
    receivers: Who = Field(("all",), description="those that join the group at the start")
    source_specific: bool = Field(False, description="receivers join (source, group) for every sender")
    rate: Rate = 1.0
    size: int = Field(64, ge=16, le=65000, description="bytes of UDP payload")
    ttl: int = Field(1, ge=0, le=255)
    start: MomentText = Moment()
    stop: MomentText | None = None


class Mesh(Strict):
    """Every node pings all others by multicast and by unicast, as omping does."""

    mesh: Who
    group: Group
    port: int = Field(4321, ge=1, le=65534, description="multicast; unicast uses the next one")
    interval: Duration = 1.0
    size: int = Field(64, ge=16, le=65000)
    ttl: int = Field(64, ge=0, le=255)
    start: MomentText = Moment()
    stop: MomentText | None = None


def _stream_or_mesh(value: Any) -> str:
    return "mesh" if isinstance(value, Mesh) or (isinstance(value, dict) and "mesh" in value) else "stream"


Traffic = Annotated[
    Annotated[Stream, Tag("stream")] | Annotated[Mesh, Tag("mesh")], Discriminator(_stream_or_mesh)
]

# --- the timeline -----------------------------------------------------------------------------------------


class Membership(Strict):
    """A node and the stream (or mesh) whose group it joins or leaves."""

    node: Name
    stream: Name


class Silence(Strict):
    """Where frames vanish without a trace: one way (``from``, ``to``) or both (``between``).

    Both ends are neighbours: a node and its switch, or two switches.
    """

    between: tuple[str, str] | None = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None


class SetSwitch(SwitchSettings):
    """Settings of a switch that change while it runs."""

    switch: Name


ACTIONS = (
    "set",
    "start_querier",
    "stop_querier",
    "link_down",
    "link_up",
    "silence",
    "restore",
    "join",
    "leave",
    "restart_switch",
    "restart_node",
)


class Step(Strict):
    """One change at one moment: exactly one action."""

    at: MomentText
    name: Name | None = Field(None, description="what expectations call this moment")
    set: SetSwitch | None = None
    start_querier: Name | None = Field(None, description="of a switch or a router")
    stop_querier: Name | None = None
    link_down: str | tuple[str, str] | None = Field(
        None, description="a node, a port (sw1:p3) or two switches"
    )
    link_up: str | tuple[str, str] | None = None
    silence: Silence | None = None
    restore: Silence | None = Field(None, description="ends a silence")
    join: Membership | None = None
    leave: Membership | None = None
    restart_switch: Name | None = Field(None, description="its tables are lost")
    restart_node: Name | None = Field(None, description="its network goes down and up; it joins again")


# --- expectations -----------------------------------------------------------------------------------------


class Loss(Strict):
    """At most, or at least, this share of the datagrams does not arrive."""

    at_most: Share | None = None
    at_least: Share | None = None


class Outcome(str, Enum):
    """Everything arrives, or nothing."""

    ALL = "all"
    NONE = "none"


class Matrix(Strict):
    """For each sender who must hear it; the others must not. A sender left out is not judged."""

    matrix: dict[str, Who]


class LossResult(Strict):
    """A share of loss."""

    loss: Loss


def _result_kind(value: Any) -> str:
    if isinstance(value, Matrix) or (isinstance(value, dict) and "matrix" in value):
        return "matrix"
    return "loss" if isinstance(value, dict | LossResult) else "word"


Result = Annotated[
    Annotated[Outcome, Tag("word")] | Annotated[LossResult, Tag("loss")] | Annotated[Matrix, Tag("matrix")],
    Discriminator(_result_kind),
]


class Window(Strict):
    """When an expectation holds; ``after`` reads better with a step's name, and means the same as ``from``."""

    from_: MomentText | None = Field(None, alias="from")
    after: MomentText | None = None
    until: MomentText | None = None
    why: str | None = Field(None, description="a sentence for the report")


Audience = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_who),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "examples": ["members", "non-members", "router-ports", "n1", ["n1", "n2"]],
        }
    ),
]
"""("members",), ("non-members",), ("router-ports",) or names of nodes and routers."""


class Deliver(Window):
    """Who must hear a stream, or must not, in a window of time."""

    deliver: Name
    by: Literal["multicast", "unicast"] = Field("multicast", description="of a mesh, which of the two")
    to: Audience = ("members",)
    senders: Who = ("all",)
    result: Result


class Stops(Window):
    """Delivery works, then ends between two moments and does not come back in the window."""

    stops: Name
    by: Literal["multicast", "unicast"] = "multicast"
    to: Audience = ("members",)
    senders: Who = ("all",)
    between: Between


class Heals(Window):
    """Delivery is complete not later than ``within`` after a moment, and stays so in the window."""

    heals: Name
    by: Literal["multicast", "unicast"] = "multicast"
    to: Audience = ("members",)
    senders: Who = ("all",)
    within: Duration


class Load(Window):
    """Datagrams that reach nodes which did not ask for them, as a share of all that were sent by others."""

    load: Audience
    stream: Name | None = Field(None, description="left out: all streams together")
    at_most: Share | None = None
    at_least: Share | None = None


class SwitchState(Strict):
    """The tables of a switch at one moment."""

    switch: Name
    at: MomentText
    groups: dict[Group, tuple[str, ...]] | None = Field(
        None, description="for each group the members: ports (p3) or the neighbours on them (n3, sw2)"
    )
    router_ports: tuple[str, ...] | None = None
    querier: IPv4Address | Literal["none"] | None = None
    why: str | None = None


EXPECTATIONS = ("deliver", "stops", "heals", "load", "switch")


def _expectation_kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((kind for kind in EXPECTATIONS if kind in value), "unknown")
    return type(value).__name__.lower().removesuffix("state")


Expectation = Annotated[
    Annotated[Deliver, Tag("deliver")]
    | Annotated[Stops, Tag("stops")]
    | Annotated[Heals, Tag("heals")]
    | Annotated[Load, Tag("load")]
    | Annotated[SwitchState, Tag("switch")],
    Discriminator(_expectation_kind),
]

# --- the whole --------------------------------------------------------------------------------------------


class Role(str, Enum):
    """What a variant shows: the fault, a fix of it, or something to compare with."""

    FAULT = "fault"
    FIX = "fix"
    CONTROL = "control"


class TopologyUse(BaseModel):
    """A topology file and its parameters: ``{use: two-switches, nodes: 8}``."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str


class Variant(Strict):
    """Changes over the base: mappings are merged, ``timeline`` and ``expect`` are appended."""

    about: str = ""
    role: Role | None = None
    speed: float | None = Field(None, ge=1, le=1000)
    duration: Duration | None = None
    network: dict[str, Any] | None = None
    topology: dict[str, Any] | str | None = None
    traffic: dict[str, Any] | None = None
    timeline: tuple[Any, ...] = ()
    expect: tuple[Any, ...] = ()


class Scenario(Strict):
    """One file, or one of its variants merged over the base."""

    scenario: str = Field(min_length=3, description="the title, one line")
    source: tuple[str, ...] | str = Field(description="where this fault was seen or described")
    about: str = ""
    role: Role | None = None
    speed: float = Field(1.0, ge=1, le=1000, description="time compression: every protocol timer is divided")
    seed: int = 1
    duration: Duration | None = Field(None, description="left out: up to the last moment that is judged")
    topology: TopologyUse | str | None = None
    network: Network = Network()
    traffic: dict[Name, Traffic] = {}
    timeline: tuple[Step, ...] = ()
    expect: tuple[Expectation, ...] = ()
    variants: dict[Name, Variant] = {}


class Topology(Strict):
    """A network with parameters: ``${nodes}`` in it stands for a parameter's value."""

    topology: str
    about: str = ""
    parameters: dict[Name, int | float | bool | str] = {}
    network: dict[str, Any]
