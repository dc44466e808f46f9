"""One direction of a cable that holds frames: which come out, when, in which order."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backends.one_way import OneWay, concerns, traits_of
from harness.plan.impairment import FrameKind, Impairment

ETHERNET = "{to}020000000001{type}"
TO_GROUP, TO_STATION, TO_ALL, TO_GROUP6 = "01005e400001", "020000000002", "ffffffffffff", "333300000016"


def ipv4(to: str = TO_GROUP, *, protocol: int = 17, size: int = 128, padding: int = 0) -> bytes:
    header = bytes.fromhex("4500") + size.to_bytes(2, "big") + bytes(5) + bytes([protocol]) + bytes(10)
    return bytes.fromhex(ETHERNET.format(to=to, type="0800")) + header + bytes(size - 20 + padding)


def mld(kind: int) -> bytes:
    message = bytes([0x3A, 0, 5, 2, 0, 0, 1, 0]) + bytes([kind]) + bytes(27)
    header = bytes.fromhex("60000000") + len(message).to_bytes(2, "big") + bytes([0, 1]) + bytes(32)
    return bytes.fromhex(ETHERNET.format(to=TO_GROUP6, type="86dd")) + header + message


ARP = bytes.fromhex(ETHERNET.format(to=TO_ALL, type="0806")) + bytes(28)
FRAME = ipv4()


def way(*impairments: Impairment, speed: float = 1.0, seed: int = 7) -> OneWay:
    found = OneWay(Random(seed), speed)
    found.impair(impairments)
    return found


# --- which frames -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "kinds", "size"),
    [
        (ipv4(), {"multicast"}, 128),
        (ipv4(TO_STATION), {"unicast"}, 128),
        (ipv4(protocol=2, size=32, padding=14), {"multicast", "igmp"}, 32),
        (mld(143), {"multicast", "mld"}, 76),
        (mld(130), {"multicast", "mld"}, 76),
        (mld(135), {"multicast"}, 76),
        (ARP, set(), 28),
        (ipv4()[:20], {"multicast"}, 6),
    ],
    ids=["group", "station", "igmp", "mld-report", "mld-query", "solicitation", "broadcast", "cut"],
)
def test_kinds_and_size_are_read_from_a_frame(frame: bytes, kinds: set[str], size: int) -> None:
    traits = traits_of(frame)
    assert {kind.value for kind in traits.kinds} == {"all", *kinds}
    assert traits.size == size


def test_a_size_is_that_of_the_packet_and_its_bound_is_excluded() -> None:
    at_128 = Impairment(delay_s=1, larger_than=128)
    assert not concerns(at_128, ipv4(size=128, padding=20))
    assert concerns(at_128, ipv4(size=129))


# --- when -------------------------------------------------------------------------------------------------


def test_frames_pass_at_once_where_nothing_holds_them() -> None:
    assert way().take(FRAME, 3.0) == (3.0,)
    assert way(Impairment(loss=0.5)).take(FRAME, 3.0) == (3.0,)
    other = way(Impairment(delay_s=1, kind=FrameKind.UNICAST))
    assert other.take(FRAME, 3.0) == (3.0,)


def test_a_delay_counts_from_the_arrival_and_is_divided_by_the_speed() -> None:
    delayed = way(Impairment(delay_s=2.0), speed=10)
    assert [delayed.take(FRAME, at_s) for at_s in (1.0, 1.01)] == [(1.2,), (1.21,)]


def test_a_shorter_delay_from_now_on_lets_nothing_of_before_be_overtaken_within_one_impairment() -> None:
    delayed = way(Impairment(delay_s=2.0))
    assert delayed.take(FRAME, 1.0) == (3.0,)
    assert delayed.take(FRAME, 0.5) == (3.0,)


def test_several_impairments_add_up_in_their_order() -> None:
    assert way(Impairment(delay_s=2.0), Impairment(delay_s=3.0)).take(FRAME, 1.0) == (6.0,)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=50), st.integers())
def test_jitter_stays_in_its_bounds_and_the_seed_decides(moments: list[float], seed: int) -> None:
    impairment = Impairment(delay_s=1.0, jitter_s=0.5)
    first, second = (way(impairment, seed=seed) for _ in range(2))
    for at_s in sorted(moments):
        (out_s,) = first.take(FRAME, at_s)
        assert at_s + 0.5 <= out_s <= at_s + 1.5
        assert second.take(FRAME, at_s) == (out_s,)


def test_jitter_lets_frames_overtake_each_other() -> None:
    jittered = way(Impairment(delay_s=1.0, jitter_s=1.0))
    out = [jittered.take(FRAME, number / 100)[0] for number in range(100)]
    assert out != sorted(out)


def test_doubling_is_by_chance_and_both_copies_come() -> None:
    doubling = way(Impairment(duplicate=0.25))
    counts = [len(doubling.take(FRAME, float(number))) for number in range(2000)]
    assert set(counts) == {1, 2}
    assert 400 <= counts.count(2) <= 600


# --- rate and queue ---------------------------------------------------------------------------------------


def test_frames_follow_each_other_at_the_rate_whatever_came_together() -> None:
    size = len(FRAME)
    slow = way(Impairment(rate_bit_s=size * 8))
    assert [slow.take(FRAME, at_s) for at_s in (0.0, 0.0, 0.5, 10.0)] == [(1.0,), (2.0,), (3.0,), (11.0,)]


def test_the_rate_is_multiplied_by_the_speed() -> None:
    slow = way(Impairment(rate_bit_s=len(FRAME) * 8), speed=10)
    assert [slow.take(FRAME, 0.0) for _ in range(2)] == [(0.1,), (0.2,)]


def test_a_full_queue_loses_what_comes_last() -> None:
    size = len(FRAME)
    slow = way(Impairment(rate_bit_s=size * 8, queue_bytes=2 * size))
    assert [slow.take(FRAME, 0.0) for _ in range(4)] == [(1.0,), (2.0,), (), ()]
    assert slow.take(FRAME, 1.0) == (3.0,)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_no_more_than_the_rate_comes_out_and_no_queue_is_longer_than_written(moments: list[float]) -> None:
    size = len(FRAME)
    slow = way(Impairment(rate_bit_s=size * 8, queue_bytes=5 * size))
    out: list[float] = []
    for at_s in sorted(moments):
        taken = slow.take(FRAME, at_s)
        out += taken
        assert all(one - at_s <= 5 + 1e-9 for one in taken)
    assert all(later - earlier >= 1 - 1e-9 for earlier, later in pairwise(out))


def test_what_goes_on_as_before_keeps_its_queue() -> None:
    rate = Impairment(rate_bit_s=len(FRAME) * 8)
    slow = way(rate)
    assert slow.take(FRAME, 0.0) == (1.0,)
    slow.impair((Impairment(delay_s=5.0), rate))
    assert slow.take(FRAME, 0.0) == (6.0,)
    slow.impair((rate,))
    assert slow.take(FRAME, 0.0) == (7.0,)
    slow.impair(())
    assert slow.take(FRAME, 0.0) == (0.0,)
