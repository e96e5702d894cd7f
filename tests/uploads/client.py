"""A client of the upload protocol, as small as it can be."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from rest_framework.test import APIClient

from patients.models import Patient

PART = "application/offset+octet-stream"
RESUMABLE = {"Tus-Resumable": "1.0.0"}


def encoded(**metadata: str) -> str:
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items()
    )


def checksum(data: bytes, algorithm: str = "sha256") -> dict[str, str]:
    digest = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    return {"Upload-Checksum": f"{algorithm} {digest}"}


@dataclass
class Uploader:
    """One file on its way to a patient's file."""

    api: APIClient
    patient: Patient
    data: bytes
    location: str = field(default="", init=False)

    def begin(self, body: bytes = b"", /, **headers: str) -> Any:
        answer = self.api.generic(
            "POST",
            reverse("patient-uploads", args=[self.patient.id]),
            body,  # type: ignore[arg-type]
            content_type=PART if body else "",
            headers=RESUMABLE | {"Upload-Length": str(len(self.data))} | named(headers),
        )
        self.location = answer.headers.get("Location", "")
        return answer

    def head(self) -> Any:
        return self.api.head(self.location, headers=RESUMABLE)

    def offset(self) -> int:
        return int(self.head()["Upload-Offset"])

    def send(
        self, offset: int, body: bytes | None = None, content_type: str = PART, **headers: str
    ) -> Any:
        """Send what comes at `offset`: all of the rest, or something else."""
        return self.api.generic(
            "PATCH",
            self.location,
            self.data[offset:] if body is None else body,  # type: ignore[arg-type]
            content_type=content_type,
            headers=RESUMABLE | {"Upload-Offset": str(offset)} | named(headers),
        )

    def state(self) -> Any:
        return self.api.get(self.location).json()

    def delete(self) -> Any:
        return self.api.delete(self.location, headers=RESUMABLE)


def named(headers: dict[str, str]) -> dict[str, str]:
    """`upload_checksum` is `Upload-Checksum`."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
