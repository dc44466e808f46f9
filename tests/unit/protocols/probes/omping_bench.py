"""Nodes that run an omping each, on a network of virtual time: every datagram takes 1 ms, some are lost."""

import heapq
import random
from ipaddress import ip_address
from itertools import count

from harness.protocols.probes.omping import Omping, OmpingConfig, Peer
from harness.protocols.probes.program import Ended, Endpoint, Figures, Incoming, Join, Say, Transmit
from harness.wire.membership import Address

DELAY_S = 0.001


class Node:
    """One omping and what it said and did."""

    def __init__(self, config, seed=7):
        self.config = config
        self.omping = Omping(config, random.Random(f"{seed} {config.local}"))
        self.wanted = self.omping.sockets
        self.port = self.wanted.port or 40000 + int(config.local) % 1000
        self.effects = []
        self.joined = set()
        self.status: int | None = None
        self.runs = False

    @property
    def lines(self):
        return [effect.text for effect in self.of(Say) if not effect.error]

    def of(self, kind):
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def figures(self):
        """By peer and cast, the last that were said."""
        return {(str(figures.peer), figures.cast): figures for figures in self.of(Figures)}


class Network:
    """Carries datagrams between nodes; ``lose(sender, receiver, to, payload, at_s)`` says which are lost."""

    def __init__(self, nodes, lose=lambda *_: False, copies=lambda *_: 1, hops_lost=0):
        self.now = 0.0
        self.nodes = nodes
        self.lose = lose
        self.copies = copies
        self.hops_lost = hops_lost
        self.sent = []
        self._order = count()
        self._queue = []

    def start(self, *nodes):
        for node in nodes or self.nodes:
            node.runs = True
            self.do(node, node.omping.start(self.now, node.port))

    def do(self, node, effects):
        for effect in effects:
            node.effects.append(effect)
            match effect:
                case Transmit():
                    self.sent.append((self.now, node, effect))
                    self._carry(node, effect.payload, effect.to)
                case Join():
                    node.joined.add((effect.group, effect.source))
                case Ended():
                    node.status = effect.status
                    node.runs = False

    def at(self, at_s, what):
        heapq.heappush(self._queue, (at_s, next(self._order), what))

    def _carry(self, sender, payload, to):
        source = Endpoint(address=sender.config.local, port=sender.port)
        for node in self.nodes:
            by_group = self._hears(node, sender, to)
            if not by_group and (node.config.local, node.port) != (to.address, to.port):
                continue
            if self.lose(sender, node, to, payload, self.now):
                continue
            hops = sender.config.hops - self.hops_lost
            datagram = Incoming(payload=payload, sender=source, by_group=by_group, hops=hops)
            for _ in range(self.copies(sender, node, to, payload, self.now)):
                self.at(self.now + DELAY_S, lambda node=node, datagram=datagram: self._give(node, datagram))

    @staticmethod
    def _hears(node, sender, to):
        wanted = node.wanted
        group_port = node.port if wanted.group_port is None else wanted.group_port
        if (wanted.group, group_port) != (to.address, to.port) or (node is sender and not wanted.loop):
            return False
        source = sender.config.local
        return wanted.broadcast or not node.joined.isdisjoint({(to.address, None), (to.address, source)})

    def _give(self, node, datagram):
        if node.runs:
            self.do(node, node.omping.receive(datagram, self.now))

    def run(self, until_s):
        """Let everything happen up to a moment."""
        while True:
            due = [(at_s, node) for node in self.nodes if (at_s := node.omping.next_deadline()) is not None]
            tick_s, ticked = min(due, key=lambda found: found[0], default=(float("inf"), None))
            next_s = min(tick_s, self._queue[0][0] if self._queue else float("inf"))
            if next_s > until_s:
                self.now = until_s
                return
            self.now = max(self.now, next_s)
            if self._queue and self._queue[0][0] <= tick_s:
                heapq.heappop(self._queue)[2]()
            elif ticked is not None and ticked.runs:
                self.do(ticked, ticked.omping.tick(self.now))


def mesh(number, network="10.77.0.", **settings):
    """Configurations of nodes that all ask each other."""
    addresses: list[Address] = [ip_address(f"{network}{n}") for n in range(1, number + 1)]
    return [
        Node(
            OmpingConfig(
                local=own,
                peers=tuple(Peer(name=str(other), address=other) for other in addresses if other != own),
                **settings,
            )
        )
        for own in addresses
    ]
