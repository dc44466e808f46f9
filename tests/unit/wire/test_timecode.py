"""Codes of times, short ones and long ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire.timecode import LONG, SHORT, whole_units


@pytest.mark.parametrize(
    ("code", "units", "octets"),
    [
        (SHORT, 127, 127),
        (SHORT, 128, 0x80),
        (SHORT, 129, 0x81),
        (SHORT, 136, 0x81),
        (SHORT, 249, 0x90),
        (SHORT, 31744, 0xFF),
        (LONG, 32767, 32767),
        (LONG, 32768, 0x8000),
        (LONG, 32769, 0x8001),
        (LONG, 65529, 0x9000),
        (LONG, 8387584, 0xFFFF),
    ],
)
def test_codes(code, units, octets):
    """RFC 9776 section 4.1.1, RFC 9777 section 5.1.3; carries of the rounding go to the exponent."""
    assert code.encode(units) == octets


@pytest.mark.parametrize("code", [SHORT, LONG])
def test_every_code_is_that_of_its_own_units(code):
    for octets in range(2 * code.floating_from):
        assert code.encode(code.decode(octets)) == octets


@given(st.sampled_from((SHORT, LONG)), st.data())
def test_rounding_never_shortens_and_takes_the_next_code(code, data):
    units = data.draw(st.integers(1, code.longest))
    octets = code.encode(units)
    assert code.decode(octets - 1) < units <= code.decode(octets)


@pytest.mark.parametrize("units", [-1, 31745])
def test_what_does_not_fit_is_refused(units):
    with pytest.raises(ValueError, match="a code of 8 bits holds 0 to 31744 units"):
        SHORT.encode(units)


@pytest.mark.parametrize(("seconds", "units"), [(0.3, 3), (0.31, 4), (0.0, 0), (10.0, 100)])
def test_seconds_are_rounded_up_but_not_by_the_error_of_a_float(seconds, units):
    assert whole_units(seconds, 10) == units
