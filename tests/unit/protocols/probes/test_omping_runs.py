"""omping between nodes, in virtual time: what is said, accounted and sent, in the forms of the original."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from omping_bench import Network, Node, mesh

from harness.protocols.probes.omping import Mode, OmpingConfig, Peer, Role
from harness.protocols.probes.program import (
    Answered,
    Asked,
    Cast,
    Ended,
    Endpoint,
    Figures,
    Join,
    Say,
    SocketsWanted,
    Transmit,
)
from harness.wire import omping as wire

GROUP = IPv4Address("232.43.211.234")
PASSING = """\
10.77.0.2 : waiting for response msg
10.77.0.3 : waiting for response msg
10.77.0.2 : joined (S,G) = (*, 232.43.211.234), pinging
10.77.0.3 : joined (S,G) = (*, 232.43.211.234), pinging
10.77.0.2 :   unicast, seq=1, size=69 bytes, dist=0, time=2.000ms
10.77.0.2 : multicast, seq=1, size=69 bytes, dist=0, time=2.000ms
10.77.0.3 :   unicast, seq=1, size=69 bytes, dist=0, time=2.000ms
10.77.0.3 : multicast, seq=1, size=69 bytes, dist=0, time=2.000ms
10.77.0.2 :   unicast, seq=2, size=69 bytes, dist=0, time=2.000ms
10.77.0.2 : multicast, seq=2, size=69 bytes, dist=0, time=2.000ms
10.77.0.3 :   unicast, seq=2, size=69 bytes, dist=0, time=2.000ms
10.77.0.3 : multicast, seq=2, size=69 bytes, dist=0, time=2.000ms
10.77.0.2 : given amount of query messages was sent
10.77.0.3 : given amount of query messages was sent

10.77.0.2 :   unicast, xmt/rcv/%loss = 2/2/0%, min/avg/max/std-dev = 2.000/2.000/2.000/0.000
10.77.0.2 : multicast, xmt/rcv/%loss = 2/2/0%, min/avg/max/std-dev = 2.000/2.000/2.000/0.000
10.77.0.3 :   unicast, xmt/rcv/%loss = 2/2/0%, min/avg/max/std-dev = 2.000/2.000/2.000/0.000
10.77.0.3 : multicast, xmt/rcv/%loss = 2/2/0%, min/avg/max/std-dev = 2.000/2.000/2.000/0.000"""


def _to_group(sender, receiver, to, payload, at_s):
    del sender, receiver, payload, at_s
    return to.address.is_multicast


def _ran(nodes, until_s, **how):
    network = Network(nodes, **how)
    network.start()
    network.run(until_s)
    return network


def _last(node, count):
    return node.lines[-count:]


# --- output -----------------------------------------------------------------------------------------------


def test_a_run_that_passes_says_what_omping_says():
    nodes = mesh(3, count=2)
    _ran(nodes, 30)
    assert "\n".join(nodes[0].lines) == PASSING
    assert [node.status for node in nodes] == [0, 0, 0]


def test_quiet_says_no_answers_and_twice_quiet_only_the_summary():
    lines = PASSING.split("\n")
    for quiet, said in ((1, [line for line in lines if "seq=" not in line]), (2, lines[-5:])):
        nodes = mesh(3, count=2, quiet=quiet)
        _ran(nodes, 30)
        assert nodes[0].lines == said
        assert len(nodes[0].of(Answered)) == 8


def test_averages_stand_behind_the_times():
    nodes = mesh(2, count=3, averages=True)
    _ran(nodes, 30, lose=lambda s, r, to, p, at_s: to.address.is_multicast and 0.5 < at_s < 1.5)
    answers = [line for line in nodes[0].lines if "seq=" in line]
    assert answers[1] == (
        "10.77.0.2 : multicast, seq=1, size=69 bytes, dist=0, time=2.000ms (2.000 avg, 0% loss)"
    )
    assert answers[-1] == (
        "10.77.0.2 : multicast, seq=3, size=69 bytes, dist=0, time=2.000ms (2.000 avg, 33% loss)"
    )


def test_blocked_multicast_is_lost_whole():
    nodes = mesh(2, count=4, quiet=2)
    _ran(nodes, 30, lose=_to_group)
    assert nodes[0].lines == [
        "",
        "10.77.0.2 :   unicast, xmt/rcv/%loss = 4/4/0%, min/avg/max/std-dev = 2.000/2.000/2.000/0.000",
        "10.77.0.2 : multicast, xmt/rcv/%loss = 4/0/100%, min/avg/max/std-dev = 0.000/0.000/0.000/0.000",
    ]
    assert nodes[0].status == 0


def test_multicast_that_comes_late_has_a_loss_since_the_first():
    nodes = mesh(2, count=8)
    _ran(nodes, 30, lose=lambda s, r, to, p, at_s: to.address.is_multicast and at_s < 3.5)
    assert nodes[0].lines[-1] == (
        "10.77.0.2 : multicast, xmt/rcv/%loss = 8/4/50% (seq>=5 0%), "
        "min/avg/max/std-dev = 2.000/2.000/2.000/0.000"
    )
    assert nodes[0].figures()["10.77.0.2", Cast.MULTICAST].first == 5


def test_duplicates_are_counted_apart():
    nodes = mesh(2, count=4)
    _ran(nodes, 30, copies=lambda s, r, to, p, at_s: 2 if to.address.is_multicast and at_s < 0.5 else 1)
    assert "10.77.0.2 : multicast, seq=1 (dup), size=69 bytes, dist=0, time=2.000ms" in nodes[0].lines
    assert "multicast, xmt/rcv/%loss = 4/4+1/0%, " in nodes[0].lines[-1]
    figures = nodes[0].figures()["10.77.0.2", Cast.MULTICAST]
    assert (figures.received, figures.duplicates, figures.loss) == (4, 1, 0.0)
    assert [answer.sequence for answer in nodes[0].of(Answered) if answer.duplicate] == [1]


def test_without_looking_for_duplicates_they_are_answers():
    nodes = mesh(2, count=4, finds_duplicates=False)
    _ran(nodes, 30, copies=lambda s, r, to, p, at_s: 2 if to.address.is_multicast else 1)
    assert "multicast, xmt/rcv/%loss = 4/8/0%, " in nodes[0].lines[-1]


def test_an_absent_peer_never_answers_and_the_run_does_not_end():
    nodes = mesh(3, count=2)
    network = Network(nodes)
    network.start(*nodes[:2])
    network.run(30)
    assert nodes[0].status is None
    assert nodes[0].lines.count("10.77.0.3 : waiting for response msg") == 30
    network.do(nodes[0], nodes[0].omping.interrupt(network.now))
    assert _last(nodes[0], 1) == ["10.77.0.3 : response message never received"]
    assert nodes[0].figures()["10.77.0.3", Cast.UNICAST] == Figures(
        peer=IPv4Address("10.77.0.3"), cast=Cast.UNICAST, sent=0, received=0
    )


def test_names_are_as_wide_as_the_longest():
    own = IPv4Address("10.77.0.1")
    peers = (
        Peer(name="a", address=IPv4Address("10.77.0.2")),
        Peer(name="node-03", address=IPv4Address("10.77.0.3")),
    )
    node = Node(OmpingConfig(local=own, peers=peers))
    Network([node]).start()
    assert node.lines == ["a       : waiting for response msg", "node-03 : waiting for response msg"]


def test_hops_that_were_left_give_the_distance():
    nodes = mesh(2, count=1)
    _ran(nodes, 1, hops_lost=3)
    assert {answer.distance for answer in nodes[0].of(Answered)} == {3}


def test_a_report_says_the_summary_and_goes_on():
    nodes = mesh(2, quiet=2)
    network = _ran(nodes, 2.5)
    said = nodes[0].omping.report(network.now)
    assert [effect.text for effect in said] == [
        "",
        "10.77.0.2 :   unicast, xmt/rcv/%loss = 3/3/0%, min/avg/max/std-dev = 2.000/2.000/2.000/0.000",
        "10.77.0.2 : multicast, xmt/rcv/%loss = 3/3/0%, min/avg/max/std-dev = 2.000/2.000/2.000/0.000",
        "",
    ]
    network.run(4.5)
    assert nodes[0].status is None
    assert len(nodes[0].of(Asked)) == 5


# --- modes and roles --------------------------------------------------------------------------------------


def test_single_sources_are_joined_one_by_one():
    nodes = mesh(3, count=2, mode=Mode.SSM)
    _ran(nodes, 30)
    assert nodes[0].of(Join) == [
        Join(group=GROUP, source=IPv4Address("10.77.0.2")),
        Join(group=GROUP, source=IPv4Address("10.77.0.3")),
    ]
    assert "10.77.0.2 : joined (S,G) = (10.77.0.2, 232.43.211.234), pinging" in nodes[0].lines
    assert nodes[0].figures()["10.77.0.3", Cast.MULTICAST].received == 2


def test_broadcast_joins_nothing_and_is_called_so():
    nodes = mesh(2, count=2, mode=Mode.IPBC, group=IPv4Address("10.77.0.255"))
    _ran(nodes, 30)
    assert nodes[0].of(Join) == []
    assert nodes[0].wanted.broadcast
    assert nodes[0].wanted.group == IPv4Address("10.77.0.255")
    assert "10.77.0.2 : joined (S,G) = (*, 10.77.0.255), pinging" in nodes[0].lines
    assert _last(nodes[0], 1)[0].startswith("10.77.0.2 : broadcast, xmt/rcv/%loss = 2/2/0%, ")


def test_a_client_asks_from_any_port_and_hears_the_group_there():
    server, client = mesh(2, count=3)
    client = Node(
        OmpingConfig(local=client.config.local, peers=client.config.peers, role=Role.CLIENT, count=3)
    )
    assert (client.wanted.port, client.wanted.group_port) == (0, None)
    network = _ran([server, client], 10)
    assert client.figures()["10.77.0.1", Cast.MULTICAST].received == 3
    assert client.status == 0
    assert server.lines[-1] == "10.77.0.2 : waiting for response msg"
    to_group = {effect.to.port for _, node, effect in network.sent if effect.to.address == GROUP}
    assert to_group == {client.port}


def test_versions_are_asked_for_and_said():
    server, asker = mesh(2)
    asker = Node(OmpingConfig(local=asker.config.local, peers=asker.config.peers, role=Role.VERSIONS))
    assert asker.wanted.group is None
    _ran([server, asker], 1.5)
    assert asker.lines == [
        "10.77.0.1 : waiting for response msg",
        "10.77.0.1 : remote version received",
        "",
        "10.77.0.1 : omping 0.0.5",
    ]


def test_versions_that_did_not_come_are_told():
    asker = mesh(2, role=Role.VERSIONS)[0]
    network = _ran([asker], 0.5)
    network.do(asker, asker.omping.interrupt(network.now))
    assert _last(asker, 3) == ["", "10.77.0.2 : response message not received", ""]


def test_a_test_of_oneself_hears_oneself():
    own = IPv4Address("10.77.0.1")
    node = Node(OmpingConfig(local=own, peers=(Peer(name="me", address=own),), count=3))
    assert node.wanted.loop
    _ran([node], 30)
    assert node.figures()["10.77.0.1", Cast.MULTICAST].received == 3
    assert node.of(Ended) == [Ended(status=0)]


def test_ipv6_is_the_same():
    nodes = mesh(3, network="fd00::", count=2)
    _ran(nodes, 30)
    assert "fd00::2 : joined (S,G) = (*, ff3e::4321:1234), pinging" in nodes[0].lines
    assert "fd00::2 : multicast, seq=1, size=81 bytes, dist=0, time=2.000ms" in nodes[0].lines
    assert nodes[0].figures()["fd00::3", Cast.MULTICAST].received == 2
    assert nodes[0].wanted.group == IPv6Address("ff3e::4321:1234")


def test_the_sockets_of_an_omping():
    node = mesh(2, port=5000, hops=10, buffer=4096, pid=0x01020304)[0]
    assert node.wanted == SocketsWanted(
        version=4,
        local=IPv4Address("10.77.0.1"),
        port=5000,
        group=GROUP,
        group_port=5000,
        hops=10,
        group_beginning=b"A\0\0\0\1\2\0\1\0\x18" + b"\4\3\2\1" + IPv4Address("10.77.0.1").packed,
        buffer=4096,
    )


# --- the course of things ---------------------------------------------------------------------------------


def test_inits_come_more_than_a_second_apart_and_queries_each_period():
    early, late = mesh(2, count=4)
    network = Network([early, late])
    network.start(early)
    network.at(2.5, lambda: network.start(late))
    network.run(3.0)
    inits = [at_s for at_s, node, effect in network.sent if node is early and effect.payload[0:1] == b"I"]
    assert inits == pytest.approx([0.0, 1.001, 2.002])
    network.run(20)
    asked = [at_s for at_s, node, effect in network.sent if node is early and effect.payload[0:1] == b"Q"]
    assert asked == pytest.approx([3.005, 4.0, 5.0, 6.0])


def test_whoever_ends_tells_the_others_to_stop_for_three_periods():
    short, long = mesh(2)
    short = Node(OmpingConfig(local=short.config.local, peers=short.config.peers, timeout_s=2.5))
    network = _ran([short, long], 5.4)
    assert [type(effect) for effect in short.effects if isinstance(effect, (Figures, Ended))] == [Figures] * 2
    assert "10.77.0.1 : server told us to stop" in long.lines
    figures = short.figures()["10.77.0.2", Cast.UNICAST]
    assert (figures.sent, figures.received) == (3, 3)
    network.run(5.6)
    assert short.of(Ended) == [Ended(status=0)]
    assert long.of(Ended) == [], "it has its own three seconds"
    network.run(9)
    assert long.of(Ended) == [Ended(status=0)]
    figures = long.figures()["10.77.0.1", Cast.UNICAST]
    assert (figures.sent, figures.received) == (3, 3), "the query that was turned away is not lost"


def test_an_interrupt_says_the_summary_and_another_one_ends_the_wait():
    nodes = mesh(2)
    network = _ran(nodes, 1.5)
    network.do(nodes[0], nodes[0].omping.interrupt(network.now))
    assert len(nodes[0].of(Figures)) == 2
    assert nodes[0].status is None
    network.do(nodes[0], nodes[0].omping.interrupt(network.now))
    assert nodes[0].status == 0
    assert list(nodes[0].omping.interrupt(network.now)) == []
    assert nodes[0].omping.next_deadline() is None


@pytest.mark.parametrize(
    ("settings", "wait_s"),
    [
        ({}, 3.0),
        ({"period_s": 0.001}, 1.0),
        ({"wait_s": 0.0}, 0.0),
        ({"wait_s": 7.5}, 7.5),
        ({"role": Role.CLIENT}, 0.0),
    ],
)
def test_how_long_it_stays_after_its_end(settings, wait_s):
    node = mesh(2, **settings)[0]
    network = _ran([node], 0.5)
    network.do(node, node.omping.interrupt(network.now))
    deadline = node.omping.next_deadline()
    assert deadline == (0.5 + wait_s if wait_s else None)
    assert node.status == (None if wait_s else 0)


def test_a_peer_that_was_restarted_is_asked_again():
    first, second = mesh(2)
    network = _ran([first, second], 2.5)
    again = Node(second.config, seed=8)
    network.nodes[1] = again
    network.start(again)
    network.run(9.5)
    assert first.lines.count("10.77.0.2 : joined (S,G) = (*, 232.43.211.234), pinging") == 2
    assert first.lines.count("10.77.0.2 : waiting for response msg") == 2
    answers = [answer for answer in first.of(Answered) if answer.cast is Cast.MULTICAST]
    assert max(answer.sequence for answer in answers) >= 9


def test_what_was_reordered_counts_as_it_is():
    """A first answer that comes second is received, and no loss is left before it."""
    nodes = mesh(2, count=3)
    network = Network(nodes)
    held = []

    def lose(sender, receiver, to, payload, at_s):
        if to.address.is_multicast and receiver is nodes[0] and at_s < 0.5:
            held.append(payload)
            return True
        return False

    network.lose = lose
    network.start()
    network.run(1.5)
    sender = nodes[1]
    network.lose = lambda *_: False
    network.do(sender, [Transmit(payload=held[0], to=Endpoint(address=GROUP, port=4321))])
    network.run(30)
    figures = nodes[0].figures()["10.77.0.2", Cast.MULTICAST]
    assert (figures.sent, figures.received, figures.duplicates, figures.first) == (3, 3, 0, 2)
    assert "3/3/0% (seq>=2 0%)" in nodes[0].lines[-1]


def test_queries_at_once_follow_their_answers():
    nodes = mesh(2, period_s=0.0, count=200)
    network = _ran(nodes, 0.2)
    asked = [at_s for at_s, node, effect in network.sent if node is nodes[0] and effect.payload[0:1] == b"Q"]
    assert len(asked) > 80
    network.run(30)
    assert nodes[0].status == 0
    assert nodes[0].figures()["10.77.0.2", Cast.UNICAST].sent == 200


@pytest.mark.parametrize(("number", "spread_s"), [(17, 0.0), (18, 0.5), (40, 0.5)])
def test_many_peers_are_asked_over_half_a_period(number, spread_s):
    nodes = mesh(number, quiet=2)
    network = _ran(nodes, 2.9)
    asked = [
        at_s
        for at_s, node, effect in network.sent
        if node is nodes[0] and effect.payload[0:1] == b"Q" and at_s > 1.9
    ]
    assert len(asked) == number - 1
    assert min(asked) == pytest.approx(2.0)
    assert max(asked) == pytest.approx(2.0 + spread_s * (number - 2) / (number - 1))


def test_what_the_process_slept_through_is_not_all_made_up_for():
    node, peer = mesh(2, period_s=0.01)
    network = _ran([node, peer], 0.1)
    before = len(node.of(Asked))
    network.now = 1.105
    for _ in range(10):
        network.do(node, node.omping.tick(network.now))
    assert len(node.of(Asked)) == before + 4


def test_a_little_that_was_slept_through_is_made_up_for():
    node, peer = mesh(2, period_s=0.01)
    network = _ran([node, peer], 0.1)
    before = len(node.of(Asked))
    network.now = 0.125
    for _ in range(10):
        network.do(node, node.omping.tick(network.now))
    assert len(node.of(Asked)) == before + 2


def test_more_queries_than_the_rate_are_not_answered():
    slow, quick = mesh(2)
    quick = Node(OmpingConfig(local=quick.config.local, peers=quick.config.peers, period_s=0.1, count=50))
    _ran([slow, quick], 20)
    figures = quick.figures()["10.77.0.1", Cast.UNICAST]
    assert figures.sent == 50
    assert 8 <= figures.received <= 12, "five seconds' worth, and a burst of five"


def test_a_rate_of_zero_answers_all():
    slow, quick = mesh(2, rate_s=0.0)
    quick = Node(OmpingConfig(local=quick.config.local, peers=quick.config.peers, period_s=0.1, count=50))
    _ran([slow, quick], 20)
    assert quick.figures()["10.77.0.1", Cast.UNICAST].received == 50


def test_a_refusal_of_the_kernel_is_told_once_and_ends_nothing():
    node = mesh(2)[0]
    Network([node]).start()
    said = [effect for _ in range(3) for effect in node.omping.refused(113, 0.5)]
    assert said == [Say(text="omping: Send message error: No route to host", error=True)]
    assert "firewall" in next(iter(node.omping.refused(1, 0.5))).text
    assert node.status is None


# --- determinism and cheap looks --------------------------------------------------------------------------


def test_the_same_chance_gives_the_same_bytes():
    def sent(seed):
        nodes = [Node(node.config, seed) for node in mesh(3, count=3)]
        return [(at_s, effect) for at_s, _, effect in _ran(nodes, 30).sent]

    assert sent(1) == sent(1)
    assert sent(1) != sent(2)


def test_ones_own_answers_are_known_by_their_first_bytes():
    nodes = mesh(3, count=2)
    network = _ran(nodes, 30)
    answers = [effect.payload for _, _, effect in network.sent if effect.to.address == GROUP]
    assert len(answers) == 12
    for node in nodes:
        mine = [data for data in answers if data.startswith(node.omping.sockets.group_beginning)]
        assert len(mine) == 4
        assert {wire.read_answer(data).client_id[4:8] for data in mine} == {node.config.local.packed}


def test_ids_begin_with_the_pid_so_that_two_on_one_host_differ():
    first, second = (mesh(2, pid=pid)[0] for pid in (1, 0x0A0B0C0D))
    network = _ran([first], 0.5)
    answer = wire.answer(
        wire.query(wire.parse(network.sent[0][2].payload).client_id, 1, 0, GROUP, b"s" * 16), 64
    )
    assert answer.startswith(first.omping.sockets.group_beginning)
    assert not answer.startswith(second.omping.sockets.group_beginning)
