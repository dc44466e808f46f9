"""What ``mcast explain`` says of shipped scenarios, predicted: ``explained.txt``, to be read by a person.

After a change that is meant, or one of the model, write it anew and read the difference:
``python -m tests.golden.test_explained`` in the root of the repository.
"""

from __future__ import annotations

from pathlib import Path

from harness.explanation import explain, lines
from harness.observations.history import History
from harness.plan.answers import answers_of
from harness.plan.build import build_all
from harness.run.predict import predict

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).parent / "explained.txt"
CASES = (
    ("querier-missing/juniper-ex::as-shipped", "totem", "n1", "n2", 290.0),
    ("querier-missing/juniper-ex::switch-queries", "totem", "n1", "n2", 290.0),
    ("querier-missing/querier-without-address::no-address", "totem", "n1", "n2", 100.0),
    ("querier-missing/querier-waits-a-minute::switch-queries", "totem", "n1", "n2", 29.0),
    ("querier-missing/only-igmp-querier::as-configured", "ipv6", "n1", "n2", 290.0),
    ("querier-missing/force10-static-router-port::static-router-port", "totem", "n1", "n2", 310.0),
    ("querier-lost/querier-dies::one-querier", "totem", "n1", "n2", 320.0),
    ("querier-lost/forged-query::believed", "totem", "n1", "n2", 330.0),
    ("querier-lost/asks-too-seldom::every-300s", "totem", "n1", "n2", 214.0),
    ("querier-lost/router-port-purged-early::purged-after-125s", "totem", "n1", "n2", 200.0),
    ("two-switches/cisco-catalyst::as-shipped", "totem", "n1", "n2", 100.0),
    ("two-switches/snooping-on-one::trunk-plugged-later", "totem", "n1", "n2", 200.0),
    ("linux-bridge/no-router-port-from-zero::kernel-4-20", "totem", "a1", "b1", 55.0),
    ("linux-bridge/alone::as-shipped", "totem", "n1", "guest1", 290.0),
    ("vlans/forgotten-vlan::one-forgotten", "twenty", "b1", "b2", 200.0),
    ("vlans/trunk-lacks-vlan::not-on-the-trunk", "omping", "n1", "n2", 90.0),
    ("cables/queries-lost::filtered", "omping", "n2", "n1", 390.0),
    ("cables/one-bad-cable::bad-cable", "omping", "n1", "n2", 190.0),
    ("host-firewall/drops-igmp::igmp-dropped", "totem", "n1", "n2", 310.0),
    ("host-firewall/drops-multicast::policy-drop", "totem", "n1", "n2", 200.0),
    ("hosts/no-router-alert::switch-checks", "totem", "n1", "device", 19.0),
    ("hosts/ignores-zero-querier::querier-without-address", "totem", "n1", "device", 310.0),
    ("nodes-and-links/immediate-leave-on-shared-port::immediate-leave", "totem", "other", "n2", 30.0),
    ("spanning-tree/link-fails::nobody-asks", "omping", "n1", "n2", 140.0),
    ("size/jumbo-mismatch::switch-at-1500", "full", "n1", "n2", 30.0),
    ("addressing/groups-share-a-mac::one-address", "of-red", "red1", "blue1", 15.0),
    ("addressing/ssm-range::default-group", "test", "n1", "n2", 15.0),
    ("probe-tools/proxmox-ten-minutes::no-querier", "long", "n3", "n1", 300.0),
)
"""Scenario and variant, stream, sender, receiver, moment."""


def explained() -> str:
    """The text of all cases."""
    return "\n".join(map(one, CASES))


def one(case: tuple[str, str, str, str, float]) -> str:
    """The explanation of one case under its name."""
    name, stream_name, sender, receiver, at_s = case
    file, _, variant = name.partition("::")
    plans = build_all(ROOT / "scenarios" / f"{file}.scenario.yaml")
    plan = next(plan for plan in plans if plan.variant == variant)
    streams = (*plan.streams, *answers_of(plan))
    stream = next(stream for stream in streams if stream.name == stream_name)
    found = explain(History(predict(plan).records, plan), stream, sender, receiver, at_s)
    return "\n".join((f"# {name}", *lines(found), ""))


def test_the_explanations_are_the_golden_ones() -> None:
    assert explained() == FILE.read_text(encoding="utf-8")


def test_no_explanation_is_long() -> None:
    longest = max(FILE.read_text(encoding="utf-8").split("\n\n"), key=lambda text: text.count("\n"))
    assert len(longest.splitlines()) <= 13, longest


if __name__ == "__main__":
    FILE.write_text(explained(), encoding="utf-8")
