"""Figures of probes made by hand, short to write."""

from harness.diagnosis.facts import ProbeFigures
from harness.protocols.probes.program import Cast


def answers(node, peer, came, *, of=600, cast=Cast.MULTICAST, **more):
    """Figures of a run of ``of`` requests, one a second, whose answers ``came`` (a range or a number)."""
    if isinstance(came, range):
        first, last = (came[0], came[-1]) if came else (None, None)
        known = {"first": first, "last": last, "gaps": ()}
        received = len(came)
    else:
        known, received = {}, came
    settings = {"tool": "omping", "interval_s": 1.0, "group": "239.192.3.20", **known, **more}
    return ProbeFigures(where=node, peer=peer, cast=cast, sent=of, received=received, **settings)


def pair(node, peer, came, *, of=600, unicast=None, **more):
    """Unicast (all of it unless ``unicast`` says how much) and multicast of one peer."""
    got = of if unicast is None else unicast
    return (
        answers(node, peer, got, of=of, cast=Cast.UNICAST, **more),
        answers(node, peer, came, of=of, **more),
    )


def mesh(nodes, came, **more):
    """Everybody's reports of everybody: ``came(node, peer)`` is what the node got of the peer."""
    return tuple(
        one
        for node in nodes
        for peer in nodes
        if node != peer
        for one in pair(node, peer, came(node, peer), **more)
    )
