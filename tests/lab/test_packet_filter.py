"""The evaluator of firewalls against iptables, ip6tables, nft and the kernel: real rules, real packets."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from firewall_stage import ADDRESSES, firewall_stage

from harness.backends.netns.firewall import _find
from harness.backends.netns.userns import has_capabilities
from harness.plan.firewall import read_rules
from harness.protocols.firewall.host import HostFirewall
from harness.protocols.firewall.packet import Direction, Packet

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
    pytest.mark.skipif(
        not all(map(_find, ("iptables", "ip6tables", "nft"))), reason="needs iptables and nftables installed"
    ),
]


def udp(source, destination, port, *, from_port=40000, hops=1, size=128):
    return Packet(
        protocol=17,
        source=ip_address(source),
        destination=ip_address(destination),
        source_port=from_port,
        destination_port=port,
        hops=hops,
        size=size,
    )


def igmp(source, destination, kind, size=48):
    return Packet(
        protocol=2,
        source=ip_address(source),
        destination=ip_address(destination),
        message_type=kind,
        size=size,
    )


def mld(source, destination, kind, size=88):
    return Packet(
        protocol=58,
        source=ip_address(source),
        destination=ip_address(destination),
        message_type=kind,
        hop_by_hop=True,
        size=size,
    )


COMING = (
    udp("10.0.0.1", "239.192.0.1", 5405),
    udp("10.0.0.1", "239.192.0.2", 5404, hops=32, size=1000),
    udp("10.0.0.1", "224.0.0.251", 5353, from_port=5353, hops=255),
    udp("10.0.0.1", "10.0.0.2", 5405, from_port=5404, hops=64),
    udp("10.0.0.1", "10.0.0.255", 698),
    udp("10.0.0.1", "255.255.255.255", 67, from_port=68),
    igmp("10.0.0.1", "224.0.0.1", 0x11),
    igmp("0.0.0.0", "224.0.0.1", 0x11),
    igmp("10.0.0.1", "239.192.0.1", 0x16),
    udp("fd00::1", "ff15::1:2", 5405),
    udp("fe80::1", "ff02::fb", 5353, from_port=5353, hops=255, size=1000),
    udp("fd00::1", "fd00::2", 5405, from_port=5404, hops=64),
    mld("fe80::1", "ff02::1", 130),
    mld("fe80::1", "ff15::1:2", 131),
)
GOING = (
    udp("10.0.0.2", "239.192.0.1", 5405),
    udp("10.0.0.2", "239.192.0.2", 5404, hops=32, size=1000),
    udp("10.0.0.2", "10.0.0.1", 5405, from_port=5403, hops=64),
    udp("10.0.0.2", "10.0.0.255", 698),
    udp("10.0.0.2", "255.255.255.255", 67, from_port=68),
    igmp("10.0.0.2", "224.0.0.22", 0x22),
    igmp("10.0.0.2", "239.192.0.1", 0x16),
    udp("fd00::2", "ff15::1:2", 5405),
    udp("fe80::2", "ff02::fb", 5353, from_port=5353, hops=255, size=1000),
    udp("fd00::2", "fd00::1", 5405, from_port=5403, hops=64),
    mld("fe80::2", "ff02::16", 143),
    mld("fe80::2", "ff15::1:2", 131),
)
PACKETS = {Direction.IN: COMING, Direction.OUT: GOING}


@pytest.fixture(scope="module")
def stage():
    with firewall_stage() as made:
        yield made


def both(tool, text):
    """The same rules for both families, where they are iptables'."""
    tools = ("iptables", "ip6tables") if tool == "tables" else (tool,)
    return tuple(command for one in tools for command in read_rules(one, text))


def differences(stage, commands):
    """Packets of which the kernel and the evaluator say different things."""
    stage.set_rules(commands)
    evaluator = HostFirewall.of(commands, ADDRESSES)
    return [
        (direction.value, packet, passed, evaluator.rule(direction, packet))
        for direction, packets in PACKETS.items()
        for packet, passed in zip(packets, stage.passed(direction, packets), strict=True)
        if passed is not evaluator.rule(direction, packet).passes
    ]


def test_without_rules_everything_passes(stage):
    stage.set_rules(())
    for direction, packets in PACKETS.items():
        assert stage.passed(direction, packets) == [True] * len(packets)


TABLES = [
    "-P INPUT DROP",
    "-P OUTPUT DROP",
    "-A INPUT -p udp -j DROP",
    "-A INPUT ! -p udp -j DROP",
    "-A OUTPUT -p 17 -j REJECT",
    "-A INPUT -p all -j DROP",
    "-A INPUT -i eth0 -j DROP",
    "-A INPUT -i eth+ -p udp -j DROP",
    "-A INPUT ! -i lo -j DROP",
    "-A INPUT -i lo -j DROP",
    "-A OUTPUT -o eth0 -p udp -j DROP",
    "-A OUTPUT ! -o eth0 -j DROP",
    "-A INPUT -p udp --dport 5405 -j DROP",
    "-A INPUT -p udp ! --dport 5405 -j DROP",
    "-A INPUT -p udp --dport :5404 -j DROP",
    "-A INPUT -p udp --dport=5405: -j DROP",
    "-A INPUT -p udp --dport mdns -j DROP",
    "-A INPUT -p udp --sport 5353:40000 -j DROP",
    "-A INPUT -p udp --destination-port 698 --source-port 40000 -j DROP",
    "-A INPUT -p udp -m multiport --dports 5404,5405 -j DROP",
    "-A INPUT -p udp -m multiport ! --dports 5404,5405 -j DROP",
    "-A INPUT -p udp -m multiport --ports 68,5000:5404 -j DROP",
    "-A INPUT -p udp -m multiport --sports 5353 -j DROP",
    "-A INPUT -p tcp --dport 5405 -j DROP",
    "-A INPUT -m pkttype --pkt-type multicast -j DROP",
    "-A INPUT -m pkttype --pkt-type broadcast -j DROP",
    "-A INPUT -m pkttype --pkt-type unicast -j DROP",
    "-A INPUT -m pkttype ! --pkt-type unicast -j DROP",
    "-A OUTPUT -m pkttype --pkt-type multicast -j DROP",
    "-A OUTPUT -m pkttype --pkt-type unicast -j DROP",
    "-A INPUT -m addrtype --dst-type MULTICAST -j DROP",
    "-A INPUT -m addrtype ! --dst-type MULTICAST -j DROP",
    "-A INPUT -m addrtype --dst-type LOCAL -j DROP",
    "-A INPUT -m addrtype --dst-type UNICAST -j DROP",
    "-A INPUT -m addrtype --src-type UNICAST -j DROP",
    "-A INPUT -m addrtype --src-type LOCAL -j DROP",
    "-A OUTPUT -m addrtype --src-type LOCAL -j DROP",
    "-A OUTPUT -m addrtype --src-type LOCAL --dst-type MULTICAST -j DROP",
    "-A OUTPUT -m addrtype --dst-type UNICAST -j DROP",
    "-A INPUT -m addrtype --dst-type UNICAST,LOCAL -j DROP",
    "-A INPUT -m state --state NEW -j DROP",
    "-A INPUT -m state ! --state NEW -j DROP",
    "-A INPUT -m state --state ESTABLISHED,RELATED -j DROP",
    "-A INPUT -m state --state INVALID -j DROP",
    "-A OUTPUT -m conntrack --ctstate NEW,UNTRACKED -j DROP",
    "-A INPUT -m conntrack --ctstate UNTRACKED -j DROP",
    "-A INPUT -m conntrack ! --ctstate INVALID,UNTRACKED -j DROP",
    "-t raw -A PREROUTING -m conntrack --ctstate INVALID -j DROP",
    "-t mangle -A PREROUTING -m conntrack --ctstate INVALID -j DROP",
    "-t raw -A PREROUTING -p udp -j NOTRACK\n-A INPUT -m conntrack --ctstate UNTRACKED -j DROP",
    "-t raw -A OUTPUT -p udp -j CT --notrack\n-A OUTPUT -m conntrack --ctstate UNTRACKED -j DROP",
    "-t raw -A PREROUTING -p udp -j NOTRACK\n-t raw -A PREROUTING -m conntrack --ctstate UNTRACKED -j DROP",
    "-t raw -A PREROUTING -p udp -j DROP",
    "-t raw -A OUTPUT -p udp -j DROP",
    "-t mangle -A POSTROUTING -p udp -j DROP",
    "-t mangle -A INPUT -p udp --dport 5405 -j DROP",
    "-t security -A INPUT -p udp --dport 5405 -j DROP",
    "-t mangle -A PREROUTING -p udp -j MARK --set-mark 7\n-A INPUT -m mark --mark 7 -j DROP",
    "-t mangle -A PREROUTING -p udp -j MARK --set-mark 0x7\n-A INPUT -m mark ! --mark 7 -j DROP",
    "-A INPUT -m length --length 0:128 -j DROP",
    "-A INPUT -m length --length 88 -j DROP",
    "-A INPUT -m length ! --length 200: -j DROP",
    "-A OUTPUT -m length --length 48 -j DROP",
    "-A INPUT -m comment --comment 'two words' -p udp -j DROP",
    "-A INPUT -p udp -j LOG --log-prefix 'x '\n-A INPUT -p udp --dport 5405 -j DROP",
    (
        "-P INPUT DROP\n-A INPUT -m addrtype --dst-type MULTICAST -j ACCEPT\n"
        "-A INPUT -p udp -m state --state NEW -m multiport --dports 5404,5405 -j ACCEPT"
    ),
    "-N C\n-A INPUT -p udp -j C\n-A C -p udp --dport 5405 -j RETURN\n-A C -j DROP",
    "-N C\n-A INPUT -p udp -g C\n-A INPUT -j DROP\n-A C -p udp --dport 5405 -j DROP",
    (
        "-N C\n-N D\n-A INPUT -j C\n-A INPUT -p udp --dport 5404 -j DROP\n-A C -g D\n-A C -j DROP\n"
        "-A D -p udp --dport 5405 -j DROP"
    ),
    "-A INPUT -p udp -j DROP\n-I INPUT -p udp --dport 5405 -j ACCEPT",
    "-A INPUT -p udp -j DROP\n-A INPUT -j DROP\n-I INPUT 2 -j ACCEPT\n-R INPUT 1 -p udp --dport 5404 -j DROP",
    "-A INPUT -p udp -j DROP\n-A OUTPUT -p udp -j DROP\n-F INPUT",
    "-A INPUT -p udp -j DROP\n-A INPUT -j DROP\n-D INPUT 2",
    "-A INPUT -p udp --dport 5405 -j DROP\n-A INPUT -p udp -j DROP\n-D INPUT -p udp -j DROP",
    "-P INPUT DROP\n-P INPUT ACCEPT",
    "-N C\n-A INPUT -p udp -j C\n-A C -j DROP\n-F\n-X\n-A INPUT -p udp --dport 5405 -j DROP",
    (
        "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:C - [0:0]\n"
        "[1:2] -A INPUT -p udp -j C\n-A C -p udp --dport 5405 -j ACCEPT\nCOMMIT"
    ),
    "-A INPUT -j DROP\n",
]
"""For iptables and ip6tables alike."""

IPTABLES = [
    "-A INPUT -p igmp -j DROP",
    "-A OUTPUT -p igmp -j DROP",
    "-A OUTPUT -d 224.0.0.22 -j DROP",
    "-A INPUT -d 224.0.0.0/4 -j DROP",
    "-A INPUT ! -d 224.0.0.0/4 -j DROP",
    "-A INPUT -d 224.0.0.0/240.0.0.0 -j DROP",
    "-A INPUT -s 10.0.0.1,0.0.0.0 -p igmp -j DROP",
    "-A INPUT -s 10/8 -j DROP",
    "-A INPUT ! -s 10.0.0.0/24 -j DROP",
    "-A INPUT -d 239.192.0.1,239.192.0.2 -p udp -j ACCEPT\n-A INPUT -j DROP",
    "-A INPUT -m addrtype --dst-type BROADCAST -j DROP",
    "-A INPUT -m addrtype --src-type BROADCAST -j DROP",
    "-A INPUT -m addrtype --dst-type BROADCAST,MULTICAST -j DROP",
    "-A INPUT -m addrtype ! --dst-type BROADCAST,MULTICAST -j DROP",
    "-A OUTPUT -m addrtype --dst-type BROADCAST -j DROP",
    "-A INPUT -m ttl --ttl-eq 1 -j DROP",
    "-A INPUT -m ttl --ttl-lt 32 -j DROP",
    "-A INPUT -m ttl --ttl-gt 32 -j DROP",
    "-A INPUT -m ttl ! --ttl-eq 1 -j DROP",
    "-A INPUT -m iprange --dst-range 239.192.0.1-239.192.0.9 -j DROP",
    "-A INPUT -m iprange ! --src-range 10.0.0.1-10.0.0.9 -j DROP",
    "-A INPUT -p icmp --icmp-type echo-request -j DROP",
    "-t nat -A PREROUTING -p udp -j ACCEPT\n-A INPUT -m state --state NEW -p udp --dport 5405 -j DROP",
]

IP6TABLES = [
    "-A INPUT -p icmpv6 -j DROP",
    "-A INPUT -p ipv6-icmp --icmpv6-type 130 -j DROP",
    "-A INPUT -p icmpv6 ! --icmpv6-type 130/0 -j DROP",
    "-A OUTPUT -p icmpv6 --icmpv6-type 143 -j DROP",
    "-A INPUT -d ff00::/8 -j DROP",
    "-A INPUT -s fe80::/10 -j DROP",
    "-A INPUT -s fd00::1,fe80::1 -p udp -j DROP",
    "-A INPUT -m hl --hl-eq 1 -j DROP",
    "-A INPUT -m hl --hl-gt 1 -j DROP",
    "-A INPUT -m addrtype --dst-type UNICAST,MULTICAST -j DROP",
    "-A INPUT -m addrtype ! --dst-type LOCAL -j DROP",
    "-A INPUT -p icmpv6 --icmpv6-type echo-request -j DROP",
]


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        *(("tables", text) for text in TABLES),
        *(("iptables", text) for text in IPTABLES),
        *(("ip6tables", text) for text in IP6TABLES),
    ],
)
def test_iptables_says_what_the_evaluator_says(stage, tool, text):
    assert differences(stage, both(tool, text)) == []


def in_chain(rules, hook="input", family="inet", priority="0", policy="accept", before=""):
    """A table with one base chain."""
    return (
        f"table {family} f {{\n{before}\n chain c {{\n"
        f"  type filter hook {hook} priority {priority}; policy {policy};\n  {rules}\n }}\n}}\n"
    )


NFT_RULES = [
    "ip protocol igmp drop",
    "ip protocol != igmp drop",
    "meta l4proto igmp drop",
    "meta l4proto { igmp, icmpv6 } drop",
    "meta l4proto icmpv6 drop",
    "meta l4proto != udp drop",
    "meta nfproto ipv4 drop",
    "meta nfproto ipv6 udp dport 5405 drop",
    "meta protocol ip6 drop",
    "ip daddr 224.0.0.0/4 drop",
    "ip daddr != 224.0.0.0/4 drop",
    "ip daddr { 239.192.0.1, 239.192.0.2 } drop",
    "ip daddr != { 239.192.0.1, 224.0.0.0/24 } drop",
    "ip daddr 239.192.0.1-239.192.0.9 drop",
    "ip daddr > 239.192.0.1 drop",
    "ip saddr 0.0.0.0 drop",
    "ip6 daddr ff00::/8 drop",
    "ip6 daddr ff15::1:2 udp dport 5405 drop",
    "ip6 saddr { fe80::/10, fd00::1 } drop",
    "ip6 nexthdr icmpv6 drop",
    "ip6 nexthdr udp drop",
    "ip6 nexthdr != udp drop",
    "ip6 nexthdr 0 drop",
    "ip6 hoplimit 255 drop",
    "ip6 length 88 drop",
    "ip6 length > 88 drop",
    "ip ttl < 32 drop",
    "ip ttl 1 drop",
    "ip ttl != 1 drop",
    "ip length 128 drop",
    "meta length > 500 drop",
    "meta length { 48, 88-100 } drop",
    "udp dport 5405 drop",
    "udp dport != 5405 drop",
    "udp dport 5404-5405 drop",
    "udp dport { 5404, 5405 } drop",
    "udp dport { 5000-5404, 698 } reject",
    "udp dport mdns drop",
    "udp dport >= 5405 drop",
    "udp sport 5353 drop",
    "udp sport 40000 udp dport 5405 drop",
    "tcp dport 5405 drop",
    "meta l4proto udp th dport 5405 drop",
    "meta l4proto { tcp, udp } th dport { 5404, 5405 } drop",
    "igmp type membership-query drop",
    "igmp type { membership-report-v2, leave-group } drop",
    "igmp type != membership-query drop",
    "icmpv6 type mld-listener-query drop",
    "icmpv6 type { mld-listener-query, mld-listener-report, mld2-listener-report } drop",
    "icmpv6 type != mld-listener-query drop",
    "icmpv6 code 0 drop",
    "icmp type echo-request drop",
    "pkttype multicast drop",
    "meta pkttype broadcast drop",
    "pkttype { broadcast, multicast } drop",
    "pkttype host drop",
    "pkttype != multicast drop",
    "fib daddr type multicast drop",
    "fib daddr type { multicast, broadcast } drop",
    "fib daddr type != local drop",
    "fib daddr type local drop",
    "fib daddr type unicast drop",
    "fib saddr type local drop",
    "fib saddr type unicast drop",
    "fib saddr type broadcast drop",
    "ct state new drop",
    "ct state != new drop",
    "ct state new,untracked drop",
    "ct state { established, related } accept; ct state invalid drop",
    "ct state untracked drop",
    "ct state vmap { established : accept, related : accept, invalid : drop, new : drop }",
    "udp dport vmap { 5405 : drop, 5404 : accept }",
    "udp dport vmap { 5405:drop, 1-1024:drop }; udp dport 5404 drop",
    "ip protocol vmap { igmp : drop, udp : accept }",
    "ip daddr . udp dport { 239.192.0.1 . 5405, 239.192.0.2 . 1 } drop",
    "ip daddr . udp dport != { 239.192.0.1 . 5405 } drop",
    "ip daddr . udp dport vmap { 239.192.0.1 . 5405 : drop }",
    "iif eth0 drop",
    'iifname "eth0" udp dport 5405 drop',
    'iifname != "lo" drop',
    'iifname "eth*" ip protocol igmp drop',
    'iifname { "lo", "eth1" } drop',
    "oifname eth0 drop",
    'oif != "lo" drop',
    "counter udp dport 5405 counter packets 1 bytes 2 drop",
    'log prefix "in: " level info udp dport 5405 drop comment "no cluster"',
    "udp dport 5405 counter log group 2 drop",
    "udp dport 5405 reject with icmpx port-unreachable",
    "udp dport 5404 return; udp dport 5405 continue; meta l4proto udp drop",
    "meta mark set 0x7; meta mark 7 udp dport 5405 drop",
    "udp dport 5405 mark set 7 accept",
    "meta mark 0 drop",
    "accept; drop",
    "drop",
]
NFT_TEXTS = [
    *(in_chain(rule) for rule in NFT_RULES),
    *(in_chain(rule, hook="output") for rule in NFT_RULES),
    in_chain("udp dport 5405 accept", policy="drop"),
    in_chain("udp dport 5405 accept", policy="drop", hook="output"),
    in_chain("udp dport 5405 drop", family="ip"),
    in_chain("udp dport 5405 drop", family="ip6"),
    in_chain("fib daddr type multicast drop", family="ip6"),
    in_chain("udp dport 5405 drop", hook="prerouting", priority="raw"),
    in_chain("ct state invalid drop", hook="prerouting", priority="raw"),
    in_chain("ct state invalid drop", hook="prerouting", priority="raw + 101"),
    in_chain("notrack", hook="prerouting", priority="-300")
    + in_chain("ct state untracked drop", family="ip"),
    (
        "table inet f { chain p { type filter hook prerouting priority raw; udp dport 5405 notrack; };"
        " chain i { type filter hook input priority filter; ct state untracked drop; }; }"
    ),
    in_chain("udp dport 5405 drop", hook="postrouting", priority="srcnat"),
    in_chain("udp dport @ports drop", before="set ports { type inet_service; elements = { 5404, 698 }; }"),
    in_chain(
        "ip daddr @g drop",
        before="set g { type ipv4_addr; flags interval\n elements = { 239.192.0.0/24,\n 224.0.0.1 } }",
    ),
    "define PORTS = { 5404, 5405 }\ndefine G = 239.192.0.1\n"
    + in_chain("ip daddr $G udp dport $PORTS drop # as the customer has it"),
    "define PORT = 5404\n" + in_chain("udp dport { $PORT, 698 } drop"),
    in_chain(
        "udp dport 5405 jump d; udp dport 5404 drop", before="chain d { ip daddr 239.192.0.1 return; drop; }"
    ),
    in_chain("udp dport 5405 goto d; drop", before="chain d { ip daddr 239.192.0.1 drop; }"),
    in_chain(
        "ip protocol vmap { igmp : jump d, udp : goto d }; drop", before="chain d { udp dport 5405 drop; }"
    ),
    in_chain("udp dport 5405 drop") + "\nflush ruleset\n" + in_chain("udp dport 5404 drop"),
    in_chain("udp dport 5405 drop") + "\nflush table inet f",
    in_chain("udp dport 5405 drop", policy="drop") + "\nflush chain inet f c",
    in_chain("udp dport 5405 drop", policy="drop") + "\ndelete table inet f",
    in_chain("udp dport 5404 drop") + in_chain("udp dport 5405 drop"),
    in_chain("udp dport 5405 accept", priority="-10") + "\ntable ip g { chain c { "
    "type filter hook input priority filter - 5; udp dport 5405 drop; }; }",
    (
        "add table inet f\nadd chain inet f c { type filter hook input priority 0 ; policy accept ; }\n"
        "add rule inet f c udp dport 5405 drop\ninsert rule inet f c ip daddr 239.192.0.1 accept"
    ),
    (
        "nft add table f\nnft add chain f c '{ type filter hook input priority 0; policy drop; }'\n"
        "nft add rule f c ip protocol igmp accept\nnft add rule f c index 0 udp dport 5405 accept"
    ),
    (
        "add table f; add set f s { type ipv4_addr; }; add chain f c { type filter hook input priority 0; };"
        " add element f s { 239.192.0.1 }; add rule f c ip daddr @s drop; add element f s { 224.0.0.1 }"
    ),
    (
        "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {\n chain input {\n"
        "  type filter hook input priority filter; policy drop;\n  iif lo accept\n"
        "  ct state established,related accept\n  ct state invalid drop\n"
        "  tcp dport { ssh, 22 } accept\n  udp dport 5404-5405 accept\n }\n"
        " chain forward { type filter hook forward priority filter; policy drop; }\n"
        " chain output { type filter hook output priority filter; }\n}"
    ),
]


@pytest.mark.parametrize("text", NFT_TEXTS)
def test_nft_says_what_the_evaluator_says(stage, text):
    assert differences(stage, read_rules("nft", text)) == []


def test_tables_of_both_tools_hold_together(stage):
    commands = (
        *read_rules("iptables", "-A INPUT -p igmp -j DROP\n-A INPUT -p udp -j ACCEPT"),
        *read_rules("nft", in_chain("udp dport 5405 drop") + "\nadd rule ip filter INPUT ip ttl 64 drop"),
    )
    assert differences(stage, commands) == []
    flushed = (*commands, *read_rules("nft", "flush ruleset"))
    assert differences(stage, flushed) == []


IN_PIECES = (
    replace(udp("10.0.0.1", "239.192.0.1", 5405, size=2028), fragments=(1500, 548)),
    replace(udp("fd00::1", "ff15::1:2", 5405, size=2048), fragments=(1496, 608)),
)


@pytest.mark.parametrize(
    "text",
    [
        "-P INPUT ACCEPT",
        "-A INPUT -p udp --dport 5405 -j DROP",
        "-P INPUT DROP\n-A INPUT -p udp --dport 5405 -j ACCEPT",
        "-P INPUT DROP\n-A INPUT -p udp -j ACCEPT",
        "-P INPUT DROP\n-A INPUT -p udp -m state --state NEW -m multiport --dports 5405 -j ACCEPT",
        "-t raw -A PREROUTING -p udp --dport 5405 -j ACCEPT\n-t raw -A PREROUTING -p udp -j DROP",
        "-t raw -A PREROUTING -m length --length 1600: -j DROP",
        "-t raw -A PREROUTING -m length --length 1600: -j DROP\n-A INPUT -m state --state INVALID -j ACCEPT",
        "-A INPUT -m length --length 0:1500 -j DROP",
        "-A INPUT -m length --length 1600: -j DROP",
        (
            "-t mangle -A PREROUTING -p udp --dport 5405 -j MARK --set-mark 7\n"
            "-A INPUT -m mark ! --mark 7 -j DROP"
        ),
    ],
)
def test_fragments_meet_rules_where_they_are_not_put_together_yet(stage, text):
    commands = both("tables", text)
    stage.set_rules(commands)
    evaluator = HostFirewall.of(commands, ADDRESSES)
    for packet in IN_PIECES:
        assert stage.passed_in_pieces(packet) is evaluator.rule(Direction.IN, packet).passes, packet


@pytest.mark.parametrize(
    "rule",
    [
        "ip6 nexthdr udp drop",
        "ip6 nexthdr 44 drop",
        "meta l4proto udp drop",
        "udp dport != 5405 drop",
        "udp dport 5405 drop",
        "udp sport < 1024 drop",
        "udp sport != 40000 drop",
        "ip daddr 239.192.0.1 ip length > 1500 drop",
        "ct state invalid drop; meta length > 1600 drop",
    ],
)
@pytest.mark.parametrize("hook", ["prerouting", "input"])
def test_fragments_meet_nft(stage, rule, hook):
    commands = read_rules("nft", in_chain(rule, hook=hook))
    stage.set_rules(commands)
    evaluator = HostFirewall.of(commands, ADDRESSES)
    for packet in IN_PIECES:
        assert stage.passed_in_pieces(packet) is evaluator.rule(Direction.IN, packet).passes, packet
