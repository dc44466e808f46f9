"""The kernel's own tables of memberships, as this machine prints them."""

from ipaddress import ip_address

from harness.sockets.memberships import memberships, parse_igmp, parse_igmp6

IGMP = """\
Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
4\tvmbr0.20  :     2      V2
\t\t\t\t1403C0EF     1 0:00000000\t\t1
\t\t\t\t010000E0     1 0:00000000\t\t0
"""
IGMP6 = """\
1    lo              ff020000000000000000000000000001     1 0000000C 0
4    eth0            ff1500000000000000000001ff000002     1 00000004 0
"""


def test_groups_of_ipv4_by_interface():
    found = list(parse_igmp(IGMP, "little"))
    assert [(name, str(group)) for name, group in found] == [
        ("lo", "224.0.0.1"),
        ("vmbr0.20", "239.192.3.20"),
        ("vmbr0.20", "224.0.0.1"),
    ]


def test_a_big_endian_machine_prints_them_the_other_way_round():
    text = IGMP.replace("1403C0EF", "EFC00314")
    assert ("vmbr0.20", ip_address("239.192.3.20")) in list(parse_igmp(text, "big"))


def test_groups_of_ipv6_by_interface():
    assert list(parse_igmp6(IGMP6)) == [
        ("lo", ip_address("ff02::1")),
        ("eth0", ip_address("ff15::1:ff00:2")),
    ]


def test_other_lines_are_passed_over():
    assert list(parse_igmp("what\n\t\t\t\tEFC00314     1 0\n\x00\n", "little")) == []
    assert list(parse_igmp6("ff02::1\n4 eth0 zz\n\n")) == []


def test_both_files_and_none(tmp_path):
    assert memberships(tmp_path) == {}
    (tmp_path / "igmp").write_text(IGMP, encoding="ascii")
    (tmp_path / "igmp6").write_text(IGMP6, encoding="ascii")
    assert set(memberships(tmp_path)) == {"lo", "vmbr0.20", "eth0"}
