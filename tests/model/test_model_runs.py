"""A run of the model through the same door as a lab's: a folder, verdicts, and the same bytes every time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SOME = (
    "cables/one-bad-cable",
    "linux-bridge/too-many-groups",
    "querier-missing/only-igmp-querier",
    "spanning-tree/link-fails",
    "vlans/guests-behind-access-ports",
)


def run(folder, path, hash_seed, *options):
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [
        sys.executable,
        "-m",
        "harness",
        "run",
        str(path),
        "--backend",
        "model",
        "--folder",
        str(folder),
    ]
    return subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SOME)
def test_the_same_seed_gives_the_same_bytes(name, tmp_path):
    path = SCENARIOS / f"{name}.scenario.yaml"
    found = []
    for number in (1, 2):
        done = run(tmp_path / str(number), path, number)
        assert done.returncode == 0, done.stdout + done.stderr
        files = sorted((tmp_path / str(number)).glob("*/run.jsonl"))
        assert files
        found.append([file.read_bytes() for file in files])
    assert found[0] == found[1]


def test_another_seed_draws_other_chances(tmp_path):
    path = SCENARIOS / "cables/one-bad-cable.scenario.yaml"
    for seed in (1, 2):
        done = run(tmp_path / str(seed), path, 1, "--seed", str(seed))
        assert done.returncode == 0, done.stdout + done.stderr
    first, second = (sorted((tmp_path / str(seed)).glob("*/run.jsonl")) for seed in (1, 2))
    arrived = [
        [line for line in file.read_text().splitlines() if '"arrived"' in line] for file in (*first, *second)
    ]
    assert arrived[: len(first)] != arrived[len(first) :]
