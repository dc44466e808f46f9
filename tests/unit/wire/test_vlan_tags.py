"""VLAN tags are taken off and put on, and frames that end inside one stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire.ethernet import tagged, untagged

FRAME = bytes(range(12)) + b"\x08\0payload"


def test_a_tag_and_two_of_them():
    assert untagged(FRAME) == ((), FRAME)
    once = tagged(FRAME, 20)
    assert once[12:16] == b"\x81\0\0\x14"
    assert untagged(once) == ((20,), FRAME)
    assert untagged(tagged(once, 100, 0x88A8)) == ((100, 20), FRAME)


def test_priority_is_not_part_of_the_number_and_vlan_0_is_none():
    assert untagged(tagged(FRAME, 0xE014)) == ((20,), FRAME)
    assert untagged(tagged(FRAME, 0xE000)) == ((), FRAME)


@pytest.mark.parametrize("end", range(16))
def test_a_frame_that_ends_inside_a_tag(end):
    cut = tagged(FRAME, 20)[:end]
    assert untagged(cut) == ((), cut)


@given(st.binary(max_size=40), st.lists(st.integers(1, 4094), max_size=4))
def test_what_is_put_on_comes_off(rest, vlans):
    frame = bytes(12) + b"\x08\0" + rest
    for vlan in reversed(vlans):
        frame = tagged(frame, vlan)
    assert untagged(frame) == (tuple(vlans), bytes(12) + b"\x08\0" + rest)
