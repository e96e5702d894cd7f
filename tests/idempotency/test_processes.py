"""One key, several processes: at once, with lost answers, and killed in the middle."""

import json
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest

from tests.jobs.deployment import Deployment, kill, until
from tests.jobs.phone import API, Phone

Answer = tuple[int, dict[str, str], dict[str, Any]]


class Writer:
    """Opens the file of one patient under one key, through whichever server."""

    def __init__(self) -> None:
        self.key, self.name = str(uuid4()), f"Haddad {uuid4().hex[:8]}"
        self.body = json.dumps({"family_name": self.name}).encode()

    def headers(self, phone: Phone) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "X-Session-Token": phone.token,
            "Idempotency-Key": self.key,
        }

    def ask(self, phone: Phone) -> Answer:
        connection = HTTPConnection(urlsplit(phone.address).netloc, timeout=60)
        connection.request("POST", f"{API}/patients", self.body, self.headers(phone))
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), json.loads(answer.read())
        connection.close()
        return found

    def until_answered(self, phone: Phone) -> Answer:
        """Ask again for as long as the answer says so, as a phone does."""

        def answered() -> Answer | None:
            answer = self.ask(phone)
            return None if answer[2].get("code") == "request_in_progress" else answer

        return until(answered)

    @contextmanager
    def asking(self, phone: Phone) -> Iterator[None]:
        """Send the request, and go without an answer."""
        address = urlsplit(phone.address)
        head = {
            **self.headers(phone),
            "Host": address.netloc,
            "Content-Length": str(len(self.body)),
        }
        lines = [f"POST {API}/patients HTTP/1.1", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        with socket.create_connection((address.hostname or "", address.port or 0)) as s:
            s.sendall("\r\n".join(lines).encode() + self.body)
            yield

    def patients(self, phone: Phone) -> list[str]:
        found = phone.get(f"{API}/patients?search={self.name.replace(' ', '%20')}")
        return [patient["id"] for patient in found["results"]]


@pytest.fixture
def writer() -> Writer:
    return Writer()


def test_many_at_once_at_two_servers_are_one_write_with_one_answer(
    phone: Phone, another: tuple[Phone, subprocess.Popen[bytes]], writer: Writer
) -> None:
    servers = [phone, another[0]] * 5
    with ThreadPoolExecutor(len(servers)) as pool:
        answers = list(pool.map(writer.until_answered, servers))
    assert {status for status, _, _ in answers} == {201}
    assert len({json.dumps(body) for _, _, body in answers}) == 1
    assert len({headers["ETag"] for _, headers, _ in answers}) == 1
    assert sum("Idempotent-Replayed" not in headers for _, headers, _ in answers) == 1
    assert writer.patients(phone) == [answers[0][2]["id"]]


def test_a_phone_that_never_hears_an_answer_asks_again(phone: Phone, writer: Writer) -> None:
    for _ in range(5):
        with writer.asking(phone):
            pass
    status, _, patient = writer.until_answered(phone)
    assert status == 201
    assert writer.patients(phone) == [patient["id"]]


@contextmanager
def writes_held(deployment: Deployment) -> Iterator[Callable[[], bool]]:
    """Let nobody write a patient; yield whether somebody waits for it (where one can see that)."""
    if deployment.postgres:
        with closing(psycopg2.connect(deployment.env["DATABASE_URL"])) as connection:
            cursor = connection.cursor()
            cursor.execute("LOCK TABLE patients_patient IN EXCLUSIVE MODE")

            def somebody_waits() -> bool:
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                    " AND relation = 'patients_patient'::regclass)"
                )
                return bool((cursor.fetchone() or [False])[0])

            yield somebody_waits
    else:
        file = deployment.folder / "var" / "falx.sqlite3"
        with closing(sqlite3.connect(file, isolation_level=None)) as lite:
            lite.execute("BEGIN IMMEDIATE")
            sent = time.monotonic()
            yield lambda: time.monotonic() > sent + 0.5


def test_a_server_killed_in_the_middle_leaves_neither_a_write_nor_a_locked_key(
    deployment: Deployment,
    phone: Phone,
    another: tuple[Phone, subprocess.Popen[bytes]],
    writer: Writer,
) -> None:
    doomed, process = another
    with writes_held(deployment) as somebody_waits, writer.asking(doomed):
        until(somebody_waits)
        kill(process)
    assert writer.patients(phone) == []
    status, headers, patient = writer.until_answered(phone)
    assert status == 201
    assert "Idempotent-Replayed" not in headers
    assert writer.patients(phone) == [patient["id"]]
    assert writer.ask(phone)[2] == patient
