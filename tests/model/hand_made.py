"""A program made for tests, at work on the hosts of a model: it asks, answers, and notes what it hears."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from predicted import plan_of

from harness.backends.model.at_work import Moments, ProgramAtWork
from harness.backends.model.world import World
from harness.protocols.probes.program import Ended, Endpoint, Incoming, Join, Leave, SocketsWanted, Transmit

PORT = 4321
GROUP = ip_address("239.192.7.234")

NETWORK = """
    scenario: "hosts with programs"
    source: ["made for this test"]
    duration: {duration}
    network:
      switches:
        sw1: {{profile: class-b{switch}}}
        sw2: {{profile: class-b{switch}}}
      nodes:
        a1: {{on: {first}{a1}}}
        b1: {{on: sw2{b1}}}
        c1: {{on: sw2{c1}}}
      links: chain
    traffic:
      totem: {{group: {group}, rate: 1/s}}
    {more}
    expect:
      - {{deliver: totem, until: 1s, result: all}}
"""


def network(folder, *, duration="30s", switch=", querier: on", more="timeline: []", **nodes):
    """Two switches, of which one has a node and the other two; ``nodes`` adds to what is written of each."""
    settings = {"first": "sw1", "group": "239.192.0.1", "a1": "", "b1": "", "c1": ""} | nodes
    text = NETWORK.format(duration=duration, switch=switch, more=more, **settings)
    return plan_of(folder, text)


@dataclass
class Recorded:
    """Sends what it is told to, each ``(at_s, payload, to)``; notes what comes, and answers if it shall."""

    sockets: SocketsWanted
    sends: list = field(default_factory=list)
    joins: tuple = ()
    leaves: list = field(default_factory=list)
    answers_to: tuple = ()
    ends_at_s: float | None = None
    heard: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    port: int = 0

    def start(self, now, port):
        self.port = port
        return [Join(group=group, source=source) for group, source in self.joins] + self.tick(now)

    def receive(self, datagram: Incoming, now):
        self.heard.append((round(now, 6), datagram.payload, str(datagram.sender.address), datagram.by_group))
        self.hops = datagram.hops
        if datagram.payload.startswith(b"ask"):
            wanted = self.answers_to or (datagram.sender,)
            return [Transmit(payload=b"answer" + datagram.payload[3:], to=to) for to in wanted]
        return []

    def refused(self, error, now):
        self.errors.append((round(now, 6), error))
        return []

    def tick(self, now):
        effects = []
        while self.sends and self.sends[0][0] <= now:
            _, payload, to = self.sends.pop(0)
            effects.append(Transmit(payload=payload, to=to))
        while self.leaves and self.leaves[0][0] <= now:
            effects.append(Leave(group=self.leaves.pop(0)[1]))
        if self.ends_at_s is not None and now >= self.ends_at_s:
            effects.append(Ended(status=0))
        return effects

    def next_deadline(self):
        moments = [entry[0] for entry in (*self.sends[:1], *self.leaves[:1])]
        if self.ends_at_s is not None:
            moments.append(self.ends_at_s)
        return min(moments, default=None)

    def interrupt(self, now):
        return [Ended(status=130)]

    def report(self, now):
        return []


def wanted(address=None, **changes):
    """The sockets of a program on a host."""
    local = None if address is None else ip_address(address)
    version = 4 if local is None else local.version
    return SocketsWanted(**{"version": version, "local": local, "port": PORT} | changes)


def to(address, port=PORT):
    """An endpoint."""
    return Endpoint(address=ip_address(address), port=port)


def every_second(first_s, until_s, payload, target):
    """One datagram a second."""
    return [(float(at_s), payload, target) for at_s in range(first_s, until_s)]


def run(plan, programs, told=None, starts_at_s=1.0, records=None):
    """Run the plan's model with ``(host, program)`` at work on it from the start; times are the agenda's."""
    world = World(plan, [].append if records is None else records.append)
    agenda = world._agenda
    moments = Moments(agenda, 0.0)
    heard = [] if told is None else told

    def begin():
        at_work = [
            ProgramAtWork(program, host, world.udp, agenda, moments, lambda *one: heard.append(one))
            for host, program in programs
        ]
        for one in at_work:
            one.start()

    agenda.at(starts_at_s, begin)
    world.run()
    return world
