"""Addresses of IPv6 as they are written: what is read, and the sentence for what is not."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest

from harness.scenario import values, values6


def test_the_family_of_a_group_follows_from_how_it_is_written() -> None:
    assert values.parse_group("239.192.0.1") == IPv4Address("239.192.0.1")
    assert values.parse_group("ff15::1:2") == IPv6Address("ff15::1:2")
    assert values.parse_group("ff02::1") == IPv6Address("ff02::1")
    assert values.parse_group("ff3e::8000:1") == IPv6Address("ff3e::8000:1")


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("fd77::1", "is no multicast group"),
        ("ff01::1", "never leaves its host"),
        ("ff10::1", "scope 0, which is reserved"),
        ("ff15::1::2", "is no IPv6 address"),
        ("ff02::1%eth0", "write ff02::1"),
    ],
)
def test_what_cannot_be_a_group_on_a_wire(written: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        values.parse_group(written)


def test_hosts_have_no_address_of_the_link_written() -> None:
    assert values6.parse_host_address6("fd77::9") == IPv6Address("fd77::9")
    for wrong, sentence in [
        ("fe80::1", "follow from the MAC"),
        ("::1", "no host's"),
        ("ff02::1", "no host's"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            values6.parse_host_address6(wrong)


def test_queries_come_from_the_link_or_from_nobody() -> None:
    assert values6.parse_query_source6("fe80::1") == IPv6Address("fe80::1")
    assert values6.parse_query_source6("::").is_unspecified
    with pytest.raises(ValueError, match="is not link-local"):
        values6.parse_query_source6("fd77::1")


def test_seen_querier() -> None:
    assert values6.parse_seen_querier6("none") == "none"
    assert values6.parse_seen_querier6("fe80::1") == IPv6Address("fe80::1")
    with pytest.raises(ValueError, match="is no IPv6 address"):
        values6.parse_seen_querier6("10.77.0.1")


def test_subnet() -> None:
    assert values6.parse_subnet6("fd77::/64") == IPv6Network("fd77::/64")
    for wrong, sentence in [
        ("fd77::1/64", "did you mean fd77::/64"),
        ("fd77::", "did you mean fd77::/64"),
        ("fd77::/97", "cannot hold"),
        ("fe80::/64", "no addresses that hosts"),
        ("ff15::/64", "no addresses that hosts"),
        ("10.77.0.0/16", "write it as"),
        ("ten", "write it as"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            values6.parse_subnet6(wrong)
