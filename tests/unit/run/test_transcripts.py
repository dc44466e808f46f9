"""What probe tools wrote stands in files of their own."""

from __future__ import annotations

from pathlib import Path

from harness.observations.model import ToolSaid
from harness.observations.record import Recorder, read
from harness.plan.build import build_all
from harness.run.transcripts import Transcripts

ROOT = Path(__file__).parents[3]


def test_lines_go_to_the_records_and_to_a_file_of_their_host(tmp_path):
    plan = build_all(ROOT / "tests/golden/tools/in.scenario.yaml")[0]
    fast = next(tool for tool in plan.tools if tool.name == "fast")
    said = [
        ToolSaid(at_s=1.0, tool=fast.number, host="n1", text="10.77.0.2 : waiting for response msg"),
        ToolSaid(at_s=2.0, tool=fast.number, host="n2", text="", error=True),
        ToolSaid(at_s=3.0, tool=fast.number, host="n1", text="10.77.0.2 : joined"),
    ]
    path = tmp_path / "run.jsonl"
    with Recorder(path) as recorder, Transcripts(recorder, tmp_path, plan) as keeper:
        for record in said:
            keeper.write(record)
            file = tmp_path / f"fast-{record.host}.txt"
            assert file.read_text(encoding="utf-8").endswith(f"{record.text}\n"), "it is written as it comes"
        keeper.flush()
    assert tuple(read(tmp_path)) == tuple(said)
    assert (tmp_path / "fast-n1.txt").read_text(encoding="utf-8").splitlines() == [
        "10.77.0.2 : waiting for response msg",
        "10.77.0.2 : joined",
    ]
