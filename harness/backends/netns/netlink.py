"""A thin NETLINK socket: bytes out, acknowledgements and dumps in.

It knows the netlink header (netlink(7), RFC 3549), errors with extended acknowledgement and the batch frame
of nfnetlink, and nothing of what is inside: ``messages``, ``mdb`` and ``nft`` encode and decode. The kernel
handles a request within send(2), so every answer is in the receive queue when send returns: nothing here
waits, except ``receive`` for notifications. A socket stays in the namespace in which it was opened.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from harness.errors import LabError

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP = 0x300
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length with header, type, flags, sequence, port id."""

MAX_BATCH_MESSAGES = 64
"""Acknowledgements of one batch must fit the default receive buffer (208 KiB, about 1 KiB each)."""
MAX_BATCH_BYTES = 64 * 1024
NOTIFICATION_BUFFER = 8 << 20

_U32 = struct.Struct("=I")
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_SOL_NETLINK = 270
_NETLINK_ADD_MEMBERSHIP = 1
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NLM_F_ACK_TLVS = 0x200
_NLMSGERR_ATTR_MSG = 1
_SO_RCVBUFFORCE = 33
_NFNL_BATCH_BEGIN = 0x10
_NFNL_BATCH_END = 0x11
_NFNL_SUBSYS_NFTABLES = 10
_DUMP_TRIES = 16
_RECEIVE_BYTES = 1 << 18

What = str | Sequence[str]
"""What a batch is, for error messages: one phrase for all, or a phrase for each message."""


class RefusedError(LabError):
    """The kernel refused message ``index`` of a batch (None: the batch itself); ``errno`` says why."""

    def __init__(self, text: str, number: int, index: int | None = None) -> None:
        self.errno = number
        self.index = index
        super().__init__(text)


class NotificationsLostError(LabError):
    """The receive buffer overflowed: notifications are missing, and only a new dump tells the state."""


def attributes(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (type without flags, start of payload, end of payload) of the attributes in data[start:end]."""
    while start + 4 <= end:
        length, kind = struct.unpack_from("=HH", data, start)
        if length < 4:
            return
        yield kind & 0x3FFF, start + 4, min(start + length, end)
        start += (length + 3) & ~3


def split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (type, flags, sequence, message with its header) of each message in a received datagram."""
    start = 0
    while start + HEADER.size <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, start)
        if length < HEADER.size:
            return
        yield kind, flags, sequence, data[start : start + length]
        start += (length + 3) & ~3


class NetlinkSocket:
    """One socket of one netlink family, in the namespace in which the calling thread is now."""

    def __init__(self, family: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket; a second time does nothing."""
        self._socket.close()

    def request(self, messages: Sequence[bytes | bytearray], what: What = "") -> None:
        """Send messages (with NLM_F_REQUEST and NLM_F_ACK set) and take the acknowledgement of each.

        Messages go out in batches of at most MAX_BATCH_MESSAGES; those before a refused one have taken
        effect. Raises RefusedError for the first that the kernel refuses; ``describe(index)`` says in words
        what it was.
        """
        start = 0
        while start < len(messages):
            stop, size = start, 0
            while stop < len(messages) and stop - start < MAX_BATCH_MESSAGES and size < MAX_BATCH_BYTES:
                size += len(messages[stop])
                stop += 1
            first = self._send(messages[start:stop])
            self._collect(first, stop - start, start, len(messages), what)
            start = stop

    def transaction(self, messages: Sequence[bytes | bytearray], what: What = "") -> None:
        """Send nftables messages as one nfnetlink batch: all take effect at once, or none.

        Messages need no NLM_F_ACK: a refused one is answered anyway. Raises RefusedError for the first
        refused one.
        """
        begin, end = _batch_frame(_NFNL_BATCH_BEGIN), _batch_frame(_NFNL_BATCH_END)
        first = self._send((begin, *messages, end))
        # All answers are taken: what stayed in the queue would be taken for that of the next transaction.
        refused = [answer for answer in self._answers() if answer[1]]
        if refused:
            sequence, number, text = refused[0]
            index = sequence - first - 1
            known = 0 <= index < len(messages)
            raise _refusal(number, text, index if known else None, len(messages), what)

    def ask(self, message: bytes) -> bytes:
        """Send one request whose answer is one message, and return that. Raises RefusedError."""
        first = self._send((message,))
        answer: bytes | None = None
        for kind, _, sequence, reply in self._queued():
            if sequence != first:
                continue
            if kind != _NLMSG_ERROR:
                answer = reply
            else:
                number, text = _error_of(reply)
                if number:
                    raise _refusal(number, text, 0, 1, "")
        if answer is None:
            raise LabError("netlink: the kernel gave no answer")
        return answer

    def dump(self, message: bytes) -> Iterator[bytes]:
        """Yield each message (with header) of a consistent dump; ``message`` has NLM_F_REQUEST | NLM_F_DUMP.

        A dump that changed under way is read again, a limited number of times. Raises RefusedError and
        LabError.
        """
        for _ in range(_DUMP_TRIES):
            found = self._dump_once(message)
            if found is not None:
                yield from found
                return
        raise LabError(f"netlink: {_DUMP_TRIES} dumps were interrupted by changes")

    def subscribe(self, *groups: int) -> None:
        """Receive the notifications of these groups (RTNLGRP_*) from now on, on a socket of its own."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, NOTIFICATION_BUFFER)
        except PermissionError:
            # Forcing takes CAP_NET_ADMIN in the initial user namespace; without it rmem_max is the limit.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NOTIFICATION_BUFFER)
        if self._socket.getsockname()[0] == 0:
            # A socket without a port id of its own is passed over: the kernel takes it for the sender.
            self._socket.bind((0, 0))
        for group in groups:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)

    def receive(self) -> tuple[bytes, ...]:
        """Return all notifications that have arrived, each with its header; empty if none has.

        Raises NotificationsLostError if the kernel dropped some.
        """
        try:
            return tuple(message for _, _, _, message in self._queued())
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            raise NotificationsLostError("netlink: notifications were lost; dump the state again") from error

    def _send(self, messages: Iterable[bytes | bytearray]) -> int:
        first = self._sequence + 1
        data = bytearray().join(messages)
        start, sequence = 0, first
        while start < len(data):
            _U32.pack_into(data, start + 8, sequence)
            start += (_U32.unpack_from(data, start)[0] + 3) & ~3
            sequence += 1
        self._sequence = sequence - 1
        self._socket.send(data)
        return first

    def _queued(self) -> Iterator[tuple[int, int, int, bytes]]:
        while True:
            try:
                data = self._socket.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            yield from split(data)

    def _answers(self) -> Iterator[tuple[int, int, str]]:
        for kind, _, sequence, message in self._queued():
            if kind == _NLMSG_ERROR:
                number, text = _error_of(message)
                yield sequence, number, text

    def _collect(self, first: int, count: int, offset: int, total: int, what: What) -> None:
        refused: RefusedError | None = None
        answered = 0
        for sequence, number, text in self._answers():
            if not first <= sequence < first + count:
                continue
            answered += 1
            if number and refused is None:
                refused = _refusal(number, text, offset + sequence - first, total, what)
        if refused is not None:
            raise refused
        if answered != count:
            raise LabError(f"netlink: {answered} of {count} messages were acknowledged")

    def _dump_once(self, message: bytes) -> list[bytes] | None:
        sequence = self._send((message,))
        found: list[bytes] = []
        interrupted = False
        while True:
            for kind, flags, answer_to, reply in split(self._socket.recv(_RECEIVE_BYTES)):
                if answer_to != sequence:
                    continue
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if kind == _NLMSG_ERROR or (kind == _NLMSG_DONE and _done_error(reply)):
                    number = _done_error(reply)
                    raise _refusal(number, "", 0, 1, "dump")
                if kind == _NLMSG_DONE:
                    return None if interrupted else found
                found.append(reply)


def _batch_frame(kind: int) -> bytes:
    return HEADER.pack(HEADER.size + 4, kind, NLM_F_REQUEST, 0, 0) + struct.pack(
        ">BBH", 0, 0, _NFNL_SUBSYS_NFTABLES
    )


def _done_error(message: bytes) -> int:
    return -int(struct.unpack_from("=i", message, HEADER.size)[0]) if len(message) >= HEADER.size + 4 else 0


def _error_of(message: bytes) -> tuple[int, str]:
    """Return errno (0: acknowledged) and the extended text of an NLMSG_ERROR."""
    flags = HEADER.unpack_from(message)[2]
    number = _done_error(message)
    if not number or not flags & _NLM_F_ACK_TLVS:
        return number, ""
    # NETLINK_CAP_ACK is on: of the request only its header is quoted before the attributes.
    for kind, start, end in attributes(message, HEADER.size + 4 + HEADER.size, len(message)):
        if kind == _NLMSGERR_ATTR_MSG:
            return number, message[start:end].rstrip(b"\0").decode("utf-8", "replace")
    return number, ""


def _refusal(number: int, text: str, index: int | None, total: int, what: What) -> RefusedError:
    which = "the request" if index is None else f"message {index + 1} of {total}"
    phrase = what if isinstance(what, str) or index is None else what[index]
    subject = f"{which} ({phrase})" if phrase else which
    reason = os.strerror(number) + (f": {text}" if text else "")
    return RefusedError(f"the kernel refused {subject}: {reason}", number, index)
