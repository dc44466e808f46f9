"""What the documents show is true: YAML loads, a transcript comes out, named files and commands exist."""

import re
import shutil
import textwrap
from pathlib import Path

import click
import pytest

from harness.cli import cli, execute
from harness.errors import ExitCode, ScenarioError
from harness.plan.build import build
from harness.scenario.loader import files, load
from harness.scenario.schema import schema_for_scenarios
from harness.source import read

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/*.md")),
]
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)

BASE = {
    "scenario": "scenario: a fragment of a document\n",
    "source": "source: the documents\n",
    "duration": "duration: 700s\n",
    "network": """\
network:
  switches: {sw1: {profile: juniper-ex}, sw2: {profile: juniper-ex}}
  routers: {r1: {on: sw1}}
  nodes: {n: {count: 4, on: sw1}}
  links: chain
""",
    "traffic": """\
traffic:
  totem: {group: 239.192.3.20, senders: [n1, n2]}
  omping: {mesh: n, group: 239.192.55.50}
  fast: {omping: all, group: 239.192.55.50, count: 100}
""",
    "timeline": "timeline: [{at: 10s, name: dies, stop_querier: r1}]\n",
    "expect": "expect: [{deliver: totem, result: all}]\n",
}
"""What a fragment leaves out, so that its names mean something."""


def blocks():
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], id=f"{document.name}:{line}")


def keys(path):
    return {key.text for key, _ in read(path).entries}


def wrapped(block, given):
    """A fragment with the base around it."""
    return block + "".join(text for key, text in BASE.items() if key not in given)


@pytest.mark.parametrize("block", list(blocks()))
def test_yaml_block_loads_and_plans(block, tmp_path):
    path = tmp_path / "block.scenario.yaml"
    path.write_text(block, encoding="utf-8")
    given = keys(path)
    shutil.copytree(ROOT / "topologies", tmp_path / "topologies")
    if "topology" in given and "scenario" not in given:
        (tmp_path / "topologies" / "block.topology.yaml").write_text(block, encoding="utf-8")
        own = "topology: block\nnetwork: {nodes: {n: {count: 4, on: sw1}}}\n"
        block = wrapped(own, {"network", "timeline"})
    elif "scenario" not in given:
        block = wrapped(block, given)
    path.write_text(block, encoding="utf-8")
    for variant in load(path).variants:
        assert build(variant).expectations


def test_a_block_with_a_mistake_would_be_found(tmp_path):
    path = tmp_path / "block.scenario.yaml"
    path.write_text(wrapped("expect: [{deliver: totm, result: all}]\n", {"expect"}), encoding="utf-8")
    with pytest.raises(ScenarioError, match="totm"):
        build(load(path).variants[0])


def test_transcript_of_a_broken_file_in_the_readme(tmp_path, monkeypatch, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    good = BLOCK.search(readme)[1]
    broken = good
    for right, wrong in (
        ("profile:", "profle:"),
        ("239.192.3.20", "239.192.3"),
        ("300s, result", "300, result"),
    ):
        assert right in broken
        broken = broken.replace(right, wrong)
    (tmp_path / "broken.scenario.yaml").write_text(broken, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert execute(["check", "broken.scenario.yaml"]) is ExitCode.BAD_INPUT
    shown = re.search(r"\$ mcast check broken\.scenario\.yaml\n(( {4}broken.*\n)+)", readme)[1]
    assert capsys.readouterr().err == textwrap.dedent(shown)


@pytest.mark.parametrize(("document", "block"), [("README.md", 0), ("docs/tutorial.md", 2)])
def test_transcript_of_a_table_comes_out(document, block, tmp_path, monkeypatch, capsys):
    text = (ROOT / document).read_text(encoding="utf-8")
    command, table = re.search(r"^ {4}\$ mcast (what-if .*)\n((?: {4}.*\n)+)", text, re.MULTILINE).groups()
    asked = command.split()
    file = tmp_path / asked[1].partition("::")[0]
    file.write_text(BLOCK.findall(text)[block], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert execute(asked) is ExitCode.PASSED
    assert capsys.readouterr().out == textwrap.dedent(table)


def test_transcript_of_a_failure_in_the_readme_quotes_the_line():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    line, text = re.search(r"^ {4}mine\.scenario\.yaml:(\d+)  (.*)$", readme, re.MULTILINE).groups()
    assert text in BLOCK.search(readme)[1].splitlines()[int(line) - 1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    paths = re.findall(r"`((?:harness|scenarios|topologies|schema|tests|docs|benchmarks)/[\w./-]*)`", text)
    missing = [link for link in links if not (document.parent / link).exists()]
    missing += [path for path in paths if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document):
    text = document.read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:`|\$ )mcast ([a-z-]+)", text))
    assert commands <= set(cli.list_commands(click.Context(cli)))
    targets = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", text, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets), targets


def test_catalogue_of_faults_has_every_file_and_every_variant():
    catalogue = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    for path in files([ROOT / "scenarios"]):
        name = str(path.relative_to(ROOT / "scenarios")).removesuffix(".scenario.yaml")
        entry = re.search(
            rf"^\*\*{re.escape(name)}\*\*(.*?)(?=^\*\*|^#|\Z)", catalogue, re.DOTALL | re.MULTILINE
        )
        assert entry, f"{name} is not in the catalogue"
        told = set(re.findall(r"`([\w-]+)`", entry[1]))
        variants = {variant.name for variant in load(path).variants}
        assert variants <= told, (name, variants - told)


def test_reference_has_every_key():
    schema = schema_for_scenarios()
    parts = [schema, *schema["$defs"].values()]
    there = {key for part in parts for key in part.get("properties", {})} - {"$schema"}
    reference = (ROOT / "docs/scenario-reference.md").read_text(encoding="utf-8")
    assert sorted(there - set(re.findall(r"\w+", reference))) == []


def test_number_of_scenarios_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    count = sum(len(load(path).variants) for path in files([ROOT / "scenarios"]))
    assert f"{count} passed" in readme
