from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.scenario.loader import LoadedVariant
from harness.what_if.question import Question, VaryError, read_axes

Ask = Callable[..., Question]


def first(question: Question) -> LoadedVariant:
    return question.scenario(next(question.settings()))


def test_settings_are_the_product_and_the_last_axis_is_the_fastest(ask: Ask) -> None:
    question = ask("switches.*.querier=on,off", "nodes.n.count=2..4")

    found = [tuple(value.text for value in setting) for setting in question.settings()]

    assert found == [("on", "2"), ("on", "3"), ("on", "4"), ("off", "2"), ("off", "3"), ("off", "4")]
    assert question.size == 6


def test_values_are_laid_over_every_place(ask: Ask) -> None:
    scenario = first(
        ask("switches.*.querier=off", "nodes.count=5", "speed=10", "traffic.totem.rate=2/s")
    ).scenario

    assert [switch.querier for switch in scenario.network.switches.values()] == [False, False]
    assert [node.count for node in scenario.network.nodes.values()] == [5, 5]
    assert scenario.speed == 10
    assert scenario.traffic["totem"].model_dump()["rate"] == 2.0


def test_a_value_replaces_settings_and_settings_a_value(ask: Ask) -> None:
    question = ask("switches.sw2.querier=on", "switches.sw1.mld.snooping=on")

    network = first(question).scenario.network

    assert network.switches["sw2"].querier is True
    assert network.switches["sw1"].mld is not None


def test_null_takes_a_key_away(ask: Ask) -> None:
    assert first(ask("switches.sw2.querier=null")).scenario.network.switches["sw2"].querier is None


def test_the_variant_itself_stays_as_it_is(ask: Ask, variant: LoadedVariant) -> None:
    before = variant.scenario

    first(ask("speed=7"))

    assert variant.scenario == before
    assert variant.scenario.speed == 100


def test_a_plan_is_that_of_the_settings(ask: Ask) -> None:
    question = ask("nodes.n.count=2,3")

    assert [len(question.plan(setting).nodes) for setting in question.settings()] == [3, 4]


def test_parameters_of_a_topology_count_before_its_network_is_there(
    ask: Ask, with_topology: LoadedVariant
) -> None:
    question = ask("topology.nodes=4,5", "switches.sw1.querier=on", of=with_topology)

    scenario = first(question).scenario

    assert scenario.network.nodes["n"].count == 4
    assert scenario.network.switches["sw1"].querier is True
    assert [len(question.plan(setting).nodes) for setting in question.settings()] == [4, 5]


def test_the_network_of_a_topology_can_be_varied(ask: Ask, with_topology: LoadedVariant) -> None:
    assert first(ask("nodes.count=6", of=with_topology)).scenario.network.nodes["n"].count == 6


def test_an_unknown_parameter_is_told_by_the_language(ask: Ask, with_topology: LoadedVariant) -> None:
    with pytest.raises(VaryError) as raised:
        ask("topology.noodes=4", of=with_topology).examine()

    assert str(raised.value) == (
        '--vary topology.noodes=4: "noodes" is no parameter of star; did you mean "nodes"?'
    )


def test_every_wrong_value_is_told_with_its_option(ask: Ask) -> None:
    question = ask("switches.*.querier=on,maybe", "nodes.n.count=0,2", "duration=300")

    with pytest.raises(VaryError) as raised:
        question.examine()

    assert raised.value.messages == (
        '--vary switches.*.querier=on,maybe: write on, off, or settings in braces, not "maybe"',
        '--vary nodes.n.count=0,2: "0" is out of bounds: it must be at least 1',
        '--vary duration=300: "300" is no duration: it has no unit; write 300s for seconds (or ms, m, h)',
    )


def test_good_values_pass(ask: Ask) -> None:
    ask("switches.*.querier=on,off,{version: 2}", "nodes.count=1..3").examine()


def test_what_only_a_combination_makes_wrong_is_no_wrong_value(ask: Ask) -> None:
    question = ask("traffic.totem.start=400s", "duration=300s,500s")

    question.examine()

    short, long = question.settings()
    with pytest.raises(VaryError, match="starts at 400 s, when the scenario is over"):
        question.plan(short)
    assert question.plan(long).duration_s == 500


def test_mistakes_of_the_plan_name_the_option_too(ask: Ask) -> None:
    question = ask("switches.sw1.profile=juniper-xe")

    with pytest.raises(VaryError) as raised:
        question.plan(next(question.settings()))

    assert str(raised.value) == (
        '--vary switches.sw1.profile=juniper-xe: "juniper-xe" is no profile; did you mean "juniper-ex"?'
    )


def test_every_option_that_cannot_be_meant_is_told() -> None:
    with pytest.raises(VaryError) as raised:
        read_axes(
            (
                "speed",
                "nodes.count=5..2",
                "switch.x=1",
                "switches.*.querier=on",
                "network.switches.*.querier=off",
            )
        )

    assert raised.value.messages == (
        "--vary speed: write PATH=VALUES, such as switches.*.querier=on,off",
        '--vary nodes.count=5..2: "5..2" counts down: write the smaller number first',
        '--vary switch.x=1: a scenario has no "switch"; did you mean "switches"?',
        "--vary network.switches.*.querier=off: network.switches.*.querier is varied already",
    )
