"""Falx as a client of others' DICOMweb servers (PS3.18): search, retrieve, store.

Only peers that admins entered are asked, at the addresses that they entered: nothing that a caller
sends becomes part of a host, redirects are not followed, certificates are verified, proxies and
passwords of the environment are not used. Answers are read in parts, up to limits.

For retrieving from a PACS (`dicom.dimse`): `search(peer, patient_id=..., ...)` gives studies as
pydicom data sets, `retrieve(peer, study_uid)` each object's bytes as it comes.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from uuid import uuid4

import requests
from django.conf import settings
from pydicom import Dataset

from dicom.models import Peer
from dicom.secrets import MissingSecret, secret_of

_CHUNK = 1 << 20
_MOST_JSON = 32 << 20
_HEADERS = 1 << 16
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_DICOM = 'multipart/related; type="application/dicom"'


class PeerError(Exception):
    """A peer did not do what it was asked.

    Attributes:
        message: a sentence without anything secret, for people.
        lasting: trying again will not help.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.lasting = lasting


def search(peer: Peer, *, limit: int = 100, **wanted: str) -> list[Dataset]:
    """Search a peer's studies (QIDO-RS, PS3.18, 10.6).

    Args:
        wanted: Attributes by keyword, with `*` and ranges as DICOM has them, e.g.
            `PatientID="4711", StudyDate="20240101-20241231"`.

    Raises:
        PeerError: it cannot be reached, refuses, or does not answer in DICOM JSON.
    """
    fields = ["StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"]
    query = {**wanted, "limit": str(limit), "includefield": ",".join(fields)}
    with _asked(peer, "GET", "studies", accept="application/dicom+json", params=query) as answer:
        if answer.status_code == requests.codes.no_content:
            return []
        body = b"".join(_read(answer, most=_MOST_JSON))
    try:
        found = requests.models.complexjson.loads(body)
        return [Dataset.from_json(study) for study in found][:limit]
    except Exception as broken:  # pydicom raises nearly every built-in error on damaged values
        raise PeerError("It did not answer the search in DICOM JSON.", lasting=True) from broken


def retrieve(peer: Peer, study_uid: str) -> Iterator[bytes]:
    """Yield every object of a study as it comes, byte for byte (WADO-RS, PS3.18, 10.4).

    One object is in memory at a time.

    Raises:
        PeerError: as `search`; also after some objects, when the connection breaks or an object
            is larger than `DICOM_MAX_OBJECT_MB`.
    """
    if not _UID.fullmatch(study_uid) or len(study_uid) > 64:
        raise PeerError("This is not a study instance UID.", lasting=True)
    accept = f"{_DICOM}; transfer-syntax=*"
    with _asked(peer, "GET", f"studies/{study_uid}", accept=accept) as answer:
        yield from _parts(answer, most=settings.DICOM_MAX_OBJECT_BYTES)


def store(peer: Peer, objects: list[bytes]) -> None:
    """Send objects to a peer (STOW-RS, PS3.18, 10.5). Sending the same ones again is harmless.

    Raises:
        PeerError: none of them, or not all, are known to be there now.
    """
    boundary = uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(b"".join((head, data, b"\r\n")) for data in objects)
    body += f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"{_DICOM}; boundary={boundary}"}
    accept = "application/dicom+json"
    with _asked(peer, "POST", "studies", accept=accept, headers=headers, data=body) as answer:
        said = b"".join(_read(answer, most=_MOST_JSON))
    refused = _refused(said)
    if refused:
        raise PeerError(f"It did not keep the object: failure reason {refused}.", lasting=True)


def _refused(said: bytes) -> str:
    """Return the first failure reason of a STOW answer (PS3.18, table 10.5.3-1), or nothing.

    An answer in XML, or none, of a request that succeeded says nothing against it.
    """
    try:
        answer = Dataset.from_json(said.decode())
        failed = answer.get("FailedSOPSequence") or []
        return f"{failed[0].get('FailureReason') or 0:#06x}" if failed else ""
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""


@contextmanager
def _asked(
    peer: Peer,
    method: str,
    path: str,
    *,
    accept: str,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    data: bytes | None = None,
) -> Iterator[requests.Response]:
    """Ask a peer and hold the connection until its answer has been read.

    Raises:
        PeerError: no connection, or no success; also while the answer is being read.
    """
    if not peer.dicomweb_url:
        raise PeerError("It has no DICOMweb address.", lasting=True)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = settings.DICOM_TLS_CA or True
        user, secret = peer.dicomweb_user, _secret(peer)
        if user:
            session.auth = (user, secret)
        elif secret:
            session.headers["Authorization"] = f"Bearer {secret}"
        try:
            with session.request(
                method,
                f"{peer.dicomweb_url.rstrip('/')}/{path}",
                params=params,
                data=data,
                headers={"Accept": accept, **(headers or {})},
                timeout=(settings.DICOM_ACSE_TIMEOUT_S, settings.DICOM_NETWORK_TIMEOUT_S),
                allow_redirects=False,
                stream=True,
            ) as answer:
                _succeeded(answer)
                yield answer
        except requests.exceptions.SSLError as error:
            raise PeerError("Its certificate is not one that is trusted here.") from error
        except requests.exceptions.RequestException as error:
            kind = type(error).__name__
            raise PeerError(f"It could not be reached, or broke off ({kind}).") from error


def _secret(peer: Peer) -> str:
    try:
        return secret_of(peer.dicomweb_secret)
    except MissingSecret as missing:
        raise PeerError(str(missing)) from missing


def _succeeded(answer: requests.Response) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    # What is wrong with a request stays wrong; too many of them, and a server's troubles, do not.
    lasting = 300 <= status < 500 and status not in (401, 403, 408, 409, 425, 429)
    raise PeerError(f"It answered with HTTP {status}.", lasting=lasting)


def _read(answer: requests.Response, *, most: int) -> Iterator[bytes]:
    came = 0
    for chunk in answer.iter_content(_CHUNK):
        came += len(chunk)
        if came > most:
            raise PeerError("Its answer is larger than is taken here.", lasting=True)
        yield chunk


def _parts(answer: requests.Response, *, most: int) -> Iterator[bytes]:
    """Yield the contents of a multipart answer's parts as they come (RFC 2046, section 5.1).

    most: bytes of one part.
    """
    kind = Message()
    kind["Content-Type"] = answer.headers.get("Content-Type", "")
    boundary = kind.get_boundary()
    if kind.get_content_maintype() != "multipart" or not boundary:
        raise PeerError("It did not answer in parts, as objects come.", lasting=True)
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    # As if a line had ended before: the first delimiter may be the first thing of all.
    waiting, searched, preamble = bytearray(b"\r\n"), 0, True
    for chunk in answer.iter_content(_CHUNK):
        waiting += chunk
        while (end := waiting.find(delimiter, searched)) >= 0:
            if not preamble:
                yield _content(bytes(waiting[:end]), most)
            preamble = False
            del waiting[: end + len(delimiter)]
            searched = 0
        searched = max(0, len(waiting) - len(delimiter))
        if len(waiting) > most + _HEADERS:
            raise _too_large()
    if preamble or not waiting.startswith(b"--"):
        raise PeerError("It broke off before the end of its answer.")


def _content(part: bytes, most: int) -> bytes:
    """Return a part without its header lines and the line end of its delimiter."""
    _, _, content = part.partition(b"\r\n\r\n")
    if len(content) > most:
        raise _too_large()
    return content


def _too_large() -> PeerError:
    return PeerError("One of its objects is larger than is taken here.", lasting=True)
