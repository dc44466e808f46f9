"""Programs of tools end with their lab, however that ends, and need no root."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tool_plans import asmping, plan_with, tool

from harness.plan.tools import Made

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("asmping") is None, reason="apt-get install ssmping"),
]

LIMIT_S = 20.0
NOBODY = 65534
LAB = """\
import ctypes, decimal, encodings.ascii, encodings.idna, os, pickle, signal, sys, tempfile
from pathlib import Path
import harness.backends.netns.lab
from harness.backends.base import Options
from harness.backends.netns import NetnsBackend
from harness.observations.model import Phase, ToolFigures, ToolSaid

plan = pickle.loads(Path(sys.argv[1]).read_bytes())
folder = Path(tempfile.mkdtemp())
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv[2] != "0":
    os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
def emit(record):
    match record:
        case Phase():
            print(record.name, flush=True)
        case ToolSaid():
            print("said", record.text, flush=True)
        case ToolFigures():
            print("figures", record.tool, record.cast, record.sent, record.received, flush=True)
NetnsBackend().run(plan, Options(folder=folder), emit)
"""


def lab(folder, *tools, user=0, **more):
    path = folder / "plan.pickle"
    path.write_bytes(pickle.dumps(plan_with(folder, *tools, **more)))
    if user:
        for one in (path, folder):
            one.chmod(0o755)
    return subprocess.Popen(
        (sys.executable, "-c", LAB, str(path), str(user)), stdout=subprocess.PIPE, text=True
    )


def children(pid):
    """Every running descendant, by name."""
    found, waiting = {}, [pid]
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text(encoding="utf-8").partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(rest.split()[1]), []).append((int(path.parent.name), name))
    while waiting:
        for child, name in parents.get(waiting.pop(), ()):
            found[child] = name
            waiting.append(child)
    return found


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until_gone(pids):
    end_s = time.monotonic() + LIMIT_S
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < end_s, f"after {LIMIT_S} s there are still {left}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_lab_that_is_ended(tmp_path, number):
    process = lab(tmp_path, asmping(Made.SYSTEM, 7, "n2", "n1", count=None, stop_s=50.0), duration="60s")
    assert process.stdout is not None
    assert any("seq=1" in line for line in process.stdout), "the lab ended before its tool spoke"
    pids = children(process.pid)
    assert sorted(pids.values()) == ["asmping", "ssmpingd"]
    os.kill(process.pid, number)
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == -number
    wait_until_gone(pids)


def test_no_process_outlives_a_lab_that_comes_to_its_end(tmp_path):
    process = lab(tmp_path, asmping(Made.SYSTEM, 7, "n2", "n1", count=None, stop_s=2.0), duration="2s")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "figures 7 unicast 2 2" in said.splitlines() or "figures 7 unicast 3 3" in said.splitlines()
    assert not children(process.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, so it must begin as root")
def test_an_ordinary_user_has_tools_of_both_kinds():
    with tempfile.TemporaryDirectory(prefix="mcast-tools-") as name:
        theirs = asmping(Made.SYSTEM, 7, "n2", "n1", count=2)
        ours = tool(number=8, count=3, period_s=0.1, port=4500)
        process = lab(Path(name), theirs, ours, user=NOBODY, duration="6s")
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = said.splitlines()
    assert "figures 7 multicast 2 2" in lines
    assert lines.count("figures 8 multicast 3 3") == 6
