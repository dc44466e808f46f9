"""``mcast explain``: predicts, reads runs, and tells mistakes of its options."""

import json

import pytest

from harness.cli import execute
from harness.errors import ExitCode

FILE = """\
scenario: A cluster without a querier
source: the tests
speed: 100
duration: 320s
network:
  switches: {sw1: {profile: juniper-ex}}
  nodes:
    n: {count: 3, on: sw1}
    guest: {on: sw1}
traffic:
  totem: {group: 239.192.3.20, senders: n, receivers: n, rate: 1/s}
  other: {group: 239.192.3.21, senders: n1, receivers: n, rate: 1/s}
  pings: {mesh: [n2, n3], group: 239.192.3.22, interval: 1s}
expect:
  - {deliver: totem, until: 100s, result: all}
variants:
  as-shipped: {}
  querier-on: {network: {switches: {sw1: {querier: on}}}}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lost.scenario.yaml").write_text(FILE, encoding="utf-8")
    return "lost.scenario.yaml"


def ask(*arguments):
    return execute(["explain", *arguments])


def test_a_prediction_is_walked(file, capsys, tmp_path):
    code = ask(f"{file}::as-shipped", "--from", "n1", "--to", "n3", "--stream", "totem", "--at", "300s")
    text = capsys.readouterr().out
    assert code is ExitCode.PASSED
    first, second, *hops = text.splitlines()
    assert first == "lost.scenario.yaml::as-shipped [model seed=1]"
    assert second == "n1 -> n3  239.192.3.20 at 300.0 s: did not come"
    assert hops[-1] == "  --    n3      is a member of 239.192.3.20 from the start"
    assert "        because no switch, router or host of this network runs a querier" in hops
    assert [path.name for path in tmp_path.iterdir()] == ["lost.scenario.yaml"], "nothing is written"


def test_the_end_is_meant_unless_a_moment_is_given(file, capsys):
    assert ask(f"{file}::querier-on", "--from", "n2", "--to", "n3", "--stream", "totem") is ExitCode.PASSED
    assert "n2 -> n3  239.192.3.20 at 319.0 s: came" in capsys.readouterr().out


def test_json(file, capsys):
    named = ("--from", "n1", "--to", "guest", "--group", "239.192.3.20")
    assert ask(f"{file}::as-shipped", *named, "--at", "100s", "--json") is ExitCode.PASSED
    data = json.loads(capsys.readouterr().out)
    assert (data["name"], data["backend"], data["seed"]) == ("lost::as-shipped", "model", 1)
    assert (data["stream"], data["delivered"]) == ("totem", False)
    assert data["hops"][2]["because"] == ["guest is no member of 239.192.3.20: it never joins"]


def test_a_mesh_by_unicast(file, capsys):
    assert ask(f"{file}::as-shipped", "--from", "n2", "--to", "n3", "--unicast") is ExitCode.PASSED
    assert "goes to p3 (to n3) by its MAC address" in capsys.readouterr().out


def test_a_run_is_explained_from_its_folder(file, capsys, tmp_path):
    assert execute(["predict", f"{file}::as-shipped", "--folder", str(tmp_path / "runs")]) is ExitCode.PASSED
    (folder,) = (tmp_path / "runs").iterdir()
    capsys.readouterr()
    where = ("--from", "n1", "--to", "n2", "--stream", "totem")
    assert ask("--run", str(folder), *where) is ExitCode.PASSED
    from_folder = capsys.readouterr().out
    assert ask(f"{file}::as-shipped", *where) is ExitCode.PASSED
    assert capsys.readouterr().out == from_folder
    assert ask(f"{file}::querier-on", "--run", str(folder), *where) is ExitCode.BAD_INPUT
    assert "is a run of lost::as-shipped, not of lost.scenario.yaml::querier-on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("{}", "--from", "n1", "--to", "n3"),
            "has 2 variants (as-shipped, querier-on); name one: {}::as-shipped",
        ),
        (("{}::as-shiped", "--from", "n1", "--to", "n3"), "has no variant 'as-shiped'"),
        (("{}::as-shipped", "--from", "n1", "--to", "n33"), "there is no host 'n33'; did you mean \"n3\"?"),
        (
            ("{}::as-shipped", "--from", "sw1", "--to", "n3"),
            "sw1 is a switch: datagrams go from host to host",
        ),
        (("{}::as-shipped", "--from", "n1", "--to", "n1"), "n1 is both --from and --to"),
        (
            ("{}::as-shipped", "--from", "n1", "--to", "n3"),
            "n1 sends several streams: name one with --stream",
        ),
        (
            ("{}::as-shipped", "--from", "n1", "--to", "n3", "--stream", "totm"),
            "there is no stream 'totm'; did you mean \"totem\"?",
        ),
        (
            ("{}::as-shipped", "--from", "n1", "--to", "n3", "--group", "239.192.3.2"),
            "nothing is sent to '239.192.3.2'; did you mean",
        ),
        (
            ("{}::as-shipped", "--from", "n1", "--to", "n3", "--stream", "totem", "--at", "300"),
            "it has no unit; write 300s for seconds",
        ),
        (
            ("{}::as-shipped", "--from", "n1", "--to", "n3", "--stream", "totem", "--at", "6m"),
            "6m is after the end of the scenario (320 s)",
        ),
        (("{}::as-shipped", "--from", "n1", "--to", "n3", "--backend", "modl"), "there is no backend 'modl'"),
        (("--from", "n1", "--to", "n3"), "name a scenario file, or a run's folder with --run"),
        (("--run", ".", "--from", "n1", "--to", "n3"), "has no plan.json: it is not the folder of a run"),
    ],
)
def test_mistakes(file, capsys, arguments, error):
    assert ask(*(one.format(file) for one in arguments)) is ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert error.format(file) in said.err
    assert said.out == ""


def test_help_has_examples(capsys):
    assert ask("--help") is ExitCode.PASSED
    assert (
        "mcast explain lost.scenario.yaml::as-shipped --from n1 --to n3 --at 300s" in capsys.readouterr().out
    )
