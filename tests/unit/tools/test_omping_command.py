"""The command line of omping: what it takes, what it refuses and how, and what it makes of addresses."""

import json
import math
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

import harness
from harness.cli import execute
from harness.errors import ExitCode
from harness.protocols.probes.omping_config import Mode, OmpingConfig, Peer, Role
from harness.protocols.probes.program import Answered, Asked, Cast, Figures, Say
from harness.sockets.groups import Via
from harness.sockets.own_addresses import OwnAddress, own_addresses
from harness.tools import __main__ as tools
from harness.tools import omping
from harness.tools.omping_arguments import UsageError, arguments, configuration
from harness.tools.omping_result import Result

OWN = (
    OwnAddress(address=IPv4Address("127.0.0.1"), index=1, prefix_length=8),
    OwnAddress(
        address=IPv4Address("10.0.0.2"), index=3, prefix_length=24, broadcast=IPv4Address("10.0.0.255")
    ),
    OwnAddress(address=IPv6Address("fd00::2"), index=3, prefix_length=64),
    OwnAddress(address=IPv4Address("192.0.2.9"), index=4, prefix_length=32),
)
IN_ZIP_FILES = ("__init__.py", "errors.py", "tools", "readings", "sockets", "diagnosis", "protocols", "wire")
ALL = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


def _made(*words):
    return configuration(arguments(words), OWN, 77)


def _peers(*addresses):
    return tuple(Peer(name=address, address=ip_address(address)) for address in addresses)


def _mistakes(*words):
    with pytest.raises(UsageError) as caught:
        _made(*words)
    return str(caught.value).splitlines()


# --- what it takes ----------------------------------------------------------------------------------------


def test_defaults_are_those_of_omping():
    config, via = _made(*ALL)
    assert config == OmpingConfig(local=IPv4Address("10.0.0.2"), peers=_peers(ALL[0], ALL[2]), pid=77)
    assert via == Via(index=3, address=IPv4Address("10.0.0.2"))
    assert (config.answers_to, config.longest_wait_s, config.answer_period_s) == (
        IPv4Address("232.43.211.234"),
        3.0,
        1.0,
    )
    assert config.remembered == 1024


def test_every_option_is_read():
    words = "-4 -c 1e4 -i 0.0015 -T 30.5 -M ssm -m 239.1.2.3 -p 5000 -t 8 -qq -C -D -E -FF -r 0 -w 2"
    config, _ = _made(*words.split(), "-R", "4096", "-S", "8192", "-v", *ALL)
    assert config == OmpingConfig(
        local=IPv4Address("10.0.0.2"),
        peers=_peers(ALL[0], ALL[2]),
        group=IPv4Address("239.1.2.3"),
        port=5000,
        period_s=0.001,
        count=10000,
        timeout_s=30.5,
        hops=8,
        mode=Mode.SSM,
        wait_s=2.0,
        rate_s=0.0,
        quiet=2,
        averages=True,
        finds_duplicates=False,
        ends_alone=False,
        verbose=True,
        buffer=8192,
        pid=77,
    )


@pytest.mark.parametrize("words", [("-w", "-1"), ("-w-1",)])
def test_the_wait_may_be_for_ever(words):
    assert _made(*words, *ALL)[0].longest_wait_s == math.inf


def test_options_may_stand_behind_addresses():
    assert _made("10.0.0.1", "-c", "5", "10.0.0.2", "-q")[0].count == 5


def test_roles():
    assert _made("-O", "client", *ALL)[0].role is Role.CLIENT
    assert _made("-VV", *ALL)[0].role is Role.VERSIONS
    assert _made("-V", "-V", *ALL)[0].role is Role.VERSIONS


def test_broadcast_goes_to_the_interfaces_own():
    assert _made("-M", "ipbc", *ALL)[0].group == IPv4Address("10.0.0.255")
    assert _made("-M", "ipbc", "-m", "10.0.0.255", *ALL)[0].group == IPv4Address("10.0.0.255")


def test_ipv6_is_asked_for_by_addresses_option_or_group():
    for words in (
        ("fd00::2", "fd00::1"),
        ("-6", "fd00::2", "fd00::1"),
        ("-m", "ff15::1", "fd00::2", "fd00::1"),
    ):
        config, via = _made(*words)
        assert config.local == IPv6Address("fd00::2")
        assert via.index == 3
    assert config.answers_to == IPv6Address("ff15::1")


def test_one_address_alone_is_a_test_of_oneself():
    config, _ = _made("10.0.0.2")
    assert config.is_alone
    assert config.peers == _peers("10.0.0.2")
    assert config.longest_wait_s == 0


def test_an_address_that_is_given_twice_is_one():
    assert _made(*ALL, *ALL)[0].peers == _peers(ALL[0], ALL[2])


# --- what it refuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        (("-i", "0.5"), "-i 0.5: less than 1 s needs -F"),
        (("-i", "0"), "-i 0: less than 1 s needs -F"),
        (("-F", "-i", "0"), "-i 0: less than 1 ms needs -FF"),
        (("-F", "-i", "0.0001"), "-i 0.0001: less than 1 ms needs -FF"),
        (("-t", "8"), "-t 8: less than 64 needs -F"),
        (("-t", "0"), "-t 0: not a whole number from 1 to 255"),
        (("-t", "64.5"), "-t 64.5: not a whole number from 1 to 255"),
        (("-c", "0"), "-c 0: not a count from 1 on"),
        (("-c", "nan"), "-c nan: not a count from 1 on"),
        (("-T", "soon"), "-T soon: not a number of seconds"),
        (("-w", "-2"), "-w -2: not a number of seconds"),
        (("-r", "1e99"), "-r 1e99: not a number of seconds"),
        (("-p", "65536"), "-p 65536: not a whole number from 1 to 65535"),
        (("-R", "2047"), "-R 2047: not a whole number from 2048 to 2147483647"),
        (("-M", "smm"), "-M smm: none of asm, ssm, ipbc; did you mean ssm?"),
        (("-O", "server"), "-O server: none of normal, client"),
        (("-O", "versions"), "-O versions: none of normal, client"),
        (("-4", "-6"), "-4 and -6 exclude each other"),
        (("-6", "-M", "ipbc"), "-M ipbc: there is no broadcast with -6"),
        (("-m", "10.1.2.3"), "-m 10.1.2.3: not a multicast address"),
        (("-m", "group"), "-m group: not an address"),
        (("-M", "ipbc", "-m", "10.0.1.255"), "-m 10.0.1.255: this host's broadcast address is 10.0.0.255"),
        (("-6",), None),
        (("-x",), "unrecognized arguments: -x"),
        (("-c",), "argument -c: expected one argument"),
    ],
)
def test_what_is_refused(words, mistake):
    found = _mistakes(*ALL, *words)
    assert len(found) == 1
    assert mistake is None or found == [mistake]


def test_all_mistakes_are_told_at_once():
    assert len(_mistakes("-i", "0.5", "-t", "1", "-M", "x", "-c", "0")) == 5


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        ((), "at least one address is needed, this host's own"),
        (("10.0.0.1", "10.0.0.3"), "none of the addresses is one of this host's own"),
        (("127.0.0.1",), "127.0.0.1 is a loopback address, which cannot be tested"),
        (("10.0.0.2", "fd00::1"), "the addresses are not all of IPv4, and not all of IPv6"),
        (("-m", "ff15::1", *ALL), "10.0.0.1 has no address of IPv6"),
        (("-4", "-m", "ff15::1", *ALL), "-m ff15::1: not an address of IPv4, as was asked for"),
        (("-M", "ipbc", "192.0.2.9", "10.0.0.1"), "the interface of 192.0.2.9 has no broadcast address"),
    ],
)
def test_what_addresses_are_refused(words, mistake):
    assert _mistakes(*words) == [mistake]


# --- the program ------------------------------------------------------------------------------------------


def test_usage_ends_with_1_and_all_that_is_wrong(capsys):
    assert omping.main(["-i", "0.5", "-M", "asmm", "10.0.0.1"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[:2] == [
        "omping: -i 0.5: less than 1 s needs -F",
        "omping: -M asmm: none of asm, ssm, ipbc; did you mean asm?",
    ]
    assert lines[2].startswith("usage: omping ")


def test_the_version_is_omping_s_first(capsys):
    assert omping.main(["-V"]) == 0
    assert capsys.readouterr().out.startswith("omping version 0.0.5 ")


def test_mcast_hands_all_arguments_over(capsys):
    assert execute(["omping", "-V"]) is ExitCode.PASSED
    assert execute(["omping", "-c", "0", "--json", "10.0.0.1"]) == 1
    told = capsys.readouterr()
    assert "omping version 0.0.5" in told.out
    assert "omping: -c 0: not a count from 1 on" in told.err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        execute(["omping", "--help"])
    assert ended.value.code == 0
    assert "omping -c 600 -i 1 -q 10.0.0.1 10.0.0.2" in capsys.readouterr().out


def test_tools_are_known_by_name(capsys):
    assert tools.main(["omping", "-V"]) == 0
    assert tools.main(["ompong"]) == 1
    assert "did you mean omping?" in capsys.readouterr().err
    assert tools.main([]) == 1
    assert "which tool?" in capsys.readouterr().err
    assert tools.main(["--help"]) == 0


def test_tools_run_with_nothing_but_python(tmp_path):
    source = Path(harness.__file__).parent
    package = tmp_path / "harness"
    package.mkdir()
    for name in IN_ZIP_FILES:
        (package / name).symlink_to(source / name)
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); "
        "from harness.tools.__main__ import main; sys.exit(main())"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path), "omping", "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("usage: omping ")


def test_the_kernel_lists_this_hosts_addresses():
    found = own_addresses()
    assert all(own.index > 0 for own in found)
    loopback = [own for own in found if own.address == IPv4Address("127.0.0.1")]
    assert [own.prefix_length for own in loopback] in ([8], [])


# --- the result -------------------------------------------------------------------------------------------


def test_the_result_as_data():
    config, _ = _made(*ALL)
    result = Result(config)
    result.take(Say(text=""), 100.0)
    peer, absent = (peer.address for peer in config.peers)
    for of, cast, sent, received, first in (
        (peer, Cast.UNICAST, 4, 4, 1),
        (peer, Cast.MULTICAST, 4, 1, 3),
        (absent, Cast.UNICAST, 0, 0, None),
        (absent, Cast.MULTICAST, 0, 0, None),
    ):
        times = dict.fromkeys(("least_s", "mean_s", "most_s"), 0.0005) | {"deviation_s": 0.0}
        figures = Figures(
            peer=of, cast=cast, sent=sent, received=received, first=first, **(times if received else {})
        )
        result.take(figures, 104.5)
    found = json.loads(json.dumps(result.as_json(0)))
    assert result.is_whole
    assert {key: found[key] for key in ("tool", "status", "local", "group", "port", "mode", "ran_s")} == {
        "tool": "omping",
        "status": 0,
        "local": "10.0.0.2",
        "group": "232.43.211.234",
        "port": 4321,
        "mode": "asm",
        "ran_s": 4.5,
    }
    assert [(of["name"], of["answered"]) for of in found["peers"]] == [(ALL[0], True), (ALL[2], False)]
    assert found["peers"][0]["multicast"] == {
        "sent": 4,
        "received": 1,
        "duplicates": 0,
        "loss": 0.75,
        "first": 3,
        "min_ms": 0.5,
        "avg_ms": 0.5,
        "max_ms": 0.5,
        "deviation_ms": 0.0,
    }
    assert found["peers"][1]["unicast"]["min_ms"] is None


def _told(*, sent, multicast):
    """A result of one peer whose unicast came whole, and of these numbers by multicast."""
    config, _ = _made("10.0.0.1", "10.0.0.2")
    result = Result(config)
    peer = config.peers[0].address
    for cast, numbers in ((Cast.UNICAST, range(1, sent + 1)), (Cast.MULTICAST, multicast)):
        for sequence in numbers:
            result.take(Answered(peer=peer, cast=cast, sequence=sequence, size=69), float(sequence))
    for cast, numbers in ((Cast.UNICAST, range(1, sent + 1)), (Cast.MULTICAST, multicast)):
        first = min(numbers, default=None)
        figures = Figures(peer=peer, cast=cast, sent=sent, received=len(numbers), first=first)
        result.take(figures, float(sent))
    return result


def test_the_conclusion_says_since_when_nothing_came():
    (line,) = _told(sent=300, multicast=range(1, 263)).conclusion()
    assert line.startswith("unicast 0 %, multicast 100 % lost from 10.0.0.1 since 262 s: looks like snooping")
    assert " to confirm" in line


def test_the_conclusion_of_a_run_without_loss_accuses_nobody():
    (line,) = _told(sent=700, multicast=range(1, 701)).conclusion()
    assert line.startswith("unicast 0 %, multicast 0 % lost from 10.0.0.1 in 700 s")
    assert "looks like" not in line


def test_an_answer_that_is_on_its_way_at_the_end_is_not_lost():
    result = _told(sent=10, multicast=range(1, 11))
    peer = IPv4Address("10.0.0.1")
    result.take(Asked(peer=peer, sequence=11), 10.9)
    for cast in (Cast.UNICAST, Cast.MULTICAST):
        result.take(Figures(peer=peer, cast=cast, sent=11, received=10, first=1), 11.0)
    assert result.conclusion()[0].startswith("unicast 0 %, multicast 0 % lost from 10.0.0.1 in 10 s")


def test_a_peer_that_answered_nothing_is_named():
    config, _ = _made("10.0.0.1", "10.0.0.2")
    result = Result(config)
    for cast in (Cast.UNICAST, Cast.MULTICAST):
        result.take(Figures(peer=IPv4Address("10.0.0.1"), cast=cast, sent=0, received=0), 9.0)
    assert result.conclusion()[0].startswith("10.0.0.1 answered nothing at all: ")


def test_without_figures_nothing_is_concluded():
    assert Result(_made(*ALL)[0]).conclusion() == ()
