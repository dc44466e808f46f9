from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.scenario.loader import LoadedVariant, load
from harness.what_if.question import Question, read_axes

SCENARIO = """\
scenario: A switch without a querier
source: a test
speed: 100
duration: 300s
network:
  switches:
    sw1: {profile: juniper-ex}
    sw2: {profile: juniper-ex, querier: {version: 2}}
  links: chain
  nodes:
    n: {count: 2, on: sw1}
    guest: {on: sw2}
traffic:
  totem: {group: 239.192.3.20, senders: n, receivers: n, rate: 1/s}
timeline:
  - {at: 100s, name: dies, stop_querier: sw2}
expect:
  - {deliver: totem, result: all}
  - {load: non-members, at_most: 0%}
"""
TOPOLOGY = """\
topology: Nodes on one switch
parameters: {nodes: 3, profile: juniper-ex}
network:
  switches:
    sw1: {profile: "${profile}"}
  nodes:
    n: {count: "${nodes}", on: sw1}
"""
USES_TOPOLOGY = """\
scenario: Nodes of a topology
source: a test
topology: {use: star, nodes: 2}
traffic:
  totem: {group: 239.192.3.20, rate: 1/s}
expect:
  - {deliver: totem, result: all, until: 10s}
"""

Ask = Callable[..., Question]


@pytest.fixture
def variant(tmp_path: Path) -> LoadedVariant:
    file = tmp_path / "small.scenario.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    return load(file).variants[0]


@pytest.fixture
def with_topology(tmp_path: Path) -> LoadedVariant:
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "star.topology.yaml").write_text(TOPOLOGY, encoding="utf-8")
    file = tmp_path / "star.scenario.yaml"
    file.write_text(USES_TOPOLOGY, encoding="utf-8")
    return load(file).variants[0]


@pytest.fixture
def ask(variant: LoadedVariant) -> Ask:
    """Return the question that options ask of the small scenario, or of another."""

    def make(*options: str, of: LoadedVariant = variant) -> Question:
        return Question(variant=of, axes=read_axes(options))

    return make
