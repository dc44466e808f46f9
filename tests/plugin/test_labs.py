"""The command and the plugin with real labs: what is built, and what is left when it ends badly."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.backends.netns import NetnsBackend
from harness.errors import ExitCode, HostError

pytestmark = pytest.mark.lab

LIMIT_S = 30.0
SCENARIO = """scenario: Three nodes on one switch
source: a test
speed: {speed}
duration: {duration}
network:
  switches:
    sw1: {{profile: class-c}}
  nodes:
    n: {{count: 3, on: sw1}}
traffic:
  ring: {{group: 239.192.0.1, rate: 1/s}}
expect:
  - deliver: ring
    until: 10s
    result: all
  - stops: ring
    between: [250s, 300s]
"""


@pytest.fixture(autouse=True)
def able() -> None:
    try:
        NetnsBackend().check_host()
    except HostError as error:
        pytest.skip(str(error))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``python -m ...`` in a folder with one scenario, in a process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, speed: int = 1, duration: str = "400s") -> subprocess.Popen[str]:
        text = SCENARIO.format(speed=speed, duration=duration)
        (tmp_path / "small.scenario.yaml").write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            (sys.executable, "-m", *arguments),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def _lab_of(parent: subprocess.Popen[str], tmp_path: Path) -> int:
    """Wait until the scenario runs, and return the pid of the lab's process."""
    records = tmp_path / ".harness" / "small-base-netns-1" / "run.jsonl"
    deadline_s = time.monotonic() + LIMIT_S
    while not (records.exists() and '"arrived"' in records.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline_s, "no datagram ever arrived in the lab"
        assert parent.poll() is None, parent.communicate()
        time.sleep(0.02)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text(encoding="ascii")
    (child,) = (int(pid) for pid in children.split())
    return child


def _namespace(path: str) -> str:
    return str(Path(path).readlink())


def _holders(namespace: str) -> list[int]:
    """The processes in a network namespace."""
    found = []
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if _namespace(str(path)) == namespace:
                found.append(int(path.parts[2]))
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_no_lab(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    links = sorted(os.listdir("/sys/class/net"))  # noqa: PTH208  names, not paths
    parent = start("harness", "run", "small.scenario.yaml")
    child = _lab_of(parent, tmp_path)
    pidfd = os.pidfd_open(child)
    namespace = _namespace(f"/proc/{child}/ns/net")
    assert namespace != _namespace("/proc/self/ns/net")

    parent.send_signal(number)
    parent.wait(LIMIT_S)

    assert select.select([pidfd], [], [], LIMIT_S)[0], f"the lab's process outlived its parent {LIMIT_S:g} s"
    os.close(pidfd)
    assert _holders(namespace) == []
    assert sorted(os.listdir("/sys/class/net")) == links  # noqa: PTH208
    again = subprocess.run(
        (sys.executable, "-m", "harness", "judge", ".harness/small-base-netns-1"),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "the run was killed; judged as far as its records go" in again.stdout


def test_ctrl_c_tears_down_and_exits_2(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    parent = start("harness", "run", "small.scenario.yaml")
    child = _lab_of(parent, tmp_path)

    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does
    out, err = parent.communicate(timeout=LIMIT_S)

    assert parent.returncode == ExitCode.INTERRUPTED
    assert "INTERRUPTED" in out
    assert "tearing down" in err
    assert "Traceback" not in out + err
    assert not Path(f"/proc/{child}").exists()
    lines = (tmp_path / ".harness/small-base-netns-1/run.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[-1])["status"] == "interrupted"


def test_a_switch_without_a_querier_is_seen_to_fail_within_seconds(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    began_s = time.monotonic()
    out, err = start("harness", "run", "--json", "small.scenario.yaml", speed=100).communicate(
        timeout=LIMIT_S
    )

    assert json.loads(out)["status"] == "passed", out + err
    assert time.monotonic() - began_s < 15.0


def test_a_held_lab_can_be_entered(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    parent = start("harness", "run", "--hold", "small.scenario.yaml", speed=100)
    assert parent.stderr is not None
    doors = ""
    for line in parent.stderr:
        doors += line
        if "The lab is kept" in line:
            break
    (door,) = [line.split(": ", 1)[1] for line in doors.splitlines() if line.startswith("n2: ")]
    path = door.partition("--net=")[2]  # before it, where this user is not root, --user=...

    assert _namespace(path).startswith("net:[")
    assert _namespace(path) != _namespace("/proc/self/ns/net")
    parent.send_signal(signal.SIGINT)
    out, _ = parent.communicate(timeout=LIMIT_S)
    assert parent.returncode == ExitCode.PASSED
    assert out.startswith("small::base [netns seed=1]  PASSED")
    assert not Path(path).exists()
