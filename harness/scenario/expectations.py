"""Expectations as they are written: what must arrive, stop or heal, and what a switch must know."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from harness.scenario.fields import (
    Audience,
    Between,
    Duration,
    Group,
    Moment,
    MomentText,
    Name,
    SeenQuerier,
    SeenQuerier6,
    Share,
    SwitchName,
    Who,
)
from harness.scenario.strict import Strict
from harness.source import closest


def check_bounds(at_least: float | None, at_most: float | None) -> None:
    """A share needs a bound, and room between two. Raises ValueError with a sentence for the author."""
    if at_least is None and at_most is None:
        raise ValueError('write "at_most: 1%" or "at_least: 99%", or both')
    if at_least is not None and at_most is not None and at_least > at_most:
        raise ValueError("at_least is more than at_most: no share is both")


class Loss(Strict):
    """At most, or at least, this share of the datagrams does not arrive."""

    at_most: Share | None = Field(None, description="no pair loses more")
    at_least: Share | None = Field(None, description="every pair loses that much")

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

    matrix: dict[str, Who] = Field(description="for each sender who hears it")


class LossResult(Strict):
    """A share of loss."""

    loss: Loss = Field(description="the bounds of each pair's loss")


def _read_outcome(value: Any) -> Any:
    if isinstance(value, str) and value in set(Outcome):
        return value
    hint = closest(value, set(Outcome)) if isinstance(value, str) else ""
    given = f'"{value}"' if isinstance(value, str | int | float) else "this"
    msg = f"{given} is no result: write all, none, {{loss: {{at_most: 1%}}}} or {{matrix: {{n1: all}}}}{hint}"
    raise ValueError(msg)


def _result_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return "matrix" if isinstance(value, Matrix) else "loss" if isinstance(value, LossResult) else "word"
    return next((kind for kind in ("matrix", "loss") if kind in value), "word")


Result = Annotated[
    Annotated[Outcome, BeforeValidator(_read_outcome), Tag("word")]
    | Annotated[LossResult, Tag("loss")]
    | Annotated[Matrix, Tag("matrix")],
    Discriminator(_result_kind),
]


_TO = "who is looked at: members at that moment, non-members, router-ports, or names"
_SENDERS = "whose datagrams are looked at; all are those that send the stream"


class Window(Strict):
    """When an expectation holds; ``after``, which reads better with a step's name, means ``from``."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "at": "an expectation of delivery has a window: from and until",
        "loss": "it is result: {loss: {at_most: 1%}}",
        "matrix": "it is result: {matrix: {n1: all}}",
        "from_": "it is from",
        "receivers": "it is to",
    }

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

    deliver: Name = Field(description="the stream or mesh")
    by: Literal["multicast", "unicast"] = Field("multicast", description="of a mesh, which of the two")
    to: Audience = Field(("members",), description=_TO)
    senders: Who = Field(("all",), description=_SENDERS)
    result: Result = Field(description="all, none, a share of loss, or a matrix of who hears whom")


class Stops(Window):
    """Delivery works, then ends between two moments and does not come back in the window."""

    stops: Name = Field(description="the stream or mesh")
    by: Literal["multicast", "unicast"] = Field("multicast", description="of a mesh, which of the two")
    to: Audience = Field(("members",), description=_TO)
    senders: Who = Field(("all",), description=_SENDERS)
    between: Between = Field(description="the last datagram that arrives is due between these moments")


class Heals(Window):
    """Delivery is complete not later than ``within`` after a moment, and stays so in the window."""

    heals: Name = Field(description="the stream or mesh")
    by: Literal["multicast", "unicast"] = Field("multicast", description="of a mesh, which of the two")
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

    load: Audience = Field(description="who is looked at: non-members, router-ports, members, or names")
    stream: Name | None = Field(None, description="left out: all streams together")
    at_most: Share | None = Field(None, description="the share is not larger")
    at_least: Share | None = Field(None, description="the share is not smaller")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_bounds(self.at_least, self.at_most)
        return self


class SwitchState(Strict):
    """The tables of a switch at one moment; of a switch with VLANs, those of one (sw1.20)."""

    switch: SwitchName = Field(description="sw1, or one VLAN of it (sw1.20)")
    at: MomentText = Field(description="the moment at which its tables are looked at")
    groups: dict[Group, Who] | None = Field(
        None, description="for each group the members: ports (p3) or the neighbours on them (n3, sw2)"
    )
    router_ports: Who | None = Field(None, description="ports or the neighbours on them; none is an answer")
    querier: SeenQuerier | None = Field(None, description="the address, or none")
    mld_router_ports: Who | None = Field(None, description="as router_ports, of IPv6")
    mld_querier: SeenQuerier6 | None = Field(None, description="its link-local address, or none")
    why: str | None = Field(None, description="a sentence for the report")

    @model_validator(mode="after")
    def _judges_something(self) -> Self:
        judged = (self.groups, self.router_ports, self.querier, self.mld_router_ports, self.mld_querier)
        if all(one is None for one in judged):
            raise ValueError("nothing to judge: write groups, router_ports or querier")
        return self


class OrWholeNumber:
    """Annotates bounds of a number: the number itself will do as well."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of both forms."""
        return {"anyOf": [{"type": "integer", "minimum": 0}, handler(core_schema)]}


class Bounds(Strict):
    """A whole number that is not smaller, or not larger; a bare number is both."""

    at_least: int | None = Field(None, ge=0, description="it is not smaller")
    at_most: int | None = Field(None, ge=0, description="it is not larger")

    @model_validator(mode="before")
    @classmethod
    def _both(cls, value: Any) -> Any:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return {"at_least": value, "at_most": value} if is_number else value

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError('write a number, or "at_most: 3" or "at_least: 1", or both')
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is more than at_most: no number is both")
        return self


Figure = Annotated[Bounds, OrWholeNumber()]
"""A number of a tool's report."""


class Reports(Strict):
    """What a probe tool says at its end, in the reports of ``to`` about ``senders``."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "result": "of a tool's report it is loss: {at_most: 1%}",
        "from": "a tool's report is about all of its time; its own start and stop stand under traffic",
        "from_": "a tool's report is about all of its time; its own start and stop stand under traffic",
        "after": "a tool's report is about all of its time; its own start and stop stand under traffic",
        "until": "a tool's report is about all of its time; its own start and stop stand under traffic",
        "between": "it is last: [250s, 270s]",
        "status": "it is exit",
    }

    reports: Name = Field(description="the tool, by its name under traffic")
    by: Literal["multicast", "unicast", "broadcast"] = Field("multicast", description="how answers were sent")
    to: Who = Field(("all",), description="in whose reports; all are those that run it")
    senders: Who = Field(("all",), description="about whose answers; all are those that it asks")
    loss: Loss | None = Field(None, description="of what was asked, also before the first answer")
    duplicates: Figure | None = Field(None, description="answers that came once more")
    first: Figure | None = Field(None, description="the number of the first answer; 1: none was lost before")
    last: Between | None = Field(None, description="the last answer came between these moments")
    distance: Figure | None = Field(None, description="hops between the two")
    size: Figure | None = Field(None, description="bytes of the largest answer's UDP payload")
    exit: int | None = Field(None, ge=-64, le=255, description="the tool's exit status")
    why: str | None = Field(None, description="a sentence for the report")

    @model_validator(mode="after")
    def _judges_something(self) -> Self:
        judged = (self.loss, self.duplicates, self.first, self.last, self.distance, self.size, self.exit)
        if all(one is None for one in judged):
            raise ValueError("nothing to judge: write loss, first, last, distance, size, duplicates or exit")
        return self


EXPECTATIONS = ("deliver", "stops", "heals", "load", "switch", "reports")


def _expectation_kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((kind for kind in EXPECTATIONS if kind in value), "unknown")
    return type(value).__name__.lower().removesuffix("state")


Expectation = Annotated[
    Annotated[Deliver, Tag("deliver")]
    | Annotated[Stops, Tag("stops")]
    | Annotated[Heals, Tag("heals")]
    | Annotated[Load, Tag("load")]
    | Annotated[SwitchState, Tag("switch")]
    | Annotated[Reports, Tag("reports")],
    Discriminator(_expectation_kind),
]
