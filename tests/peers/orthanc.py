"""A real PACS for tests: Orthanc with its DICOMweb plugin, and dcmtk's commands.

The fixture `pacs` (of `tests/peers/conftest.py`, one fresh and empty PACS for each test module) or
the context manager `orthanc(folder)`, for one with a password or TLS:

    def test_something(pacs: Orthanc) -> None:
        pacs.add_modality("FALX", port=11112)            # who it knows, by DIMSE
        pacs.store(dataset, ...)                          # put something in, by its REST API
        pacs.rest("POST", "/modalities/FALX/store", ids)  # make it push
        pacs.dicomweb_url, pacs.ae_title, pacs.dicom_port # for a Peer of ours
        dcmtk("storescu", "-aet", TESTER, "-aec", pacs.ae_title, *pacs.address, path)

It cannot be told which addresses to listen on. Its HTTP answers this machine only, its DICOM only
modalities that it knows, from this machine: nothing else gets in.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from pydicom import Dataset

from tests.jobs.deployment import free_port, until

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
HOST = "127.0.0.1"
USER = "falx"
# Orthanc knows this modality from the start: call as it, e.g. `storescu -aet TESTER`.
TESTER = "TESTER"


@dataclass(frozen=True)
class Certificates:
    """Files of one end of a TLS connection (PEM): its own, its key, and who signs the other's."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True)
class Orthanc:
    """A running PACS.

    Attributes:
        rest_url: Root of its own API, without a slash at the end.
        dicomweb_url: Root of its DICOMweb services, without a slash at the end.
        password: Of `USER`, for both; empty: everybody on this machine may.
        tls: Whether its DICOM port speaks TLS and wants a certificate.
    """

    ae_title: str
    dicom_port: int
    rest_url: str
    password: str = ""
    tls: bool = False

    @property
    def dicomweb_url(self) -> str:
        return f"{self.rest_url}/dicom-web"

    @property
    def address(self) -> tuple[str, str]:
        """Host and port of its DICOM side, as dcmtk's commands take them."""
        return HOST, str(self.dicom_port)

    def add_modality(self, ae_title: str, *, port: int, tls: bool = False) -> None:
        """Let it know an application entity on this machine: it may do all, and be sent to."""
        self.rest("PUT", f"/modalities/{ae_title}", modality(ae_title, port, tls))

    def store(self, *datasets: Dataset) -> list[str]:
        """Put objects into it; return Orthanc's own ids of these instances."""
        return [self.rest("POST", "/instances", as_file(dataset))["ID"] for dataset in datasets]

    def find(self, level: str, **query: str) -> list[dict[str, Any]]:
        """Look up what it has: `find("Series", SeriesInstanceUID="1.2.3")`; level from Patient."""
        asked = {"Level": level, "Query": query, "Expand": True}
        found: list[dict[str, Any]] = self.rest("POST", "/tools/find", asked)
        return found

    def file(self, instance: str) -> bytes:
        """Return an instance (by Orthanc's id) as it has it."""
        with urlopen(self.request("GET", f"/instances/{instance}/file"), timeout=30) as answer:  # noqa: S310
            return bytes(answer.read())

    def clear(self) -> None:
        """Remove all that it has."""
        for patient in self.rest("GET", "/patients"):
            self.rest("DELETE", f"/patients/{patient}")

    def rest(self, method: str, path: str, body: object = None) -> Any:
        """Call its own API; bytes are sent as they are, everything else as JSON.

        Raises:
            AssertionError: with what it said, when it refuses.
        """
        try:
            with urlopen(self.request(method, path, body), timeout=60) as answer:  # noqa: S310
                content = answer.read()
        except HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.read().decode()}") from refused
        return json.loads(content) if content else None

    def request(self, method: str, path: str, body: object = None) -> Request:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = Request(self.rest_url + path, body, method=method)  # noqa: S310
        if self.password:
            credentials = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {credentials}")
        return request


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A PACS for the tests of one module: open to this machine, without TLS."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@contextmanager
def orthanc(
    folder: Path,
    *,
    ae_title: str = "ORTHANC",
    password: str = "",
    tls: Certificates | None = None,
) -> Iterator[Orthanc]:
    """Start an empty PACS that keeps everything under `folder`; stop it in the end.

    Raises:
        AssertionError: Orthanc or its plugin is not installed, or it does not start.
    """
    http_port, dicom_port = free_port(), free_port()
    configuration = folder / "orthanc.json"
    settings = {
        "Name": ae_title,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": bool(password),
        "RegisteredUsers": {USER: password} if password else {},
        "DicomAet": ae_title,
        "DicomPort": dicom_port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {TESTER: modality(TESTER, free_port(), tls is not None)},
        "OverwriteInstances": False,
        "StableAge": 1,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Host": f"{HOST}:{http_port}"},
    }
    if tls is not None:
        settings |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(tls.certificate),
            "DicomTlsPrivateKey": str(tls.key),
            "DicomTlsTrustedCertificates": str(tls.authority),
        }
    configuration.write_text(json.dumps(settings, indent=2))
    found = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert found, "Orthanc is not installed: scripts/peers install"
    assert PLUGIN.exists(), f"{PLUGIN} is not installed: scripts/peers install"

    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen([found, str(configuration)], stdout=output, stderr=output)
    try:
        running = Orthanc(
            ae_title, dicom_port, f"http://{HOST}:{http_port}", password, tls is not None
        )
        until(lambda: process.poll() is not None or ready(running), seconds=60)
        assert process.poll() is None, log.read_text()
        yield running
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ready(server: Orthanc) -> bool:
    try:
        return bool(server.rest("GET", "/system"))
    except OSError:
        return False


def modality(ae_title: str, port: int, tls: bool) -> dict[str, object]:
    allowed = {f"Allow{what}": True for what in ("Echo", "Find", "Get", "Move", "Store")}
    return {"AET": ae_title, "Host": HOST, "Port": port, "UseDicomTls": tls} | allowed


def as_file(dataset: Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dcmtk(command: str, *arguments: object, ok: bool = True) -> str:
    """Run one of dcmtk's commands; return what it wrote.

    Raises:
        AssertionError: it is not installed, or (with `ok`) it failed, or (without) it did not.
    """
    assert shutil.which(command), f"{command} is not installed: scripts/peers install"
    done = subprocess.run(
        [command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    said = done.stdout.decode(errors="replace")
    assert (done.returncode == 0) == ok, f"{command} ended with {done.returncode}: {said}"
    return said


def certificates(folder: Path, *names: str) -> list[Certificates]:
    """Make an authority of its own in `folder`, and for each name a certificate that it signed."""
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-subj", "/CN=Test authority", "-keyout", authority_key,
            "-out", authority)  # fmt: skip
    made = []
    for name in names:
        key, request, certificate = (folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extension = folder / f"{name}.ext"
        extension.write_text(f"subjectAltName=DNS:localhost,IP:{HOST}\n")
        openssl("req", *new[:3], "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key,
                "-CAcreateserial", "-days", "2", "-extfile", extension,
                "-out", certificate)  # fmt: skip
        made.append(Certificates(certificate, key, authority))
    return made


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
