"""Several pastes in one text, who they are of, and texts that nobody has written."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.diagnosis import closing, diagnose
from harness.diagnosis.facts import (
    Family,
    Filtered,
    HostFilter,
    NoQuerier,
    NothingHeard,
    PeerSilent,
    ProbeFigures,
    QuerierSeen,
    Snooping,
)
from harness.protocols.probes.program import Cast
from harness.readings.read import SHAPES, read, together
from harness.readings.shape import span_s
from harness.readings.text import Prompt, heading, prompt

SAMPLES = sorted(
    path for path in (Path(__file__).parent / "samples").iterdir() if path.suffix in {".txt", ".json"}
)
TEXTS = [path.read_text(encoding="utf-8") for path in SAMPLES]


def sample(name):
    return next(path.read_text(encoding="utf-8") for path in SAMPLES if path.name == name)


def figures(text):
    facts = read(text).facts
    return [fact for fact in facts if isinstance(fact, ProbeFigures) and fact.cast is Cast.MULTICAST]


def test_outputs_of_three_hosts_say_which_of_them_is_deaf():
    """Only the first has a heading; of the others the names that they do not print tell who they are."""
    reading = read(sample("omping-three-hosts.txt"))
    assert [section.host for section in reading.sections] == ["node1", "node2", "node3"]
    assert reading.unknown == ()
    cause = diagnose(reading.facts)[0]
    assert cause.key == "node-deaf"
    assert cause.supports[0].text.startswith("node3 lost the multicast of node1 and node2")


def test_outputs_in_files_of_their_own_say_it_too():
    text = sample("omping-three-hosts.txt").removeprefix("=== node1 ===\n")
    cuts = [
        text.index("\nnode1 : waiting"),
        text.index("\nnode1 : waiting", text.index("\nnode1 : waiting") + 1),
    ]
    files = [text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]]
    alone = [read(file, f"{number}.txt") for number, file in enumerate(files)]
    assert [section.host for reading in alone for section in reading.sections] == ["", "", ""]
    readings = together(alone)
    assert [reading.sections[0].host for reading in readings] == ["node1", "node2", "node3"]
    cause = diagnose([fact for reading in readings for fact in reading.facts])[0]
    assert cause.key == "node-deaf"


def test_command_line_tells_the_interval_the_group_and_who_asked():
    text = """root@hv-4:~# omping -c 10000 -i 0.001 -F -q -m 239.192.1.1 10.0.0.1 10.0.0.2
10.0.0.1 :   unicast, xmt/rcv/%loss = 10000/10000/0%, min/avg/max/std-dev = 0.034/0.061/0.093/0.030
10.0.0.1 : multicast, xmt/rcv/%loss = 10000/9990/0%, min/avg/max/std-dev = 0.047/0.074/0.105/0.029
"""
    (one,) = figures(text)
    assert (one.where, one.interval_s, one.group) == ("10.0.0.2", 0.001, "239.192.1.1")
    assert one.lasted_s == pytest.approx(10)


def test_ten_thousand_requests_without_a_command_line_did_not_last_three_hours():
    text = "n1 : multicast, xmt/rcv/%loss = 10000/9990/0%, min/avg/max/std-dev = 0.047/0.074/0.105/0.029\n"
    (one,) = figures(text)
    assert one.interval_s is None
    (short,) = figures(text.replace("10000/9990", "600/600"))
    assert short.interval_s == 1.0


def test_answers_tell_when_it_died():
    (one,) = figures(sample("omping-that-dies.txt"))
    assert (one.where, one.first, one.last, one.gaps, one.size) == ("n1", 1, 262, (), 69)


def test_output_without_its_end():
    text = sample("omping-that-dies.txt")
    (one,) = figures(text[: text.index("n2 : given amount")])
    assert (one.sent, one.received, one.last) == (300, 262, 262)
    (cut,) = figures(sample("asmping-dies.txt").partition("\n---")[0])
    assert (cut.sent, cut.received, cut.last, cut.where) == (9, 5, 5, "10.77.0.2")


def test_own_sentences_at_an_end_are_known():
    text = sample("omping-that-dies.txt") + "\n" + "\n".join(closing(figures(sample("omping-that-dies.txt"))))
    assert text.endswith("to confirm")
    assert read(text).unknown == ()
    length = len(text.splitlines())
    twice = read(f"{text}\n{text}\n")
    lines = [(one.first, one.last) for one in twice.sections]
    assert lines == [(2, length), (length + 2, 2 * length)], "each begins behind its prompt"


def test_no_server():
    facts = read(sample("asmping-no-server.txt")).facts
    silent = next(fact for fact in facts if isinstance(fact, PeerSilent))
    assert (silent.peer, silent.where, silent.refused) == ("10.77.0.1", "10.77.0.2", True)


def test_mcfirst_that_heard_nothing():
    (fact,) = read(sample("mcfirst-nothing.txt")).facts
    assert isinstance(fact, NothingHeard)
    assert fact.group == "239.192.3.20"


def test_bridge_with_times_of_hundredths():
    facts = read(sample("ip-link-bridge.txt")).facts
    igmp = next(fact for fact in facts if isinstance(fact, Snooping) and fact.family is Family.IGMP)
    assert (igmp.membership_s, igmp.query_interval_s, igmp.response_s) == (260.0, 125.0, 10.0)
    assert (igmp.linux, igmp.querier, igmp.table_limit, igmp.zero_source) == (True, False, 4096, False)
    as_json = read(sample("ip-link-bridge.json")).facts
    assert [type(fact) for fact in as_json] == [type(fact) for fact in facts]
    assert next(fact for fact in as_json if isinstance(fact, Snooping)).membership_s == 260.0


def test_link_that_a_mailer_has_broken():
    text = sample("ip-link-bridge.txt")
    words, lines, line = text.split(), [], ""
    for word in words:
        line = f"{line} {word}".strip()
        if len(line) > 60:
            lines, line = [*lines, line], ""
    first, *rest = [*lines, line]
    broken = "\n".join([first, *(f"  {one}" for one in rest)])
    facts = read(broken).facts
    assert next(fact for fact in facts if isinstance(fact, Snooping)).membership_s == 260.0


def test_empty_table_of_queriers():
    (fact,) = read(sample("cisco-ios-no-querier.txt")).facts
    assert isinstance(fact, NoQuerier)
    assert (fact.where, fact.family) == ("SW1", Family.IGMP)


def test_querier_behind_a_port_and_the_switch_itself():
    seen = [fact for fact in read(sample("cisco-ios.txt")).facts if isinstance(fact, QuerierSeen)]
    assert [(one.address, one.vlan, one.port, one.own) for one in seen] == [
        ("192.0.2.254", "10", "Gi0/1", False),
        ("192.0.2.1", "30", "Switch", True),
    ]


def test_settings_of_a_vlan_say_nothing_of_a_querier():
    """ "show ip igmp 8 config" of ProCurve begins as "show ip igmp" does."""
    text = "Switch# show ip igmp 8 config\n\n VLAN ID : 8\n VLAN NAME    : NSX\n IGMP Enabled [No] : Yes\n"
    assert not read(text).facts


def test_firewall_that_lets_the_wikis_rules_in():
    text = sample("iptables-save.txt")
    (drop,) = read(text).facts
    assert isinstance(drop, HostFilter)
    assert drop.drops is Filtered.IGMP
    wiki = text.replace("--dst-type MULTICAST -p udp -j", "--dst-type MULTICAST -j")
    assert not read(wiki).facts
    assert read(wiki).sections


def test_firewall_that_cannot_be_evaluated_gives_no_fact():
    text = sample("iptables-save.txt").replace("-A INPUT -i lo", '-A INPUT -m u32 --u32 "0=1"')
    assert read(text).facts == ()


@pytest.mark.parametrize(
    ("line", "host", "command"),
    [
        ("root@n1:~# omping n1 n2", "n1", "omping n1 n2"),
        ("[root@n1 ~]# omping n1 n2", "n1", "omping n1 n2"),
        ("user@ex1> show igmp-snooping vlans", "ex1", "show igmp-snooping vlans"),
        ("sw-1#show ip igmp snooping querier", "sw-1", "show ip igmp snooping querier"),
        ("switch(config-vlan-8)# show ip igmp", "switch", "show ip igmp"),
        ("<HPE-1> display igmp-snooping", "HPE-1", "display igmp-snooping"),
        ("[admin@MikroTik] /interface bridge mdb print", "MikroTik", "/interface bridge mdb print"),
        ("[admin@MikroTik] > /interface bridge mdb print", "MikroTik", "/interface bridge mdb print"),
        ("$ omping -c 3 n1 n2", "", "omping -c 3 n1 n2"),
        ("SW1#", "SW1", ""),
    ],
)
def test_prompts(line, host, command):
    assert prompt(line) == Prompt(host=host, command=command)


@pytest.mark.parametrize(
    "line",
    [
        "n2 : waiting for response msg",
        "Vlan 10:",
        "  unicast from 10.77.0.1, seq=1 dist=0 time=0.148 ms",
        "239.192.3.20           2       1       Trk4",
        "",
        "$ 12 in all",
    ],
)
def test_no_prompts(line):
    assert prompt(line) is None


@pytest.mark.parametrize(
    ("line", "host"),
    [("n1:", "n1"), ("=== node-1 ===", "node-1"), ("# on n1", "n1"), ("Hello all,", ""), ("", "")],
)
def test_headings(line, host):
    assert heading(line) == host


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h 23m 55s", 5035),
        ("0m 2s", 2),
        ("2min 5sec", 125),
        ("00:02:05", 125),
        ("125", 125),
        ("", None),
        ("never", None),
        ("5 apples", None),
    ],
)
def test_spans(text, seconds):
    assert span_s(text) == seconds


def test_an_unverified_form_is_marked(monkeypatch):
    """No form is unverified now; where one is, its facts say so."""
    from dataclasses import replace  # noqa: PLC0415

    from harness.readings import read as module  # noqa: PLC0415

    doubted = tuple(replace(shape, verified=False) for shape in SHAPES)
    monkeypatch.setattr(module, "SHAPES", doubted)
    (section,) = read(sample("fastiron.txt")).sections
    assert not section.verified
    assert {fact.at.verified for fact in section.facts} == {False}


@given(st.text())
def test_any_text_is_read(text):
    reading = read(text)
    assert all(line.number >= 1 for line in reading.unknown)


LINES = st.sampled_from([line for text in TEXTS for line in text.splitlines()])


@settings(max_examples=150)
@given(st.lists(LINES | st.text(max_size=30), max_size=40))
def test_any_mixture_of_known_lines_is_read_and_weighed(lines):
    reading = read("\n".join(lines))
    numbers = {line.number for line in reading.unknown}
    assert not numbers & {fact.at.line for fact in reading.facts}
    diagnose(reading.facts)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_samples_are_read(seed):
    chance = random.Random(seed)
    for text in TEXTS:
        cut = chance.randrange(len(text))
        damaged = list(text[:cut])
        for _ in range(20):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.choice("0 \t:/(){}[]\"'-.\x1b9é")
        read("".join(damaged))


FIREWALL_WORDS = """
-A INPUT -P -N -p igmp -j DROP ACCEPT -m multiport --dports 5405 " ' ! -s 10.0.0.0/8 -d 999.1.1.1 *filter
COMMIT :INPUT DROP [0:0] table inet x { chain y type filter hook input priority 0; policy drop; } ip daddr
udp dport th elements = 224.0.0.0/4 set jump goto return limit rate -i -o --dport 99999 -1 state new
"""
RULES = st.sampled_from(FIREWALL_WORDS.split())


@settings(max_examples=150)
@given(
    st.sampled_from(["*filter\n", "-A INPUT ", "table inet x {\n", "# Generated by iptables-save\n"]),
    st.lists(st.lists(RULES, max_size=12).map(" ".join), max_size=8),
)
def test_any_firewall_is_read(start, lines):
    assert read(start + "\n".join(lines)).sections is not None


def test_deep_and_long_texts_are_read():
    assert read("[" * 100_000).facts == ()
    assert read("[\n" * 100_000).facts == ()
    assert read("- " * 100_000).facts == ()
    assert read("9" * 100_000 + ": x").facts == ()
