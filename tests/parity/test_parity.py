"""The model says of random scenarios what a lab then shows: tables, queriers, modes and every delivery.

Of all seeds a few run here; ``PARITY_SEEDS=0-999`` runs more. What once parted stands in ``found/`` as a
scenario, says what was wrong, and runs again each time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .campaign import Status, written
from .generator import scenario
from .run import seeds_in

SEEDS = seeds_in(os.environ.get("PARITY_SEEDS", "0-15"))
FOUND = tuple(sorted((Path(__file__).parent / "found").glob("*.scenario.yaml")))


@pytest.fixture(scope="session")
def files(request, campaign, tmp_path_factory):
    """The file of every item; labs of all that were chosen are under way, so that many run at once."""
    paths = {path.stem: path for path in FOUND}
    items = (item for item in request.session.items if item.path == Path(__file__))
    chosen = [item.callspec.params for item in items if hasattr(item, "callspec")]
    seeds = [params["seed"] for params in chosen if "seed" in params]
    paths |= zip(seeds, written(seeds, tmp_path_factory.mktemp("seeds")), strict=True)
    if "PYTEST_XDIST_WORKER" not in os.environ:  # there each worker has a share of the items
        for params in chosen:
            campaign.submit(paths[params.get("seed", params.get("found"))])
    return paths


GOOD = (Status.SAME, Status.QUIRK, Status.ALARM)
"""A lab and a single prediction may part by chance; what counts here is what many of them agree on."""


def check(campaign, path, counts):
    result = campaign.result(path)
    counts[result.status] += 1
    if result.status in (Status.SKIPPED, Status.SPOILT):
        pytest.skip(str(result))
    assert result.status in GOOD, f"{result}\n{path.read_text(encoding='utf-8')}"


@pytest.mark.lab
@pytest.mark.parametrize("found", [path.stem for path in FOUND])
def test_what_once_parted_is_the_same_now(found, files, campaign, counts):
    check(campaign, files[found], counts)


@pytest.mark.lab
@pytest.mark.parametrize("seed", SEEDS)
def test_lab_and_model_are_the_same(seed, files, campaign, counts):
    check(campaign, files[seed], counts)


def test_a_seed_has_one_text():
    assert scenario(7) == scenario(7)
    assert scenario(7) != scenario(8)
    assert scenario(7).splitlines()[1:5] == [
        "scenario: Generated from seed 7",
        "source: tests/parity/generator.py",
        "speed: 100",
        "seed: 7",
    ]
