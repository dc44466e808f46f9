"""iptables and ip6tables without a kernel: what their calls make of a host's tables, and what is ruled."""

from ipaddress import ip_address, ip_interface

import pytest

from harness.plan.firewall import read_rules
from harness.protocols.firewall.host import HostFirewall, problems
from harness.protocols.firewall.packet import Direction, Packet, State
from harness.protocols.firewall.rules import UnsupportedRuleError

OWN = (ip_interface("10.0.0.2/24"), ip_interface("fe80::2/64"))
MULTICAST = "-A INPUT -m addrtype --dst-type MULTICAST -j ACCEPT"
PORTS = "-A INPUT -p udp -m state --state NEW -m multiport --dports 5404,5405 -j ACCEPT"


def firewall(*rules, tool="iptables"):
    made = HostFirewall.of([one for text in rules for one in read_rules(tool, text)], OWN)
    assert made is not None
    return made


def datagram(**changes):
    values = {
        "protocol": 17,
        "source": ip_address("10.0.0.1"),
        "destination": ip_address("239.192.0.1"),
        "source_port": 40000,
        "destination_port": 5405,
        "size": 128,
    }
    return Packet(**(values | changes))


def igmp(**changes):
    return datagram(
        **(
            {"protocol": 2, "source_port": None, "destination_port": None, "message_type": 0x11, "size": 32}
            | {"destination": ip_address("224.0.0.1")}
            | changes
        )
    )


def passes(made, packet, direction=Direction.IN):
    return made.rule(direction, packet).passes


def test_without_rules_there_is_no_firewall():
    assert HostFirewall.of(()) is None


def test_a_drop_is_told_by_its_own_words():
    made = firewall("-A INPUT -p udp -j ACCEPT", "-A INPUT -p igmp -j DROP")
    assert made.rule(Direction.IN, igmp()).by == "iptables -A INPUT -p igmp -j DROP"
    assert not passes(made, igmp())
    assert passes(made, datagram())
    assert passes(made, igmp(), Direction.OUT)


def test_the_wikis_rules_let_multicast_in():
    made = firewall("-P INPUT DROP", "-A INPUT -i lo -j ACCEPT", MULTICAST, PORTS)
    assert passes(made, datagram())
    assert passes(made, igmp())
    unicast = datagram(destination=ip_address("10.0.0.2"))
    assert passes(made, unicast)
    other = made.rule(Direction.IN, datagram(destination=ip_address("10.0.0.2"), destination_port=53))
    assert (other.passes, other.by) == (False, "iptables -P INPUT DROP")
    answered = datagram(destination=ip_address("10.0.0.2"), state=State.ESTABLISHED)
    assert not passes(made, answered)


@pytest.mark.parametrize(
    ("rule", "dropped"),
    [
        ("-A INPUT -d 224.0.0.0/4 -j DROP", True),
        ("-A INPUT ! -d 224.0.0.0/4 -j DROP", False),
        ("-A INPUT -s 10.0.0.0/255.255.255.0 -j DROP", True),
        ("-A INPUT -s 10.0.0.7,10.0.0.1 -j DROP", True),
        ("-A INPUT -p 17 --dport 5400:5405 -j DROP", True),
        ("-A INPUT -pudp --dport=5406: -j DROP", False),
        ("-A INPUT -p udp ! --dport 5405 -j DROP", False),
        ("-A INPUT -p udp -m multiport --ports 1,5405 -j REJECT", True),
        ("-A INPUT -i eth+ -j DROP", True),
        ("-A INPUT ! -i eth0 -j DROP", False),
        ("-A INPUT -m pkttype --pkt-type multicast -j DROP", True),
        ("-A INPUT -m ttl --ttl-lt 2 -j DROP", True),
        ("-A INPUT -m length --length 129: -j DROP", False),
        ("-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j DROP", False),
        ("-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.5 -j DROP", True),
        ("-t raw -A PREROUTING -p udp -j DROP", True),
        ("-A FORWARD -j DROP", False),
        ("-A INPUT -p tcp --syn --dport 22 -m recent --name x --set -j DROP", False),
    ],
)
def test_a_match_holds_or_does_not(rule, dropped):
    assert passes(firewall(rule), datagram()) is not dropped


def test_chains_are_walked_as_the_kernel_does():
    made = firewall(
        "-N CLUSTER",
        "-A INPUT -p udp -j CLUSTER",
        "-A INPUT -j ACCEPT",
        "-A CLUSTER -d 239.192.0.2 -j RETURN",
        "-A CLUSTER -j DROP",
        "-I CLUSTER -d 239.192.0.3 -j ACCEPT",
    )
    assert not passes(made, datagram())
    assert passes(made, datagram(destination=ip_address("239.192.0.2")))
    assert passes(made, datagram(destination=ip_address("239.192.0.3")))


def test_deleting_flushing_and_replacing():
    drop = "-A INPUT -p udp -j DROP"
    assert passes(firewall(drop, "-D INPUT -p udp -j DROP"), datagram())
    assert passes(firewall(drop, "-D INPUT 1"), datagram())
    assert passes(firewall(drop, "-F"), datagram())
    assert passes(firewall(drop, "-R INPUT 1 -p udp -j ACCEPT"), datagram())
    assert not passes(firewall(drop, "-P INPUT DROP", "-F"), datagram())


def test_what_iptables_save_wrote_replaces_its_table():
    saved = "*filter\n:INPUT DROP [0:0]\n:C - [0:0]\n[3:99] -A INPUT -p igmp -j C\n-A C -j ACCEPT\nCOMMIT\n"
    made = firewall("-A INPUT -j ACCEPT", saved)
    assert passes(made, igmp())
    assert made.rule(Direction.IN, datagram()).by == ":INPUT DROP [0:0]"


def test_untracked_is_what_raw_says():
    made = firewall(
        "-t raw -A PREROUTING -p udp -j NOTRACK", "-A INPUT -m conntrack --ctstate UNTRACKED -j DROP"
    )
    assert not passes(made, datagram())
    assert passes(made, igmp())


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("-A INPUT -m u32 --u32 0&0=1 -j DROP", 'cannot evaluate "-m u32"'),
        ("-A INPUT -p udp -m limit --limit 5/min -j ACCEPT", 'cannot evaluate "-m limit"'),
        ("-t nat -A POSTROUTING -j MASQUERADE", 'cannot evaluate "-j MASQUERADE"'),
        ("-A INPUT --dport 5405 -j DROP", 'cannot evaluate "--dport"'),
        ("-A INPUT -j NOWHERE", "finds no chain NOWHERE"),
        ("-A OUTPUT -i eth0 -j DROP", "finds an interface that OUTPUT does not know"),
        ("-D INPUT -j DROP", "finds no such rule to delete"),
        ("-t filters -A INPUT -j DROP", "finds no table filters"),
    ],
)
def test_what_cannot_be_evaluated_is_named(rule, problem):
    (found,) = problems(read_rules("iptables", rule))
    assert found.startswith(problem)
    assert f'"iptables {rule}"'.replace("0&0=1", "'0&0=1'") in found
    with pytest.raises(UnsupportedRuleError):
        firewall(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "-A INPUT -p tcp -m u32 --u32 0=1 -j DROP",
        "-A INPUT -i docker0 -m limit --limit 5/min -j ACCEPT",
        "-A INPUT -m limit --limit 5/min -j LOG --log-prefix dropped --log-level 4",
        "-A FORWARD -m u32 --u32 0=1 -j DROP",
    ],
)
def test_what_can_never_matter_is_no_problem(rule):
    assert problems(read_rules("iptables", rule)) == ()


def test_ip6tables_rules_on_ipv6_alone():
    made = firewall("-A INPUT -p icmpv6 --icmpv6-type 130 -j DROP", "-P OUTPUT DROP", tool="ip6tables")
    query = Packet(
        protocol=58,
        source=ip_address("fe80::1"),
        destination=ip_address("ff02::1"),
        message_type=130,
        hop_by_hop=True,
        size=72,
    )
    assert not passes(made, query)
    assert not passes(made, query, Direction.OUT)
    assert passes(made, igmp(), Direction.OUT)
