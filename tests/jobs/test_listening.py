"""`manage.py dicom_listen`: several processes, one socket."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pynetdicom import AE, build_context
from pynetdicom.sop_class import Verification

from tests.jobs.deployment import PROCFILE, Deployment, children_of, free_port, kill, stop, until


class Listening(NamedTuple):
    parent: subprocess.Popen[bytes]
    port: int

    def answers(self) -> bool:
        """Whether somebody is there to turn a stranger away."""
        entity = AE(ae_title="STRANGER")
        entity.connection_timeout = entity.acse_timeout = 5
        return entity.associate("127.0.0.1", self.port, [build_context(Verification)]).is_rejected


# The installation without the web server, which no listener needs.
@pytest.fixture
def listening(deployment: Deployment) -> Iterator[Listening]:
    port = free_port()
    started = deployment.start(PROCFILE["dicom"], DICOM_PORT=str(port), DICOM_PROCESSES="2")
    until(lambda: len(children_of(started)) == 2)
    yield Listening(started, port)
    kill(started)
    deployment.processes.remove(started)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # ended, and waits for somebody to ask


def test_one_that_is_killed_is_replaced(listening: Listening) -> None:
    assert until(listening.answers)
    first, second = children_of(listening.parent)
    os.kill(first, signal.SIGKILL)
    until(lambda: len(children_of(listening.parent) - {first}) == 2)
    assert second in children_of(listening.parent)
    assert all(listening.answers() for _ in range(4))


def test_asked_to_end_all_do(listening: Listening) -> None:
    assert until(listening.answers)
    children = children_of(listening.parent)
    assert stop(listening.parent) == 0
    assert not any(map(is_alive, children))
    assert not listening.answers()


def test_without_their_parent_they_end(listening: Listening) -> None:
    children = children_of(listening.parent)
    os.kill(listening.parent.pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, children)))
