"""What rules find in the figures of probes. Each returns a finding or None, and knows nothing of causes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address

from harness.diagnosis.case import Case, Pair
from harness.diagnosis.facts import NothingHeard, ProbeFigures
from harness.diagnosis.found import Found, found, heard, names, of_pairs, seconds
from harness.diagnosis.patterns import AGES_S, GOOD_LOSS, MEMBERSHIP_S, Shape
from harness.protocols.probes.program import Cast

_SSM = IPv4Network("232.0.0.0/8")
_LOCAL = IPv4Network("224.0.0.0/24")
_ALIAS_MASK = 0x007FFF00
"""The bits of an IPv4 group that reach its MAC address (RFC 1112 6.4), but for the last octet."""


def _at_ageing(pair: Pair) -> bool:
    turned_s = pair.pattern.turned_s
    return turned_s is not None and AGES_S[0] <= turned_s <= AGES_S[1]


def died_when_memberships_age(case: Case) -> Found | None:
    """Multicast stopped about when switches forget members."""
    pairs = [pair for pair in case.only_multicast_lost(Shape.DIED) if _at_ageing(pair)]
    return found(f"multicast from {heard(pairs)} stopped {seconds(pairs)}; unicast went on", of_pairs(pairs))


def lost_the_rest(case: Case) -> Found | None:
    """As much came as a membership lasts; when the rest was lost is not in a summary."""
    pairs = [pair for pair in case.only_multicast_lost(Shape.PART) if _at_ageing(pair)]
    text = f"of multicast from {heard(pairs)} as much came as {seconds(pairs).removeprefix('after ')} bring"
    return found(f"{text}, and no unicast was lost", of_pairs(pairs))


def died_otherwise(case: Case) -> Found | None:
    """Multicast stopped at a moment that is no usual ageing time."""
    pairs = [pair for pair in case.only_multicast_lost(Shape.DIED) if not _at_ageing(pair)]
    return found(f"multicast from {heard(pairs)} stopped {seconds(pairs)}; unicast went on", of_pairs(pairs))


def never_came(case: Case) -> Found | None:
    """No multicast of some peers came, and their unicast did."""
    pairs = case.only_multicast_lost(Shape.NEVER)
    return found(f"no multicast from {heard(pairs)} came, and all unicast did", of_pairs(pairs))


def some_never_came(case: Case) -> Found | None:
    """No multicast of some peers came, that of others did."""
    pairs = case.only_multicast_lost(Shape.NEVER)
    if not any(pair.shape is Shape.COMPLETE for pair in case.pairs):
        return None
    return found(f"no multicast from {heard(pairs)} came, and that of others did", of_pairs(pairs))


def unicast_lost(case: Case) -> Found | None:
    """Unicast was lost in part."""
    lost = [
        one
        for one in case.all(ProbeFigures)
        if one.cast is Cast.UNICAST and one.received and one.loss >= GOOD_LOSS
    ]
    worst = max((one.loss_percent for one in lost), default=0)
    return found(f"unicast from {names(one.peer for one in lost)} was lost too, up to {worst} %", lost)


def on_and_off(case: Case) -> Found | None:
    """Multicast stopped and came back."""
    pairs = case.only_multicast_lost(Shape.ON_AND_OFF)
    return found(f"multicast from {heard(pairs)} stopped and came back; unicast went on", of_pairs(pairs))


def scattered(case: Case) -> Found | None:
    """Multicast was lost here and there."""
    pairs = [pair for pair in case.pairs if pair.shape is Shape.SCATTERED]
    return found(f"multicast from {heard(pairs)} was lost here and there", of_pairs(pairs))


def came_late(case: Case) -> Found | None:
    """Multicast came only from some moment on."""
    pairs = case.only_multicast_lost(Shape.LATE)
    return found(f"multicast from {heard(pairs)} came only {seconds(pairs)}, then all of it", of_pairs(pairs))


def two_sides(case: Case) -> Found | None:
    """The nodes are sets that hear each other and nobody else."""
    sides = case.sides()
    if not sides:
        return None
    told = "; ".join(names(side) for side in sides)
    return found(f"nodes hear those of their own side only: {told}", of_pairs(case.failing))


def all_came_for_long(case: Case) -> Found | None:
    """Everything came for longer than any switch remembers."""
    lasted_s = _lasted_s(case)
    if not case.pairs or len(case.complete) < len(case.pairs) or lasted_s is None or lasted_s < AGES_S[1]:
        return None
    return found(f"all multicast came for {lasted_s:.0f} s", of_pairs(case.complete))


def all_came_shortly(case: Case) -> Found | None:
    """Everything came, in a run that ended before memberships age, and no querier is known."""
    lasted_s = _lasted_s(case)
    if not case.pairs or len(case.complete) < len(case.pairs) or case.queriers:
        return None
    if lasted_s is None or lasted_s >= AGES_S[1]:
        return None
    text = f"{lasted_s:.0f} s of test end before the {MEMBERSHIP_S:.0f} s in which memberships age"
    if lasted_s >= MEMBERSHIP_S:
        text = f"{lasted_s:.0f} s of test do not outlast the 300 s after which some switches forget"
    return found(text, of_pairs(case.complete))


def _lasted_s(case: Case) -> float | None:
    """How long the longest run was."""
    known = [pair.multicast.lasted_s for pair in case.pairs if pair.multicast.lasted_s is not None]
    return max(known, default=None)


def nothing_failed(case: Case) -> Found | None:
    """Every pair is complete."""
    complete = case.complete
    return found("all multicast came", of_pairs(complete)) if len(complete) == len(case.pairs) else None


def one_is_deaf(case: Case) -> Found | None:
    """One node lost everybody's multicast, and the others lost nobody's but perhaps its own."""
    if len(case.nodes) < 2:
        return None
    for node in case.nodes:
        own = case.of_node(node)
        others = [pair for pair in case.pairs if pair.node != node]
        if all(pair in case.failing for pair in own) and all(pair in case.complete for pair in others):
            text = f"{node or 'one node'} lost the multicast of {names(pair.peer for pair in own)}"
            return found(f"{text}; {names(pair.node for pair in others)} lost none", of_pairs(own))
    return None


def one_is_mute(case: Case) -> Found | None:
    """One peer's multicast is missed by all who report, and nothing else is."""
    peers = tuple(dict.fromkeys(pair.peer for pair in case.pairs))
    for peer in peers:
        of_it = case.of_peer(peer)
        others = [pair for pair in case.pairs if pair.peer != peer]
        if len(of_it) < 2 or not others:
            continue
        if all(pair in case.failing for pair in of_it) and all(pair in case.complete for pair in others):
            text = f"{names(pair.node for pair in of_it)} miss the multicast of {peer}"
            return found(f"{text}, and no other", of_pairs(of_it))
    return None


def one_report_lost_all(case: Case) -> Found | None:
    """There is one node's report, and it lost everybody's multicast, if not from the first packet on."""
    if len(case.nodes) != 1 or len(case.failing) < 2 or len(case.failing) < len(case.pairs):
        return None
    if all(pair.shape is Shape.NEVER for pair in case.pairs):
        return None
    return found(f"{case.nodes[0] or 'the one report'} lost everybody's multicast", of_pairs(case.failing))


def one_died(case: Case) -> Found | None:
    """Multicast stopped at one node while others went on."""
    pairs = case.only_multicast_lost(Shape.DIED, Shape.PART)
    at = {pair.node for pair in pairs}
    if len(at) != 1 or len(case.nodes) < 2:
        return None
    return found(f"only {pairs[0].node} was forgotten", of_pairs(pairs))


def died_though_queried(case: Case) -> Found | None:
    """Multicast stopped, and a querier is there."""
    pairs = case.only_multicast_lost(Shape.DIED, Shape.PART)
    if not case.queriers or not pairs:
        return None
    asks = names(one.address for one in case.queriers)
    text = f"multicast from {heard(pairs)} stopped although {asks} queries"
    return found(text, (*of_pairs(pairs), *case.queriers))


def never_came_to_one_node(case: Case) -> Found | None:
    """There is one node's report, and no multicast of several peers came there."""
    pairs = case.only_multicast_lost(Shape.NEVER)
    if len(case.nodes) != 1 or len(pairs) < 2 or len(pairs) < len(case.pairs):
        return None
    return found(f"no multicast from {heard(pairs)} came, and all unicast did", of_pairs(pairs))


def never_came_to_anybody(case: Case) -> Found | None:
    """Two nodes or more report, and no multicast came to any."""
    pairs = case.only_multicast_lost(Shape.NEVER)
    if len(case.nodes) < 2 or len(pairs) < len(case.pairs):
        return None
    return found(f"no multicast came from anybody ({heard(pairs)}), and all unicast did", of_pairs(pairs))


def never_came_to_the_one(case: Case) -> Found | None:
    """One pair, and no multicast."""
    pairs = case.only_multicast_lost(Shape.NEVER)
    return found(f"no multicast from {heard(pairs)} came", of_pairs(pairs)) if len(case.pairs) == 1 else None


def some_multicast_came(case: Case) -> Found | None:
    """Somebody got multicast of somebody."""
    pairs = [pair for pair in case.pairs if pair.multicast.received]
    return found(f"multicast of {heard(pairs)} came", of_pairs(pairs))


def nothing_heard(case: Case) -> Found | None:
    """A listener heard nothing of its group."""
    listened = case.all(NothingHeard)
    return found(f"nothing was heard of {names(one.group for one in listened)}", listened)


def never_came_in_ssm_range(case: Case) -> Found | None:
    """No multicast of a group in 232/8, joined of any source."""
    pairs = [
        pair
        for pair in case.only_multicast_lost(Shape.NEVER)
        if not pair.multicast.source_specific and _within(pair.multicast.group, _SSM)
    ]
    groups = names(pair.multicast.group for pair in pairs)
    return found(f"{groups} was joined of any source, and nothing of it came", of_pairs(pairs))


def other_groups_fail_too(case: Case) -> Found | None:
    """No multicast of a group outside 232/8 came either."""
    pairs = [
        pair
        for pair in case.only_multicast_lost(Shape.NEVER)
        if pair.multicast.group and not _within(pair.multicast.group, _SSM)
    ]
    return found(f"nothing of {names(pair.multicast.group for pair in pairs)} came either", of_pairs(pairs))


def group_is_link_local(case: Case) -> Found | None:
    """A probe used a group that switches must flood."""
    pairs = [pair for pair in case.pairs if _within(pair.multicast.group, _LOCAL)]
    return found(f"{names(pair.multicast.group for pair in pairs)} is of 224.0.0.0/24", of_pairs(pairs))


def group_is_alias(case: Case) -> Found | None:
    """A probe used a group whose MAC address is one of 224.0.0.0/24."""
    pairs = [pair for pair in case.pairs if is_alias(pair.multicast.group)]
    groups = names(pair.multicast.group for pair in pairs)
    return found(f"{groups} has the MAC address of a group of 224.0.0.0/24", of_pairs(pairs))


def is_alias(group: str) -> bool:
    """Return whether an IPv4 group outside 224.0.0.0/24 shares the MAC address of one within."""
    address = _ipv4(group)
    return address is not None and address not in _LOCAL and not int(address) & _ALIAS_MASK


def _within(group: str, network: IPv4Network) -> bool:
    address = _ipv4(group)
    return address is not None and address in network


def _ipv4(text: str) -> IPv4Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else None


def came_twice(case: Case) -> Found | None:
    """Answers came twice, more than by chance."""
    twice = [
        one
        for one in case.all(ProbeFigures)
        if one.duplicates >= 2 and one.duplicates >= GOOD_LOSS * one.received
    ]
    count = sum(one.duplicates for one in twice)
    return found(f"{count} answers of {names(one.peer for one in twice)} came twice", twice)


def only_long_lost(case: Case) -> Found | None:
    """Multicast of one size came, of a larger one it did not."""
    sized = [pair for pair in case.pairs if pair.multicast.size is not None]
    whole = [pair for pair in sized if pair.shape is Shape.COMPLETE]
    small = max((pair.multicast.size or 0 for pair in whole), default=0)
    lost = [
        pair
        for pair in sized
        if whole and pair.shape is not Shape.COMPLETE and (pair.multicast.size or 0) > small
    ]
    large = min((pair.multicast.size or 0 for pair in lost), default=0)
    return found(f"{small} bytes came and {large} did not", of_pairs(lost))


def somebody_silent(case: Case) -> Found | None:
    """A peer answered nothing at all."""
    silent = case.silent
    who = names(one.peer for one in silent)
    dead = [
        one for one in case.all(ProbeFigures) if one.cast is Cast.UNICAST and one.sent and not one.received
    ]
    if not silent:
        return found(f"{names(one.peer for one in dead)} answered nothing, not even by unicast", dead)
    refused = " (its host refuses the port)" if any(one.refused for one in silent) else ""
    return found(f"{who} answered nothing, not even by unicast{refused}", (*silent, *dead))


def silent_to_some_only(case: Case) -> Found | None:
    """A peer that did not answer one node answered another."""
    missing = {one.peer for one in case.silent}
    answered = [
        pair for pair in case.pairs if pair.peer in missing and pair.unicast and pair.unicast.received
    ]
    return found(f"{heard(answered)} did answer", of_pairs(answered))
