"""What the netns backend refuses before it builds anything, and the words in which it does."""

import textwrap

import pytest

from harness.backends.netns.limits import refusals
from harness.plan.build import build
from harness.scenario.loader import load

SCENARIO = """\
scenario: limits of a backend
source: RFC 2236
speed: {speed}
network:
  switches:
    sw1: {{{switch}}}
  nodes:
    n: {{count: {nodes}, on: sw1}}
traffic:
  one: {{group: "{group}", senders: {senders}, source_specific: {ssm}, rate: {rate}}}
timeline: [{steps}]
expect:
  - {{deliver: one, result: all, until: 10s}}
"""


@pytest.fixture
def refused(tmp_path):
    """A function from what differs in the scenario to the refusals."""

    def plan_and_ask(
        switch,
        *,
        speed=1,
        nodes=3,
        senders="[n1]",
        rate="1/s",
        steps="",
        group="239.192.0.1",
        ssm="off",
    ):
        path = tmp_path / "limits.scenario.yaml"
        text = SCENARIO.format(
            switch=switch,
            speed=speed,
            nodes=nodes,
            senders=senders,
            rate=rate,
            steps=steps,
            group=group,
            ssm=ssm,
        )
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return refusals(build(load(path).variants[0]))

    return plan_and_ask


def test_the_defaults_hold_at_a_hundred_times_the_speed(refused):
    assert refused("profile: class-c, querier: on", speed=100) == ()


def test_a_kernel_bridge_cannot_query_more_often_than_once_a_second(refused):
    assert refused("profile: linux-bridge, querier: on", speed=31) == ()
    (text,) = refused("profile: linux-bridge, querier: on", speed=40)
    assert text.startswith("sw1: startup query interval 31.25 s at speed 40 is 0.781 s")
    assert "use speed 31" in text


def test_the_response_time_on_the_wire_has_a_least_value(refused):
    texts = refused("profile: class-c, querier: {max_response: 5s}", speed=100)
    assert [text for text in texts if "max response time 5 s" in text and "use speed 50 or less" in text]


def test_hosts_cannot_repeat_reports_faster_than_their_clock_ticks(refused):
    assert [text for text in refused("profile: class-d", speed=200) if "unsolicited report interval" in text]


def test_leaves_need_their_queries_on_the_wire_unless_they_are_fast(refused):
    leave = "{at: 5s, leave: {node: n2, stream: one}}"
    texts = refused("profile: class-c, querier: on", speed=100, steps=leave)
    assert [text for text in texts if "last member query interval" in text and "use speed 10" in text]
    assert refused("profile: class-c, querier: on, fast_leave: on", speed=100, steps=leave) == ()
    assert refused("profile: class-c", speed=100, steps=leave) == (), "without a querier nobody asks"


def test_more_traffic_than_one_process_accounts_is_refused(refused):
    (text,) = refused("profile: class-d", speed=100, nodes=50, senders="all", rate="10/s")
    assert "deliveries a real second" in text
    assert "lower the rate" in text


def test_a_bridge_has_at_most_1023_ports(refused):
    (text,) = refused("profile: class-d", nodes=1024)
    assert text.startswith("sw1: 1024 ports")


def test_a_lab_has_at_most_5000_hosts(refused):
    found = refused("profile: class-d", nodes=5001, rate="1/m")
    assert any(text.startswith("5001 nodes and routers; at most 5000 fit into one lab") for text in found)


def test_what_the_kernels_bridge_cannot_be_told_is_refused(refused):
    (text,) = refused("profile: linux-bridge, querier: {version: 1}")
    assert "version 2 or 3" in text
    for rule in ("flood", "router-ports", "drop"):
        (text,) = refused(f"profile: linux-bridge, unregistered: {rule}")
        assert "floods until it knows a querier" in text


def test_a_querier_must_be_able_to_listen_first(refused):
    switch = "profile: class-c, querier: {start_delay: 1s}"
    assert refused(switch, speed=10) == ()
    (text,) = refused(switch, speed=50)
    assert text.startswith("sw1: start delay 1 s at speed 50 is 0.02 s") and "speed 20 or less" in text


def test_settings_that_the_kernels_bridge_lacks_are_refused_together(refused):
    (text,) = refused(
        "profile: linux-bridge, lookup: mac, report_suppression: on, querier: {start_delay: 5s}",
        steps="{at: 1s, set: {switch: sw1, most_groups: 0}}",
    )
    assert text == (
        "sw1: the kernel's bridge cannot be told lookup, report_suppression, most_groups: 0, start_delay; "
        "with emulated: on it can"
    )
    assert refused("profile: linux-bridge, most_groups: 16, source_filtering: on, fast_leave_ports: p1") == ()


def test_forged_packets_must_survive_the_division(refused):
    step = "{at: 1s, forge: {node: n1, query: {max_response: 5s}}}"
    assert refused("profile: class-c", speed=10, steps=step) == ()
    (told,) = refused("profile: class-c", speed=100, steps=step)
    assert told.startswith("a forged query of n1: max response time 5 s at speed 100 is 0.05 s")
    assert told.endswith("use speed 50 or less")


def test_a_hello_counts_whole_seconds(refused):
    step = "{at: 1s, forge: {node: n1, pim_hello: {hold: 105s}}}"
    assert refused("profile: class-c", speed=10, steps=step.replace("105s", "110s")) == ()
    (told,) = refused("profile: class-c", speed=10, steps=step)
    assert told.startswith("a forged hello of n1: hold time 105 s at speed 10 is 10.5 s")
    assert told.endswith("PIM counts whole seconds; use 110s, or speed 1")


def test_the_timers_of_mld_have_floors_of_their_own(refused):
    mld = "profile: class-c, mld: {snooping: on, querier: {max_response: 3s}, membership_interval: 3s}"
    assert refused(mld, speed=50) == ()
    texts = refused(mld, speed=100)
    assert any(text.startswith("sw1: MLD membership interval 3 s at speed 100") for text in texts)
    fast = "profile: class-c, mld: {snooping: on, querier: {version: 2, max_response: 1s}}"
    (text,) = refused(fast, speed=100)
    assert text.startswith("sw1: MLD max response time 1 s at speed 100 is 0.01 s, under the 0.02 s")


def test_an_ipv6_socket_names_no_more_than_64_sources(refused):
    assert refused("profile: class-d", nodes=64, senders="all", group="ff3e::8000:1", ssm="on") == ()
    (text,) = refused("profile: class-d", nodes=65, senders="all", group="ff3e::8000:1", ssm="on")
    assert text.startswith("one: an IPv6 socket may name 64 sources")
