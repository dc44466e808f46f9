"""How long a person waits for an answer that needs no lab: imports, reading, predicting, judging, printing.

python benchmarks/start_up.py [--rounds 11] [--small FILE] [--all FOLDER]

Each command is a process of its own, as a person starts it, with Python's compiled files in place: a round
before the measured ones makes them, in a folder of this run's own. "Python" is the interpreter that does
nothing, "imports" what `mcast predict` imports before it looks at its file. Prints medians, the slowest, and
the median of the processor's time, which says more where others use the machine too.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "scenarios" / "querier-missing" / "juniper-ex.scenario.yaml"
FINE = (0, 1)
"""Exit codes of an answer: all held, or some did not."""


def processor_s() -> float:
    """What ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """How long a command took, and how much of that the processor worked for it."""
    began_s, used_s = time.perf_counter(), processor_s()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took_s = time.perf_counter() - began_s
    if done.returncode not in FINE:
        sys.exit(f"{' '.join(command)} exited with {done.returncode}:\n{done.stderr[-2000:]}")
    return took_s, processor_s() - used_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--small", type=Path, default=SMALL, help="one small scenario file")
    parser.add_argument("--all", type=Path, default=ROOT / "scenarios", help="a folder of scenario files")
    given = parser.parse_args()
    mcast = [sys.executable, "-m", "harness"]
    commands = {
        "Python": [sys.executable, "-c", "pass"],
        "imports": [sys.executable, "-c", "import harness.cli, harness.cli.predict"],
        f"mcast check {given.small.name}": [*mcast, "check", "--quiet", str(given.small)],
        f"mcast predict {given.small.name}": [*mcast, "predict", str(given.small)],
        f"mcast check {given.all.name}/": [*mcast, "check", "--quiet", str(given.all)],
        f"mcast predict {given.all.name}/": [*mcast, "predict", "--quiet", str(given.all)],
    }
    with tempfile.TemporaryDirectory(prefix="mcast-start-up-") as compiled:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": compiled, "PYTHONPATH": str(ROOT)}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(given.rounds + 1):
            for name, command in commands.items():
                once = seconds(command, environment)
                if number:
                    taken[name].append(once)
    width = max(len(name) for name in commands)
    print(f"{'':{width}}  median   slowest  processor   ({given.rounds} rounds)")
    for name, values in taken.items():
        took_s, worked_s = zip(*values, strict=True)
        median_s, median_worked_s = statistics.median(took_s), statistics.median(worked_s)
        print(f"{name:{width}}  {median_s:.3f} s  {max(took_s):.3f} s  {median_worked_s:.3f} s")


if __name__ == "__main__":
    main()
