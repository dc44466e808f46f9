"""Durations as written and as shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.source import closest, duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("4s", 4.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("0", 0.0),
        (0, 0.0),
        (" 4s ", 4),
    ],
)
def test_parse(written: object, seconds: float) -> None:
    assert duration.parse(written) == seconds


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (5, '"5" is no duration: it has no unit; write 5s for seconds (or ms, m, h)'),
        ("1.5", '"1.5" is no duration: it has no unit; write 1.5s for seconds (or ms, m, h)'),
        ("-4s", '"-4s" is no duration: it cannot be negative'),
        ("4 s", '"4 s" is no duration: write 4s without the space'),
        ("4sec", '"4sec" is no duration: write a number with ms, s, m or h, such as 250ms, 4s, 2m or 1h'),
        ("", '"" is no duration: write a number with ms, s, m or h, such as 250ms, 4s, 2m or 1h'),
        ("٣s", '"٣s" is no duration: write a number with ms, s, m or h, such as 250ms, 4s, 2m or 1h'),
        (True, '"bool" is no duration: write it as 250ms, 4s, 2m or 1h'),
        (None, '"NoneType" is no duration: write it as 250ms, 4s, 2m or 1h'),
        ("9000h", '"9000h" is no duration: longer than a year'),
        (400 * "9" + "s", "a text of 401 characters is no duration: longer than a year"),
    ],
)
def test_parse_says_what_is_wrong(written: object, said: str) -> None:
    with pytest.raises(ValueError, match="is no duration: ") as caught:
        duration.parse(written)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (260.0, "260 s"),
        (0.25, "250 ms"),
        (1.5, "1.5 s"),
        (0.0, "0 s"),
        (-0.0, "0 s"),
        (-5.0, "-5 s"),
        (0.9999, "1 s"),
        (0.0005, "0.5 ms"),
        (31.25, "31.25 s"),
        (259.9996, "260 s"),
    ],
)
def test_text(seconds: float, shown: str) -> None:
    assert duration.text(seconds) == shown


@given(st.text() | st.integers() | st.floats())
def test_nothing_but_a_refusal(written: object) -> None:
    try:
        assert duration.parse(written) >= 0
    except ValueError as error:
        assert "is no duration: " in str(error)


@given(st.integers(0, 86_400_000))
def test_what_is_shown_is_what_was_written(milliseconds: int) -> None:
    shown = duration.text(duration.parse(f"{milliseconds}ms"))
    assert duration.parse(shown.replace(" ", "")) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("snoping", '; did you mean "snooping"?'),
        ("Fast-Leave", '; did you mean "fast_leave"?'),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_closest(word: str, hint: str) -> None:
    assert closest(word, ("fast_leave", "snooping", "querier")) == hint
