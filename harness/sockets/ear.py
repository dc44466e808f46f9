"""A pair of packet sockets (packet(7)) that hear IGMP, MLD, PIM and multicast on one interface; never send.

One socket has the messages, whole; the other has data, headers only. So a flood of data cannot push a query
out of a buffer. PACKET_MR_ALLMULTI lets the interface's filter pass every group while the sockets are open:
the kernel counts who wants that and takes it back when the last has gone, also when the process is killed. It
joins nothing: no report leaves, and no switch learns of it. Needs CAP_NET_RAW; raises OSError as the kernel
does.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.sockets.bpf import CONTROL_AND_TAGGED, DATA_TO_GROUPS, LARGEST_FRAME, Instruction, attach
from harness.sockets.packet import ETH_P_ALL, SOL_PACKET, Stamps, grow_buffer, newly_dropped
from harness.wire import ethernet

_ADD_MEMBERSHIP, _AUXDATA = 1, 8
_ALLMULTI = 2
_MREQ = struct.Struct("=iHH8s")
_AUX = struct.Struct("=IIIHHHH")
_TAG_IS_VALID, _TAG_TYPE_IS_VALID = 1 << 4, 1 << 6  # linux/if_packet.h: TP_STATUS_VLAN_VALID, _TPID_VALID
_ANCILLARY_BYTES = 256
_READ_AT_ONCE = 256
"""So many frames are read before timers and the other socket get their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A frame with its VLAN tag, at ``at_s`` (monotonic, the kernel's own stamp). ``here``: it left by us."""

    at_s: float
    frame: bytes
    here: bool


class Ear:
    """Hears one interface of the namespace that it is made in, until it is closed.

    ``all_groups`` False leaves the interface's filter as it is: a bridge has none, and asked for all groups
    it would hand up to this host what it otherwise forwards to others only.
    """

    def __init__(self, interface: str, *, all_groups: bool = True) -> None:
        self._stamps = Stamps()
        self.messages = _open(interface, CONTROL_AND_TAGGED, all_groups)
        try:
            self.data = _open(interface, DATA_TO_GROUPS, all_groups)
        except OSError:
            self.messages.close()
            raise
        self.lost_messages = 0
        self.lost_data = 0

    def heard(self, sock: socket.socket) -> Iterator[Heard]:
        """Yield what came to one of the two, until there is no more, or enough for now.

        Raises OSError when the interface is gone; one that went down may come up again.
        """
        for _ in range(_READ_AT_ONCE):
            try:
                data, ancillary, _, address = sock.recvmsg(LARGEST_FRAME, _ANCILLARY_BYTES)
            except BlockingIOError:
                return
            yield Heard(
                at_s=self._stamps.at_s(ancillary),
                frame=_with_tag(data, ancillary),
                here=address[2] == socket.PACKET_OUTGOING,
            )

    def count_lost(self) -> None:
        """Add up what the kernel dropped because a buffer was full."""
        self.lost_messages += newly_dropped(self.messages)
        self.lost_data += newly_dropped(self.data)

    def close(self) -> None:
        """Close both; the interface's filter is as it was before."""
        self.messages.close()
        self.data.close()


def _open(interface: str, program: Iterable[Instruction], all_groups: bool) -> socket.socket:
    """A socket that hears nothing (protocol 0) until its filter is there and it is bound."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
    try:
        Stamps.ask_for(sock)
        sock.setsockopt(SOL_PACKET, _AUXDATA, 1)
        attach(sock, program)
        grow_buffer(sock)
        sock.bind((interface, ETH_P_ALL))
        if all_groups:
            everything = _MREQ.pack(socket.if_nametoindex(interface), _ALLMULTI, 0, bytes(8))
            sock.setsockopt(SOL_PACKET, _ADD_MEMBERSHIP, everything)
    except OSError:
        sock.close()
        raise
    return sock


def _with_tag(frame: bytes, ancillary: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Put the tag back that the kernel took off and tells beside the frame."""
    for level, kind, value in ancillary:
        if level == SOL_PACKET and kind == _AUXDATA and len(value) >= _AUX.size:
            status, _, _, _, _, control, ethertype = _AUX.unpack_from(value)
            if status & _TAG_IS_VALID:
                known = ethertype if status & _TAG_TYPE_IS_VALID else ethernet.ETHERTYPES_OF_TAGS[0]
                return ethernet.tagged(frame, control, known)
    return frame
