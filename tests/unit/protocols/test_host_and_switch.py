"""Hosts plugged into a snooping switch: whoever is asked and answers stays a member for ever."""

from __future__ import annotations

import random
from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st
from switch_bench import querier

from harness.protocols.effects import Effect, Send
from harness.protocols.host import MembershipHost
from harness.protocols.host_config import HostConfig, IgnoredQuery
from harness.protocols.snooping import SnoopingSwitch
from harness.protocols.snooping_config import RelayTo, SnoopingConfig

GROUPS = tuple(IPv4Address(f"239.192.1.{number}") for number in range(1, 4))
PORTS = ("p1", "p2", "p3")
HOURS_S = 7200.0


class Network:
    """A switch with one host at each port; frames take no time."""

    def __init__(self, hosts: dict[str, dict], seed: int = 1, **switch: object) -> None:
        self.now = 0.0
        self.switch = SnoopingSwitch(SnoopingConfig(**switch), PORTS)
        self.hosts = {
            port: MembershipHost(
                HostConfig(
                    address=IPv4Address(f"10.77.0.{port[1:]}"),
                    mac=bytes.fromhex(f"0200000000{port[1:]:0>2}"),
                    **config,
                ),
                random.Random(seed),
                port=port,
            )
            for port, config in hosts.items()
        }
        self.lost: list[tuple[float, IPv4Address, str]] = []
        self._to_hosts(self.switch.start(0.0))

    def _to_hosts(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send) and effect.port in self.hosts:
                self.to_switch(self.hosts[effect.port].receive(effect.frame, self.now))

    def to_switch(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._to_hosts(self.switch.receive(effect.port, effect.frame, self.now))

    def run(self, seconds: float) -> None:
        """Let time pass; every membership that the switch does not know is noted."""
        end = self.now + seconds
        while (due := self._next()) is not None and due <= end:
            self.now = due
            for host in self.hosts.values():
                self.to_switch(host.tick(due))
            self._to_hosts(self.switch.tick(due))
            self._check()
        self.now = end

    def _next(self) -> float | None:
        machines = (*self.hosts.values(), self.switch)
        return min((at for one in machines if (at := one.next_deadline()) is not None), default=None)

    def _check(self) -> None:
        known = set(self.switch.members())
        for port, host in self.hosts.items():
            for group, _ in host.memberships():
                if (group, port) not in known:
                    self.lost.append((self.now, group, port))


versions = st.sampled_from([1, 2, 3])
moves = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "again"]),
        st.sampled_from(PORTS),
        st.sampled_from(GROUPS),
        st.floats(0, 400),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(st.tuples(versions, versions, versions), st.sampled_from([2, 3]), moves, st.integers(0, 2**32))
def test_who_is_asked_is_known_for_ever(spoken, asked_in, story, seed):
    hosts = {port: {"version": version} for port, version in zip(PORTS, spoken, strict=True)}
    network = Network(hosts, seed, querier=querier(version=asked_in))
    for what, port, group, pause_s in story:
        host = network.hosts[port]
        match what:
            case "join":
                network.to_switch(host.join(group, network.now))
            case "leave":
                network.to_switch(host.leave(group, network.now))
            case "again":
                network.to_switch(host.rejoin(network.now))
        network.run(pause_s)
    network.run(HOURS_S)
    assert network.lost == []
    wanted = {(group, port) for port, host in network.hosts.items() for group, _ in host.memberships()}
    assert set(network.switch.members()) == wanted, "and whoever left is forgotten"


def all_in(group: IPv4Address, hosts: dict[str, dict], **switch: object) -> Network:
    network = Network(hosts, **switch)
    for host in network.hosts.values():
        network.to_switch(host.join(group, 0.0))
    network.run(HOURS_S)
    return network


def test_reports_that_are_flooded_to_version_2_hosts_cost_all_but_one_their_group():
    hosts = {port: {"version": 2} for port in PORTS}
    flooding = all_in(GROUPS[0], hosts, querier=querier(), relay_reports_to=RelayTo.ALL)
    assert {port for _, _, port in flooding.lost}, "each hears another answer, and keeps silent"
    assert all_in(GROUPS[0], hosts, querier=querier()).lost == []


def test_hosts_of_version_3_do_not_mind():
    hosts = {port: {"version": 3} for port in PORTS}
    assert all_in(GROUPS[0], hosts, querier=querier(version=3), relay_reports_to=RelayTo.ALL).lost == []


def test_a_host_that_does_not_answer_is_forgotten_when_its_entry_ages():
    strict = {"version": 2, "ignores": (IgnoredQuery.FROM_ZERO,)}
    hosts = {"p1": {"version": 2}, "p2": strict, "p3": {"version": 2, "answers_queries": False}}
    network = all_in(GROUPS[0], hosts, querier=querier(address=IPv4Address(0)))
    assert {port for _, _, port in network.lost} == {"p2", "p3"}
    assert 260 <= network.lost[0][0] <= 270
