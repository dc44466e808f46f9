"""Every shipped scenario, predicted: the walk over hops comes to what was seen, and gives a reason."""

from pathlib import Path

import pytest

from harness.explanation import HopKind, explain
from harness.observations.history import History
from harness.plan.build import build_all
from harness.run.predict import predict

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FILES = sorted(SCENARIOS.rglob("*.scenario.yaml"))
MOST_SENDERS, MOST_RECEIVERS, MOMENTS = 2, 5, 8


def cases(plan):
    """Some pairs of every stream, at moments all over the run."""
    hosts = [host.name for host in plan.hosts]
    for stream in plan.streams:
        for sender in stream.senders[:MOST_SENDERS]:
            for receiver in dict.fromkeys((*hosts[:MOST_RECEIVERS], hosts[-1])):
                if receiver != sender:
                    for part in range(1, MOMENTS + 1):
                        yield stream, sender, receiver, plan.duration_s * part / MOMENTS - 0.5


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem.removesuffix(".scenario"))
def test_the_walk_agrees_with_what_was_seen(file):
    for plan in build_all(file):
        history = History(predict(plan).records, plan)
        for stream, sender, receiver, at_s in cases(plan):
            found = explain(history, stream, sender, receiver, at_s)
            where = f"{plan.name} {sender} -> {receiver} {stream.name} at {at_s} s: {found.summary}"
            if found.delivered is not None and all(hop.passes is not None for hop in found.hops):
                wants = "is no member" not in found.hops[-1].why
                stops = [hop for hop in found.hops if not hop.passes]
                stops = [hop for hop in stops if wants or hop.kind is not HopKind.RECEIVER]
                assert found.delivered is not bool(stops), where
            stop = found.stopped_at
            if stop is not None and stop.kind is HopKind.SWITCH:
                assert stop.because, where
