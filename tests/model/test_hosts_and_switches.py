"""Hosts and switches of the model: what of a lab's kernel had to be said by hand."""

from __future__ import annotations

import pytest
from predicted import history_of, plan_of, records_of

from harness.backends.model.limits import refusals
from harness.observations.model import Igmp, Sent, TableLine

NETWORK = """
    scenario: "by hand"
    source: ["made for this test"]
    duration: {duration}
    network:
      switches:
        sw1: {{profile: class-b}}
      nodes:
        n: {{count: 3, on: sw1{node}}}
    traffic:
      totem: {{group: {group}, senders: [n1], rate: 1/s}}
    timeline:
      - {{at: 10s, {step}}}{more}
    expect:
      - {{deliver: totem, until: 5s, result: all}}
"""


def plan(folder, *, group="239.192.7.7", node="", steps=("restart_node: n2",), duration="30s", **changes):
    first, *others = steps
    more = "".join(f"\n      - {step}" for step in others)
    text = NETWORK.format(group=group, node=node, step=first, more=more, duration=duration)
    for old, new in changes.items():
        text = text.replace(f"profile: {old.replace('_', '-')}", new)
    return plan_of(folder, text)


def reports(records, port, since_s):
    return [
        record
        for record in records
        if isinstance(record, TableLine)
        and (record.table, record.port, record.present) == ("member", port, True)
        and record.at_s >= since_s
    ]


def test_a_restarted_node_reports_anew_to_a_switch_that_saw_its_link_go(tmp_path):
    records = records_of(plan(tmp_path))
    assert [record.at_s for record in reports(records, "p2", 1.0)] == [10.0]
    assert reports(records, "p3", 1.0) == []


@pytest.mark.parametrize(("group", "comes_back"), [("239.192.7.7", False), ("ff15::77", True)])
def test_a_carrier_that_returns_makes_the_stack_report_mld_and_not_igmp(tmp_path, group, comes_back):
    steps = ("link_down: [n2, sw1]", "{at: 20s, link_up: [n2, sw1]}")
    made = plan(tmp_path, group=group, steps=steps, class_b="profile: class-b, mld: {snooping: on}")
    assert bool(reports(records_of(made), "p2", 20.0)) is comes_back


def test_a_nodes_own_query_is_answered_by_its_own_stack(tmp_path):
    text = """
        scenario: "a daemon asks"
        source: ["made for this test"]
        duration: 30s
        network:
          switches:
            sw1: {profile: class-b}
          nodes:
            n: {count: 2, on: sw1}
            daemon: {on: sw1, querier: {version: 2, query_interval: 20s, max_response: 5s}}
        traffic:
          totem: {group: 239.192.7.7, senders: [n1], rate: 1/s}
        expect:
          - {deliver: totem, until: 5s, result: all}
    """
    records = records_of(plan_of(tmp_path, text))
    asked = [record for record in records if isinstance(record, Igmp) and record.what == "query"]
    assert asked
    assert {record.port for record in asked} == {"p3"}


def test_what_the_own_firewall_drops_is_refused_to_the_sender(tmp_path):
    node = ', firewall: {iptables: ["-A OUTPUT -d 239.0.0.0/8 -j DROP"]}'
    made = plan(tmp_path, node=node)
    sent = [record for record in records_of(made) if isinstance(record, Sent)]
    assert {record.error for record in sent} == {"EPERM"}
    assert not any(history_of(made).flow(1, "n1").heard.values())


def test_a_rule_that_the_model_cannot_evaluate_is_refused_with_its_words(tmp_path):
    node = ', firewall: {iptables: ["-A INPUT -m u32 --u32 0=0 -j DROP"]}'
    found = refusals(plan(tmp_path, node=node))
    assert len(found) == 1
    assert "n1" in found[0]
    assert "u32" in found[0]
    assert "--backend netns" in found[0]
    assert refusals(plan(tmp_path)) == ()


def test_reports_that_only_refresh_are_not_recorded(tmp_path):
    records = records_of(plan(tmp_path, duration="600s", class_b="profile: class-b, querier: on"))
    heard = [record for record in records if isinstance(record, Igmp) and record.what.startswith("report")]
    learned = [line for port in ("p1", "p2", "p3") for line in reports(records, port, 0.0)]
    assert len(heard) == len(learned) == 4
