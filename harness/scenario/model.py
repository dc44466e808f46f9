"""A scenario as it was written: the language of scenario and topology files, as pydantic models.

Nothing is resolved here: names are names, counts are counts, moments may refer to a step of the timeline.
The models are strict (unknown keys are mistakes) and frozen. The JSON Schema for editors comes from them.
They do no I/O; ``harness.scenario.loader`` reads files and turns pydantic's errors into file:line:column.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from harness.scenario.fields import (
    Address,
    Audience,
    Between,
    Duration,
    Group,
    Length,
    Moment,
    MomentText,
    Name,
    Names,
    OnOff,
    Pair,
    Parameter,
    Rate,
    SeenQuerier,
    Share,
    Subnet,
    Texts,
    Who,
)


class Strict(BaseModel):
    """The base of everything in a file: frozen, and a key that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


# --- the network ------------------------------------------------------------------------------------------


class Querier(Strict):
    """Who asks for members. Times left out take the profile's, or those of RFC 2236 section 8."""

    address: Address | None = Field(None, description="source address of the queries; 0.0.0.0 is allowed")
    version: Literal[1, 2, 3] | None = None
    query_interval: Length | None = None
    max_response: Length | None = None
    robustness: int | None = Field(None, ge=1, le=7)
    startup_interval: Length | None = None
    startup_count: int | None = Field(None, ge=0, le=10)
    other_querier_interval: Length | None = None


class UnregisteredRule(StrEnum):
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
    router_ports: Names | None = Field(
        None,
        description="static multicast router ports: a port's name (p3), or the neighbour on it (n1, sw2)",
    )
    unregistered: UnregisteredRule | None = Field(
        None,
        description="groups without a member; set by hand it always holds, also before a querier is known",
    )
    membership_interval: Duration | None = Field(None, description="0 never ages")
    router_port_interval: Duration | None = None
    last_member_interval: Length | None = None
    last_member_count: int | None = Field(None, ge=1, le=10)


class Switch(SwitchSettings):
    """A switch, or ``count`` equal ones: sw with count 3 is sw1, sw2, sw3."""

    profile: str = Field(
        "linux-bridge",
        description="behaviour: a vendor's platform, linux-bridge, or a file of your own (./my.profile.yaml)",
    )
    count: int | None = Field(None, ge=1, le=200)
    address: Address | None = None
    mtu: int | None = Field(None, ge=68, le=65520)


class Firewall(Strict):
    """Rules as a customer sends them, for the tool of that name. They hold from before the first second."""

    iptables: Texts | None = Field(
        None, description="rules (-A INPUT ...), one or many, or iptables-save's output"
    )
    ip6tables: Texts | None = None
    nft: Texts | None = Field(None, description="a ruleset, as nft -f reads it")

    @model_validator(mode="after")
    def _has_rules(self) -> Self:
        if not any((self.iptables, self.ip6tables, self.nft)):
            raise ValueError("a firewall without rules: write some under iptables, ip6tables or nft")
        return self


class Nodes(Strict):
    """A node, or ``count`` equal ones: n with count 8 is n1 to n8."""

    count: int | None = Field(None, ge=1, le=5000)
    on: Names = Field(
        description="the switch (sw1) or a port of it (sw1:p7); of several switches the nodes take turns"
    )
    address: Address | None = None
    mtu: int | None = Field(None, ge=68, le=65520)
    igmp_version: Literal[1, 2, 3] | None = Field(
        None, description="forced; else the stack follows the querier"
    )
    firewall: Firewall | None = None
    port: Literal["up", "down"] = "up"


class Router(Strict):
    """A multicast router as its network sees it: it queries, and its port becomes a router port."""

    on: str = Field(description="the switch (sw1) or a port of it (sw1:p7)")
    address: Address | None = None
    mtu: int | None = Field(None, ge=68, le=65520)
    querier: QuerierSetting = True
    port: Literal["up", "down"] = "up"


class Link(Strict):
    """A cable between two switches."""

    between: Pair
    mtu: int | None = Field(None, ge=68, le=65520)
    state: Literal["up", "down"] = "up"


class Layout(StrEnum):
    """How all switches are joined, in the order of the file; a star is around the first."""

    CHAIN = "chain"
    STAR = "star"


def _links_kind(value: Any) -> str:
    return "layout" if isinstance(value, str) else "list"


def _link_kind(value: Any) -> str:
    return "link" if isinstance(value, dict | Link) else "pair"


AnyLink = Annotated[Annotated[Pair, Tag("pair")] | Annotated[Link, Tag("link")], Discriminator(_link_kind)]
Links = Annotated[
    Annotated[Layout, Tag("layout")] | Annotated[tuple[AnyLink, ...], Tag("list")], Discriminator(_links_kind)
]


class Network(Strict):
    """Switches, bridges, routers, nodes and the links between switches."""

    switches: dict[Name, Switch] = {}
    bridges: dict[Name, Switch] = Field({}, description="as switches; the profile is linux-bridge")
    routers: dict[Name, Router] = {}
    nodes: dict[Name, Nodes] = {}
    links: Links = Field(
        (), description="cables between switches: chain, star (around the first), or a list of pairs"
    )
    mtu: int = Field(1500, ge=68, le=65520)
    subnet: Subnet = IPv4Network("10.77.0.0/16")
    ipv6: OnOff = Field(False, description="the nodes' own IPv6 noise: MLD reports and solicitations")


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
    interval: Length = 1.0
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

    between: Pair | None = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None

    @model_validator(mode="after")
    def _one_way_or_both(self) -> Self:
        ends = (self.from_, self.to)
        if (self.between is None) == (ends == (None, None)) or (self.between is None and None in ends):
            raise ValueError('write "between: [a, b]" for both ways, or "from: a" and "to: b" for one')
        return self


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
    link_down: Names | None = Field(None, description="a node, a port (sw1:p3) or two switches")
    link_up: Names | None = None
    silence: Silence | None = None
    restore: Silence | None = Field(None, description="ends a silence")
    join: Membership | None = None
    leave: Membership | None = None
    restart_switch: Name | None = Field(None, description="its tables are lost")
    restart_node: Name | None = Field(None, description="its network goes down and up; it joins again")

    @property
    def action(self) -> str:
        """The name of the step's one action."""
        return next(action for action in ACTIONS if getattr(self, action) is not None)

    @model_validator(mode="after")
    def _exactly_one_action(self) -> Self:
        found = [action for action in ACTIONS if getattr(self, action) is not None]
        if not found:
            message = f"a step needs an action, one of: {', '.join(ACTIONS)}"
            raise ValueError(message)
        if len(found) > 1:
            message = f"one step, one action: this one has {' and '.join(found)}; write a step for each"
            raise ValueError(message)
        return self


# --- expectations -----------------------------------------------------------------------------------------


def check_bounds(at_least: float | None, at_most: float | None) -> None:
    """A share needs a bound, and room between two. Raises ValueError with a sentence for the author."""
    if at_least is None and at_most is None:
        raise ValueError('write "at_most: 1%" or "at_least: 99%", or both')
    if at_least is not None and at_most is not None and at_least > at_most:
        raise ValueError("at_least is more than at_most: no share is both")


class Loss(Strict):
    """At most, or at least, this share of the datagrams does not arrive."""

    at_most: Share | None = None
    at_least: Share | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_bounds(self.at_least, self.at_most)
        return self


class Outcome(StrEnum):
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


_TO = "who is looked at: members at that moment, non-members, router-ports, or names"
_SENDERS = "whose datagrams are looked at; all are those that send the stream"


class Window(Strict):
    """When an expectation holds; ``after``, which reads better with a step's name, means ``from``."""

    from_: MomentText | None = Field(
        None, alias="from", description="the window's begin; left out: the start of the stream"
    )
    after: MomentText | None = Field(
        None, description='as "from", reads better with a step: querier-dies + 10s'
    )
    until: MomentText | None = Field(None, description="the window's end; left out: the end of the scenario")
    why: str | None = Field(None, description="a sentence for the report")

    @property
    def opens(self) -> tuple[str, Moment] | None:
        """The key that says when the window opens, and the moment; None when it is left out."""
        if self.from_ is not None:
            return "from", self.from_
        return None if self.after is None else ("after", self.after)

    @model_validator(mode="after")
    def _opens_once(self) -> Self:
        if self.from_ is not None and self.after is not None:
            raise ValueError('"from" and "after" say the same thing: keep one')
        return self


class Deliver(Window):
    """Who must hear a stream, or must not, in a window of time."""

    deliver: Name
    by: Literal["multicast", "unicast"] = Field("multicast", description="of a mesh, which of the two")
    to: Audience = Field(("members",), description=_TO)
    senders: Who = Field(("all",), description=_SENDERS)
    result: Result = Field(description="all, none, a share of loss, or a matrix of who hears whom")


class Stops(Window):
    """Delivery works, then ends between two moments and does not come back in the window."""

    stops: Name
    by: Literal["multicast", "unicast"] = "multicast"
    to: Audience = Field(("members",), description=_TO)
    senders: Who = Field(("all",), description=_SENDERS)
    between: Between = Field(description="the last datagram that arrives is due between these moments")


class Heals(Window):
    """Delivery is complete not later than ``within`` after a moment, and stays so in the window."""

    heals: Name
    by: Literal["multicast", "unicast"] = "multicast"
    to: Audience = Field(("members",), description=_TO)
    senders: Who = Field(("all",), description=_SENDERS)
    within: Duration = Field(description="after the window's begin; whatever is due later must arrive")

    @model_validator(mode="after")
    def _begins(self) -> Self:
        if self.opens is None:
            raise ValueError('missing key "after": the moment from which healing counts')
        return self


class Load(Window):
    """Datagrams that reach nodes which did not ask for them, as a share of all that were sent by others."""

    load: Audience
    stream: Name | None = Field(None, description="left out: all streams together")
    at_most: Share | None = None
    at_least: Share | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_bounds(self.at_least, self.at_most)
        return self


class SwitchState(Strict):
    """The tables of a switch at one moment."""

    switch: Name
    at: MomentText
    groups: dict[Group, Who] | None = Field(
        None, description="for each group the members: ports (p3) or the neighbours on them (n3, sw2)"
    )
    router_ports: Who | None = Field(None, description="ports or the neighbours on them; none is an answer")
    querier: SeenQuerier | None = Field(None, description="the address, or none")
    why: str | None = None

    @model_validator(mode="after")
    def _judges_something(self) -> Self:
        if self.groups is None and self.router_ports is None and self.querier is None:
            raise ValueError("nothing to judge: write groups, router_ports or querier")
        return self


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


class Role(StrEnum):
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
    duration: Length | None = None
    network: dict[str, Any] | None = None
    topology: dict[str, Any] | str | None = None
    traffic: dict[str, Any] | None = None
    timeline: tuple[Any, ...] = ()
    expect: tuple[Any, ...] = ()


class Scenario(Strict):
    """One file, or one of its variants merged over the base."""

    scenario: str = Field(min_length=3, description="the title, one line")
    source: Texts = Field(description="where this fault was seen or described")
    about: str = ""
    role: Role | None = None
    speed: float = Field(1.0, ge=1, le=1000, description="time compression: every protocol timer is divided")
    seed: int = 1
    duration: Length | None = Field(
        None,
        description="left out: until the last moment of the timeline and of every window has passed; a "
        "window that is open lasts for ten datagrams of its stream",
    )
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
    parameters: dict[Name, Parameter] = {}
    network: dict[str, Any]
