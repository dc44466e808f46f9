"""JSON-RPC over a unix socket, against a daemon of our own in a thread."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.backends.netns.json_rpc import JsonRpc
from harness.errors import LabError

LIMIT_S = 5.0
Serve = Callable[[socket.socket], None]


@contextmanager
def daemon(folder: Path, serve: Serve) -> Iterator[JsonRpc]:
    """A connection to a daemon that does ``serve`` with it."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "x.sock"))
        listening.listen()

        def accept() -> None:
            with listening.accept()[0] as accepted:
                serve(accepted)

        thread = threading.Thread(target=accept)
        thread.start()
        client = JsonRpc(folder / "x.sock", "the daemon", LIMIT_S)
        try:
            yield client
        finally:
            client.close()
            thread.join()


def answer(accepted: socket.socket, **fields: object) -> None:
    request = json.loads(accepted.recv(1000))
    accepted.sendall(json.dumps({"id": request["id"], "result": None, "error": None} | fields).encode())


def test_result_of_a_call_in_pieces(tmp_path: Path) -> None:
    def serve(accepted: socket.socket) -> None:
        request = json.loads(accepted.recv(1000))
        assert request["method"] == "mdb/show"
        assert request["params"] == ["br0"]
        for byte in json.dumps({"id": request["id"], "result": "ü: {}", "error": None}, ensure_ascii=False):
            accepted.sendall(byte.encode())

    with daemon(tmp_path, serve) as client:
        assert client.call("mdb/show", "br0", limit_s=LIMIT_S) == "ü: {}"


def test_a_character_may_be_cut_in_two(tmp_path: Path) -> None:
    sent, seen = threading.Event(), threading.Event()

    def serve(accepted: socket.socket) -> None:
        request = json.loads(accepted.recv(1000))
        data = json.dumps({"id": request["id"], "result": "ü", "error": None}, ensure_ascii=False).encode()
        at = data.index("ü".encode()) + 1
        accepted.sendall(data[:at])
        sent.set()
        assert seen.wait(LIMIT_S)
        accepted.sendall(data[at:])
        accepted.recv(1)

    with daemon(tmp_path, serve) as client:
        client.ask("x")
        assert sent.wait(LIMIT_S)
        assert list(client.answers()) == []
        seen.set()
        select.select([client.fileno()], [], [], LIMIT_S)
        assert [one.result for one in client.answers()] == ["ü"]


def test_answers_that_nobody_waits_for_are_kept(tmp_path: Path) -> None:
    def serve(accepted: socket.socket) -> None:
        text = b""
        while text.count(b"}") < 2:
            text += accepted.recv(1000)
        for number in (1, 2):
            accepted.sendall(json.dumps({"id": number, "result": number * 10, "error": None}).encode())
        accepted.recv(1)

    with daemon(tmp_path, serve) as client:
        asked = client.ask("first")
        assert client.call("second", limit_s=LIMIT_S) == 20
        assert [(one.request, one.result) for one in client.answers()] == [(asked, 10)]
        assert list(client.answers()) == []


def test_the_daemons_own_question_is_answered(tmp_path: Path) -> None:
    echoed: list[object] = []

    def serve(accepted: socket.socket) -> None:
        request = json.loads(accepted.recv(1000))
        accepted.sendall(json.dumps({"method": "echo", "params": [7], "id": "echo"}).encode())
        echoed.append(json.loads(accepted.recv(1000)))
        accepted.sendall(json.dumps({"id": request["id"], "result": True, "error": None}).encode())

    with daemon(tmp_path, serve) as client:
        assert client.call("x", limit_s=LIMIT_S) is True
    assert echoed == [{"result": [7], "error": None, "id": "echo"}]


def test_a_refusal_names_the_daemon_and_the_method(tmp_path: Path) -> None:
    said = "the daemon refuses mdb/show: no such bridge"
    with (
        daemon(tmp_path, lambda accepted: answer(accepted, error="no such bridge")) as client,
        pytest.raises(LabError, match=said),
    ):
        client.call("mdb/show", "br1", limit_s=LIMIT_S)


def test_a_silent_daemon_is_waited_for_up_to_the_limit(tmp_path: Path) -> None:
    done = threading.Event()

    def serve(accepted: socket.socket) -> None:
        accepted.recv(1000)
        done.wait(LIMIT_S)

    with daemon(tmp_path, serve) as client:
        with pytest.raises(LabError, match=r"waited 0\.05 s for the daemon to answer x"):
            client.call("x", limit_s=0.05)
        done.set()


def test_a_daemon_that_ends_is_gone(tmp_path: Path) -> None:
    def serve(accepted: socket.socket) -> None:
        accepted.recv(1000)

    said = "the daemon is gone: it closed the connection"
    with daemon(tmp_path, serve) as client, pytest.raises(LabError, match=said):
        client.call("x", limit_s=LIMIT_S)


def test_a_daemon_that_never_listens(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"waited 0\.01 s for the daemon to listen: No such file"):
        JsonRpc(tmp_path / "none.sock", "the daemon", 0.01)
