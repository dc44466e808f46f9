from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import cli
from harness.errors import ExitCode

sys.path.insert(0, str(Path(__file__).parents[2] / "plugin"))

import fake_lab

fake_lab.register()

HEAD = """scenario: Three nodes on one switch
source: a test
speed: {speed}
duration: 11s
network:
  switches:
    sw1: {{profile: class-a}}
  nodes:
    n: {{count: 3, on: sw1}}
traffic:
  ring: {{group: 239.192.0.1, rate: 1/s}}
variants:
"""
VARIANT = """  {name}:
    role: fix
    expect:
      - deliver: ring
        until: 10s
        result: {result}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a command printed and returned."""

    code: ExitCode
    out: str
    err: str


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write scenario files into the working directory; variants are named for the fake backend."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, *variants: str, speed: int = 100, result: str = "all") -> Path:
        file = Path(f"{name}.scenario.yaml")
        parts = [VARIANT.format(name=each, result=result) for each in variants]
        file.write_text(HEAD.format(speed=speed) + "".join(parts), encoding="utf-8")
        return file

    return write


@pytest.fixture
def mcast(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Run the command in this process."""

    def run(*arguments: str) -> Told:
        code = cli.execute(list(arguments))
        captured = capsys.readouterr()
        return Told(code=code, out=captured.out, err=captured.err)

    return run
