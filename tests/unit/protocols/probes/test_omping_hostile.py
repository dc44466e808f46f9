"""omping among peers and strangers that mean harm: it goes on, and amplifies for nobody (decision 14).

Replies are what a received datagram brought about; what a client asks by its own clock is not one.
"""

import random
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omping_bench import Network, mesh

from harness.protocols.probes.omping import Omping, OmpingConfig, Peer
from harness.protocols.probes.omping_remote import ALLOWANCE_BYTES
from harness.protocols.probes.program import Answered, Cast, Ended, Endpoint, Incoming, Transmit
from harness.wire import omping as wire
from harness.wire import tlv
from harness.wire.omping import Kind, Message, Option, Prefix, Stamp

OWN, PEER, OTHER = (IPv4Address(f"10.77.0.{n}") for n in (1, 2, 3))
STRANGER = IPv4Address("192.0.2.66")
GROUP = IPv4Address("232.43.211.234")
THEIR_ID = b"h" * 24
STOP_BYTES = 34
ALL = Prefix(address=GROUP, length=32)


class Attacked:
    """An omping, all that it was sent, and all that it replied."""

    def __init__(self, **config):
        peers = tuple(Peer(name=str(address), address=address) for address in (PEER, OTHER))
        self.omping = Omping(OmpingConfig(local=OWN, peers=peers, **config), random.Random(1))
        self.now = 0.0
        self.received: dict[IPv4Address, int] = {}
        self.replied: dict[IPv4Address, int] = {}
        self.to_group: list[Transmit] = []
        self.ended = False
        self.own_id = b""
        self.session = b"?" * 16
        self._note(self.omping.start(0.0, 4321))

    def _note(self, effects):
        for effect in effects:
            self.ended |= isinstance(effect, Ended)
            if isinstance(effect, Transmit):
                message = wire.parse(effect.payload)
                if effect.to.address == PEER and message.kind in (Kind.INIT, Kind.QUERY):
                    self.own_id = message.client_id
                if effect.to.address == PEER and message.kind is Kind.RESPONSE and message.session:
                    self.session = message.session

    def wait(self, seconds):
        end_s = self.now + seconds
        while (due_s := self.omping.next_deadline()) is not None and due_s <= end_s:
            self.now = max(self.now, due_s)
            self._note(self.omping.tick(self.now))
        self.now = end_s

    def get(self, payload, sender=PEER, port=4321, by_group=False):
        """Give it a datagram; return what it sent because of it."""
        datagram = Incoming(
            payload=payload, sender=Endpoint(address=sender, port=port), by_group=by_group, hops=64
        )
        effects = list(self.omping.receive(datagram, self.now))
        self._note(effects)
        sent = [effect for effect in effects if isinstance(effect, Transmit)]
        if not by_group:
            self.received[sender] = self.received.get(sender, 0) + len(payload)
        for effect in sent:
            if effect.to.address == GROUP:
                self.to_group.append(effect)
            else:
                assert effect.to.address == sender, "somebody else was sent something"
                self.replied[sender] = self.replied.get(sender, 0) + len(effect.payload)
        return sent


def init(**fields):
    return wire.pack(Message(kind=Kind.INIT, client_id=THEIR_ID, prefixes=(ALL,), **fields))


def query(session, sequence=1):
    return wire.query(THEIR_ID, sequence, 0, GROUP, session)


# --- any story --------------------------------------------------------------------------------------------

_GARBAGE = st.one_of(
    st.binary(max_size=60),
    st.lists(st.tuples(st.integers(0, 13), st.binary(max_size=30)), max_size=6).map(tlv.pack),
)
_MOVES = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.01, 0.3, 1.0, 1.5])),
    st.tuples(st.just("init"), st.sampled_from([(), (6,), (6, 12)])),
    st.tuples(st.just("query"), st.sampled_from([(), (6, 12)])),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("session"), st.binary(min_size=1, max_size=80)),
    st.tuples(st.just("any"), st.tuples(st.sampled_from([b"I", b"S", b"Q", b"A", b"x", b""]), _GARBAGE)),
)


def _crafted(attacked, move, value):
    """What a peer would send that knows all that is said to it."""
    match move:
        case "init":
            return init(requested=value)
        case "query":
            return wire.pack(
                Message(
                    kind=Kind.QUERY,
                    client_id=THEIR_ID,
                    sequence=1,
                    client_time=Stamp(seconds=0, microseconds=0),
                    group=GROUP,
                    requested=value,
                    session=attacked.session,
                )
            )
        case "stop":
            return wire.pack(Message(kind=Kind.RESPONSE, client_id=attacked.own_id))
        case "session":
            return wire.pack(
                Message(kind=Kind.RESPONSE, client_id=attacked.own_id, group=GROUP, session=value)
            )
    kind, rest = value
    return kind + rest


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_MOVES, st.sampled_from([PEER, PEER, PEER, OTHER, STRANGER])), max_size=60))
def test_nobody_is_sent_more_than_was_received_from_there(story):
    attacked = Attacked(rate_s=0.0)
    for (move, value), sender in story:
        if move == "wait":
            attacked.wait(value)
            continue
        data = _crafted(attacked, move, value)
        sent = attacked.get(data, sender)
        by_unicast = [effect for effect in sent if effect.to.address == sender]
        assert len(by_unicast) <= 1
        assert all(len(effect.payload) <= len(data) for effect in sent if effect.to.address == GROUP)
        assert len(sent) - len(by_unicast) <= 1
    for sender, size in attacked.replied.items():
        allowance = 0 if sender == STRANGER else ALLOWANCE_BYTES
        assert size <= attacked.received[sender] + allowance
    assert not attacked.ended


# --- floods -----------------------------------------------------------------------------------------------


def test_a_flood_of_inits_is_answered_once_a_second():
    attacked = Attacked()
    answered = sum(len(attacked.get(init())) for _ in range(1000))
    assert answered == 1
    attacked.wait(1.0)
    assert len(attacked.get(init())) == 1


def test_inits_that_are_never_followed_by_queries_are_still_answered_for_ever():
    attacked = Attacked()
    answered = []
    for _ in range(300):
        attacked.wait(1.0)
        answered.append(len(attacked.get(init())))
    assert sum(answered[-99:]) in (66, 67, 68, 69, 70), "45 bytes of each buy one of 64 in two of three"
    assert attacked.replied[PEER] <= attacked.received[PEER] + ALLOWANCE_BYTES


def test_a_flood_of_queries_is_answered_at_the_rate():
    attacked = Attacked()
    attacked.get(init())
    for _ in range(1000):
        attacked.get(query(attacked.session))
    assert len(attacked.to_group) == 6, "one that was due, and a burst of five"
    for _ in range(1000):
        attacked.wait(0.01)
        attacked.get(query(attacked.session))
    assert 14 <= len(attacked.to_group) <= 17


def test_strangers_get_few_stops_and_nothing_else():
    attacked = Attacked()
    replies = []
    for number in range(5000):
        sender = IPv4Address(int(STRANGER) + number % 100)
        data = (init(requested=(6,)), query(b"s" * 16))[number % 2]
        replies += attacked.get(data, sender)
        attacked.wait(0.001)
    assert {len(effect.payload) for effect in replies} == {STOP_BYTES}
    assert wire.parse(replies[0].payload) == Message(kind=Kind.RESPONSE, client_id=THEIR_ID)
    assert 50 <= len(replies) <= 62, "ten each second, and a burst of ten"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"I",
        b"Q" * 60,
        b"X" * 60,
        b"A" + wire.pack(Message(kind=Kind.INIT, client_id=THEIR_ID))[1:],
        b"S" + wire.pack(Message(kind=Kind.INIT, client_id=THEIR_ID))[1:],
        wire.pack(Message(kind=Kind.INIT)),
        wire.pack(Message(kind=Kind.INIT, version=None, client_id=THEIR_ID)),
        wire.pack(Message(kind=Kind.INIT, client_id=b"l" * 25)),
    ],
    ids=range(9),
)
def test_what_earns_a_stranger_no_reply(data):
    assert Attacked().get(data, STRANGER) == []


# --- lies -------------------------------------------------------------------------------------------------


def test_a_spoofed_session_is_told_to_stop():
    attacked = Attacked()
    attacked.get(init())
    assert [len(effect.payload) for effect in attacked.get(query(b"x" * 16))] == [STOP_BYTES + 8]
    assert [len(effect.payload) for effect in attacked.get(query(attacked.session))] == [69, 69]
    assert attacked.get(query(attacked.session), STRANGER)[0].to.address == STRANGER
    assert len(attacked.to_group) == 1


def test_a_query_before_an_init_is_told_to_stop():
    (stop,) = Attacked().get(query(bytes(16)))
    assert wire.parse(stop.payload).group is None


@pytest.mark.parametrize("missing", ["sequence", "group", "session"])
def test_a_query_that_lacks_something_is_told_to_stop(missing):
    attacked = Attacked()
    attacked.get(init())
    fields = {"sequence": 1, "group": GROUP, "session": attacked.session} | {missing: None}
    (stop,) = attacked.get(wire.pack(Message(kind=Kind.QUERY, client_id=THEIR_ID, **fields)))
    assert stop.to.address == PEER
    assert wire.parse(stop.payload).kind is Kind.RESPONSE


def test_another_version_is_told_to_stop():
    (stop,) = Attacked().get(wire.pack(Message(kind=Kind.INIT, version=3, client_id=THEIR_ID)))
    assert wire.parse(stop.payload) == Message(kind=Kind.RESPONSE, client_id=THEIR_ID)


def test_another_group_is_refused_with_the_one_that_is_served():
    other = Prefix(address=IPv4Address("239.1.2.3"), length=32)
    (refusal,) = Attacked().get(wire.pack(Message(kind=Kind.INIT, client_id=THEIR_ID, prefixes=(other,))))
    assert wire.parse(refusal.payload) == Message(kind=Kind.RESPONSE, client_id=THEIR_ID, prefixes=(ALL,))


def test_a_server_tells_its_version_and_its_time_if_it_is_asked():
    attacked = Attacked()
    (response,) = attacked.get(init(requested=(6,)))
    assert wire.parse(response.payload).server_info == b"omping 0.0.5"
    attacked.wait(2.5)
    data = wire.pack(
        Message(
            kind=Kind.QUERY,
            client_id=THEIR_ID,
            sequence=1,
            group=GROUP,
            requested=(Option.SERVER_TIME,),
            session=attacked.session,
        )
    )
    answer = attacked.get(data)[0]
    assert wire.parse(answer.payload).server_time == Stamp(seconds=2, microseconds=500000)


def test_queries_that_do_not_fit_a_frame_are_not_sent_to_everybody():
    attacked = Attacked()
    attacked.get(init())
    data = query(attacked.session) + tlv.pack([(99, bytes(60000))])
    assert attacked.get(data) == []


def test_answers_with_numbers_that_were_never_asked_are_no_answers():
    nodes = mesh(2)
    network = Network(nodes)
    network.start()
    network.run(2.5)
    client_id = wire.parse(network.sent[0][2].payload).client_id
    sender = Endpoint(address=PEER, port=4321)
    for sequence in (0, 4, 10**9, wire.MOST_SEQUENCE):
        data = wire.answer(wire.query(client_id, sequence, 0, GROUP, bytes(16)), 64)
        for by_group in (True, False):
            datagram = Incoming(payload=data, sender=sender, by_group=by_group)
            assert list(nodes[0].omping.receive(datagram, network.now)) == []


def test_a_time_stamp_of_any_value_is_taken_as_it_is():
    nodes = mesh(2)
    network = Network(nodes)
    network.start()
    network.run(0.5)
    client_id = wire.parse(network.sent[0][2].payload).client_id
    data = wire.pack(
        Message(
            kind=Kind.ANSWER,
            client_id=client_id,
            sequence=1,
            client_time=Stamp(seconds=wire.MOST_SEQUENCE, microseconds=wire.MOST_SEQUENCE),
            ttl=255,
        )
    )
    datagram = Incoming(payload=data, sender=Endpoint(address=PEER, port=4321), by_group=True, hops=1)
    answered = [
        effect for effect in nodes[0].omping.receive(datagram, network.now) if isinstance(effect, Answered)
    ]
    assert [(effect.cast, effect.distance, effect.duplicate) for effect in answered] == [
        (Cast.MULTICAST, 254, True)
    ]


def test_port_0_is_not_replied_to_since_the_kernel_would_refuse():
    assert Attacked().get(init(), port=0) == []


def test_inits_and_queries_to_the_group_are_passed_over():
    attacked = Attacked()
    attacked.get(init())
    assert attacked.get(init(), by_group=True) == []
    assert attacked.get(query(attacked.session), by_group=True) == []
