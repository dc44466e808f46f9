"""Records of switches made by hand, and what is said of them.

The network is that of the factory: n1, n2 ... at p1, p2 ... of sw1; ``two_switches`` has n1 at sw1:p1, n2 at
sw2:p2 and a trunk from p9 to p9.
"""

from dataclasses import replace

from factory import GROUP, plan, run, traffic

from harness.explanation import explain
from harness.observations.history import History
from harness.observations.model import Acted, Igmp, Mode, TableLine
from harness.plan.model import Action, ActionKind, End, ImpairedEnd, PeerKind

SPEED_ONE = plan(speed=1.0, duration_s=400.0)


def mode(switch="sw1", snooping=True, unregistered="router-ports", at_s=0.0, cause="configured", **more):
    return Mode(at_s=at_s, switch=switch, snooping=snooping, unregistered=unregistered, cause=cause, **more)


def member(port, at_s=0.0, switch="sw1", present=True, cause="", group=str(GROUP), **more):
    cause = cause or f"report from 10.77.0.{port[1:]}"
    return TableLine(
        at_s=at_s,
        switch=switch,
        table="member",
        present=present,
        port=port,
        group=group,
        cause=cause,
        **more,
    )


AGED = "aged out: no report for the membership interval"
AGED_ROUTER = "aged out: no query for the router port interval"


def aged(port, at_s, switch="sw1", **more):
    return member(port, at_s, switch, present=False, cause=AGED, **more)


def router_port(port, at_s=0.0, switch="sw1", present=True, cause="query from 10.77.0.5", **more):
    return TableLine(
        at_s=at_s, switch=switch, table="router-port", present=present, port=port, cause=cause, **more
    )


def querier(address, at_s=0.0, switch="sw1", present=True, cause="", **more):
    cause = cause or f"query from {address}"
    return TableLine(
        at_s=at_s, switch=switch, table="querier", present=present, address=address, cause=cause, **more
    )


def query(source, at_s, port="p5", switch="sw1", **more):
    return Igmp(at_s=at_s, switch=switch, port=port, what="query", source=source, sent=not port, **more)


def report(source, at_s, port, switch="sw1", what="report v2", group=str(GROUP), **more):
    return Igmp(at_s=at_s, switch=switch, port=port, what=what, source=source, group=group, **more)


def step(at_s, kind, text, line=14, **fields):
    return Action(at_s=at_s, kind=kind, text=text, line=line, **fields)


def acted(*actions):
    return [Acted(at_s=one.at_s, text=one.text, devices=one.devices) for one in actions]


def told(the_plan, records, sender="n1", receiver="n2", at_s=300.0, fate=None, number=1):
    """The explanation; without a fate nothing came."""
    everything = run(
        the_plan,
        records,
        acted(*the_plan.actions),
        traffic(the_plan, fate or (lambda s, r, n: False), number=number),
    )
    return explain(History(everything, the_plan), the_plan.stream(number), sender, receiver, at_s)


def with_host(the_plan, name, **changes):
    hosts = tuple(replace(one, **changes) if one.name == name else one for one in the_plan.hosts)
    return replace(the_plan, hosts=hosts)


def with_switch(the_plan, name="sw1", behaviour=None, **changes):
    """The plan with other settings of a switch, and other fields of its behaviour."""

    def changed(one):
        config = replace(one.behaviour, **(behaviour or {}))
        return replace(one, behaviour=config, **changes)

    switches = tuple(changed(one) if one.name == name else one for one in the_plan.switches)
    return replace(the_plan, switches=switches)


def lossy(device, port, *impairments):
    return ImpairedEnd(end=End(device=device, port=port), impairments=impairments)


def link_steps(down_s, up_s=None, ends=(("sw1", "p9"), ("sw2", "p9"))):
    both = tuple(End(device=device, port=port) for device, port in ends)
    words = " - ".join(f"{device}:{port}" for device, port in ends)
    steps = [step(down_s, ActionKind.LINK_DOWN, f"link {words} down", ends=both)]
    if up_s is not None:
        steps.append(step(up_s, ActionKind.LINK_UP, f"link {words} up", line=15, ends=both))
    return tuple(steps)


def router(the_plan, **changes):
    """The plan with r1 told to ask, which the factory puts on the last port."""
    return with_host(the_plan, "r1", kind=PeerKind.ROUTER, **changes)
