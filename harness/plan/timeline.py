"""The timeline: every step as an action on devices, ports and streams, in the order of time.

A switch's settings are folded in that order, so that each action carries the whole configuration that holds
from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.plan.behaviour import Configured, NamedPorts, changed, in_words
from harness.plan.cables import loop, path
from harness.plan.forging import Devices, macs, read_forge
from harness.plan.ipv6 import change
from harness.plan.links import (
    Cable,
    Impairments,
    cable_words,
    flaps,
    host_cable,
    link_cable,
    physical,
    resolve,
)
from harness.plan.mld import ONE_SETTING, following
from harness.plan.model import Action, ActionKind, Cast, End, Forgery, ImpairedEnd, PlanSwitch
from harness.plan.moments import Moments
from harness.plan.names import Loc, Mistakes, Names, chassis_of
from harness.plan.network import PlannedNetwork, ports_of
from harness.plan.open_vswitch import NO_QUERIER, objections
from harness.plan.traffic import Streams
from harness.plan.tree_actions import TreeActions
from harness.plan.vlans import domains, tell_unknown
from harness.profiles import DataPlane
from harness.protocols.dialect import Dialect
from harness.scenario.hosts import Forge
from harness.scenario.links import Impair, Silence, Way
from harness.scenario.loader import LoadedVariant
from harness.scenario.network import MldSettings
from harness.scenario.timeline import Membership, SetSwitch, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What a step does, before it has a moment: the fields of an Action."""

    kind: ActionKind
    text: str
    target: str = ""
    ends: tuple[End, ...] = ()
    impaired: tuple[ImpairedEnd, ...] = ()
    configured: Configured | None = None
    mld: Configured | None = None
    dialect: Dialect = Dialect.IGMP
    stream: int | None = None
    forgery: Forgery | None = None
    after_s: tuple[float, ...] = (0.0,)
    """When it happens: so many seconds after its moment, each time."""


class Timeline:
    """Reads the steps of one variant against its network; mistakes are collected."""

    def __init__(
        self, names: Names, network: PlannedNetwork, streams: Streams, moments: Moments, mistakes: Mistakes
    ) -> None:
        self._names = names
        self._network = network
        self._streams = streams
        self._moments = moments
        self._mistakes = mistakes
        self._cables = _cables(network)
        self._configured = dict(network.configured)
        self._mld = dict(network.mld)
        self._members = {(name, stream.number) for stream in streams.multicast for name in stream.receivers}
        self._impairments = Impairments(network.impaired)
        self._tree = None if network.tree is None else TreeActions(names.domains, network.links, network.tree)
        self._loops: set[tuple[Loc, tuple[str, ...]]] = set()
        self._up = {(link.a, link.b): link.up for link in network.links}
        self.leavers: set[tuple[str, int]] = set()
        """(node, stream) of every leave."""
        self.joiners: set[tuple[str, int]] = set()
        """(node, stream) of every join."""

    def read(self, variant: LoadedVariant) -> tuple[Action, ...]:
        """All actions, sorted by their moments; steps of one moment stay in the order of the file."""
        self._check_loops_at_start()
        timed: list[tuple[float, int, Step]] = []
        end_s = variant.scenario.duration
        for index, step in enumerate(variant.scenario.timeline):
            at_s = self._moments.at_s(step.at, ("timeline", index, "at"))
            if at_s is None:
                continue
            if step.flap is not None and not self._cable(step.flap.link, ("timeline", index, "flap", "link")):
                continue
            parts = flaps(step, at_s)
            last_s = parts[-1][0]
            if end_s is not None and last_s > end_s:
                message = f"{last_s:g} s is after the end of the scenario ({end_s:g} s)"
                self._mistakes.add(("timeline", index, "at" if step.flap is None else "flap"), message)
            timed.extend((moment_s, index, part) for moment_s, part in parts)
        actions: list[Action] = []
        for at_s, index, step in sorted(timed, key=lambda entry: entry[0]):
            if self._tree is not None:
                actions.extend(self._tree.until(at_s))
            for done, after_s in self._timed(step, at_s, end_s, ("timeline", index)):
                action = Action(
                    at_s=round(at_s + after_s, 9),
                    kind=done.kind,
                    text=done.text,
                    line=variant.where(("timeline", index)).line,
                    name=None if after_s else step.name,
                    target=done.target,
                    ends=done.ends,
                    impaired=done.impaired,
                    behaviour=None if done.configured is None else done.configured.behaviour,
                    mld=None if done.mld is None else done.mld.behaviour,
                    dialect=done.dialect,
                    stream=done.stream,
                    forgery=done.forgery,
                )
                actions.extend(self._with_tree(action))
        if self._tree is not None:
            actions.extend(self._tree.until())
        in_time = (action for action in actions if end_s is None or action.at_s <= end_s)
        return tuple(sorted(in_time, key=lambda action: action.at_s))

    def _timed(
        self, step: Step, at_s: float, end_s: float | None, loc: Loc
    ) -> Iterator[tuple[_Change, float]]:
        """What a step does, each with the seconds after it at which it is done."""
        for done in self._changes(step, at_s, loc):
            for after_s in self._moments_of(done, at_s, end_s, (*loc, step.action)):
                yield done, after_s

    def _with_tree(self, action: Action) -> tuple[Action, ...]:
        """An action, and what the spanning tree makes of it."""
        if self._tree is None or action.kind not in {ActionKind.LINK_DOWN, ActionKind.LINK_UP}:
            return (action,)
        up = action.kind is ActionKind.LINK_UP
        switched = self._tree.switch(action.ends, up=up, at_s=action.at_s, line=action.line)
        return (replace(action, ends=switched.ends, text=action.text + switched.words), *switched.follows)

    def _changes(self, step: Step, at_s: float, loc: Loc) -> tuple[_Change, ...]:
        """What a step does: one change, or one for each VLAN of a switch; none after a mistake."""
        here = (*loc, step.action)
        match getattr(step, step.action):
            case Forge() as forge:
                change = self._forge(forge, at_s, here)
            case SetSwitch() as settings:
                return self._set(settings, here)
            case Silence() | Impair() as way:
                change = self._impair(step, way, here)
            case Membership() as membership:
                change = self._membership(membership, here, joins=step.join is not None)
            case tuple() as names if step.repair is not None:
                change = self._repair(names, here)
            case tuple() as names:
                change = self._link(names, here, up=step.link_up is not None)
            case str() as name:
                return self._device(step, name, here)
            case never:
                raise AssertionError(never)
        return () if change is None else (change,)

    def _device(self, step: Step, name: str, loc: Loc) -> tuple[_Change, ...]:
        names, mistakes = self._names, self._mistakes
        match step.action:
            case "start_querier" | "stop_querier":
                on = step.start_querier is not None
                asked = "switch, router or node"
                among = domains(name, names, loc, mistakes, kind=asked, others=names.hosts)
                started = (self._querier(target, loc, on=on) for target in among)
                return tuple(change for change in started if change is not None)
            case "start_mld_querier" | "stop_mld_querier":
                on = step.start_mld_querier is not None
                asked = "switch, router or node"
                among = domains(name, names, loc, mistakes, kind=asked, others=names.hosts)
                changes = (self._mld_querier(target, on, loc) for target in among)
                return tuple(change for change in changes if change is not None)
            case "restart_switch":
                kind, targets = ActionKind.RESTART_SWITCH, domains(name, names, loc, mistakes)
            case _:
                known = names.known("node", name, names.hosts, loc, mistakes)
                kind, targets = ActionKind.RESTART_NODE, (name,) if known else ()
        return tuple(_Change(kind=kind, text=f"restart {target}", target=target) for target in targets)

    def _moments_of(self, change: _Change, at_s: float, end_s: float | None, loc: Loc) -> tuple[float, ...]:
        """When it happens, in seconds after its moment; all of it must be within the scenario."""
        last_s = round(at_s + change.after_s[-1], 9)
        if end_s is not None and at_s <= end_s < last_s:
            message = f"its last time, {last_s:g} s, is after the end of the scenario ({end_s:g} s)"
            self._mistakes.add(loc, message)
        return change.after_s

    def _forge(self, forge: Forge, at_s: float, loc: Loc) -> _Change | None:
        if not self._names.known("node", forge.node, self._names.hosts, (*loc, "node"), self._mistakes):
            return None
        hosts = {host.name: host for host in self._network.hosts}
        devices = Devices(hosts=hosts, macs=macs(self._network.hosts, self._network.switches))
        forged = read_forge(forge, at_s, devices, self._moments, loc, self._mistakes)
        if forged is None:
            return None
        return _Change(
            kind=ActionKind.FORGE,
            text=forged.text,
            target=forged.target,
            forgery=forged.forgery,
            after_s=forged.after_s,
        )

    def _querier(self, name: str, loc: Loc, *, on: bool) -> _Change | None:
        kind = ActionKind.START_QUERIER if on else ActionKind.STOP_QUERIER
        if any(host.name == name and host.querier is None for host in self._network.hosts):
            self._mistakes.add(loc, f"{name} has no querier: give it one that is off at first, querier: off")
            return None
        if name in self._configured:
            if self._switch(name).platform is DataPlane.OPENVSWITCH:
                self._mistakes.add(loc, NO_QUERIER)
            self._configured[name] = self._configured[name].with_querier(on)
            self._follow(name)
        text = f"{name}: querier {'on' if on else 'off'}"
        configured = self._configured.get(name)
        return _Change(kind=kind, text=text, target=name, configured=configured, mld=self._mld.get(name))

    def _mld_querier(self, name: str, on: bool, loc: Loc) -> _Change | None:
        kind = ActionKind.START_QUERIER if on else ActionKind.STOP_QUERIER
        if any(host.name == name and host.mld_querier is None for host in self._network.hosts):
            cure = "give it one that is off at first, mld_querier: off"
            self._mistakes.add(loc, f"{name} has no MLD querier: {cure}")
            return None
        if name in self._mld:
            if self._switch(name).platform is DataPlane.OPENVSWITCH:
                self._mistakes.add(loc, NO_QUERIER)
                return None
            if self._switch(name).platform is DataPlane.LINUX_BRIDGE:
                verb = "start" if on else "stop"
                self._mistakes.add(loc, f"a Linux bridge has one querier for both: write {verb}_querier")
                return None
            self._mld[name] = self._mld[name].with_querier(on)
        return _Change(
            kind=kind,
            text=f"{name}: MLD querier {'on' if on else 'off'}",
            target=name,
            configured=self._configured.get(name),
            mld=self._mld.get(name),
            dialect=Dialect.MLD,
        )

    def _follow(self, name: str) -> None:
        """What is set for a switch with one setting for both holds for IPv6 too."""
        if name in self._mld and self._switch(name).platform in ONE_SETTING:
            self._mld[name] = following(self._configured[name], self._mld[name])

    def _switch(self, name: str) -> PlanSwitch:
        return next(switch for switch in self._network.switches if switch.name == name)

    def _set(self, settings: SetSwitch, loc: Loc) -> tuple[_Change, ...]:
        name = settings.switch
        targets = domains(name, self._names, (*loc, "switch"), self._mistakes)
        switches = tuple(switch for switch in self._network.switches if switch.name in targets)
        named = ports_of(
            name,
            tuple(port for switch in switches for port in switch.ports),
            settings,
            loc,
            self._mistakes,
            several=self._names.several,
            complete=self._network.complete,
        )
        changes = (self._set_one(switch, switches, settings, named, loc) for switch in switches)
        return tuple(change for change in changes if change is not None)

    def _set_one(
        self,
        switch: PlanSwitch,
        among: tuple[PlanSwitch, ...],
        settings: SetSwitch,
        named: NamedPorts,
        loc: Loc,
    ) -> _Change | None:
        """Set one of the domains ``among`` which these settings are for, with the ports ``named`` in them."""
        name = switch.name
        own = named.among({port.name for port in switch.ports})
        if switch.platform is DataPlane.OPENVSWITCH:
            self._mistakes.add_all(loc, objections(settings))
        words = [in_words(settings, own)]
        try:
            self._configured[name] = changed(self._configured[name], settings, own)
        except ValueError as error:
            self._mistakes.add((*loc, "querier"), str(error))
            return None
        self._follow(name)
        if settings.mld is not None:
            words.append(self._set_mld(switch, among, settings.mld, (*loc, "mld")))
        said = ", ".join(one for one in words if one)
        if not said:
            self._mistakes.add(loc, f"nothing is set on {settings.switch}")
            return None
        return _Change(
            kind=ActionKind.CONFIGURE,
            text=f"{name}: {said}",
            target=name,
            configured=self._configured[name],
            mld=self._mld.get(name),
        )

    def _set_mld(
        self, switch: PlanSwitch, among: tuple[PlanSwitch, ...], settings: MldSettings, loc: Loc
    ) -> str:
        """Set what is of IPv6, and say so: ``MLD snooping off``. After a mistake it stays as it was."""
        name, complete = switch.name, self._network.complete
        before = self._mld.get(name)
        if before is None:
            return "MLD"
        after = change(
            switch, before, settings, loc, self._names, self._mistakes, complete=complete, among=among
        )
        if after is None:
            return "MLD"
        self._mld[name] = after
        behaviour = after.behaviour
        named = NamedPorts(
            router_ports=None if settings.router_ports is None else behaviour.static_router_ports,
            fast_leave_ports=(
                None if settings.fast_leave_ports is None else tuple(sorted(behaviour.fast_leave_ports))
            ),
        )
        words = in_words(settings, named)
        if switch.platform in ONE_SETTING:  # how it asks is set here, and not whether
            words = words.replace("querier on", "querier")
        return f"MLD {words}" if words else ""

    def _membership(self, membership: Membership, loc: Loc, *, joins: bool) -> _Change | None:
        stream = self._streams.named(membership.stream, Cast.MULTICAST, (*loc, "stream"), self._mistakes)
        node = membership.node
        known = self._names.known("node", node, self._names.hosts, (*loc, "node"), self._mistakes)
        if stream is None or not known:
            return None
        entry = (node, stream.number)
        if (entry in self._members) is joins:
            state = "already a member" if joins else "no member"
            self._mistakes.add(loc, f"{node} is {state} of {stream.name} at that moment")
        if joins:
            self._members.add(entry)
            self.joiners.add(entry)
        else:
            self._members.discard(entry)
            self.leavers.add(entry)
        return _Change(
            kind=ActionKind.JOIN if joins else ActionKind.LEAVE,
            text=f"{node} {'joins' if joins else 'leaves'} {stream.name}",
            target=node,
            stream=stream.number,
        )

    # --- cables ---------------------------------------------------------------------------------------------

    def _impair(self, step: Step, way: Silence | Impair, loc: Loc) -> _Change | None:
        found = self._way(way, loc)
        if found is None:
            return None
        ends, words = found
        impairment = resolve(way)
        frames = str(impairment).partition("; of ")[2]
        of = f" of {frames}" if frames else ""
        if step.silence is not None:
            impaired = self._impairments.silence(ends, impairment)
            return _Change(kind=ActionKind.SILENCE, text=f"silence {words}{of}", impaired=impaired)
        if step.restore is not None:
            if not self._impairments.silent(ends, impairment):
                self._mistakes.add(loc, f"{words}{of}: there is no silence to restore then")
            impaired = self._impairments.restore(ends, impairment)
            return _Change(kind=ActionKind.RESTORE, text=f"restore {words}{of}", impaired=impaired)
        impaired = self._impairments.impair(ends, impairment)
        return _Change(kind=ActionKind.IMPAIR, text=f"impair {words}: {impairment}", impaired=impaired)

    def _way(self, way: Way, loc: Loc) -> tuple[tuple[End, ...], str] | None:
        """The ends whose frames are meant, and both ends in words."""
        if way.between is not None:
            lanes = self._cable(way.between, (*loc, "between"))
            words = f"{way.between[0]} <-> {way.between[1]}"
            return (_ends(lanes), words) if lanes else None
        if way.from_ is None or way.to is None:
            raise AssertionError("the model demands both")
        lanes = self._cable((way.from_, way.to), (*loc, "from"))
        return (tuple(here for here, _ in lanes), f"{way.from_} -> {way.to}") if lanes else None

    def _repair(self, names: tuple[str, ...], loc: Loc) -> _Change | None:
        lanes = self._cable(names, loc)
        if not lanes:
            return None
        if not self._impairments.impaired(_ends(lanes)):
            self._mistakes.add(loc, f"{cable_words(lanes)} is as good as new then: nothing to repair")
        impaired = self._impairments.repair(_ends(lanes))
        return _Change(kind=ActionKind.REPAIR, text=f"repair {cable_words(lanes)}", impaired=impaired)

    @property
    def relayed(self) -> tuple[Cable, ...]:
        """Cables of which something keeps frames for a while, at any time."""
        return self._impairments.relayed(self._cables)

    def _link(self, names: tuple[str, ...], loc: Loc, *, up: bool) -> _Change | None:
        lanes = self._cable(names, loc)
        if not lanes:
            return None
        for lane in lanes:
            self._switch_link(lane, loc, up=up)
        kind = ActionKind.LINK_UP if up else ActionKind.LINK_DOWN
        text = f"link {cable_words(lanes)} {'up' if up else 'down'}"
        return _Change(kind=kind, text=text, ends=_ends(lanes))

    def _cable(self, names: tuple[str, ...], loc: Loc) -> tuple[Cable, ...]:
        """The cable with these ends, the first named end first; one name is enough for a host or a port.

        Of a trunk it is what it carries in each VLAN, or in the one that is named (sw1.20).
        """
        devices = (*self._names.switches, *self._names.domains, *self._names.hosts)
        unknown_names = [name for name in names if name.partition(":")[0] not in devices]
        for name in unknown_names:
            place, device = (*loc, names.index(name)), name.partition(":")[0]
            tell_unknown(device, self._names, place, self._mistakes, kind="device", others=self._names.hosts)
        if unknown_names:
            return ()
        if len(names) == 1 and ":" not in names[0] and names[0] not in self._names.hosts:
            self._mistakes.add(loc, f"{names[0]} has many cables: write {names[0]}:p1, or both of its ends")
            return ()
        found = [lane for lane in self._oriented() if all(map(_is_end, names, lane))]
        if not found and self._network.complete:
            what = "are no neighbours" if len(names) == 2 else "is no port with a cable"
            self._mistakes.add(loc, f"{' and '.join(names)} {what}")
        cables = dict.fromkeys(physical(lane) for lane in found)
        if len(cables) > 1:
            ports = ", ".join(f"{here.device}:{here.port}" for here, _ in cables)
            self._mistakes.add(loc, f"{' and '.join(names)} are joined more than once: name a port ({ports})")
        return tuple(found) if len(cables) == 1 else ()

    def _oriented(self) -> tuple[Cable, ...]:
        return (*self._cables, *((b, a) for a, b in self._cables))

    # --- loops ----------------------------------------------------------------------------------------------

    def _check_loops_at_start(self) -> None:
        joined: list[tuple[str, str]] = []
        parts: dict[str, str] = {}
        """Of each switch another of its part of the network; of one switch of each part itself."""
        for link, loc in zip(self._network.links, self._network.link_locs, strict=True):
            if not link.up:
                continue
            a, b = _part(parts, link.a[0]), _part(parts, link.b[0])
            if a == b:
                self._check_loop(joined, (link.a[0], link.b[0]), loc)
            parts[a] = b
            joined.append((link.a[0], link.b[0]))

    def _switch_link(self, cable: Cable, loc: Loc, *, up: bool) -> None:
        ends = tuple((end.device, end.port) for end in cable)
        for key in self._up:
            if set(key) != set(ends):
                continue
            if up and not self._up[key]:
                joined = [(a[0], b[0]) for (a, b), is_up in self._up.items() if is_up]
                self._check_loop(joined, (key[0][0], key[1][0]), loc)
            self._up[key] = up

    def _check_loop(self, joined: list[tuple[str, str]], new: tuple[str, str], loc: Loc) -> None:
        way = () if self._tree is not None else path(joined, *new)
        switches = (loc, tuple(map(chassis_of, way)))
        if way and switches not in self._loops:  # in one VLAN it is told; in the others it is the same
            self._loops.add(switches)
            self._mistakes.add(loc, loop(way))


def _part(parts: dict[str, str], switch: str) -> str:
    """The switch that stands for the part of the network that a switch is in."""
    while (above := parts.setdefault(switch, switch)) != switch:
        parts[switch] = switch = parts.setdefault(above, above)
    return switch


def _ends(lanes: Sequence[Cable]) -> tuple[End, ...]:
    return tuple(end for lane in lanes for end in lane)


def _is_end(name: str, end: End) -> bool:
    chassis = chassis_of(end.device)
    return name in {end.device, f"{end.device}:{end.port}", chassis, f"{chassis}:{end.port}"}


def _cables(network: PlannedNetwork) -> tuple[Cable, ...]:
    return (*map(host_cable, network.hosts), *map(link_cable, network.links))
