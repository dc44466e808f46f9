"""Probe tools in labs: by our own programs and by those that are installed, through and through."""

import shutil
import socket
from ipaddress import IPv4Address

import pytest
from tool_plans import SNOOPS, Run, asmping, tool

from harness.plan.tools import Made, Tool

pytestmark = pytest.mark.lab

PAIRS = [(a, b) for a in ("n1", "n2", "n3") for b in ("n1", "n2", "n3") if a != b]
NEEDS_SSMPING = pytest.mark.skipif(shutil.which("asmping") is None, reason="apt-get install ssmping")


# --- omping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["asm", "ssm", "ipbc"])
def test_an_omping_between_three_nodes(tmp_path, mode):
    group = {"group": None} if mode == "ssm" else {}
    run = Run(tmp_path, tool(count=5, period_s=0.1, mode=mode, **group), duration="3s")
    for cast in ("unicast", "broadcast" if mode == "ipbc" else "multicast"):
        assert run.figures(cast) == dict.fromkeys(PAIRS, (5, 5)), cast
        for host, peer in PAIRS:
            answers = run.of("tool-answered", host=host, peer=peer, cast=cast)
            assert sum(one["count"] for one in answers) == 5
            assert {one["distance"] for one in answers} == {0}
    ends = {one["host"]: one["status"] for one in run.of("tool-ended")}
    assert ends == {"n1": 0, "n2": 0, "n3": 0}
    members = [(one["node"], one["joined"]) for one in run.of("membership", stream=7)]
    if mode != "ipbc":
        assert sorted(members) == sorted((node, joined) for node in ends for joined in (True, False))


def test_without_a_querier_multicast_ends_and_unicast_goes_on(tmp_path):
    """A class C switch forgets its members 260 s after their one report."""
    run = Run(tmp_path, tool(stop_s=320.0), speed=100, duration="330s", switch=SNOOPS)
    for host, peer in PAIRS:
        sent, received = run.figures("unicast")[host, peer]
        assert sent == received > 300
        assert run.figures("multicast")[host, peer][1] < sent - 50
        last_s = max(one["last_s"] for one in run.of("tool-answered", host=host, peer=peer, cast="multicast"))
        assert 255 <= last_s <= 275, (host, peer)


def test_a_tool_stopped_at_its_moment_has_no_answers_of_later(tmp_path):
    run = Run(tmp_path, tool(start_s=2.0, stop_s=6.0, period_s=0.5), duration="12s", speed=2)
    assert {one["status"] for one in run.of("tool-ended")} == {0}
    moments = [one["at_s"] for one in run.of("tool-asked")]
    assert moments
    assert min(moments) >= 2.0
    assert max(moments) <= 6.0 + 1.0


def test_a_node_that_restarts_goes_on_with_its_tool(tmp_path):
    run = Run(
        tmp_path,
        tool(count=20, period_s=0.2),
        steps="{at: 2s, restart_node: n2}",
        duration="9s",
        n3=", host: {version: 2}",
    )
    assert {one["status"] for one in run.of("tool-ended")} == {0}
    for pair in PAIRS:
        sent, received = run.figures("unicast")[pair]
        assert sent == 20
        assert received >= 15, pair


def test_the_machine_of_an_emulated_host_reports_what_its_tool_joins(tmp_path):
    """Its kernel is mute: without the machine's reports the switch would keep the group from it."""
    run = Run(tmp_path, tool(count=20, period_s=0.1), duration="5s", switch=SNOOPS, n3=", host: {version: 2}")
    for pair in PAIRS:
        assert run.figures("multicast")[pair][1] >= 18, pair
    learned = run.of("table", switch="sw1", group="239.192.77.1", present=True)
    assert {one["port"] for one in learned} == {"p1", "p2", "p3"}


def test_a_deaf_node_reports_loss_and_the_others_none(tmp_path):
    deaf = ', firewall: {iptables: ["-A INPUT -d 224.0.0.0/4 -p udp -j DROP"]}'
    run = Run(tmp_path, tool(count=5, period_s=0.1), duration="3s", n3=deaf)
    for host, peer in PAIRS:
        assert run.figures("unicast")[host, peer] == (5, 5)
        assert run.figures("multicast")[host, peer] == (5, 0 if host == "n3" else 5)


# --- ssmping, asmping -------------------------------------------------------------------------------------


def compared(run, cast, *numbers):
    """The figures of tools, without their round trips."""
    found = []
    for number in numbers:
        (one,) = run.of("tool-figures", tool=number, cast=cast)
        found.append({key: one[key] for key in ("host", "sent", "received", "duplicates", "first")})
    return found


@NEEDS_SSMPING
@pytest.mark.parametrize("kind", [Tool.ASMPING, Tool.SSMPING])
def test_our_program_and_the_installed_one_side_by_side(tmp_path, kind):
    """Each asks a server of the other kind, so that both speak with both."""
    ours = asmping(Made.NATIVE, 7, "n2", "n1", tool=kind, count=5)
    theirs = asmping(Made.SYSTEM, 8, "n2", "n3", tool=kind, count=5)
    ours_of_theirs = asmping(Made.NATIVE, 9, "n1", "n3", tool=kind, count=5)
    theirs_of_ours = asmping(Made.SYSTEM, 10, "n3", "n1", tool=kind, count=5)
    run = Run(tmp_path, ours, theirs, ours_of_theirs, theirs_of_ours, duration="8s")
    for cast in ("unicast", "multicast"):
        for one in compared(run, cast, 7, 8, 9, 10):
            assert (one["sent"], one["received"], one["duplicates"], one["first"]) == (5, 5, 0, 1)
        for number, peer in ((7, "n1"), (8, "n3"), (9, "n3"), (10, "n1")):
            answers = run.of("tool-answered", tool=number, cast=cast)
            assert sum(one["count"] for one in answers) == 5
            assert {one["peer"] for one in answers} == {peer}
    assert {one["status"] for one in run.of("tool-ended") if one["host"] == "n2"} == {0}


@NEEDS_SSMPING
def test_both_kinds_report_a_blocked_group_alike(tmp_path):
    deaf = ', firewall: {iptables: ["-A INPUT -d 224.0.0.0/4 -p udp -j DROP"]}'
    ours = asmping(Made.NATIVE, 7, "n3", "n1", count=3)
    theirs = asmping(Made.SYSTEM, 8, "n3", "n2", count=3)
    run = Run(tmp_path, ours, theirs, duration="6s", n3=deaf)
    first, second = compared(run, "multicast", 7, 8)
    assert first == second == {"host": "n3", "sent": 3, "received": 0, "duplicates": 0, "first": None}
    first, second = compared(run, "unicast", 7, 8)
    assert first == second == {"host": "n3", "sent": 3, "received": 3, "duplicates": 0, "first": 1}
    assert [one["status"] for one in run.of("tool-ended", host="n3")] == [1, 1]


@NEEDS_SSMPING
def test_an_installed_tool_without_count_is_interrupted_and_says_its_figures(tmp_path):
    run = Run(tmp_path, asmping(Made.SYSTEM, 7, "n2", "n1", count=None, stop_s=3.5), duration="6s")
    (figures,) = run.of("tool-figures", cast="multicast")
    assert figures["sent"] == figures["received"] == 4
    (end,) = run.of("tool-ended", host="n2")
    assert end["status"] == 0
    assert 3.5 <= end["at_s"] < 5
    said = [one["text"] for one in run.of("tool-said", host="n2")]
    assert "asmping joined (S,G) = (*,239.192.77.234)" in said


def test_a_server_is_shared_by_the_tools_that_ask_it(tmp_path):
    first = asmping(Made.NATIVE, 7, "n2", "n1", count=3)
    second = asmping(Made.NATIVE, 8, "n3", "n1", tool=Tool.SSMPING, count=3, start_s=1.0)
    run = Run(tmp_path, first, second, duration="8s")
    for number in (7, 8):
        (figures,) = run.of("tool-figures", tool=number, cast="multicast")
        assert (figures["sent"], figures["received"]) == (3, 3)


def test_a_port_that_is_taken_ends_a_tool_as_the_real_one(tmp_path):
    one, two = tool(count=3, period_s=0.1), tool(number=8, count=3, period_s=0.1, start_s=0.1)
    run = Run(tmp_path, one, two, duration="4s")
    assert [end["status"] for end in run.of("tool-ended", tool=8)] == [1, 1, 1]
    assert {said["text"] for said in run.of("tool-said", tool=8)} == {
        "Can't open its sockets: Address already in use"
    }
    assert run.figures("unicast")["n1", "n2"] == (3, 3)


# --- mcfirst ----------------------------------------------------------------------------------------------


def mcfirst(made, number, host, **changes):
    settings = {"name": "first", "number": number, "tool": Tool.MCFIRST, "made": made, "hosts": (host,)}
    return tool(**(settings | {"port": 5405} | changes))


@pytest.mark.parametrize("made", [Made.NATIVE, pytest.param(Made.SYSTEM, marks=NEEDS_SSMPING)])
def test_mcfirst_hears_what_a_stream_sends(tmp_path, made):
    stream = {"group": IPv4Address("239.192.0.1")}
    run = Run(tmp_path, mcfirst(made, 7, "n3", count=3, **stream), duration="6s")
    (figures,) = run.of("tool-figures")
    assert (figures["received"], figures["first"]) == (3, 1)
    answers = run.of("tool-answered", host="n3", peer="n1")
    assert [one["sequence"] for one in answers] == [1, 2, 3] or answers[0]["count"] == 3
    (end,) = run.of("tool-ended")
    assert end["status"] == 0
    assert end["at_s"] < 5


@pytest.mark.parametrize("made", [Made.NATIVE, pytest.param(Made.SYSTEM, marks=NEEDS_SSMPING)])
def test_an_mcfirst_that_hears_nothing_says_so_at_its_end(tmp_path, made):
    run = Run(tmp_path, mcfirst(made, 7, "n3", stop_s=3.0), duration="3s")
    (figures,) = run.of("tool-figures")
    assert (figures["received"], figures["first"]) == (0, None)
    (end,) = run.of("tool-ended")
    assert end["status"] == 1


# --- this machine -----------------------------------------------------------------------------------------


def test_what_a_socket_loses_because_nobody_read_in_time_is_told(tmp_path, monkeypatch):
    """With the smallest buffer that the kernel gives, a round of three nodes is too much."""

    def shrink(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    monkeypatch.setattr("harness.backends.netns.native_part.grow_buffer", shrink)
    run = Run(tmp_path, tool(count=500, period_s=0.002, stop_s=4.0), duration="5s")
    lost = sum(asked - got for asked, got in run.figures("multicast").values())
    told = run.of("impaired", what="socket")
    assert lost > 0
    assert sum(one["count"] for one in told) >= lost
    assert {one["host"] for one in told} <= {"n1", "n2", "n3"}


def test_what_a_filter_keeps_away_is_no_loss(tmp_path):
    """The kernel counts other nodes' answers, which a group's socket does not want, as if they were lost."""
    run = Run(tmp_path, tool(count=20, period_s=0.1), duration="5s")
    assert run.figures("multicast") == dict.fromkeys(PAIRS, (20, 20))
    assert not run.of("impaired", what="socket")
