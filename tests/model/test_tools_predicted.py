"""Probe tools in virtual time: the figures that a lab's tools, and the originals, have in such a network."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from hand_made import network
from made_tools import Predicted, everybody, tool

from harness.plan.tools import Made, Tool

PAIRS = [(a, b) for a in ("a1", "b1", "c1") for b in ("a1", "b1", "c1") if a != b]


def test_an_omping_that_passes(tmp_path):
    run = Predicted(network(tmp_path), tool(count=10, start_s=1.0))
    for cast in ("unicast", "multicast"):
        assert run.figures(cast) == everybody(PAIRS, (10, 10))
    answers = run.answers(host="a1", peer="c1", cast="multicast")
    assert [(one.at_s, one.last_s, one.sequence, one.count, one.distance) for one in answers] == [
        (1.0, 10.0, 1, 10, 0)
    ]
    assert {status for status, _ in run.statuses().values()} == {0}
    ends_s = [at_s for _, at_s in run.statuses().values()]
    assert run.memberships(joined=True) == [(1.0, name, True) for name in ("a1", "b1", "c1")]
    assert [at_s for at_s, *_ in run.memberships(joined=False)] == ends_s
    assert "10.77.0.3 : given amount of query messages was sent" in run.said("a1")


def test_an_installed_program_is_predicted_by_the_native_one(tmp_path):
    native, system = (
        Predicted(network(tmp_path), tool(count=10, made=made)) for made in (Made.NATIVE, Made.SYSTEM)
    )
    assert native.records == system.records


@pytest.mark.parametrize("mode", ["ssm", "ipbc"])
def test_other_modes_of_omping_pass_too(tmp_path, mode):
    run = Predicted(network(tmp_path), tool(count=10, mode=mode))
    cast = "broadcast" if mode == "ipbc" else "multicast"
    assert run.figures(cast) == everybody(PAIRS, (10, 10))
    assert len(run.memberships(joined=True)) == (0 if mode == "ipbc" else 3)


def test_an_omping_by_ipv6(tmp_path):
    plan = network(tmp_path, switch=", querier: on, mld: {snooping: on, querier: on}", group="ff15::77")
    run = Predicted(plan, tool(count=10, version=6))
    assert run.figures("multicast") == everybody(PAIRS, (10, 10))


def test_multicast_dies_with_the_membership_and_unicast_does_not(tmp_path):
    """The ten minutes that hosters demand: every second, without a querier."""
    plan = network(tmp_path, duration="620s", switch=", unregistered: drop, querier: off", first="sw2")
    run = Predicted(plan, tool(count=600, stop_s=615.0))
    assert run.figures("unicast") == everybody(PAIRS, (600, 600))
    for cast in run.figures("multicast").values():
        assert cast[0] == 600
        assert 258 <= cast[1] <= 272
    (answers,) = run.answers(host="a1", peer="b1", cast="multicast")
    assert answers.at_s == 0.0
    assert 258 <= answers.last_s <= 272


def test_a_short_test_passes_where_the_long_one_fails(tmp_path):
    plan = network(tmp_path, switch=", unregistered: drop, querier: off", first="sw2")
    run = Predicted(plan, tool(count=1000, period_s=0.01))
    assert run.figures("multicast") == everybody(PAIRS, (1000, 1000))


def test_blocked_multicast_is_lost_in_all_reports(tmp_path):
    more = """
    timeline:
      - {at: 0s, impair: {between: [sw1, sw2], loss: 100%, only: multicast}}"""
    run = Predicted(network(tmp_path, more=more), tool(count=10))
    lost = {pair for pair in PAIRS if "a1" in pair}
    assert run.figures("unicast") == everybody(PAIRS, (10, 10))
    assert run.figures("multicast") == {pair: (10, 0 if pair in lost else 10) for pair in PAIRS}


def test_a_deaf_node_alone_reports_the_loss(tmp_path):
    """Its answers are heard by all; what the others answer it does not hear."""
    more = """
    timeline:
      - {at: 0s, impair: {from: sw2, to: c1, loss: 100%, only: multicast}}"""
    run = Predicted(network(tmp_path, more=more), tool(count=10))
    found = run.figures("multicast")
    assert found == {pair: (10, 0 if pair[0] == "c1" else 10) for pair in PAIRS}


def test_a_firewall_that_takes_only_answers_lets_unicast_pass(tmp_path):
    rules = '["-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT", "-A INPUT -p udp -j DROP"]'
    plan = network(tmp_path, a1=f", firewall: {{iptables: {rules}}}")
    run = Predicted(plan, tool(count=10))
    assert run.figures("unicast") == everybody(PAIRS, (10, 10))
    assert run.figures("multicast") == {pair: (10, 0 if pair[0] == "a1" else 10) for pair in PAIRS}


def test_a_firewall_that_keeps_the_answers_in_is_told_by_the_kernel(tmp_path):
    rules = '["-A OUTPUT -d 224.0.0.0/4 -p udp -j DROP"]'
    plan = network(tmp_path, a1=f", firewall: {{iptables: {rules}}}")
    run = Predicted(plan, tool(count=10))
    assert run.figures("multicast") == {pair: (10, 0 if pair[1] == "a1" else 10) for pair in PAIRS}
    assert any("Operation not permitted" in line for line in run.said("a1", error=True))


def test_doubled_frames_are_duplicates_and_no_more_received(tmp_path):
    more = """
    timeline:
      - {at: 0s, impair: {from: sw2, to: c1, duplicate: 100%, only: multicast}}"""
    run = Predicted(network(tmp_path, more=more), tool(count=10))
    assert run.figures("multicast") == everybody(PAIRS, (10, 10))
    assert run.duplicates("multicast") == {pair: 10 if pair[0] == "c1" else 0 for pair in PAIRS}
    assert run.duplicates("unicast") == everybody(PAIRS, 0)


def test_a_cable_that_delays_is_seen_in_the_round_trips(tmp_path):
    more = """
    timeline:
      - {at: 0s, impair: {between: [c1, sw2], delay: 20ms}}"""
    run = Predicted(network(tmp_path, more=more), tool(count=10))
    trips = run.round_trips("unicast")
    assert trips["a1", "b1"] == 0.0
    assert trips["a1", "c1"] == pytest.approx(0.04, abs=1e-5)


def test_a_node_that_goes_is_asked_in_vain(tmp_path):
    more = """
    timeline:
      - {at: 5.5s, link_down: [c1, sw2]}"""
    run = Predicted(network(tmp_path, more=more), tool(count=10))
    assert run.figures("unicast")["a1", "c1"] == (10, 6)
    assert run.figures("unicast")["c1", "a1"] == (10, 6)
    assert run.figures("unicast")["a1", "b1"] == (10, 10)


def test_a_second_omping_on_a_host_finds_its_port_taken(tmp_path):
    plan = network(tmp_path)
    run = Predicted(plan, tool(count=10), tool(number=3, hosts=("a1", "b1"), start_s=2.0, count=3))
    assert run.figures("unicast", tool=2) == everybody(PAIRS, (10, 10))
    assert run.statuses(tool=3) == {"a1": (1, 2.0), "b1": (1, 2.0)}
    assert run.said("a1", tool=3) == ["Can't open its sockets: Address already in use"]


def test_what_still_runs_at_the_end_is_interrupted_and_says_its_figures(tmp_path):
    run = Predicted(network(tmp_path), tool(stop_s=30.0))
    assert run.figures("multicast") == everybody(PAIRS, (30, 30))
    assert run.statuses() == dict.fromkeys(("a1", "b1", "c1"), (0, 30.0))


def test_a_probe_and_a_stream_in_one_group_do_not_mix(tmp_path):
    """The stream is delivered to its members, and not to the probe's."""
    plan = network(tmp_path)
    stream = plan.streams[0]
    run = Predicted(plan, tool(count=10, group=stream.group, port=stream.port, number=stream.number + 1))
    assert run.figures("multicast") == everybody(PAIRS, (10, 10))
    history = run.history(plan)
    assert all(row.count(1) == 30 for row in history.flow(stream.number, "a1").heard.values())
    assert history.strays == 0


def test_mcfirst_hears_the_datagrams_of_streams(tmp_path):
    plan = network(tmp_path)
    (stream, *_) = plan.streams
    listens = {"tool": Tool.MCFIRST, "hosts": ("b1", "c1"), "group": stream.group, "port": stream.port}
    run = Predicted(plan, tool(**listens, number=9, count=5, start_s=3.5, stop_s=25.0))
    answers = run.answers(host="c1")
    assert sum(one.count for one in answers) == 5
    assert {one.size for one in answers} == {stream.size}
    ended_s = max(one.last_s for one in answers)
    assert run.statuses() == {"b1": (0, ended_s), "c1": (0, ended_s)}
    alone = Predicted(plan)
    for sender in stream.senders:
        heard = run.history(plan).flow(stream.number, sender).heard
        assert heard == alone.history(plan).flow(stream.number, sender).heard


def test_mcfirst_of_one_source_hears_that_one(tmp_path):
    plan = network(tmp_path)
    (stream, *_) = plan.streams
    listens = {"tool": Tool.MCFIRST, "hosts": ("b1",), "group": stream.group, "port": stream.port}
    run = Predicted(plan, tool(**listens, number=9, source="c1", count=3, start_s=3.5, stop_s=25.0))
    assert {one.peer for one in run.answers(host="b1")} == {"c1"}
    assert sum(one.count for one in run.answers(host="b1")) == 3


@pytest.mark.parametrize("which", [Tool.SSMPING, Tool.ASMPING])
def test_a_client_and_its_server(tmp_path, which):
    group = None if which is Tool.SSMPING else ip_address("239.192.9.9")
    clients = {"tool": which, "hosts": ("b1", "c1"), "server": "a1", "group": group, "size": None}
    run = Predicted(network(tmp_path), tool(**clients, count=10))
    for cast in ("unicast", "multicast"):
        assert run.figures(cast) == {("b1", "a1"): (10, 10), ("c1", "a1"): (10, 10)}
    assert {run.statuses()[name][0] for name in ("b1", "c1")} == {0}


def test_answers_that_are_too_large_for_a_cable_do_not_come(tmp_path):
    more = """
    timeline:
      - {at: 0s, impair: {between: [sw1, sw2], loss: 100%, larger_than: 1000}}"""
    clients = {"tool": Tool.SSMPING, "hosts": ("b1",), "server": "a1"}
    for size, received in ((900, 5), (1000, 0)):
        run = Predicted(network(tmp_path, more=more), tool(**clients, size=size, count=5))
        assert run.figures("multicast") == {("b1", "a1"): (5, received)}


def test_a_server_behind_a_firewall_is_silent(tmp_path):
    plan = network(tmp_path, a1=', firewall: {iptables: ["-A INPUT -p udp -j DROP"]}')
    run = Predicted(plan, tool(tool=Tool.SSMPING, hosts=("b1",), server="a1", count=3))
    assert run.figures("unicast") == {("b1", "a1"): (3, 0)}
    assert run.statuses()["b1"][0] == 1


PROGRAM = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from hand_made import network
from made_tools import Predicted, tool
more = '''
    timeline:
      - {{at: 0s, impair: {{between: [c1, sw2], loss: 20%, delay: 2ms, jitter: 1ms}}}}'''
run = Predicted(network(Path({folder!r}), more=more), tool(count=50, period_s=0.1), tool(
    number=3, hosts=("a1", "c1"), port=5000, count=20))
print("\\n".join(map(repr, run.records)))
"""


def test_the_same_seed_gives_the_same_records_in_every_process(tmp_path):
    program = PROGRAM.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1
    assert found.pop().count("ToolAnswered") > 20
