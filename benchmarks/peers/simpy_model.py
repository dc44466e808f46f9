"""The machines of harness.protocols under SimPy, for benchmarks/model.py: one process for each device.

A device waits for an event that whoever sends to it, or its timer, lets happen; then it takes everything in
its inbox and what has fallen due, which is leaner than a Store and a condition of frame or timeout for each.
Reports that only refresh take the machines' short ways, as in the model. It keeps no records and sends no
datagrams.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from random import Random
from typing import Any

import simpy

from harness.plan.addresses import mac_bytes
from harness.plan.model import Cast, Plan, PlanHost, PlanSwitch
from harness.protocols.dialect import Dialect
from harness.protocols.effects import Effect, ForwardingMode, Send, Table, TableChange
from harness.protocols.host import MembershipHost
from harness.protocols.host_config import HostConfig
from harness.protocols.querier import Querier
from harness.protocols.ruling import ForwardingTables
from harness.protocols.snooping import SnoopingSwitch


class Device:
    """A process with an inbox, cables and an alarm."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.cables: dict[str, tuple[Device, str]] = {}
        self.inbox: deque[tuple[str, bytes]] = deque()
        self.wake = env.event()
        self.planned: list[float] = []
        env.process(self.live())

    def live(self) -> Generator[simpy.Event, Any, None]:
        while True:
            yield self.wake
            self.wake = self.env.event()
            if self.planned and self.planned[-1] <= self.env.now:
                while self.planned and self.planned[-1] <= self.env.now:
                    self.planned.pop()
                self.tick()
            while self.inbox:
                self.receive(*self.inbox.popleft())

    def send(self, port: str, frame: bytes) -> None:
        device, far_port = self.cables[port]
        device.inbox.append((far_port, frame))
        device.ring()

    def ring(self, _: simpy.Event | None = None) -> None:
        if not self.wake.triggered:
            self.wake.succeed()

    def wake_at(self, at_s: float | None) -> None:
        if at_s is not None and (not self.planned or at_s < self.planned[-1]):
            self.planned.append(at_s)
            timeout = self.env.timeout(max(0.0, at_s - self.env.now))
            timeout.callbacks.append(self.ring)

    def receive(self, port: str, frame: bytes) -> None:
        raise NotImplementedError

    def tick(self) -> None:
        raise NotImplementedError


class Host(Device):
    def __init__(self, env: simpy.Environment, plan: PlanHost, prefix_length: int, chance: Random) -> None:
        super().__init__(env)
        config = HostConfig(address=plan.address, mac=mac_bytes(plan.mac), prefix_length=prefix_length)
        self.machine = MembershipHost(config, chance)

    def obey(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.send("eth0", effect.frame)
        self.wake_at(self.machine.next_deadline())

    def receive(self, port: str, frame: bytes) -> None:
        del port
        read = Dialect.IGMP.parse(frame)
        if read is not None and self.machine.hear(read, self.env.now):
            self.wake_at(self.machine.next_deadline())

    def tick(self) -> None:
        self.obey(self.machine.tick(self.env.now))


class Router(Device):
    def __init__(self, env: simpy.Environment, plan: PlanHost) -> None:
        super().__init__(env)
        if plan.querier is None:
            raise ValueError(f"{plan.name} does not ask")
        self.machine = Querier(plan.querier, ports=("eth0",))

    def obey(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.send("eth0", effect.frame)
        self.wake_at(self.machine.next_deadline())

    def receive(self, port: str, frame: bytes) -> None:
        read = Dialect.IGMP.parse(frame)
        if read is not None and not self.machine.answered(read, port):
            self.obey(self.machine.receive(port, frame, self.env.now))

    def tick(self) -> None:
        self.obey(self.machine.tick(self.env.now))


class Switch(Device):
    def __init__(self, env: simpy.Environment, plan: PlanSwitch) -> None:
        super().__init__(env)
        behaviour = plan.behaviour
        self.machine = SnoopingSwitch(behaviour, tuple(port.name for port in plan.ports))
        self.tables = ForwardingTables(lookup=behaviour.lookup, source_filtering=behaviour.source_filtering)

    def obey(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.send(effect.port, effect.frame)
            elif isinstance(effect, ForwardingMode):
                self.tables.set_mode(effect)
            elif isinstance(effect, TableChange) and effect.table is not Table.QUERIER:
                self.tables.change(effect)
        self.wake_at(self.machine.next_deadline())

    def receive(self, port: str, frame: bytes) -> None:
        onward = self.machine.refresh(port, frame, self.env.now)
        if onward is None:
            self.obey(self.machine.receive(port, frame, self.env.now))
            return
        for name in onward:
            self.send(name, frame)

    def tick(self) -> None:
        self.obey(self.machine.tick(self.env.now))


class SimpyWorld:
    """A plan of IGMP without impairments, steps and emulated hosts."""

    def __init__(self, plan: Plan) -> None:
        self.env = env = simpy.Environment()
        chance = Random(f"{plan.seed}")
        self.switches = {switch.name: Switch(env, switch) for switch in plan.switches}
        self.nodes = {node.name: Host(env, node, plan.prefix_length, chance) for node in plan.nodes}
        self.routers = {router.name: Router(env, router) for router in plan.routers}
        self.plan = plan
        devices: dict[str, Device] = {**self.switches, **self.nodes, **self.routers}
        for switch in plan.switches:
            for port in switch.ports:
                near, far = self.switches[switch.name], devices[port.peer]
                near.cables[port.name] = (far, port.peer_port)
                far.cables[port.peer_port] = (near, port.name)

    def run(self, duration_s: float) -> None:
        for switch in self.switches.values():
            switch.obey(switch.machine.start(0.0))
        for router in self.routers.values():
            router.obey(router.machine.start(0.0))
        self.env.run(until=1.0)
        for stream in self.plan.streams:
            for name in stream.receivers if stream.cast is Cast.MULTICAST else ():
                host = self.nodes[name]
                host.obey(host.machine.join(stream.group, self.env.now))
        self.env.run(until=1.0 + duration_s)

    def machines(self) -> Iterable[SnoopingSwitch]:
        return (switch.machine for switch in self.switches.values())
