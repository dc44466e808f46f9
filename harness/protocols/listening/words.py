"""Events and the summary in words: plain sentences, a line each.

Pure. ``here`` stands for this host and the guests behind the interface, because a frame that leaves may be
either's. Seconds are rounded to tenths: a clock on a wall is what they are compared with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import assert_never

from harness.protocols.dialect import Dialect, can_have_members
from harness.protocols.listening.asking import QUERY_INTERVAL_S
from harness.protocols.listening.events import (
    DamagedHeard,
    DataBegan,
    Event,
    Left,
    NobodyAsks,
    QuerierChanged,
    QueryHeard,
    RanOut,
    Reported,
    RouterHeard,
)
from harness.protocols.listening.frames import Vlans
from harness.protocols.listening.listener import Listener
from harness.protocols.listening.summary import (
    Group,
    Host,
    Network,
    OwnMembership,
    Querier,
    Router,
    Stream,
    Summary,
)
from harness.wire.membership import Address

_HERE = " (here)"
_SHOWN_MOMENTS = 4
_SHOWN_HOSTS = 8
_SHOWN_LINES = 50
"""Of one part of the summary; JSON has all."""


def seconds(value: float) -> str:
    """``130 s``, ``128.1 s``, ``ever``."""
    return f"{round(value, 1):.10g} s" if math.isfinite(value) else "ever"


def moment(value: float) -> str:
    """``3.1 s``: a moment since the listening began, with its tenth also where that is 0."""
    return f"{value:.1f} s"


def vlan(vlans: Vlans) -> str:
    """`` in VLAN 20`` with its space, or nothing for frames without a tag."""
    return f" in VLAN {'.'.join(map(str, vlans))}" if vlans else ""


def told(event: Event) -> str:
    """One line, with the moment first."""
    return f"{event.at_s:8.1f} s  {event.dialect.name:<4}  {_happened(event)}{vlan(event.vlans)}"


def _happened(event: Event) -> str:
    match event:
        case QueryHeard():
            text = _query(event)
        case QuerierChanged():
            text = _change(event)
        case NobodyAsks():
            since = "" if event.last_s is None else f", since {moment(event.last_s)}"
            text = f"no querier heard for {seconds(event.for_s)}{since}"
        case Reported():
            text = _report(event)
        case Left():
            where = _HERE if event.here else ""
            text = f"{event.host}{where} leaves {event.group}{_wrong('the leave', event.faults)}"
        case RanOut():
            text = _ran_out(event)
        case RouterHeard():
            says = f"hello, for {seconds(event.hold_time_s)}" if event.hold_time_s else "goodbye"
            text = f"PIM router {event.router} says {says}"
        case DataBegan():
            text = _data(event)
        case DamagedHeard():
            text = f"damaged message from {event.mac.hex(':')}: {event.why}"
        case _:
            assert_never(event)
    return text


def _wrong(what: str, faults: tuple[str, ...]) -> str:
    return f"; {what} {', '.join(faults)}" if faults else ""


def _query(event: QueryHeard) -> str:
    query = event.query
    about = "general query" if query.group is None else f"query for {query.group}"
    if query.sources:
        about += f" and {len(query.sources)} sources"
    says = f"v{query.version}, max response {seconds(query.max_response_s)}"
    if query.robustness or query.query_interval_s:
        says += f", QRV {query.robustness}, QQIC {seconds(query.query_interval_s)}"
    where = _HERE if event.here else f" ({event.mac.hex(':')})"
    late = "" if event.silence_s is None else f"; no querier had been heard for {seconds(event.silence_s)}"
    heed = "" if event.heeded else "; no host heeds it"
    zero = "; some switches and hosts do not heed that address" if event.source.is_unspecified else ""
    return f"{about} from {event.source}{where}: {says}{late}{zero}{_wrong('the query', event.faults)}{heed}"


def _change(event: QuerierChanged) -> str:
    if event.after is None:
        return f"{event.before} is querier no longer: {event.why}"
    if event.before is None:
        return f"{event.after} is the querier"
    return f"the querier is {event.after} now, and was {event.before}: {event.why}"


def _report(event: Reported) -> str:
    where = _HERE if event.here else ""
    again = "is still" if event.again else "is"
    only = "" if event.sources is None else f" for {_some(event.sources)} only"
    wrong = _wrong("the report", event.faults)
    return f"{event.host}{where} {again} a member of {event.group}{only} (v{event.version}){wrong}"


def _ran_out(event: RanOut) -> str:
    why = "although a querier asked" if event.asked else "and no querier was heard meanwhile"
    return (
        f"the membership of {event.group} ran out: nobody renewed it for {seconds(event.for_s)} "
        f"(last by {event.host} at {moment(event.last_s)}), {why}"
    )


def _data(event: DataBegan) -> str:
    port = "" if event.port is None else f" port {event.port}"
    if event.here:
        return f"{event.source}{_HERE} sends to {event.group}{port}"
    asked = {True: "", False: ", which this host did not ask for", None: ""}[event.asked]
    return f"data for {event.group}{port} from {event.source}{asked}"


def _some(things: tuple[Address, ...] | tuple[str, ...], shown: int = _SHOWN_HOSTS) -> str:
    rest = len(things) - shown
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(map(str, things[:shown])) + more


# --- the summary ------------------------------------------------------------------------------------------


def is_routine(event: Event) -> bool:
    """Whether an event is of interest only to who wants everything: renewals, and link-local groups."""
    match event:
        case Reported(again=True, faults=()):
            return True
        case Reported(group=group) | Left(group=group) | RanOut(group=group) | DataBegan(group=group):
            return not can_have_members(group)
        case _:
            return False


def progress(listener: Listener, listened_s: float, left_s: float) -> str:
    """One line for who waits."""
    queries, groups, streams = listener.so_far()
    heard = ", ".join(
        f"{count} {name if count == 1 else f'{name[:-1]}ies' if name.endswith('y') else f'{name}s'}"
        for count, name in ((queries, "query"), (groups, "reported group"), (streams, "stream"))
    )
    return f"listened for {listened_s:.0f} s, {max(left_s, 0):.0f} s left: {heard}"


def summed(summary: Summary, where: str) -> tuple[str, ...]:
    """The summary, a line each; ``where`` names the interface or the capture."""
    return (f"{where}: listened for {seconds(summary.listened_s)}", *_lines(summary))


def _lines(summary: Summary) -> Iterator[str]:
    for network in summary.networks:
        yield from _network(network, summary.listened_s)
    groups = [_group(group) for group in summary.groups if can_have_members(group.group)]
    if local := len(summary.groups) - len(groups):
        groups.append(f"and {local} link-local group{'' if local == 1 else 's'}")
    yield from _part("members heard:", groups)
    own = [] if summary.own is None else [_own(one, summary) for one in summary.own]
    yield from _part("this host is in:", own)
    yield from _part("flooded: this host did not ask for it", [_stream(one) for one in summary.flooded])
    rest = [stream for stream in summary.streams if not stream.flooded]
    yield from _part("data:", [_stream(stream) for stream in rest if stream.pruned])
    yield from _part("data for link-local groups:", [_stream(one) for one in rest if not one.pruned])
    yield from _part("PIM routers:", [_router(router) for router in summary.routers])
    yield from _part("damaged:", [f"{_frames(one.count)}: {one.what}" for one in summary.damaged])
    yield from _part("not in this summary:", [f"{_frames(one.count)} {one.what}" for one in summary.lacking])
    yield from _part("note:", list(summary.notes))


def _part(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield title
        yield from (f"    {line}" for line in lines[:_SHOWN_LINES])
        if len(lines) > _SHOWN_LINES:
            yield f"    and {len(lines) - _SHOWN_LINES} more; --json has them"


def _frames(count: int) -> str:
    return f"{count} frame" if count == 1 else f"{count} frames"


def _network(network: Network, listened_s: float) -> Iterator[str]:
    name = f"{network.dialect.name}{vlan(network.vlans)}"
    if network.silent_s is None:
        hint = ""
        if listened_s < QUERY_INTERVAL_S:
            hint = f" (queriers ask every {seconds(QUERY_INTERVAL_S)} as shipped: listen longer to be sure)"
        yield f"{name}: no querier heard for {seconds(listened_s)}{hint}"
    elif network.lost:
        last = moment(listened_s - network.silent_s)
        yield f"{name}: no querier heard for {seconds(network.silent_s)}, since the last query at {last}"
    for querier in network.queriers:
        yield f"{name}: {_querier(querier)}"
        yield from (f"    {line}" for line in _about(querier, network))
    yield from (f"    {line}" for line in _contest(network))


def _querier(querier: Querier) -> str:
    versions = " and ".join(f"v{version}" for version in querier.versions)
    dialect = Dialect.of(querier.address).name
    where = _HERE if querier.here else ""
    if not querier.general:
        return f"querier {querier.address}{where} asked only for groups that were left ({dialect} {versions})"
    every = "" if querier.every_s is None else f", every {seconds(querier.every_s)}"
    return f"querier {querier.address}{where} asked at {_moments(querier)} ({dialect} {versions}{every})"


def _moments(querier: Querier) -> str:
    if querier.general <= _SHOWN_MOMENTS:
        return ", ".join(moment(at_s) for at_s in querier.moments_s)
    first = ", ".join(moment(at_s) for at_s in querier.moments_s[: _SHOWN_MOMENTS - 1])
    return f"{first} ... {moment(querier.last_s or 0.0)}, {querier.general} times"


def _about(querier: Querier, network: Network) -> Iterator[str]:
    says = [f"MAC {querier.mac.hex(':')}"]
    if querier.max_response_s is not None:
        says.append(f"max response {seconds(querier.max_response_s)}")
    if querier.robustness or querier.query_interval_s:
        says.append(f"QRV {querier.robustness or 0}, QQIC {seconds(querier.query_interval_s or 0.0)}")
    if querier.specific:
        says.append(f"asked {querier.specific} times for single groups")
    yield ", ".join(says)
    if querier.other_macs:
        yield f"{querier.other_macs} of its queries came from other MAC addresses: two devices, one address?"
    if len(querier.versions) > 1:
        yield "it asks in more than one version, or two devices do with one address"
    if querier.address.is_unspecified:
        yield "it has no address: some switches and hosts do not heed such queries"
    if querier.longest_gap_s is not None and querier.longest_gap_s > network.other_querier_s:
        yield (
            f"it was silent for {seconds(querier.longest_gap_s)}, which is longer than the "
            f"{seconds(network.other_querier_s)} after which it is taken for gone"
        )
    for fault in querier.faults:
        yield f"its query {fault}"


def _contest(network: Network) -> Iterator[str]:
    """What several queriers mean for each other (RFC 2236 section 7, RFC 9776 section 6.6.2)."""
    askers = [querier for querier in network.queriers if querier.general]
    for querier in askers:
        if querier.wins and len(askers) > 1:
            yield f"{querier.address} wins the election: the lowest address that asks"
        if querier.asked_after_losing > 1:
            yield (
                f"{querier.address} asked {querier.asked_after_losing} times more although a lower address "
                "asks: it does not hear the other's queries, or takes no part in the election"
            )
    versions = {querier.address: querier.versions for querier in askers}
    if len(set(versions.values())) > 1:
        spoken = ", ".join(f"{address} v{max(spoken)}" for address, spoken in versions.items())
        yield f"queriers speak different versions: {spoken}"


def _group(group: Group) -> str:
    hosts = _some(tuple(_host(host) for host in group.hosts))
    ended = "" if group.ran_out_s is None else f"; ran out at {moment(group.ran_out_s)}: nobody renewed it"
    return f"{group.group}{vlan(group.vlans)}: {hosts}{ended}"


def _host(host: Host) -> str:
    where = ", here" if host.here else ""
    only = "" if host.sources is None else f", for {_some(host.sources)} only"
    left = "" if host.left_s is None else f", left at {moment(host.left_s)}"
    return f"{host.address} (v{host.version}{where}{only}, last at {moment(host.last_s)}{left}){_bad(host)}"


def _bad(host: Host) -> str:
    return f" whose report {', '.join(host.faults)}" if host.faults else ""


def _own(own: OwnMembership, summary: Summary) -> str:
    if own.reports:
        times = "once" if own.reports == 1 else f"{own.reports} times"
        return f"{own.group}: reported {times}, last at {moment(own.last_s or 0.0)}"
    dialect = Dialect.of(own.group)
    askers = [
        querier
        for network in summary.networks
        if network.dialect is dialect
        for querier in network.queriers
        if querier.general
    ]
    due = any(one.moments_s[0] + (one.max_response_s or 0.0) < summary.listened_s for one in askers)
    why = "although a querier asked" if due else "no answer is due yet" if askers else "nobody asked"
    return f"{own.group}: not reported for {seconds(summary.listened_s)}: {why}"


def _stream(stream: Stream) -> str:
    port = "" if stream.port is None else f" port {stream.port}"
    counts = _packets(stream.received)
    if stream.sent:
        counts = f"{_packets(stream.sent)} out" + (f" and {stream.received} in" if stream.received else "")
    words = [f"{stream.group}{port} from {stream.source}{vlan(stream.vlans)}: {counts}"]
    words.append(f"from {moment(stream.first_s)} to {moment(stream.last_s)}")
    if stream.pruned and not stream.reported and not stream.asked:
        words.append("nobody has reported it")
    return ", ".join(words)


def _packets(count: int) -> str:
    return f"{count} packet" if count == 1 else f"{count} packets"


def _router(router: Router) -> str:
    hold = "said goodbye" if not router.hold_time_s else f"hold time {seconds(router.hold_time_s)}"
    return f"{router.router}{vlan(router.vlans)}: {router.hellos} hellos, {hold}"
