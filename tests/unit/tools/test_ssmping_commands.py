"""The command lines of ssmpingd, ssmping, asmping and mcfirst: what they take, refuse and say."""

from __future__ import annotations

import errno
import json
import os
from ipaddress import ip_address

import pytest

from harness.cli import execute
from harness.protocols.probes.mcfirst import McFirst
from harness.protocols.probes.program import Answered, Cast, Ended, Figures, Join, Say
from harness.protocols.probes.ssmping import SsmpingClient
from harness.sockets.groups import Via
from harness.tools import __main__ as tools
from harness.tools import asmping, mcfirst, ssmping, ssmping_output, ssmpingd
from harness.tools.ssmping_arguments import (
    ASMPING,
    MCFIRST,
    SSMPING,
    SSMPINGD,
    CommandError,
    arguments,
    group,
    host_and_group,
    unicast,
)

HOST, GROUP = "127.0.0.1", "224.0.2.1"
FORMS = (SSMPINGD, SSMPING, ASMPING, MCFIRST)


# --- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["-4vIlo", "-c3", "-s100", GROUP, HOST],
        ["-4", "-v", "-I", "lo", "-c", "3", "-s", "100", GROUP, HOST],
        [GROUP, "-4v", "-I", "lo", HOST, "-c", "3", "-s", "100"],
    ],
    ids=["together", "apart", "in between"],
)
def test_options_are_taken_as_getopt_takes_them(words):
    asked = arguments(ASMPING, words)
    assert (asked.names, asked.version, asked.via) == ((GROUP, HOST), 4, Via(index=1))
    assert (asked.count, asked.size, asked.wants_version, asked.json) == (3, 100, True, False)


def test_both_versions_of_ip_are_no_mistake_to_the_original():
    assert arguments(ASMPING, ["-46", GROUP, HOST]).version == 6


def test_mcfirst_has_a_port_last():
    asked = arguments(MCFIRST, ["-r", "-t", "5", GROUP, "5405", "--json"])
    assert (asked.names, asked.port, asked.time_s, asked.rates_only, asked.json) == (
        (GROUP,),
        5405,
        5.0,
        True,
        True,
    )
    assert arguments(MCFIRST, [HOST, GROUP, "1"]).names == (HOST, GROUP)


def mistakes(form, *words):
    with pytest.raises(CommandError) as caught:
        arguments(form, words)
    assert caught.value.usage.splitlines()[2:4] == ["Usage:", f"{form.tool} {form.usages[0]}"]
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("form", "words", "told"),
    [
        (SSMPINGD, ["x"], ["0 names wanted, 1 given"]),
        (SSMPING, [], ["1 name wanted, 0 given"]),
        (ASMPING, [GROUP], ["2 names wanted, 1 given"]),
        (MCFIRST, [GROUP], ["2 or 3 names wanted, 1 given"]),
        (SSMPING, ["-x", HOST], ["there is no option -x"]),
        (SSMPING, ["--jsn", HOST], ["there is no option --jsn; did you mean --json?"]),
        (SSMPING, ["-c", "many", HOST], ["Count must be positive: many"]),
        (SSMPING, ["-s", "65536", HOST], ["Invalid size: 65536 (1 to 65535)"]),
        (MCFIRST, ["-t", "0", GROUP, "1"], ["Invalid time to run: 0"]),
        (MCFIRST, [GROUP, "65536"], ["65536 is no port: neither 1 to 65535 nor a service of UDP"]),
        (SSMPING, ["-c", "0", "-s", "0"], ["1 name wanted, 0 given", "Count must be positive: 0",
                                           "Invalid size: 0 (1 to 65535)"]),
        (SSMPING, [HOST, "-c"], ["argument -c: expected one argument"]),
    ],
)  # fmt: skip
def test_all_mistakes_are_told(form, words, told):
    assert mistakes(form, *words) == told


def test_an_unknown_interface_is_told_with_those_that_there_are():
    (told,) = mistakes(SSMPING, "-I", "lo0", HOST)
    assert told == "Unknown interface lo0; there are lo"


@pytest.mark.parametrize("form", FORMS, ids=[form.tool for form in FORMS])
def test_help_has_examples_and_exit_codes(form, capsys):
    with pytest.raises(SystemExit) as ended:
        arguments(form, ["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: {form.tool} ")
    for wanted in ("examples:", "exit codes:", "--json"):
        assert wanted in said


# --- addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [(GROUP, HOST), (HOST, GROUP)])
def test_host_and_group_come_in_either_order(names):
    host, joined = host_and_group(names, None)
    assert (host.address, joined) == (ip_address(HOST), ip_address(GROUP))


def test_the_zone_of_a_link_local_address_is_its_interface():
    assert unicast("fe80::1%lo", None).index == 1


@pytest.mark.parametrize(
    ("look_up", "told"),
    [
        (lambda: host_and_group((GROUP, GROUP), None), "Both addresses cannot be multicast addresses"),
        (lambda: host_and_group((HOST, HOST), None), "Both addresses cannot be unicast addresses"),
        (lambda: host_and_group((GROUP, "::1"), None), "getaddrinfo failed: "),
        (lambda: unicast(GROUP, None), "Argument must be a unicast address"),
        (lambda: unicast(HOST, 6), "getaddrinfo failed: "),
        (lambda: unicast("a" * 300, None), "getaddrinfo failed: it is no name"),
        (lambda: group(HOST, None), "Argument must be a multicast address"),
    ],
)
def test_addresses_that_do_not_fit_are_told(look_up, told):
    with pytest.raises(CommandError) as caught:
        look_up()
    first, second = str(caught.value).splitlines()
    assert first.startswith(told)
    assert second.startswith("Failed to create socket for ")


# --- what is said -----------------------------------------------------------------------------------------


def played(monkeypatch, *effects, error=None, opened=True):
    """Let a tool's program say these things instead of running; returns the programs that were to run."""
    ran = []

    def run(program, via, listener, *, opened: object):
        ran.append((program, via))
        if error is not None and not is_open:
            raise error
        opened()
        if error is not None:
            raise error
        for at_s, effect in enumerate(effects):
            listener(effect, float(at_s))
        return next(effect.status for effect in effects if isinstance(effect, Ended))

    is_open = opened
    monkeypatch.setattr(ssmping_output, "run", run)
    return ran


UNICAST = Figures(
    peer=ip_address(HOST), cast=Cast.UNICAST, sent=4, received=4, first=1,
    least_s=0.001, mean_s=0.002, most_s=0.003, deviation_s=0.0005,
)  # fmt: skip
MULTICAST = Figures(peer=ip_address(HOST), cast=Cast.MULTICAST, sent=4, received=0)


def test_json_is_one_object_and_the_lines_go_to_standard_error(monkeypatch, capsys):
    ran = played(monkeypatch, Say(text="pinging"), UNICAST, MULTICAST, Ended(status=1))
    assert asmping.main(["--json", "-c", "4", GROUP, HOST]) == 1
    said = capsys.readouterr()
    assert said.err == "pinging\n"
    found = json.loads(said.out)
    assert said.out.count("\n") == 1
    assert (found["tool"], found["status"], found["group"], found["source"]) == (
        "asmping",
        1,
        "224.0.2.234",
        None,
    )
    assert found["answered"] is True
    assert found["unicast"] == {
        "sent": 4, "received": 4, "duplicates": 0, "loss": 0.0, "first": 1,
        "min_ms": 1.0, "avg_ms": 2.0, "max_ms": 3.0, "deviation_ms": 0.5,
    }  # fmt: skip
    assert (found["multicast"]["loss"], found["multicast"]["avg_ms"]) == (1.0, None)
    ((program, via),) = ran
    assert isinstance(program, SsmpingClient)
    assert (program.sockets.local, via) == (ip_address(HOST), Via())


def test_without_json_the_lines_are_all(monkeypatch, capsys):
    played(monkeypatch, Say(text="one"), Say(text="two", error=True), UNICAST, Ended(status=0))
    assert ssmping.main([HOST]) == 0
    assert capsys.readouterr() == ("one\n", "two\n")


@pytest.mark.parametrize(
    ("main", "words", "opened", "doing"),
    [
        (ssmping.main, [HOST], False, "bind"),
        (ssmping.main, [HOST], True, "Failed to join multicast channel"),
        (asmping.main, [GROUP, HOST], True, "Failed to join multicast group"),
        (mcfirst.main, [GROUP, "1"], False, "bind [multicast]"),
        (mcfirst.main, [GROUP, "1"], True, "Failed to join multicast group"),
        (mcfirst.main, [GROUP, HOST, "1"], True, "Failed to join multicast channel"),
    ],
)
def test_what_the_kernel_refuses_is_told_as_the_originals_do(monkeypatch, capsys, main, words, opened, doing):
    error = OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    played(monkeypatch, error=error, opened=opened)
    assert main(words) == 1
    assert capsys.readouterr() == ("", f"{doing}: No such device\nerrno=19\n")


def test_mcfirst_tells_of_whom_it_heard(monkeypatch, capsys):
    sender = ip_address("10.0.0.1")
    heard = [Answered(peer=sender, cast=Cast.MULTICAST, sequence=number, size=100) for number in (1, 2)]
    ran = played(monkeypatch, Join(group=ip_address(GROUP)), *heard, Ended(status=0))
    assert mcfirst.main(["--json", "-c", "2", GROUP, "5405"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["received"], found["bytes"]) == (2, 200)
    assert (found["first_after_s"], found["last_after_s"]) == (1.0, 2.0)
    assert found["senders"] == [{"address": "10.0.0.1", "received": 2, "bytes": 200}]
    ((program, _),) = ran
    assert isinstance(program, McFirst)
    assert (program.sockets.group, program.sockets.group_port) == (ip_address(GROUP), 5405)


def test_mistakes_are_told_with_the_usage(capsys):
    assert asmping.main(["-c", "0", GROUP, HOST]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("asmping: Count must be positive: 0\nasmping version 0.9.1 (20080418)")
    assert asmping.main([HOST, HOST]) == 1
    assert capsys.readouterr().err == (
        "Both addresses cannot be unicast addresses\nFailed to create socket for 127.0.0.1 127.0.0.1\n"
    )


@pytest.mark.parametrize("tool", ["ssmpingd", "ssmping", "asmping", "mcfirst"])
def test_mcast_hands_over(tool, capsys):
    assert execute([tool, "--no-such-option"]) == 1
    assert capsys.readouterr().err.startswith(f"{tool}: there is no option --no-such-option\n")
    assert tools.main([tool, "--no-such-option"]) == 1


def test_a_taken_port_is_told_for_each_version(monkeypatch, capsys):
    """As the original does, and it ends with the last reason if no version is left."""

    def refuse(*_: object, **__: object):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    monkeypatch.setattr(ssmpingd, "Driver", refuse)
    assert ssmpingd.main([]) == 1
    in_use = "Address already in use\nerrno=98\n"
    assert capsys.readouterr() == ("", f"bind: {in_use}bind: {in_use}both v4 and v6 binds failed: {in_use}")
