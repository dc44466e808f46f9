"""Interfaces by route netlink, and what stands on what."""

import socket
import struct

from harness.sockets import interfaces as module
from harness.sockets.interfaces import Interface, above, interfaces


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def link(index, name, *, kind="", lower=0, master=0, namespace=None, flags=0x1043):
    parts = [attribute(3, name.encode() + b"\0")]
    parts += [attribute(5, struct.pack("=I", lower))] if lower else []
    parts += [attribute(10, struct.pack("=I", master))] if master else []
    parts += [attribute(37, struct.pack("=i", namespace))] if namespace is not None else []
    parts += [attribute(18, attribute(1, kind.encode() + b"\0"))] if kind else []
    return struct.pack("=BxHiII", 0, 1, index, flags, 0) + b"".join(parts)


def test_this_machine_has_what_the_c_library_lists():
    assert [(one.index, one.name) for one in interfaces()] == socket.if_nameindex()


def test_a_message_of_the_kernel():
    read = module._interface(link(7, "eth0.20", kind="vlan", lower=3, master=9))
    assert read == Interface(index=7, name="eth0.20", kind="vlan", up=True, running=True, lower=3, master=9)
    down = module._interface(link(7, "eth0", flags=0))
    assert (down.up, down.running, down.kind) == (False, False, "")


def test_the_other_end_of_a_veth_is_not_below_it_and_neither_is_another_namespace():
    assert module._interface(link(7, "va", kind="veth", lower=8)).lower == 0
    assert module._interface(link(7, "mv", kind="macvlan", lower=8, namespace=0)).lower == 0


def test_what_stands_on_an_interface():
    every = tuple(
        module._interface(message)
        for message in (
            link(1, "lo"),
            link(2, "eno1", master=4),
            link(3, "eno2", master=4),
            link(4, "bond0", kind="bond", master=5),
            link(5, "vmbr0", kind="bridge"),
            link(6, "vmbr0.20", kind="vlan", lower=5),
            link(7, "eno3.5", kind="vlan", lower=8),
            link(8, "eno3"),
        )
    )
    names = {one.name: one for one in every}
    assert [one.name for one in above(names["eno1"], every)] == ["bond0", "vmbr0", "vmbr0.20"]
    assert [one.name for one in above(names["vmbr0"], every)] == ["vmbr0.20"]
    assert above(names["lo"], every) == ()


def test_two_interfaces_on_each_other_end_the_search():
    one = module._interface(link(1, "a", kind="macvlan", lower=2, master=2))
    two = module._interface(link(2, "b", kind="macvlan", lower=1, master=1))
    assert above(one, (one, two)) == (two,)
