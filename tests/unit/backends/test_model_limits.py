"""What the model refuses: firewall rules that it cannot evaluate, named once."""

from harness.backends.model.limits import refusals
from harness.plan.build import build_all

TEXT = """\
scenario: rules that depend on more than a packet
source: made up
network:
  switches: {sw1: {}}
  nodes:
    n: {count: 3, on: sw1, firewall: RULES}
traffic: {one: {group: 239.192.0.1}}
expect: [{deliver: one, until: 5s, result: all}]
"""


def refused(folder, rules):
    path = folder / "wall.scenario.yaml"
    path.write_text(TEXT.replace("RULES", rules), encoding="utf-8")
    (plan,) = build_all(path)
    return refusals(plan)


def test_every_word_is_named_once_with_the_first_host(tmp_path):
    rules = (
        "{iptables: '-A INPUT -m u32 --u32 0=1 -j DROP', nft: "
        "'table inet f { chain c { type filter hook input priority 0; limit rate 5/second accept; } }'}"
    )
    assert refused(tmp_path, rules) == (
        (
            'n1: the model cannot evaluate "limit" in "nft add rule inet f c limit rate 5/second accept";'
            " run it in a lab: --backend netns"
        ),
        (
            'n1: the model cannot evaluate "-m u32" in "iptables -A INPUT -m u32 --u32 0=1 -j DROP";'
            " run it in a lab: --backend netns"
        ),
    )


def test_what_can_be_evaluated_is_not_refused(tmp_path):
    assert refused(tmp_path, "{iptables: '-A INPUT -p igmp -j DROP'}") == ()
