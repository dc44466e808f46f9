"""The probe tools as one file: what is in it runs with the standard library alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.cli import execute
from harness.errors import ExitCode
from harness.tools.__main__ import TOOLS


def run(file, *arguments, folder):
    """Without site-packages, without this folder, without the environment's paths."""
    command = [sys.executable, "-I", "-S", str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60, check=False)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tools") / "mcast-tools.pyz"
    assert execute(["tools", str(path)]) is ExitCode.PASSED
    return path


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_every_tool_helps_with_the_standard_library_alone(file, tool, tmp_path):
    ended = run(file, tool, "--help", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert tool in ended.stdout


def test_without_a_tool_it_says_which_there_are(file, tmp_path):
    ended = run(file, folder=tmp_path)
    assert ended.returncode == 1
    assert all(tool in ended.stderr for tool in TOOLS)


def test_the_same_version_writes_the_same_bytes(file, tmp_path):
    again = tmp_path / "again.pyz"
    assert execute(["tools", str(again)]) is ExitCode.PASSED
    assert again.read_bytes() == file.read_bytes()


def test_a_folder_that_is_not_there_leaves_nothing(tmp_path, capsys):
    missing = tmp_path / "missing" / "tools.pyz"
    assert execute(["tools", str(missing)]) is ExitCode.HOST_CANNOT
    assert "cannot be written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
