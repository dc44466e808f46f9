"""Why a host forbids labs, and the cure, told from other hosts' files."""

from __future__ import annotations

import errno
from collections.abc import Mapping

import pytest

from harness.backends.netns.userns import Read, explain_refusal, has_capabilities

SWITCHED_OFF = {"/proc/sys/user/max_user_namespaces": "0\n"}
DEBIAN = {"/proc/sys/kernel/unprivileged_userns_clone": "0\n"}
UBUNTU = {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"}
CONTAINER = {"/proc/self/status": "Name:\tpython\nSeccomp:\t2\n"}


def files(texts: Mapping[str, str]) -> Read:
    return texts.get


@pytest.mark.parametrize(
    ("texts", "number", "cure"),
    [
        (SWITCHED_OFF, errno.ENOSPC, "sysctl -w user.max_user_namespaces=15000"),
        (DEBIAN, errno.EPERM, "sysctl -w kernel.unprivileged_userns_clone=1"),
        (UBUNTU, errno.EPERM, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
        (UBUNTU | CONTAINER, errno.EPERM, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
        ({}, errno.ENOSPC, "user.max_net_namespaces=65536"),
        (CONTAINER, errno.EPERM, "--security-opt seccomp=unconfined"),
        ({}, errno.EPERM, "run as root"),
    ],
)
def test_the_most_specific_reason_brings_its_cure(texts: Mapping[str, str], number: int, cure: str) -> None:
    assert cure in explain_refusal(number, files(texts)).cure


@pytest.mark.parametrize(
    ("effective", "capable"),
    [("000001ffffffffff", True), ("0000000000203000", True), ("0000000000003000", False), ("0", False)],
)
def test_capabilities_are_read_from_the_status(effective: str, capable: bool) -> None:
    assert has_capabilities(files({"/proc/self/status": f"CapEff:\t{effective}\n"})) is capable


def test_no_status_no_capabilities() -> None:
    assert not has_capabilities(files({}))
