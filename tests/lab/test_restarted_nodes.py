"""A switch sees the link of a node that restarts go and come: it forgets the node."""

import textwrap

import pytest

from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status

pytestmark = pytest.mark.lab

SCENARIO = """\
scenario: a node restarts and its reports do not come through
source: RFC 4541 section 2.1.1 (4)
speed: 20
duration: 20s
network:
  {kind}: {{sw1: {{{switch}}}}}
  nodes: {{n: {{count: 2, on: sw1}}}}
traffic:
  one: {{group: 239.192.0.1, senders: n1, receivers: n, rate: 2/s}}
timeline:
  - {{at: 4s, silence: {{from: n2, to: sw1, only: igmp}}}}
  - {{at: 6s, restart_node: n2}}
expect:
  - {{switch: sw1, at: 3s, groups: {{239.192.0.1: n}}}}
  - {{switch: sw1, at: 15s, groups: {{239.192.0.1: n1}}}}
"""


@pytest.mark.parametrize(
    ("kind", "switch"),
    [
        ("switches", "profile: class-c"),
        ("bridges", ""),
        ("bridges", "emulated: on"),
    ],
)
def test_what_was_learnt_on_its_port_is_lost(tmp_path, kind, switch):
    path = tmp_path / "restarted.scenario.yaml"
    path.write_text(textwrap.dedent(SCENARIO.format(kind=kind, switch=switch)), encoding="utf-8")
    (plan,) = build_all(path)
    with Pool(jobs=1) as pool:
        pool.submit("one", Request(plan=plan, backend="netns", parent=tmp_path / "runs"))
        outcome = pool.wait("one")
    assert outcome.error is None, outcome.error
    assert outcome.status is Status.PASSED, [(one.expected, one.got) for one in outcome.verdicts]
