"""What ``--pcap`` captures of a plan: of a trunk's port, each VLAN."""

from pathlib import Path

import click
import pytest

from harness.cli.selection import captures_of
from harness.plan.build import build
from harness.scenario.loader import load

SCENARIO = """\
scenario: Two switches with a trunk
source: a test
network:
  switches: {sw: {count: 2, profile: class-c, vlans: [10, 20]}}
  nodes: {n: {count: 2, on: sw.20}}
  links: chain
traffic: {totem: {group: 239.192.0.1}}
expect: [{deliver: totem, result: all}]
"""


@pytest.mark.parametrize(
    ("wanted", "captured"),
    [
        ((("sw1", "p2"),), (("sw1.10", "p2"), ("sw1.20", "p2"))),
        ((("sw1.20", "p2"),), (("sw1.20", "p2"),)),
        ((("sw1", "p1"),), (("sw1.20", "p1"),)),
        ((("sw2", "p2"), ("sw2.10", "p2")), (("sw2.10", "p2"), ("sw2.20", "p2"))),
    ],
)
def test_a_port_is_captured_in_each_of_its_vlans_once(tmp_path: Path, wanted, captured) -> None:
    assert captures_of(plan(tmp_path), wanted) == captured


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (("sw1.10", "p1"), "has no port sw1.10:p1"),
        (("sw1", "p7"), 'has no port sw1:p7; did you mean "sw1:p'),
    ],
)
def test_a_port_that_is_not_there(tmp_path: Path, wanted, told: str) -> None:
    with pytest.raises(click.BadParameter, match=told.replace(".", r"\.").replace("?", r"\?")):
        captures_of(plan(tmp_path), (wanted,))


def plan(folder: Path):
    path = folder / "x.scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return build(load(path).variants[0])
