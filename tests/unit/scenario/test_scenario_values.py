"""The small texts of the language: what they mean, and what their authors are told."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from harness.scenario import values


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("260s", {"offset_s": 260.0}),
        (0, {"offset_s": 0.0}),
        ("lost", {"step": "lost", "offset_s": 0.0}),
        ("querier-dies + 10s", {"step": "querier-dies", "offset_s": 10.0}),
        ("querier-dies - 1.5s", {"step": "querier-dies", "offset_s": -1.5}),
        ("lost+2m", {"step": "lost", "offset_s": 120.0}),
    ],
)
def test_moment(text: object, fields: dict[str, object]) -> None:
    assert values.parse_moment(text) == fields


@pytest.mark.parametrize("text", ["lost + 10", "lost plus 10s", "5", 5, 5.5, True, None, [], {"offset_s": 1}])
def test_moment_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"moment|duration|write 260s"):
        values.parse_moment(text)


def test_rate() -> None:
    assert values.parse_rate("10/s") == 10
    assert values.parse_rate("6/m") == pytest.approx(0.1)
    for wrong in ("0/s", "10", 1.5, "1/ms1", "20/ms", "-1/s"):
        with pytest.raises(ValueError, match="is no rate"):
            values.parse_rate(wrong)


def test_share() -> None:
    assert values.parse_share("12.5%") == 0.125
    for wrong in ("101%", "0.5", 0.5, "half", None):
        with pytest.raises(ValueError, match="is no share"):
            values.parse_share(wrong)


def test_numbers_are_no_addresses() -> None:
    assert values.parse_address("10.0.0.1") == IPv4Address("10.0.0.1")
    for wrong in (4009754625, True, "10.0.0", ""):
        with pytest.raises(ValueError, match="is no IPv4 address"):
            values.parse_address(wrong)


def test_group() -> None:
    assert values.parse_group("239.192.0.1").is_multicast
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is no multicast group"):
        values.parse_group("10.0.0.1")


def test_subnet() -> None:
    assert values.parse_subnet("10.77.0.0/16") == IPv4Network("10.77.0.0/16")
    for wrong, sentence in [
        ("10.77.1.0/16", "did you mean 10.77.0.0/16"),
        ("10.77.0.0", "did you mean"),
        ("10.77.0.0/31", "cannot hold"),
        ("239.0.0.0/16", "no addresses of hosts"),
        ("0.0.0.0/8", "no addresses of hosts"),
        ("ten", "write it as"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            values.parse_subnet(wrong)


def test_who() -> None:
    assert values.parse_who("none") == ()
    assert values.parse_who("n1, n2") == ("n1", "n2")
    assert values.parse_who("all but n3, n4") == ("all", "-n3", "-n4")
    assert values.parse_who(["n1"]) == ("n1",)
    for wrong in (5, [5], "n1,,n2", "all but ", {"n1": 1}):
        with pytest.raises(ValueError, match="name"):
            values.parse_who(wrong)


def test_on_off() -> None:
    assert [values.parse_on_off(value) for value in ("on", "off", True, False)] == [True, False, True, False]
    for wrong in ("yes", 1, None, []):
        with pytest.raises(ValueError, match="write on or off"):
            values.parse_on_off(wrong)
