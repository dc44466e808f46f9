from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.plan.model import Plan
from harness.run.folder import claim, name_of


def test_the_name_says_what_was_run(make_plan: Callable[..., Plan]) -> None:
    assert name_of(make_plan("as-shipped"), "netns") == "small-as-shipped-netns-7"


def test_a_finished_run_is_replaced_as_a_whole(tmp_path: Path) -> None:
    first = claim(tmp_path / "runs", "a")
    (first.path / "old").touch()
    first.release()

    second = claim(tmp_path / "runs", "a")

    assert second.path == first.path
    assert list(second.path.iterdir()) == []
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]
    second.release()


def test_a_live_run_keeps_its_folder(tmp_path: Path) -> None:
    first = claim(tmp_path, "a")
    (first.path / "live").touch()

    second = claim(tmp_path, "a")

    assert second.path.name == "a-2"
    assert (first.path / "live").exists()
    first.release()
    second.release()


def test_a_place_that_cannot_be_written_is_told_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HostError, match="--folder"):
        claim(tmp_path / "file", "a")
