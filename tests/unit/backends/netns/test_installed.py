"""How installed tools are called, and what is said where they are missing."""

import textwrap
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from harness.backends.netns import installed
from harness.backends.netns.installed import check_tools, command_line
from harness.backends.programs import Role
from harness.errors import HostError
from harness.plan.build import build_all
from harness.plan.tools import Made, PlanTool, Tool

SCENARIO = """\
scenario: tools
source: made up
network:
  switches: {sw1: {profile: class-c}}
  nodes: {n: {count: 3, on: sw1}}
traffic: {one: {group: 239.1.1.1, rate: 1/s}}
expect: [{deliver: one, result: all}]
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "tools.scenario.yaml"
    path.write_text(textwrap.dedent(SCENARIO), encoding="utf-8")
    (built,) = build_all(path)
    return built


def tool(**changes):
    settings = {
        "name": "probe",
        "number": 7,
        "tool": Tool.OMPING,
        "made": Made.SYSTEM,
        "version": 4,
        "hosts": ("n1", "n2", "n3"),
        "server": "",
        "source": "",
        "group": IPv4Address("239.192.77.1"),
        "port": None,
        "count": None,
        "period_s": 1.0,
        "size": None,
        "hops": 64,
        "mode": "asm",
        "start_s": 1.0,
        "stop_s": 10.5,
    }
    return PlanTool(**(settings | changes))


ASKING = {"hosts": ("n2",), "server": "n1"}


@pytest.mark.parametrize(
    ("settings", "role", "words"),
    [
        (ASKING | {"tool": Tool.ASMPING}, Role.SERVER, "ssmpingd"),
        (
            ASKING | {"tool": Tool.ASMPING, "count": 3, "size": 900},
            Role.CLIENT,
            "asmping -4 -I eth0 -c 3 -s 900 239.192.77.1 {n1}",
        ),
        (ASKING | {"tool": Tool.SSMPING, "group": None}, Role.CLIENT, "ssmping -4 -I eth0 {n1}"),
        (
            {"tool": Tool.MCFIRST, "hosts": ("n3",), "port": 5405, "count": 2, "source": "n1"},
            Role.LISTENER,
            "mcfirst -4 -I eth0 -c 2 -t 9 {n1} 239.192.77.1 5405",
        ),
        (
            {"count": 10000, "period_s": 0.001, "port": 4500, "mode": "ssm"},
            Role.CLIENT,
            "omping -4 -F -i 0.001 -t 64 -M ssm -c 10000 -m 239.192.77.1 -p 4500 {n1} {n2} {n3}",
        ),
        ({"mode": "ipbc"}, Role.CLIENT, "omping -4 -F -i 1 -t 64 -M ipbc {n1} {n2} {n3}"),
    ],
)
def test_command_lines(plan, settings, role, words):
    addresses = {name: str(plan.host(name).address) for name in ("n1", "n2", "n3")}
    assert command_line(plan, tool(**settings), role) == tuple(words.format(**addresses).split())


@pytest.mark.parametrize(
    ("missing", "settings", "cure"),
    [
        ("asmping", ASKING | {"tool": Tool.ASMPING}, "apt-get install ssmping"),
        ("ssmpingd", ASKING | {"tool": Tool.ASMPING}, "apt-get install ssmping"),
        ("setpriv", {"tool": Tool.MCFIRST, "port": 5405}, "apt-get install util-linux"),
        ("omping", {}, "write tool: native"),
    ],
)
def test_a_missing_program_is_named_with_its_cure(plan, monkeypatch, missing, settings, cure):
    monkeypatch.setattr(installed, "find", lambda name: None if name == missing else f"/usr/bin/{name}")
    with pytest.raises(HostError) as caught:
        check_tools(replace(plan, tools=(tool(**settings),)))
    assert caught.value.missing == f"{missing} is not installed, which probe runs (tool: system)"
    assert cure in caught.value.cure


def test_native_tools_need_no_program(plan, monkeypatch):
    monkeypatch.setattr(installed, "find", lambda name: None)
    check_tools(replace(plan, tools=(tool(made=Made.NATIVE),)))
