"""From a variant as written to a plan: names to ports, MACs and addresses, moments to seconds.

Pure: no I/O, no clock, no chance; the same file gives the same plan on every machine. The steps are in this
package's other modules; each collects the mistakes that it finds, and they are raised together.
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import ScenarioError
from harness.plan.expectations import Expectations
from harness.plan.ipv6 import has_ipv6, with_ipv6
from harness.plan.model import Action, Plan
from harness.plan.moments import Moments
from harness.plan.names import Mistakes, read_names
from harness.plan.network import plan_network
from harness.plan.timeline import Timeline
from harness.plan.tool_runs import ended_by_s, finish_tools, plan_tools
from harness.plan.traffic import UNENDING, Streams, finish, plan_streams
from harness.scenario.loader import LoadedVariant, examine

LEAST_MARGIN_S = 1.0
"""How long a scenario goes on at least after the last moment that matters."""


def build_all(path: Path) -> tuple[Plan, ...]:
    """The plans of all variants of a file.

    Raises ScenarioError with every mistake that was found, of form and of meaning, each once.
    """
    loaded, found = examine(path)
    problems = list(found)
    plans: list[Plan] = []
    for variant in loaded.variants:
        try:
            plans.append(build(variant))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(tuple(problems))
    return tuple(plans)


def build(variant: LoadedVariant) -> Plan:
    """The plan of one variant. Raises ScenarioError with every mistake that was found."""
    scenario = variant.scenario
    mistakes = Mistakes(variant)
    names = read_names(scenario.network, mistakes)
    network = plan_network(scenario.network, names, mistakes, variant.profiles)
    if has_ipv6(scenario):
        network = with_ipv6(network, scenario.network, names, mistakes, variant.profiles)
    moments = Moments(scenario.timeline, mistakes)
    streams_found = plan_streams(scenario.traffic, names, moments, mistakes)
    tools_found = plan_tools(scenario, names, moments, mistakes, len(streams_found) + 1)
    drafts = Streams(streams_found, tools_found)
    timeline = Timeline(names, network, drafts, moments, mistakes)
    actions = timeline.read(variant)
    expectations = Expectations(variant, names, network, moments, mistakes)
    duration_s = _duration_s(variant, drafts, actions, expectations, mistakes)
    streams = finish(drafts.all, duration_s, frozenset(timeline.leavers), names)
    tools = finish_tools(drafts.tools, duration_s)
    expected = expectations.read(Streams(streams, tools), frozenset(timeline.joiners), duration_s)
    mistakes.raise_all()
    return Plan(
        title=scenario.scenario,
        file=variant.file,
        variant=variant.name,
        role=None if variant.role is None else variant.role.value,
        speed=scenario.speed,
        seed=scenario.seed,
        duration_s=duration_s,
        prefix_length=scenario.network.subnet.prefixlen,
        prefix_length6=scenario.network.subnet6.prefixlen,
        ipv6=scenario.network.ipv6,
        switches=network.switches,
        hosts=network.hosts,
        links=network.links,
        impaired=network.impaired,
        relayed=timeline.relayed,
        streams=streams,
        tools=tools,
        actions=actions,
        expectations=expected,
        quirk=scenario.quirk or "",
        warnings=tuple(variant.where(loc).problem(note) for loc, note in network.notes),
    )


def _duration_s(
    variant: LoadedVariant,
    streams: Streams,
    actions: tuple[Action, ...],
    expectations: Expectations,
    mistakes: Mistakes,
) -> float:
    """The duration as written, else what it takes to judge everything, and a period of the slowest stream."""
    horizon_s, period_s = expectations.horizon_s(streams)
    written_s = variant.scenario.duration
    if written_s is None:
        speed = variant.scenario.speed
        ends_s = [stream.stop_s for stream in streams.all if stream.stop_s != UNENDING]
        ends_s += [end_s for tool in streams.tools if (end_s := ended_by_s(tool, speed)) != UNENDING]
        moments_s = [*(one.start_s for one in streams.all), *(one.start_s for one in streams.tools)]
        moments_s += [action.at_s for action in actions]
        margin_s = max(LEAST_MARGIN_S, period_s)
        return round(max([horizon_s, *ends_s, *moments_s]) + margin_s, 6)
    starts_s = [(one.name, one.start_s) for one in streams.all]
    starts_s += [(one.name, one.start_s) for one in streams.tools]
    for name, start_s in starts_s:
        if start_s >= written_s:
            message = f"{name} starts at {start_s:g} s, when the scenario is over ({written_s:g} s)"
            mistakes.add(("traffic", name, "start"), message)
    return written_s
