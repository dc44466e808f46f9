"""UDP of the model's hosts: who gets what programs send, and what the kernel answers."""

from __future__ import annotations

import errno
from ipaddress import ip_address

import pytest
from hand_made import GROUP, PORT, Recorded, every_second, network, run, to, wanted

from harness.backends.model.world import World
from harness.observations.model import TableLine

A, B, C = "10.77.0.1", "10.77.0.2", "10.77.0.3"


def member(address, source=None, **changes):
    sockets = wanted(address, group=GROUP, group_port=PORT, **changes)
    return Recorded(sockets, joins=((GROUP, source),))


def payloads(program):
    return [payload for _, payload, *_ in program.heard]


def test_the_addresses_of_the_network(tmp_path):
    assert [str(host.address) for host in network(tmp_path).hosts] == [A, B, C]


def test_a_question_and_its_answer_by_unicast_take_no_time(tmp_path):
    asks = Recorded(wanted(A), sends=every_second(2, 5, b"ask", to(B)))
    answers, other = Recorded(wanted(None)), Recorded(wanted(C))
    run(network(tmp_path), [("a1", asks), ("b1", answers), ("c1", other)])
    assert asks.heard == [(at_s, b"answer", B, False) for at_s in (2.0, 3.0, 4.0)]
    assert [sender for _, _, sender, _ in answers.heard] == [A] * 3
    assert other.heard == []
    assert answers.hops == 64


def test_a_group_comes_to_members_and_not_to_the_sender(tmp_path):
    asks = member(A)
    asks.sends = every_second(2, 4, b"hello", to(GROUP))
    hears, joined_nothing = member(B), Recorded(wanted(C, group=GROUP, group_port=PORT))
    run(network(tmp_path), [("a1", asks), ("b1", hears), ("c1", joined_nothing)])
    assert hears.heard == [(2.0, b"hello", A, True), (3.0, b"hello", A, True)]
    assert asks.heard == joined_nothing.heard == []


def test_what_is_looped_comes_to_the_own_members_too(tmp_path):
    asks = member(A, loop=True)
    asks.sends = every_second(2, 3, b"hello", to(GROUP))
    run(network(tmp_path), [("a1", asks)])
    assert asks.heard == [(2.0, b"hello", A, True)]


def test_a_leave_ends_it_and_switches_learn_of_both(tmp_path):
    records = []
    asks = Recorded(wanted(A), sends=every_second(2, 8, b"hello", to(GROUP)))
    hears = member(B)
    hears.leaves = [(4.5, GROUP)]
    plan = network(tmp_path, switch=", querier: on, fast_leave: on")
    run(plan, [("a1", asks), ("b1", hears)], records=records)
    assert len(hears.heard) == 3
    lines = [one for one in records if isinstance(one, TableLine) and one.group == str(GROUP)]
    learned = [(one.switch, one.port) for one in lines if one.present]
    assert ("sw2", "p1") in learned
    assert ("sw2", "p1") in [(one.switch, one.port) for one in lines if not one.present]


def test_an_answer_to_a_group_that_was_joined_in_the_same_moment_comes(tmp_path):
    """The report is ahead of the question on every cable, so every switch knows the member by then."""
    querier = ", querier: on, unregistered: drop"
    asks = member(A)
    asks.sends = [(1.0, b"ask", to(C))]
    answers = Recorded(wanted(C), answers_to=(to(GROUP),))
    run(network(tmp_path, switch=querier), [("a1", asks), ("c1", answers)])
    assert asks.heard == [(1.0, b"answer", C, True)]


@pytest.mark.parametrize(("source", "hears"), [(A, True), (C, False), (None, True)])
def test_a_member_of_some_sources_hears_those(tmp_path, source, hears):
    asks = Recorded(wanted(A), sends=every_second(2, 3, b"hello", to(GROUP)))
    listener = member(B, None if source is None else ip_address(source))
    run(network(tmp_path), [("a1", asks), ("b1", listener)])
    assert bool(listener.heard) is hears


def test_a_broadcast_comes_to_whoever_is_bound_to_it_or_to_everything(tmp_path):
    everybody = ip_address("10.77.255.255")
    asks = Recorded(wanted(A, broadcast=True), sends=every_second(2, 3, b"hello", to(everybody)))
    bound = Recorded(wanted(B, group=everybody, group_port=PORT))
    listens = Recorded(wanted(None))
    plan = network(tmp_path)
    assert plan.prefix_length == 16
    run(plan, [("a1", asks), ("b1", bound), ("c1", listens)])
    assert bound.heard == [(2.0, b"hello", A, True)]
    assert listens.heard == [(2.0, b"hello", A, False)]


def test_where_nothing_listens_connected_sockets_are_refused(tmp_path):
    connected = Recorded(wanted(A, peer=to(B)), sends=every_second(2, 4, b"ask", to(B)))
    loose = Recorded(wanted(C), sends=every_second(2, 4, b"ask", to(B)))
    run(network(tmp_path), [("a1", connected), ("c1", loose)])
    assert connected.errors == [(2.0, errno.ECONNREFUSED), (3.0, errno.ECONNREFUSED)]
    assert loose.errors == []


def test_a_host_that_is_unplugged_answers_nothing(tmp_path):
    more = "timeline:\n      - {at: 0s, link_down: [b1, sw2]}"
    asks = Recorded(wanted(A, peer=to(B)), sends=every_second(2, 4, b"ask", to(B)))
    nobody = Recorded(wanted(C), sends=every_second(2, 4, b"ask", to("10.77.3.9")))
    run(network(tmp_path, more=more), [("a1", asks), ("c1", nobody)])
    assert asks.errors == asks.heard == nobody.errors == nobody.heard == []


def test_a_refusal_that_its_host_does_not_let_out_is_not_heard(tmp_path):
    firewall = ', firewall: {iptables: ["-A OUTPUT -p icmp -j DROP"]}'
    asks = Recorded(wanted(A, peer=to(B)), sends=every_second(2, 4, b"ask", to(B)))
    run(network(tmp_path, b1=firewall), [("a1", asks)])
    assert asks.errors == []


def test_a_program_that_has_ended_hears_nothing_and_leaves(tmp_path):
    asks = Recorded(wanted(A), sends=every_second(2, 8, b"hello", to(GROUP)))
    hears = member(B)
    hears.ends_at_s = 4.5
    told = []
    world = run(network(tmp_path), [("a1", asks), ("b1", hears)], told)
    assert len(hears.heard) == 3
    assert [type(effect).__name__ for effect, _ in told] == ["Join", "Ended"]
    assert not world._hosts["b1"].hears(GROUP, ip_address(A))


def test_two_programs_and_a_stream_share_a_group(tmp_path):
    asks = Recorded(wanted(A), sends=every_second(2, 5, b"hello", to(GROUP)))
    first, second = member(B), member(B)
    second.sockets = wanted(B, port=0, group=GROUP, group_port=PORT)
    second.leaves = [(3.5, GROUP)]
    run(network(tmp_path), [("a1", asks), ("b1", first), ("b1", second)])
    assert len(first.heard) == 3
    assert len(second.heard) == 2


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        (wanted(A), wanted(A), errno.EADDRINUSE),
        (wanted(None), wanted(A), errno.EADDRINUSE),
        (wanted(A, group=GROUP, group_port=PORT), wanted(A, port=5000, group=GROUP, group_port=PORT), 0),
        (
            wanted(A, group=GROUP, group_port=PORT),
            wanted(A, port=5000, group=GROUP, group_port=PORT, shared=False),
            errno.EADDRINUSE,
        ),
        (wanted(A), wanted(A, port=0), 0),
        (wanted(A), wanted(B), errno.EADDRNOTAVAIL),
    ],
)
def test_addresses_are_given_once(tmp_path, first, second, error):
    world = World(network(tmp_path), [].append)
    world.udp.open("a1", first, None)
    if error:
        with pytest.raises(OSError, match=r"address|Address") as caught:
            world.udp.open("a1", second, None)
        assert caught.value.errno == error
    else:
        assert world.udp.open("a1", second, None).port


def test_ports_that_nobody_asked_for_differ(tmp_path):
    programs = [Recorded(wanted(A, port=0)) for _ in range(3)]
    run(network(tmp_path), [("a1", program) for program in programs])
    assert len({program.port for program in programs}) == 3


def test_what_is_larger_than_udp_carries_is_refused(tmp_path):
    asks = Recorded(wanted(A), sends=[(2.0, bytes(65508), to(B)), (3.0, bytes(65507), to(B))])
    hears = Recorded(wanted(B))
    run(network(tmp_path), [("a1", asks), ("b1", hears)])
    assert asks.errors == [(2.0, errno.EMSGSIZE)]
    assert len(hears.heard) == 1


def test_fragments_that_are_too_large_for_a_cable_are_lost(tmp_path):
    """A sender's frames of 9000 bytes do not pass a port of 1500."""
    asks = Recorded(wanted(A), sends=[(2.0, bytes(1472), to(B)), (3.0, bytes(1600), to(B))])
    hears = Recorded(wanted(B))
    run(network(tmp_path, a1=", mtu: 9000"), [("a1", asks), ("b1", hears)])
    assert [len(payload) for payload in payloads(hears)] == [1472]


def test_a_firewall_of_states_lets_answers_in_and_groups_not(tmp_path):
    """The cluster's classic: what answers an own question passes, what comes by a group does not."""
    rules = '["-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT", "-A INPUT -p udp -j DROP"]'
    asks = member(A)
    asks.sends = every_second(2, 4, b"ask", to(B))
    answers = Recorded(wanted(B), answers_to=(to(A), to(GROUP)))
    stranger = Recorded(wanted(C), sends=every_second(2, 4, b"hello", to(A)))
    plan = network(tmp_path, a1=f", firewall: {{iptables: {rules}}}")
    run(plan, [("a1", asks), ("b1", answers), ("c1", stranger)])
    assert asks.heard == [(2.0, b"answer", B, False), (3.0, b"answer", B, False)]


def test_a_firewall_knows_ports_of_both_sides(tmp_path):
    rules = f'["-A INPUT -p udp --sport {PORT} -j DROP"]'
    asks = Recorded(wanted(A), sends=every_second(2, 4, b"from the port", to(B)))
    other = Recorded(wanted(A, port=0), sends=every_second(2, 4, b"from another", to(B)))
    hears = Recorded(wanted(B))
    plan = network(tmp_path, b1=f", firewall: {{iptables: {rules}}}")
    run(plan, [("a1", asks), ("a1", other), ("b1", hears)])
    assert payloads(hears) == [b"from another"] * 2


def test_what_the_own_firewall_drops_fails_for_the_sender(tmp_path):
    rules = f'["-A OUTPUT -d {GROUP} -j DROP"]'
    asks = Recorded(wanted(A), sends=[(2.0, b"hello", to(GROUP)), (3.0, b"hello", to(B))])
    hears = Recorded(wanted(B))
    plan = network(tmp_path, a1=f", firewall: {{iptables: {rules}}}")
    run(plan, [("a1", asks), ("b1", hears)])
    assert asks.errors == [(2.0, errno.EPERM)]
    assert payloads(hears) == [b"hello"]


@pytest.mark.parametrize(
    ("impairment", "unicast", "multicast"),
    [
        ("loss: 100%, only: multicast", 10, 0),
        ("loss: 100%, only: unicast", 0, 10),
        ("duplicate: 100%", 20, 20),
        ("delay: 20ms", 10, 10),
    ],
)
def test_impaired_cables_do_to_programs_what_they_do_to_streams(tmp_path, impairment, unicast, multicast):
    more = f"timeline:\n      - {{at: 0s, impair: {{between: [sw1, sw2], {impairment}}}}}"
    by_one = Recorded(wanted(A), sends=every_second(2, 12, b"hello", to(B)))
    by_group = Recorded(wanted(A, port=0), sends=every_second(2, 12, b"hello", to(GROUP)))
    hears, group_hears = Recorded(wanted(B)), member(C)
    plan = network(tmp_path, more=more)
    run(plan, [("a1", by_one), ("a1", by_group), ("b1", hears), ("c1", group_hears)])
    assert (len(hears.heard), len(group_hears.heard)) == (unicast, multicast)
    late_s = 0.02 if "delay" in impairment else 0.0
    assert {round(at_s % 1, 6) for at_s, *_ in hears.heard} <= {late_s}


def test_some_are_lost_by_chance_the_same_each_time(tmp_path):
    more = "timeline:\n      - {at: 0s, impair: {between: [sw1, sw2], loss: 50%}}"

    def heard():
        asks = Recorded(wanted(A), sends=every_second(2, 29, b"hello", to(GROUP)))
        hears = member(B)
        run(network(tmp_path, more=more), [("a1", asks), ("b1", hears)])
        return hears.heard

    first = heard()
    assert 3 < len(first) < 24
    assert heard() == first


def test_a_group_dies_when_the_membership_ages(tmp_path):
    asks = Recorded(wanted(C), sends=every_second(2, 400, b"hello", to(GROUP)))
    hears = member(B)
    run(network(tmp_path, duration="400s", switch=", unregistered: drop"), [("c1", asks), ("b1", hears)])
    at_s = [at_s for at_s, *_ in hears.heard]
    assert at_s[0] == 2.0
    assert 259 <= at_s[-1] <= 272
