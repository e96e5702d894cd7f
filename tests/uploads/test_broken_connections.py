"""A real server whose connections really break, and a client that others wrote."""

import hashlib
import random
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient

from tests.jobs.deployment import kill, until
from tests.jobs.phone import API, Phone
from tests.samples import sample
from tests.uploads.client import PART, RESUMABLE, checksum

DATA = sample("dicom").read_bytes()
SHA256 = hashlib.sha256(DATA).hexdigest()


class Wire:
    """An upload over connections of its own to one of the servers."""

    def __init__(self, phone: Phone, path: str = "") -> None:
        self.phone, self.path = phone, path
        self.address = urlsplit(phone.address)
        self.patient: dict[str, Any] = {}

    def begin(self) -> "Wire":
        self.patient = self.phone.open_file()
        status, headers = self.ask(
            "POST", f"{API}/patients/{self.patient['id']}/uploads", {"Upload-Length": len(DATA)}
        )
        assert status == 201
        self.path = urlsplit(headers["Location"]).path
        return self

    def ask(
        self, method: str, path: str, headers: dict[str, Any], body: bytes = b""
    ) -> tuple[int, dict[str, str]]:
        connection = HTTPConnection(self.address.netloc, timeout=60)
        connection.request(method, path, body, self.headers(headers))
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders())

    def headers(self, more: dict[str, Any]) -> dict[str, str]:
        known = {**RESUMABLE, "X-Session-Token": self.phone.token}
        return known | {name: str(value) for name, value in more.items()}

    def head(self) -> dict[str, str]:
        status, headers = self.ask("HEAD", self.path, {})
        assert status == 200
        return {name.lower(): value for name, value in headers.items()}

    def offset(self) -> int:
        return int(self.head()["upload-offset"])

    def send(self, offset: int, body: bytes, **headers: str) -> int:
        sent = {"Upload-Offset": offset, "Content-Type": PART, **headers}
        return self.ask("PATCH", self.path, sent, body)[0]

    def send_and_break(self, offset: int, size: int, *, announced: bool = True) -> None:
        """Announce all of the rest, send some of it, and go without a word."""
        rest = DATA[offset:]
        head = self.headers(
            {
                "Host": self.address.netloc,
                "Upload-Offset": offset,
                "Content-Type": PART,
                "Connection": "close",
            }
            | ({"Content-Length": len(rest)} if announced else {"Transfer-Encoding": "chunked"})
        )
        lines = [f"PATCH {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        body = rest[:size] if announced else b"%x\r\n%s" % (len(rest), rest[:size])
        with socket.create_connection((self.address.hostname or "", self.address.port or 0)) as s:
            s.sendall("\r\n".join(lines).encode() + body)


def scans(phone: Phone, patient: dict[str, Any]) -> list[dict[str, Any]]:
    return phone.get(f"{API}/patients/{patient['id']}/scans")["results"]


@pytest.mark.parametrize("announced", [True, False], ids=["length", "chunked"])
def test_a_connection_that_breaks_again_and_again_still_gets_there(
    phone: Phone, announced: bool
) -> None:
    wire = Wire(phone).begin()
    rng = random.Random(17)
    reached = [0]
    for _ in range(6):
        offset = wire.offset()
        if offset == len(DATA):
            break
        wire.send_and_break(offset, rng.randint(1, len(DATA) - offset), announced=announced)
        with suppress(TimeoutError):  # what was still under way when it broke is lost
            until(lambda before=offset: wire.offset() > before, seconds=1.5)  # type: ignore[misc]
        reached.append(wire.offset())
    assert reached == sorted(reached)
    assert reached[-1] > 0, "nothing of six broken parts was kept"
    offset = reached[-1]
    assert offset == len(DATA) or wire.send(offset, DATA[offset:]) == 204
    told = wire.head()
    assert told["falx-state"] == "finished"
    (scan,) = scans(phone, wire.patient)
    assert scan["id"] == told["falx-scan"]
    assert scan["sha256"] == SHA256


def test_a_part_that_broke_is_not_kept_when_its_checksum_cannot_hold(phone: Phone) -> None:
    wire = Wire(phone).begin()
    assert wire.send(0, DATA[:100_000][::-1], **checksum(DATA[:100_000])) == 460
    assert wire.offset() == 0


def test_of_many_who_send_the_same_part_at_once_one_wins(
    phone: Phone, another: tuple[Phone, subprocess.Popen[bytes]]
) -> None:
    second, _ = another
    wire = Wire(phone).begin()
    ways = [wire, Wire(second, wire.path)] * 4
    for offset in range(0, len(DATA), 50_000):
        part = DATA[offset : offset + 50_000]
        with ThreadPoolExecutor(len(ways)) as pool:
            answers = list(pool.map(lambda way: way.send(offset, part), ways))  # noqa: B023
        assert sorted(answers) == [204] + [409] * 7
    (scan,) = scans(phone, wire.patient)
    assert scan["sha256"] == SHA256


def test_a_server_that_is_killed_in_the_middle_is_replaced(
    phone: Phone, another: tuple[Phone, subprocess.Popen[bytes]]
) -> None:
    doomed, process = another
    wire = Wire(doomed).begin()
    assert wire.send(0, DATA[:70_000]) == 204
    wire.send_and_break(70_000, 60_000)
    kill(process)
    wire = Wire(phone, wire.path)
    offset = wire.offset()
    assert offset >= 70_000
    assert wire.send(offset, DATA[offset:]) == 204
    assert wire.head()["falx-state"] == "finished"


@pytest.mark.parametrize("chunk_size", [30_000, 10_000_000])
def test_the_official_client_gets_there_and_goes_on(
    phone: Phone, chunk_size: int, tmp_path: Path
) -> None:
    patient = phone.open_file()
    client = TusClient(
        f"{phone.address}{API}/patients/{patient['id']}/uploads", {"X-Session-Token": phone.token}
    )
    slice_path = tmp_path / "t1.dcm"
    slice_path.write_bytes(DATA)
    metadata = {"filename": "t1.dcm", "note": "Über Nacht"}
    first = client.uploader(
        str(slice_path), chunk_size=60_000, metadata=metadata, upload_checksum=True
    )
    first.upload_chunk()
    again = client.uploader(
        str(slice_path), url=first.url, chunk_size=chunk_size, upload_checksum=True
    )
    assert again.offset == 60_000
    again.upload()
    (scan,) = scans(phone, patient)
    assert (scan["original_name"], scan["note"]) == ("t1.dcm", "Über Nacht")
    assert scan["sha256"] == SHA256
