"""The daemons of one Open vSwitch: a private ovsdb-server and ovs-vswitchd in the switch's namespace.

One pair a switch, so that a switch's ports keep their names and its namespace is the switch, whatever makes
it. The userspace datapath is of the type ``dummy``, which differs from ``netdev`` in its local port alone:
that needs no tap device, so it works in a user namespace too. With it the daemon's clock can be put forward
(``time/warp``), so that it ages by compressed time, also what Open vSwitch has no setting for.

Nothing outlives the process that started it: the kernel ends the daemons with it (PR_SET_PDEATHSIG), and
their files are gone as soon as all are connected. Knows nothing of multicast.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.backends.netns.fabric import BRIDGE
from harness.backends.netns.json_rpc import JsonRpc
from harness.backends.netns.namespaces import inside
from harness.errors import HostError, LabError
from harness.plan.model import Plan
from harness.profiles import DataPlane

LIMIT_S = 10.0
"""What each step of the start may take; on an idle machine all of them take a tenth of a second."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = {
    "ovs-vswitchd": "openvswitch-switch",
    "ovsdb-server": "openvswitch-switch",
    "ovsdb-tool": "openvswitch-switch",
    "setpriv": "util-linux",
}
"""What is needed, and the Debian package that has it."""
_FOLDERS = ("/dev/shm", "")  # noqa: S108  a folder of our own is made there; the second is the system's choice
_QUIET = ("-vconsole:warn", "-vsyslog:off", "-vfile:off")
_DATABASE = "Open_vSwitch"

Row = dict[str, object]


def find(tool: str) -> str | None:
    """Return where a program is, None if it is not installed."""
    return shutil.which(tool, path=PATH)


def missing() -> tuple[str, str] | None:
    """Return the first program that is missing and the package that has it; None if all are there."""
    return next(((tool, package) for tool, package in TOOLS.items() if find(tool) is None), None)


def check_tools(plan: Plan) -> None:
    """Raise HostError, naming the package, if a switch of the plan needs a program that is not installed."""
    genuine = [switch.name for switch in plan.switches if switch.data_plane is DataPlane.OPENVSWITCH]
    lacking = missing() if genuine else None
    if lacking is not None:
        raise HostError(
            f"{lacking[0]} is not installed, which {genuine[0]} runs (a genuine Open vSwitch)",
            f"apt-get install {lacking[1]}; or write emulated: on at the switch",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSettings:
    """Columns of the database: of the bridge, and of each port by its name. See ovs-vswitchd.conf.db(5)."""

    snooping: bool
    other_config: Mapping[str, str]
    ports: Mapping[str, Mapping[str, str]]


class Vswitchd:
    """One Open vSwitch with one bridge. ``launch`` it, wait until it is ``ready``, and ``close`` it."""

    def __init__(self, name: str, namespace: int, ports: Sequence[tuple[str, int]]) -> None:
        """``ports`` are (name, OpenFlow number)."""
        self.name = name
        self._namespace = namespace
        self._ports = tuple(ports)
        self._stack = ExitStack()
        self._folder = Path()
        self._complaints = os.memfd_create(f"complaints of {name}")
        self._stack.callback(os.close, self._complaints)
        self._database: JsonRpc | None = None
        self._control: JsonRpc | None = None
        self._configured = 0

    @property
    def ready(self) -> bool:
        """Whether the switch has been brought up."""
        return self._control is not None

    @property
    def control(self) -> JsonRpc:
        """The socket that ovs-appctl uses. LabError before the switch is ready."""
        if self._control is None:
            msg = f"{self.name}: ovs-vswitchd has not been started"
            raise LabError(msg)
        return self._control

    def launch_database(self) -> None:
        """Start ovsdb-server on an empty database."""
        folder = next((one for one in _FOLDERS if not one or os.access(one, os.W_OK)), "") or None
        self._folder = Path(tempfile.mkdtemp(prefix="mcast-ovs-", dir=folder))
        self._stack.callback(self._remove_files)
        tool = (_found("ovsdb-tool"), "create", str(self._folder / "conf.db"))
        try:
            subprocess.run(  # noqa: S603  a known program by its full path, without a shell
                tool, check=True, capture_output=True, text=True, timeout=LIMIT_S, env=self._environment()
            )
        except subprocess.CalledProcessError as error:
            msg = f"{self.name}: ovsdb-tool made no database: {error.stderr.strip()}"
            raise LabError(msg) from error
        except subprocess.TimeoutExpired as error:
            msg = f"{self.name}: waited {LIMIT_S:g} s for ovsdb-tool to make a database"
            raise LabError(msg) from error
        self._launch("ovsdb-server", "conf.db", "--remote=punix:db.sock", "--unixctl=db.ctl")

    def launch_switch(self, settings: BridgeSettings) -> None:
        """Start ovs-vswitchd on the database, and write the bridge and its ports into that."""
        self._database = self._connect("db.sock", "ovsdb-server")
        self._launch("ovs-vswitchd", "unix:db.sock", "--unixctl=vs.ctl", "--enable-dummy", "--disable-system")
        self._transact(*self._new_bridge(settings))

    def await_ready(self) -> None:
        """Wait until ovs-vswitchd has done what the database says and every port is in its datapath.

        Raises LabError with what was waited for, and what the daemons complained of.
        """
        self._control = self._connect("vs.ctl", "ovs-vswitchd")
        self._await_configured()
        shown = str(self.control.call("dpif/show", limit_s=LIMIT_S))
        absent = [name for name, _ in self._ports if f" {name} " not in shown]
        if absent:
            msg = f"{self.name}: ovs-vswitchd did not take the port {absent[0]}: {self._complained()}"
            raise LabError(msg)
        self._remove_files()

    def configure(self, settings: BridgeSettings) -> None:
        """Change the bridge's and the ports' settings and wait until they hold. Raises LabError."""
        ports = (
            _update("Port", name, {"other_config": _map(values)}) for name, values in settings.ports.items()
        )
        self._transact(_update("Bridge", BRIDGE, _bridge_row(settings)), *ports)
        self._await_configured()

    def close(self) -> None:
        """End the daemons, at once and without a word, and remove what is left of their files."""
        for connection in (self._control, self._database):
            if connection is not None:
                connection.close()
        self._stack.close()

    # --- processes ----------------------------------------------------------------------------------------

    def _launch(self, program: str, *arguments: str) -> None:
        with inside(self._namespace):
            process = subprocess.Popen(  # noqa: S603  known programs by their full paths, without a shell
                (_found("setpriv"), "--pdeathsig", "KILL", _found(program), *arguments, *_QUIET),
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=self._complaints,
                stderr=self._complaints,
            )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)

    def _connect(self, socket: str, program: str) -> JsonRpc:
        try:
            return JsonRpc(self._folder / socket, f"{self.name}: {program}", LIMIT_S)
        except LabError as error:
            msg = f"{error}; {self._complained()}"
            raise LabError(msg) from error

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {"PATH": PATH, "LC_ALL": "C", "OVS_RUNDIR": folder, "OVS_LOGDIR": folder, "OVS_DBDIR": folder}

    def _complained(self) -> str:
        size = os.lseek(self._complaints, 0, os.SEEK_END)
        lines = os.pread(self._complaints, size, 0).decode(errors="replace").splitlines()
        return " / ".join(lines[-3:]) or "it did not complain"

    def _remove_files(self) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    # --- database -----------------------------------------------------------------------------------------

    def _new_bridge(self, settings: BridgeSettings) -> tuple[Row, ...]:
        operations: list[Row] = []
        for name, number in ((BRIDGE, 0), *self._ports):
            interface: Row = {"name": name, "type": "" if number else "internal"}
            if number:
                interface["ofport_request"] = number
            port: Row = {
                "name": name,
                "interfaces": ["named-uuid", f"i_{name}"],
                "other_config": _map(settings.ports.get(name, {})),
            }
            operations += [_insert("Interface", f"i_{name}", interface), _insert("Port", f"p_{name}", port)]
        ports = [["named-uuid", f"p_{name}"] for name in (BRIDGE, *(name for name, _ in self._ports))]
        bridge: Row = {"name": BRIDGE, "datapath_type": "dummy", "ports": ["set", ports]}
        root: Row = {"bridges": ["named-uuid", "bridge"]}
        return (
            *operations,
            _insert("Bridge", "bridge", bridge | _bridge_row(settings)),
            _insert("Open_vSwitch", "root", root),
        )

    def _transact(self, *operations: Row) -> None:
        """Carry operations out, all or none, and number what ovs-vswitchd now has to do."""
        if self._database is None:
            msg = f"{self.name}: ovsdb-server has not been started"
            raise LabError(msg)
        self._configured += 1
        numbered: Row = {"op": "update", "table": "Open_vSwitch", "where": []}
        numbered["row"] = {"next_cfg": self._configured}
        answers = self._database.call("transact", _DATABASE, *operations, numbered, limit_s=LIMIT_S)
        for answer in answers:
            if answer is not None and "error" in answer:
                msg = f"{self.name}: ovsdb-server refuses: {answer['error']}: {answer.get('details', '')}"
                raise LabError(msg)

    def _await_configured(self) -> None:
        """Wait until ovs-vswitchd has done all that was written. RFC 7047 section 5.2.6: the server waits."""
        if self._database is None:
            return
        wait: Row = {
            "op": "wait",
            "table": "Open_vSwitch",
            "where": [],
            "columns": ["cur_cfg"],
            "until": "==",
            "rows": [{"cur_cfg": self._configured}],
            "timeout": round(LIMIT_S * 1000),
        }
        answers: list[dict[str, Any]] = self._database.call("transact", _DATABASE, wait, limit_s=LIMIT_S + 1)
        if answers[0].get("error"):
            msg = f"{self.name}: waited {LIMIT_S:g} s for ovs-vswitchd to follow its database; "
            raise LabError(msg + self._complained())


def bring_up(switches: Sequence[tuple[Vswitchd, BridgeSettings]]) -> None:
    """Start all switches of a lab side by side. Raises LabError; each is to be closed by its owner."""
    for switch, _ in switches:
        switch.launch_database()
    for switch, settings in switches:
        switch.launch_switch(settings)
    for switch, _ in switches:
        switch.await_ready()


def _found(tool: str) -> str:
    path = find(tool)
    if path is None:
        raise HostError(f"{tool} is not installed", f"apt-get install {TOOLS[tool]}")
    return path


def _bridge_row(settings: BridgeSettings) -> Row:
    return {"mcast_snooping_enable": settings.snooping, "other_config": _map(settings.other_config)}


def _map(values: Mapping[str, str]) -> list[object]:
    return ["map", [[key, value] for key, value in values.items()]]


def _insert(table: str, name: str, row: Row) -> Row:
    return {"op": "insert", "table": table, "uuid-name": name, "row": row}


def _update(table: str, name: str, row: Row) -> Row:
    return {"op": "update", "table": table, "where": [["name", "==", name]], "row": row}
