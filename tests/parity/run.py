"""Lab and model over many seeds: ``python -m tests.parity.run --seeds 0-999 --jobs 6 --folder DIR``.

Writes what parts or breaks to DIR/failed (the scenario, and what parted), a line for every seed to
DIR/results.txt, and goes on. Begun again with the same folder it leaves out the seeds that have a line; take
a seed's line out, or say ``--again``, to have it run once more.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from harness.run.pool import Pool

from .campaign import Campaign, Result, Status, written


def seeds_in(text: str) -> tuple[int, ...]:
    """``0-9,42``: the numbers that a text names. Raises ValueError."""
    found: dict[int, None] = {}
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= dict.fromkeys(range(int(first), int(last or first) + 1))
    return tuple(found)


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code is 1 if anything parted or broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity.run", description=__doc__)
    parser.add_argument("--seeds", type=seeds_in, default=seeds_in("0-999"), help="such as 0-99,250")
    parser.add_argument("--jobs", type=int, default=None, help="labs at once; left out, as many as fit")
    parser.add_argument("--folder", type=Path, default=Path(".harness/parity"))
    parser.add_argument("--again", action="store_true", help="also the seeds that have a line already")
    wanted = parser.parse_args(arguments)
    folder: Path = wanted.folder
    (folder / "failed").mkdir(parents=True, exist_ok=True)
    log = folder / "results.txt"
    known = _known(log)
    seeds = [seed for seed in wanted.seeds if wanted.again or f"seed-{seed}" not in known]
    counts: Counter[Status] = Counter()
    began_s = time.monotonic()
    with Pool(jobs=wanted.jobs, repeats=False) as pool, log.open("a", encoding="utf-8") as lines:
        campaign = Campaign(pool, folder / "runs")
        paths = written(seeds, folder / "scenarios")
        for number, result in enumerate(campaign.results(paths), 1):
            counts[result.status] += 1
            print(f"{result.name} {result.status.value}", file=lines, flush=True)
            if result.status is not Status.SAME:
                _keep(result, folder / "failed")
                sys.stdout.write(f"{result}\n")
                sys.stdout.flush()
            sys.stderr.write(f"{number} of {len(seeds)}, {time.monotonic() - began_s:.0f} s\r")
    sys.stdout.write(", ".join(f"{counts[one]} {one.value}" for one in Status if counts[one]) + "\n")
    return 1 if counts[Status.PARTED] or counts[Status.BROKEN] else 0


def _known(log: Path) -> set[str]:
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return {line.split()[0] for line in text.splitlines() if line}


def _keep(result: Result, folder: Path) -> None:
    shutil.copy(result.path, folder)
    (folder / f"{result.name}.txt").write_text(f"{result}\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command goes on with what is left")
