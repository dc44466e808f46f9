"""Two runs made by hand: what parts them, where it is named, and what chance or this machine explains."""

from dataclasses import replace

import pytest
from factory import GROUP, before, node, nothing, plan, run, started, stream, switch, traffic, two_switches

from harness.comparison.compare import compare
from harness.comparison.model import Agreement, Subject
from harness.observations.model import Acted, Ended, Impaired, Mode, Sent, TableLine
from harness.plan.impairment import Impairment
from harness.plan.model import (
    Audience,
    End,
    ExpectDelivery,
    ExpectTables,
    ImpairedEnd,
    PeerKind,
    PlanLink,
    Where,
)
from harness.plan.model import Subject as Asked
from harness.protocols.host_config import HostConfig
from harness.protocols.snooping import SnoopingConfig

PLAN = plan(3, speed=1.0, duration_s=300.0)
"""Nobody asks, so hosts repeat a join within a second: chance explains little."""
AGED = "aged out: no report for the membership interval"


def member(at_s, port="p2", *, present=True, device="sw1", cause="", of=""):
    return TableLine(
        at_s=at_s, switch=device, table="member", present=present, port=port, group=str(GROUP),
        cause=cause or ("report from 10.77.0.2" if present else AGED), filter=of,
    )  # fmt: skip


def line(at_s, table, *, present=True, port="", address="", device="sw1"):
    return TableLine(at_s=at_s, switch=device, table=table, present=present, port=port, address=address)


def all_members(device="sw1", ports=("p1", "p2", "p3")):
    return [member(0.0, port, device=device) for port in ports]


def of_model(records):
    """The same records as the run of another backend."""
    return [replace(records[0], backend="model"), *records[1:]]


def two(left, right, the_plan=PLAN):
    return compare(the_plan, run(the_plan, left), of_model(run(the_plan, right)))


def lossy(sender, receiver, n):
    return (sender, receiver, n) != ("n1", "n2", 100)


# --- alike --------------------------------------------------------------------------------------------------


def test_the_same_records_are_alike():
    records = [*all_members(), *traffic(PLAN)]
    found = two(records, records)
    assert found.agreement is Agreement.ALIKE
    assert (found.left, found.right) == ("netns", "model")
    assert found.first is None
    assert found.passes


def test_two_runs_of_one_backend_have_two_names():
    found = compare(PLAN, run(PLAN, traffic(PLAN)), run(PLAN, traffic(PLAN)))
    assert (found.left, found.right) == ("netns", "netns again")


def test_lines_that_age_a_little_earlier_in_one_run_are_chance():
    left = [*all_members(), member(260.0, present=False), *traffic(PLAN, before(260))]
    right = [*all_members(), member(261.5, present=False), *traffic(PLAN, before(262))]
    assert two(left, right).agreement is Agreement.ALIKE
    assert two(right, left).agreement is Agreement.ALIKE


def test_the_order_of_records_at_one_moment_is_nothing():
    left = [*all_members(), *traffic(PLAN)]
    assert two(left, [*reversed(all_members()), *traffic(PLAN)]).agreement is Agreement.ALIKE


# --- tables -------------------------------------------------------------------------------------------------


def test_a_member_that_one_run_forgets_too_early_is_told_with_both_sides():
    left = [*all_members(), member(260.0, present=False)]
    right = [*all_members(), member(131.0, present=False)]
    found = two(left, right)
    assert found.agreement is Agreement.PARTED
    assert not found.passes
    (first,) = found.partings
    assert (first.subject, first.at_s, first.until_s, first.hop) == (Subject.TABLE, 131.0, 260.0, "sw1")
    assert first.left == f"has p2 as member of {GROUP} until 260.0 s ({AGED})"
    assert first.right == f"does not have p2 as member of {GROUP} since 131.0 s ({AGED})"


def test_what_is_there_at_second_0_in_one_run_only_parts_them():
    found = two(all_members(), all_members(ports=("p1", "p3")))
    assert found.first is not None
    assert (found.first.at_s, found.first.until_s) == (0.0, 300.0)
    assert found.first.left.endswith("to the end")
    assert found.first.right == f"does not have p2 as member of {GROUP}"


def test_filters_router_ports_queriers_and_modes_are_compared():
    mode = Mode(at_s=0.0, switch="sw1", snooping=True, unregistered="flood", cause="configured")
    pairs = [
        ([member(0.0)], [member(0.0, of="include 10.77.0.1")], "(include 10.77.0.1)"),
        ([line(0.0, "router-port", port="p1")], [], "does not have p1 as router port"),
        ([line(0.0, "querier", address="10.9.0.1")], [line(0.0, "querier", address="10.9.0.2")], "10.9.0.2"),
        ([mode], [replace(mode, unregistered="drop")], "snoops and drops unregistered groups"),
        ([mode], [replace(mode, snooping=False)], "has snooping off"),
    ]
    for left, right, words in pairs:
        found = two(left, right)
        assert found.first is not None, words
        assert words in found.first.right


def test_the_mode_of_a_genuine_switch_is_not_compared():
    mode = Mode(at_s=0.0, switch="sw1", snooping=True, unregistered="flood", cause="configured")
    from harness.profiles import DataPlane  # noqa: PLC0415

    genuine = replace(PLAN, switches=(replace(PLAN.switches[0], data_plane=DataPlane.LINUX_BRIDGE),))
    assert two([mode], [replace(mode, snooping=False)], genuine).agreement is Agreement.ALIKE


def test_a_querier_that_is_replaced_counts_once():
    left = [line(0.0, "querier", address="10.9.0.2"), line(9.0, "querier", address="10.9.0.1"),
            line(9.0, "querier", address="10.9.0.2", present=False)]  # fmt: skip
    right = [left[0], left[2], left[1]]
    assert two(left, right).agreement is Agreement.ALIKE


def test_the_most_upstream_of_switches_that_differ_together_comes_first():
    the_plan = replace(two_switches(), speed=1.0, duration_s=300.0, streams=(stream(2, stop_s=300.0),))
    lost = [line(100.0, "router-port", port="p9", device="sw2", present=False),
            line(100.0, "router-port", port="p9", present=False)]  # fmt: skip
    both = [line(0.0, "router-port", port="p9", device="sw2"), line(0.0, "router-port", port="p9")]

    def one_way(sender, receiver, n):
        return sender != "n1" or n < 100

    found = two([*both, *traffic(the_plan)], [*both, *lost, *traffic(the_plan, one_way)], the_plan)
    assert [one.hop for one in found.partings] == ["sw1", "sw2", "between n1 and n2"]


# --- datagrams ----------------------------------------------------------------------------------------------


def test_one_datagram_that_is_lost_where_nothing_changes_parts_them():
    found = two([*all_members(), *traffic(PLAN)], [*all_members(), *traffic(PLAN, lossy)])
    (first,) = found.partings
    assert first.subject is Subject.DELIVERY
    assert (first.at_s, first.until_s, first.hosts) == (100.0, 100.0, ("n1", "n2"))
    assert first.hop == "the cable sw1:p2 to n2"
    assert first.left == "brings 1 of 1 datagram of ring from n1 to n2 until 100.0 s"
    assert first.right == "brings none"


def test_one_datagram_near_a_change_is_chance():
    change = [member(100.5, "p3", present=False)]
    left = [*all_members(), *change, *traffic(PLAN)]
    assert two(left, [*all_members(), *change, *traffic(PLAN, lossy)]).agreement is Agreement.ALIKE


def test_a_difference_near_a_change_that_lasts_parts_them_where_it_began():
    change = [member(100.5, "p3", present=False)]

    def fate(sender, receiver, n):
        return receiver != "n2" or not 101 <= n < 140

    found = two([*all_members(), *change, *traffic(PLAN)], [*all_members(), *change, *traffic(PLAN, fate)])
    assert {(one.at_s, one.until_s) for one in found.partings} == {(101.0, 139.0)}


def test_differences_that_follow_each_other_again_and_again_part_them():
    changes = [member(float(at_s), "p3", present=at_s % 2 == 0) for at_s in range(1, 300)]

    def every_second(sender, receiver, n):
        return receiver != "n2" or n % 2 == 0

    found = two([*changes, *traffic(PLAN)], [*changes, *traffic(PLAN, every_second)])
    assert found.agreement is Agreement.PARTED
    assert found.first is not None
    assert (found.first.at_s, found.first.until_s) == (1.0, 299.0)


def test_what_floods_a_host_that_did_not_ask_is_compared():
    watched = replace(PLAN, streams=(stream(2, watchers=("n3",), stop_s=300.0),))

    def flooded(sender, receiver, n):
        return True

    found = two(traffic(watched, flooded=flooded), traffic(watched), watched)
    assert found.first is not None
    assert found.first.left.startswith("floods 300 of 300 datagrams of ring from n1 to n3")
    assert found.first.right == "floods none"


def test_a_datagram_that_comes_twice_is_not_one_that_comes_once():
    records = traffic(PLAN)
    found = two([*records, *(one for one in records if not isinstance(one, Sent))], records)
    assert found.first is not None
    assert "300 more than once" in found.first.left


def test_what_only_one_run_sends_parts_them_at_the_sender():
    records = traffic(PLAN)
    refused = [
        replace(one, error="EPERM") if isinstance(one, Sent) and one.sender == "n1" else one
        for one in records
    ]
    left = [one for one in refused if isinstance(one, Sent) or one.sender != "n1"]
    found = two(left, records)
    first = found.first
    assert first is not None
    assert (first.subject, first.hop, first.left) == (Subject.SENDING, "n1", "does not send them")
    assert first.right == "sends 300 datagrams of ring more"


# --- verdicts -----------------------------------------------------------------------------------------------


def expects_all(until_s):
    where = Where(file=PLAN.file, line=19, text="all")
    asked = Asked(
        streams=(1,),
        senders=("n1", "n2", "n3"),
        audience=Audience.MEMBERS,
        names=(),
        from_s=0.0,
        until_s=until_s,
    )
    return ExpectDelivery(where=where, subject=asked, loss_at_least=0.0, loss_at_most=0.0)


def test_a_verdict_that_changes_is_a_parting_also_within_the_tolerance():
    asked = replace(PLAN, expectations=(expects_all(200.0),))
    change = [member(0.0, "p3"), member(100.5, "p3", present=False)]
    found = two([*change, *traffic(asked)], [*change, *traffic(asked, lossy)], asked)
    (first,) = found.partings
    assert (first.subject, first.at_s, first.hop) == (Subject.VERDICT, 100.0, "n2")
    assert first.left.startswith("judges line 19 passed: ")
    assert first.right.startswith("failed: ")


def test_a_run_that_was_broken_off_is_compared_as_far_as_it_came():
    asked = replace(PLAN, expectations=(expects_all(300.0),))
    whole = of_model(run(asked, traffic(asked)))
    cut = [started(asked), *traffic(asked, until_s=50.0), Ended(at_s=50.0, status="interrupted")]
    found = compare(asked, cut, whole)
    assert found.agreement is Agreement.INCONCLUSIVE
    assert found.doubts == ("netns did not come to its end: compared until 49.999 s",)


def test_tables_at_a_moment_are_judged_at_their_switch():
    where = Where(file=PLAN.file, line=23, text="tables")
    asked = replace(
        PLAN,
        expectations=(
            ExpectTables(
                where=where, switch="sw1", at_s=100.0, groups=((GROUP, ("p2",)),), router_ports=None,
                querier=None, querier_judged=False,
            ),
        ),
    )  # fmt: skip
    found = two(
        [member(0.0), member(99.0, present=False)], [member(0.0), member(101.0, present=False)], asked
    )
    assert [(one.subject, one.hop) for one in found.partings] == [(Subject.VERDICT, "sw1")]


# --- this machine -------------------------------------------------------------------------------------------


def test_what_this_machine_can_have_lost_is_a_doubt():
    dropped = Impaired(at_s=99.0, what="socket", count=3, host="n2")
    left = [dropped, *all_members(), *traffic(PLAN, lossy)]
    found = two(left, [*all_members(), *traffic(PLAN)])
    assert found.agreement is Agreement.INCONCLUSIVE
    assert not found.passes
    (doubt,) = found.doubts
    assert "this machine dropped 3 frames (receive buffer of n2)" in doubt


def test_what_this_machine_lost_elsewhere_is_none():
    dropped = Impaired(at_s=99.0, what="socket", count=3, host="n3")
    found = two([dropped, *traffic(PLAN, lossy)], traffic(PLAN))
    assert found.agreement is Agreement.PARTED


def test_a_late_machine_widens_the_tolerance():
    late = Impaired(at_s=150.0, what="late", late_s=40.0)
    step = Acted(at_s=99.0, text="a step", late_s=5.0)
    early, lately = member(100.0, present=False), member(130.0, present=False)
    assert two([member(0.0), early], [member(0.0), lately]).agreement is Agreement.PARTED
    found = two([member(0.0), early, late, step], [member(0.0), lately])
    assert found.agreement is Agreement.ALIKE
    assert (40.0, "this machine was late") in found.tolerance.parts


# --- chance -------------------------------------------------------------------------------------------------


def with_loss(share, end=None, **more):
    end = end or End(device="sw1", port="p2")
    impairment = Impairment(loss=share, **more)
    return replace(PLAN, impaired=(ImpairedEnd(end=end, impairments=(impairment,)),))


def every(period, phase=0):
    return lambda sender, receiver, n: receiver != "n2" or n % period != phase


def test_losses_by_chance_are_compared_by_their_share():
    chance = with_loss(0.1)
    found = two(traffic(chance, every(10)), traffic(chance, every(10, 3)), chance)
    assert found.agreement is Agreement.ALIKE
    assert found.chance == ("compared by share: what n2 gets of ring (10% and 10% lost)",)


def test_another_share_than_chance_explains_parts_them():
    chance = with_loss(0.1)
    found = two(traffic(chance, every(10)), traffic(chance, every(2)), chance)
    (first,) = found.partings
    assert (first.subject, first.hop) == (Subject.SHARE, "n2")
    assert first.left == "loses 60 of 600 datagrams of ring"


def test_a_cable_that_lets_nothing_pass_leaves_nothing_to_chance():
    sure = with_loss(1.0)
    found = two(traffic(sure, every(10)), traffic(sure, every(10, 3)), sure)
    assert found.first is not None
    assert found.first.subject is Subject.DELIVERY


def test_a_stream_too_small_for_the_impairment_is_compared_one_by_one():
    large = with_loss(0.5, larger_than=1000)
    found = two(traffic(large), traffic(large, lossy), large)
    assert found.first is not None
    assert found.first.subject is Subject.DELIVERY


def test_tables_behind_a_cable_that_loses_reports_are_left_to_chance():
    chance = with_loss(0.5, End(device="n2", port="eth0"))
    gone = member(100.0, present=False)
    found = two([*all_members(), *traffic(chance)], [*all_members(), gone, *traffic(chance)], chance)
    assert found.agreement is Agreement.ALIKE
    assert found.chance == ("left to chance: the tables of sw1",)
    other = member(100.0, "p3", present=False)
    assert two(all_members(), [*all_members(), other], chance).agreement is Agreement.PARTED


def test_datagrams_behind_tables_of_chance_are_left_out():
    chance = with_loss(0.5, End(device="n2", port="eth0"))
    gone = [member(100.0, present=False)]
    found = two([*all_members(), *traffic(chance)], [*all_members(), *gone, *traffic(chance, lossy)], chance)
    assert found.agreement is Agreement.ALIKE
    assert "left to chance: what n2 gets of ring, behind such a switch" in found.chance


def test_what_is_doubled_by_chance_is_not_counted():
    doubled = replace(
        PLAN,
        impaired=(ImpairedEnd(end=End(device="sw1", port="p2"), impairments=(Impairment(duplicate=0.5),)),),
    )
    records = traffic(doubled)
    again = [
        replace(one, hosts=("n2",)) for one in records if not isinstance(one, Sent) and one.sender == "n1"
    ]
    assert two([*records, *again], records, doubled).agreement is Agreement.ALIKE


# --- the tolerance ------------------------------------------------------------------------------------------


def parts(the_plan):
    return {why: seconds for seconds, why in two([], [], the_plan).tolerance.parts}


RANDOM = "hosts answer and repeat at random moments"


def test_the_tolerance_knows_who_asks():
    querier = replace(PLAN.switches[0].querier_ready, max_response_s=25.0)
    asking = replace(PLAN, switches=(replace(PLAN.switches[0], behaviour=SnoopingConfig(querier=querier)),))
    assert parts(PLAN)[RANDOM] == 1.0
    assert parts(asking)[RANDOM] == 25.0


def test_hosts_of_an_old_version_repeat_within_ten_seconds():
    old = replace(PLAN.hosts[0], igmp_version=2)
    emulated = replace(
        PLAN.hosts[0], emulated=HostConfig(address=PLAN.hosts[0].address, mac=bytes(6), version=1)
    )
    for host in (old, emulated):
        assert parts(replace(PLAN, hosts=(host, *PLAN.hosts[1:])))[RANDOM] == 10.0


def test_the_tolerance_is_that_of_this_machine_where_time_is_compressed():
    fast = parts(replace(PLAN, speed=100.0))
    assert fast["a lab takes its time to settle"] == pytest.approx(3.0)
    assert parts(PLAN)["a lab takes its time to settle"] == pytest.approx(0.03)


# --- the quirk ----------------------------------------------------------------------------------------------


def test_a_named_quirk_lets_them_part():
    quirky = replace(PLAN, quirk="docs/kernel-quirks.md")
    found = two(traffic(quirky), traffic(quirky, nothing), quirky)
    assert found.agreement is Agreement.PARTED
    assert found.passes
    assert found.quirk == "docs/kernel-quirks.md"


# --- where it happens ---------------------------------------------------------------------------------------


def tree():
    """n1 on sw1, n2 and n3 on sw2, in a chain of p9."""
    the_plan = replace(two_switches(), speed=1.0, duration_s=300.0)
    right = switch(
        "sw2",
        [
            ("p2", "n2", "eth0", PeerKind.NODE),
            ("p3", "n3", "eth0", PeerKind.NODE),
            ("p9", "sw1", "p9", PeerKind.SWITCH),
        ],
    )
    return replace(
        the_plan,
        switches=(the_plan.switches[0], right),
        hosts=(*the_plan.hosts, node(3, switch="sw2")),
        links=(PlanLink(a=("sw1", "p9"), b=("sw2", "p9"), mtu=1500, b_mtu=1500, up=True),),
        streams=(stream(3, senders=("n1",), stop_s=300.0),),
    )


@pytest.mark.parametrize(
    ("deaf", "hop"), [(("n2",), "the cable sw2:p2 to n2"), (("n2", "n3"), "between n1 and n2")]
)
def test_the_stretch_ends_where_another_host_still_hears(deaf, hop):
    the_plan = tree()

    def fate(sender, receiver, n):
        return receiver not in deaf

    found = two(traffic(the_plan), traffic(the_plan, fate), the_plan)
    assert found.first is not None
    assert found.first.hop == hop
