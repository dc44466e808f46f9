"""Rules of the real tools in a node's namespace: what they let through, and what the tools refuse."""

# ruff: noqa: RUF001  typographic signs are what is tested

import textwrap

import pytest

from harness.backends.netns import firewall
from harness.errors import HostError, LabError
from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status

pytestmark = pytest.mark.lab


def run(folder, rules, expect, switch="{profile: linux-bridge, snooping: off}"):
    """Run two open nodes and one with rules; the outcome."""
    path = folder / "wall.scenario.yaml"
    text = textwrap.dedent("""\
        scenario: a node with a firewall of its own
        source: measured on Linux 6.18
        speed: 20
        duration: 10s
        network:
          switches: {sw1: SWITCH}
          nodes:
            open: {count: 2, on: sw1}
            walled: {on: sw1, firewall: RULES}
        traffic:
          one: {group: 239.192.0.1, port: 5405, rate: 2/s}
        expect:
        """)
    text = text.replace("SWITCH", switch).replace("RULES", rules)
    path.write_text(text + "".join(f"  - {{deliver: one, {line}}}\n" for line in expect), encoding="utf-8")
    (plan,) = build_all(path)
    with Pool(jobs=1) as pool:
        pool.submit("wall", Request(plan=plan, backend="netns", parent=folder / "runs"))
        outcome = pool.wait("wall")
    if isinstance(outcome.error, HostError):
        pytest.skip(str(outcome.error))
    return outcome


DEAF = ("to: walled, result: none", "to: [open1, open2], result: all")
"""The walled node is heard, and hears nothing; its neighbours, and the switch between them, have no rules."""
HEARS = ("result: all",)

NFT = "table inet f { chain in { type filter hook input priority 0; udp dport 5405 drop; }; }"
SAVED = "*filter\\n:INPUT DROP [0:0]\\n:FORWARD ACCEPT [0:0]\\n:OUTPUT ACCEPT [0:0]\\nCOMMIT\\n"
WIKI = (
    '"-A INPUT -m addrtype --dst-type MULTICAST -j ACCEPT", '
    '"-A INPUT -p udp -m state --state NEW -m multiport –dports 5404,5405 -j ACCEPT"'
)


@pytest.mark.parametrize(
    ("rules", "expect"),
    [
        ('{iptables: "-P INPUT DROP"}', DEAF),
        (f'{{iptables: "{SAVED}"}}', DEAF),
        (f'{{nft: "{NFT}"}}', DEAF),
        (f'{{iptables: ["-P INPUT DROP", {WIKI}]}}', HEARS),
        ('{ip6tables: "-P INPUT DROP"}', HEARS),
    ],
    ids=["policy", "saved", "nft", "wiki", "ip6tables"],
)
def test_rules_hold_in_their_node_and_nowhere_else(tmp_path, rules, expect):
    outcome = run(tmp_path, rules, expect)
    assert outcome.error is None, outcome.error
    assert outcome.status is Status.PASSED, [(one.expected, one.got) for one in outcome.verdicts]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('{iptables: ["-A INPUT -m no-such-match -j DROP"]}', "no-such-match"),
        ('{nft: "add rule inet absent in drop"}', "No such file or directory"),
    ],
    ids=["iptables", "nft"],
)
def test_a_refused_rule_names_node_rule_and_what_the_tool_said(tmp_path, rules, said):
    outcome = run(tmp_path, rules, HEARS)
    assert isinstance(outcome.error, LabError)
    message = str(outcome.error)
    assert message.startswith("firewall of walled: ")
    assert said in message


def test_a_missing_tool_is_told_before_anything_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(firewall, "_find", lambda tool: None)
    path = tmp_path / "wall.scenario.yaml"
    path.write_text(
        "scenario: rules without a tool\nsource: here\n"
        "network: {switches: {sw1: {}}, nodes: {n: {count: 2, on: sw1, firewall: {nft: add table inet f}}}}\n"
        "traffic: {one: {group: 239.192.0.1}}\nexpect: [{deliver: one, result: all, until: 5s}]\n",
        encoding="utf-8",
    )
    (plan,) = build_all(path)
    with Pool(jobs=1) as pool:
        pool.submit("wall", Request(plan=plan, backend="netns", parent=tmp_path / "runs"))
        outcome = pool.wait("wall")
    assert isinstance(outcome.error, HostError)
    assert str(outcome.error) == (
        "nft, which sets the firewall rules of n1, is not installed; cure: apt-get install nftables"
    )
    assert outcome.folder is None
    assert not (tmp_path / "runs").exists()
