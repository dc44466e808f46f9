"""Finding the place of a value by the location that a validator reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.source import Scalar, find, parse, to_data

TREE = parse(
    """\
network:
  switches:
    sw1: {profile: juniper-ex}
expect:
  - deliver: media
    result: {loss: {at_most: 1%}}
  - switch: sw1
    groups:
      239.1.1.1: [n1]
""",
    Path("s.yaml"),
)


@pytest.mark.parametrize(
    ("loc", "place"),
    [
        ((), "1:1"),
        (("network", "switches", "sw1", "profile"), "3:20"),
        (("network", "switches", "sw2", "profile"), "3:5"),
        (("expect", 0, "deliver", "deliver"), "5:14"),
        (("expect", 0, "deliver", "result", "loss", "loss", "at_most"), "6:30"),
        (("expect", 0, "deliver", "result"), "6:13"),
        (("expect", 1, "switch", "groups", "239.1.1.1", 0), "9:19"),
        (("expect", 1, "switch", "groups", "239.1.1.1", "[key]"), "9:7"),
        (("expect", 7), "5:3"),
        (("expect", -1), "5:3"),
    ],
)
def test_find_gives_the_deepest_part_that_exists(loc: tuple[str | int, ...], place: str) -> None:
    assert str(find(TREE, loc)) == f"s.yaml:{place}"


def test_find_can_point_at_the_key() -> None:
    assert str(find(TREE, ("network", "switches", "sw1"), key=True)) == "s.yaml:3:5"
    assert str(find(TREE, ("expect", 0, "deliver", "result"), key=True)) == "s.yaml:6:5"


def test_a_mapping_gives_its_keys_and_nodes() -> None:
    mapping = parse("a: 1", Path("s.yaml"))
    assert not isinstance(mapping, Scalar)
    assert to_data(mapping) == {"a": 1}


def test_a_number_that_matches_nothing_is_not_looked_for_elsewhere():
    tree = parse("expect: [{deliver: a, senders: nx}, {deliver: b, senders: ny}]\n", Path("x.yaml"))
    assert find(tree, ("expect", 1, "senders", 0)).column == find(tree, ("expect", 1, "senders")).column
