"""``mcast read``: its words, its JSON, its exit codes."""

import io
import json
import sys
from pathlib import Path

import pytest

from harness.cli import execute
from harness.errors import ExitCode

SAMPLES = Path(__file__).parents[1] / "readings" / "samples"


def test_a_complaint(capsys):
    assert execute(["read", str(SAMPLES / "mail.txt")]) is ExitCode.FAILED
    out = capsys.readouterr().out
    assert "lines 4-14: omping of n1" in out
    assert "not understood: line 1, line 16" in out
    assert "\nlooks like snooping without a querier\n" in out
    assert "   test    mcast listen eth0 --for 130s\n" in out
    assert "mail.txt:11-14]" in out
    assert "   lab     mcast run scenarios/querier-missing/short-test-passes.scenario.yaml" in out


def test_several_files_are_one_complaint(capsys):
    files = ["asmping-blocked.txt", "cisco-ios-no-querier.txt"]
    assert execute(["read", *(str(SAMPLES / name) for name in files)]) is ExitCode.FAILED
    out = capsys.readouterr().out
    assert "1. snooping without a querier (looks like, 4)" in out


def test_nothing_wrong(capsys):
    assert execute(["read", str(SAMPLES / "asmping-good.txt")]) is ExitCode.PASSED
    assert "nothing is wrong with what was pasted, and it is too short to tell" in capsys.readouterr().out


def test_nothing_recognised(tmp_path, capsys):
    file = tmp_path / "poem.txt"
    file.write_text("Roses are red\n", encoding="utf-8")
    assert execute(["read", str(file)]) is ExitCode.BAD_INPUT
    captured = capsys.readouterr()
    assert "not understood: line 1" in captured.out
    assert "mcast read --help" in captured.err


def test_no_such_file(capsys):
    assert execute(["read", "there-is-none.txt"]) is ExitCode.BAD_INPUT
    assert "there-is-none.txt: no such file or directory" in capsys.readouterr().err


def test_a_capture_is_refused_with_the_command_that_reads_it(tmp_path, capsys):
    file = tmp_path / "n1.pcap"
    file.write_bytes(bytes.fromhex("d4c3b2a1") + bytes(20))
    assert execute(["read", str(file)]) is ExitCode.BAD_INPUT
    assert "mcast listen" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_standard_input_in_any_encoding(encoding, monkeypatch, capsys):
    text = "Müller schrieb:\n\n" + (SAMPLES / "kernel-log.txt").read_text(encoding="utf-8")
    stdin = io.TextIOWrapper(io.BytesIO(text.encode(encoding)))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert execute(["read", "-"]) is ExitCode.FAILED
    out = capsys.readouterr().out
    assert out.startswith("standard input\n")
    assert "the table of br0 was full, at 512" in out


def test_json(capsys):
    assert execute(["read", "--json", str(SAMPLES / "mail.txt")]) is ExitCode.FAILED
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"] == "looks like snooping without a querier"
    best = data["causes"][0]
    assert best["cause"] == "snooping-without-querier"
    assert best["score"] == sum(one["weight"] for one in (*best["supports"], *best["against"]))
    assert best["supports"][0]["lines"][0].endswith("mail.txt:11-14")
    (file,) = data["files"]
    assert [section["what"] for section in file["sections"]] == ["omping", "show igmp-snooping vlans (Junos)"]
    assert file["not_understood"][0] == {
        "line": 1,
        "text": "Hi support, our cluster dies after some minutes. We ran this:",
    }
    facts = [fact for section in file["sections"] for fact in section["facts"]]
    assert facts[1]["fact"] == "ProbeFigures"
    assert (facts[1]["cast"], facts[1]["received"], facts[1]["at"]["line"]) == ("multicast", 264, 12)


def test_every_kind_of_fact_becomes_json(capsys):
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix in {".txt", ".json"}:
            execute(["read", "--json", str(path)])
            assert json.loads(capsys.readouterr().out)["files"]


def test_all_shows_what_is_left_out(capsys):
    execute(["read", str(SAMPLES / "asmping-blocked.txt"), str(SAMPLES / "iptables-S.txt")])
    short = capsys.readouterr().out
    execute(["read", "--all", str(SAMPLES / "asmping-blocked.txt"), str(SAMPLES / "iptables-S.txt")])
    assert len(capsys.readouterr().out) >= len(short)


def test_transcript_of_the_document_comes_out(tmp_path, monkeypatch, capsys):
    document = (Path(__file__).parents[3] / "docs" / "reading.md").read_text(encoding="utf-8")
    shown = document.partition("    $ mcast read complaint.txt\n")[2].partition("\nAbove stands")[0]
    (tmp_path / "complaint.txt").write_bytes((SAMPLES / "mail.txt").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert execute(["read", "complaint.txt"]) is ExitCode.FAILED
    expected = "".join(line.removeprefix("    ") for line in shown.splitlines(keepends=True))
    assert capsys.readouterr().out == expected
