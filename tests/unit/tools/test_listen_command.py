"""``mcast listen``: its command line, captures as input, exit codes, JSON."""

import json
import os
import struct
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from harness.cli import execute
from harness.errors import ExitCode
from harness.protocols.dialect import Dialect
from harness.tools.listen import main
from harness.wire.membership import Query, Report
from harness.wire.pcap import PcapWriter

ROOT = Path(__file__).parents[3]
CAPTURES = ROOT / "tests" / "unit" / "wire" / "captures"
GROUP = ip_address("239.192.1.1")


def frame(message, source):
    return Dialect.of(source).frame(message, source_mac=b"\2\0\0\0\0\1", source=source)


QUERY = frame(Query(), ip_address("10.0.0.254"))
REPORT = frame(Report(version=2, group=GROUP), ip_address("10.0.0.1"))


@pytest.fixture
def capture(tmp_path):
    def write(*frames, name="eth0.pcap"):
        path = tmp_path / name
        with path.open("wb") as file:
            writer = PcapWriter(file)
            for at_s, data in frames:
                writer.write(data, 1_700_000_000 + at_s)
        return str(path)

    return write


def test_a_capture_with_a_querier(capture, capsys):
    file = capture((0, REPORT), (3.1, QUERY), (128.1, QUERY), (130, REPORT))
    assert main(["--read", file, "-4"]) == ExitCode.PASSED
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out == (
        "     0.0 s  IGMP  10.0.0.1 is a member of 239.192.1.1 (v2)\n"
        "     3.1 s  IGMP  general query from 10.0.0.254 (02:00:00:00:00:01): v2, max response 10 s\n"
        "     3.1 s  IGMP  10.0.0.254 is the querier\n"
        "   128.1 s  IGMP  general query from 10.0.0.254 (02:00:00:00:00:01): v2, max response 10 s\n"
        "\n"
        f"{file}: listened for 130 s\n"
        "IGMP: querier 10.0.0.254 asked at 3.1 s, 128.1 s (IGMP v2, every 125 s)\n"
        "    MAC 02:00:00:00:00:01, max response 10 s\n"
        "members heard:\n"
        "    239.192.1.1: 10.0.0.1 (v2, last at 130.0 s)\n"
    )


def test_a_capture_without_one_says_so_and_what_it_fits(capture, capsys):
    file = capture((0, REPORT), (130, REPORT))
    assert main(["--read", file]) == ExitCode.FAILED
    out = capsys.readouterr().out
    assert "IGMP: no querier heard for 130 s\n" in out
    assert "MLD: no querier heard for 130 s\n" in out
    assert "snooping without a querier: no querier was heard for 130 s" in out
    assert "cure: switch a querier on in this VLAN" in out


def test_too_short_a_time_fits_nothing(capture, capsys):
    assert main(["--read", capture((0, REPORT), (2, REPORT))]) == ExitCode.FAILED
    out = capsys.readouterr().out
    assert "no querier heard for 2 s" in out
    assert "what this fits" not in out


def test_count_ends_at_that_query(capture, capsys):
    file = capture((1, QUERY), (126, QUERY), (127, REPORT))
    assert main(["--read", file, "--count", "2", "--json"]) == ExitCode.PASSED
    summary = json.loads(capsys.readouterr().out)
    assert (summary["listened_s"], summary["groups"]) == (125.0, [])


def test_group_and_family_narrow(capture, capsys):
    mld = frame(Query(version=1), ip_address("fe80::1"))
    file = capture((0, REPORT), (1, mld))
    assert main(["--read", file, "--group", "239.192.9.9", "--json"]) == ExitCode.FAILED
    summary = json.loads(capsys.readouterr().out)
    assert summary["groups"] == []
    assert [network["dialect"] for network in summary["networks"]] == ["igmp"]
    assert main(["--read", file, "-6", "--json"]) == ExitCode.PASSED


def test_json_has_one_object_and_with_v_a_line_for_each_event(capture, capsys):
    file = capture((0, REPORT), (1, REPORT), (3, QUERY))
    assert main(["--read", file, "--json"]) == ExitCode.PASSED
    (line,) = capsys.readouterr().out.splitlines()
    summary = json.loads(line)
    assert summary["event"] == "summary"
    assert summary["querier_heard"] is True
    assert summary["networks"][0]["queriers"][0]["address"] == "10.0.0.254"
    assert main(["--read", file, "--json", "-v"]) == ExitCode.PASSED
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == [
        "reported",
        "reported",
        "query-heard",
        "querier-changed",
        "summary",
    ]
    assert [line["again"] for line in lines[:2]] == [False, True]


def test_a_real_capture_as_the_whole_command_reads_it(capsys):
    assert execute(["listen", "--read", str(CAPTURES / "omping-3-nodes.pcap")]) is ExitCode.FAILED
    out = capsys.readouterr().out
    assert "10.77.0.3 leaves 232.43.211.234" in out
    assert "232.43.211.234 port 4321 from 10.77.0.1: 6 packets" in out


def test_a_capture_that_is_cut_is_read_up_to_there(capture, capsys):
    path = Path(capture((0, QUERY), (1, QUERY)))
    path.write_bytes(path.read_bytes()[:-3])
    assert main(["--read", str(path)]) == ExitCode.PASSED
    assert "the capture ends inside a frame: what follows is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "is pcapng, and only pcap is read; convert it: editcap -F pcap"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 113), "link type 113 is not Ethernet"),
        (b"listened for 130 s, and wrote it down", "the file is not a pcap capture"),
        (b"", "the file is too short"),
    ],
)
def test_files_that_cannot_be_read(content, told, tmp_path, capsys):
    path = tmp_path / "that.pcap"
    path.write_bytes(content)
    assert main(["--read", str(path)]) == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert told in err
    assert "that.pcap" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "which interface? there are lo"),
        (("lo0",), 'there is no interface "lo0"; did you mean "lo"?'),
        (("lo", "--for", "130"), '"130" is no time; write 250ms, 130s, 10m or 1h'),
        (("lo", "--for", "0s"), "not more than 0"),
        (("lo", "--for", "25h"), "at most 24h"),
        (("lo", "--count", "0"), '"0" is no number of queries from 1 up'),
        (("lo", "--group", "10.0.0.1"), "10.0.0.1 is no group"),
        (("lo", "--group", "all"), '"all" is no address'),
        (("lo", "-6", "--group", "239.1.1.1"), "--group 239.1.1.1 is no group of MLD"),
        (("lo", "-4", "-6"), "not allowed with"),
        (("lo", "--read", "x.pcap"), "leave out lo"),
        (("--read", "/nowhere/x.pcap"), "cannot be read: No such file"),
        (("lo", "--cuont", "3"), "--cuont"),
    ],
)
def test_usage(arguments, told, capsys):
    assert main(arguments) == ExitCode.BAD_INPUT
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_help_has_examples_and_exit_codes(capsys):
    assert main(["--help"]) == ExitCode.PASSED
    out = capsys.readouterr().out
    assert "mcast listen eth0 --count 1" in out
    assert "0 a querier was heard" in out


def test_needs_the_standard_library_only(tmp_path):
    command = [sys.executable, "-I", "-S", "-c", _ALONE, str(ROOT), str(CAPTURES / "omping-3-nodes.pcap")]
    ended = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False, env=dict(os.environ)
    )
    assert (ended.returncode, ended.stderr) == (ExitCode.FAILED, "")
    assert "no querier heard for 7.3 s" in ended.stdout


_ALONE = """\
import sys
sys.path.insert(0, sys.argv[1])
from harness.tools.listen import main
sys.exit(main(["--read", sys.argv[2]]))
"""
