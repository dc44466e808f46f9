"""What a run saw: append-only records, one JSON object a line in ``run.jsonl``.

Times are the customer's seconds from the start of the scenario (``at_s``). Records are written as they come,
so that a run which was killed can be judged up to that moment. Nothing here knows what was expected.
A record is frozen; ``KINDS`` gives each class its short name in the file ("t").
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first record: what ran, where, with which seed. ``version`` is the harness's."""

    scenario: str
    variant: str
    backend: str
    seed: int
    speed: float
    kernel: str
    version: str
    wall_clock: str
    plan_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The run entered a phase ("build", "settle", "run", "tear down"), ``real_s`` after it began."""

    name: str
    real_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Datagrams that a sender really sent: ``count`` of them from ``first`` on, the last at ``at_s``.

    ``late_s`` is the worst lateness against the plan among them. ``error`` is the kernel's answer when the
    send was refused (then the datagrams are not counted as sent).
    """

    at_s: float
    stream: int
    sender: str
    first: int
    count: int
    late_s: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A datagram reached these hosts, or ``count`` consecutive ones did, a period of the stream apart.

    ``sequence`` and ``at_s`` are those of the first. ``hosts`` got it from their socket (members; with
    repetitions if duplicated); ``flooded`` are hosts whose interface saw it although no socket of theirs
    wanted it. Several records for one datagram add up.
    """

    at_s: float
    stream: int
    sender: str
    sequence: int
    hosts: tuple[str, ...] = ()
    flooded: tuple[str, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A node joined or left the group of a stream, by its own wish."""

    at_s: float
    node: str
    stream: int
    joined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Igmp:
    """An IGMP or MLD message seen at a switch's port, or sent by the switch itself (``sent``, port empty).

    ``protocol`` is "igmp" or "mld", here and in what follows.
    """

    at_s: float
    switch: str
    port: str
    what: str
    source: str
    group: str = ""
    sent: bool = False
    protocol: str = "igmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLine:
    """A line of a switch's tables appeared or went: table "member", "router-port" or "querier".

    ``filter`` of a member: from which sources it receives the group, "include 10.77.0.3" or "exclude
    10.77.0.3"; empty is every source. A member whose filter changes appears again with the new one.
    """

    at_s: float
    switch: str
    table: str
    present: bool
    port: str = ""
    group: str = ""
    address: str = ""
    cause: str = ""
    filter: str = ""
    protocol: str = "igmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a switch treats what its member table does not settle (see ForwardingMode)."""

    at_s: float
    switch: str
    snooping: bool
    unregistered: str
    cause: str
    protocol: str = "igmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A step of the timeline was carried out; ``late_s`` behind the plan.

    ``devices`` are the switches and hosts that it was done to; empty: any may be meant.
    """

    at_s: float
    text: str
    name: str = ""
    late_s: float = 0.0
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Impaired:
    """This machine, not the scenario, lost or delayed something.

    ``what``: "backlog" (the kernel's per-CPU queue dropped ``count`` frames), "socket" (a receive buffer of
    ``host`` overflowed), "capture", or "late" (the lab's loop ran ``late_s`` behind).
    """

    at_s: float
    what: str
    count: int = 0
    host: str = ""
    late_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A sentence about the run that its report must not hide; it puts nothing in doubt."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAsked:
    """A probe tool on ``host`` asked ``peer`` ``count`` times from number ``first`` on, the last ``at_s``."""

    at_s: float
    tool: int
    host: str
    peer: str
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswered:
    """A probe tool on ``host`` got and accounted ``count`` consecutive answers of ``peer``.

    ``at_s`` and ``sequence`` are those of the first, ``last_s`` is when the last came. ``cast`` is "unicast",
    "multicast" or "broadcast"; ``distance`` in hops, None if unknown; ``size`` in bytes of UDP payload.
    """

    at_s: float
    last_s: float
    tool: int
    host: str
    peer: str
    cast: str
    sequence: int
    size: int
    count: int = 1
    distance: int | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFigures:
    """What a probe tool said at its end of one peer and cast; round trips in seconds of the tool's clock.

    ``first`` is the number of the first answer. ``duplicates`` are not in ``received``.
    """

    at_s: float
    tool: int
    host: str
    peer: str
    cast: str
    sent: int
    received: int
    duplicates: int = 0
    first: int | None = None
    least_s: float | None = None
    mean_s: float | None = None
    most_s: float | None = None
    deviation_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSaid:
    """A line that a probe tool wrote, to standard error if ``error``."""

    at_s: float
    tool: int
    host: str
    text: str
    error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    """A probe tool ended with this exit status; one that was killed by a signal has minus its number."""

    at_s: float
    tool: int
    host: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last record: "complete", "interrupted" or "broken" (then ``detail`` says why)."""

    at_s: float
    status: str
    detail: str = ""
    real_s: float = 0.0
    counters: dict[str, int] = field(default_factory=dict)


ToolRecord = ToolAsked | ToolAnswered | ToolFigures | ToolSaid | ToolEnded
"""What a probe tool did."""

Record = (
    Started
    | Phase
    | Sent
    | Arrived
    | Membership
    | Igmp
    | TableLine
    | Mode
    | Acted
    | Impaired
    | Remark
    | ToolRecord
    | Ended
)

KINDS: dict[str, type[Record]] = {
    "started": Started,
    "phase": Phase,
    "sent": Sent,
    "arrived": Arrived,
    "membership": Membership,
    "igmp": Igmp,
    "table": TableLine,
    "mode": Mode,
    "acted": Acted,
    "impaired": Impaired,
    "remark": Remark,
    "tool-asked": ToolAsked,
    "tool-answered": ToolAnswered,
    "tool-figures": ToolFigures,
    "tool-said": ToolSaid,
    "tool-ended": ToolEnded,
    "ended": Ended,
}
