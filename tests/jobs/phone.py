"""What a phone does: sign in, send slices, ask how far they are. Speaks HTTP and nothing else."""

import json
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

API = "/api/v1"


class Phone:
    def __init__(self, address: str, token: str = "") -> None:
        self.address, self.token = address, token

    def sign_in(self, email: str, password: str) -> None:
        answer = self.post(
            "/_allauth/app/v1/auth/login", {"email": email, "password": password}, expect=200
        )
        self.token = answer["meta"]["session_token"]

    def open_file(self) -> dict[str, Any]:
        """Create a patient."""
        return self.post(f"{API}/patients", {"family_name": "Haddad"})

    def upload(self, patient: dict[str, Any], slice_path: Path) -> dict[str, Any]:
        """Return the new scan."""
        form = encode_multipart(BOUNDARY, {"file": slice_path.open("rb")})
        return self.call("POST", f"{API}/patients/{patient['id']}/scans", form, MULTIPART_CONTENT)

    def analysis(self, analysis: dict[str, Any]) -> dict[str, Any]:
        """Return the analysis as it stands now."""
        return self.get(f"{API}/analyses/{analysis['id']}")

    def cancel(self, analysis: dict[str, Any]) -> dict[str, Any]:
        return self.post(f"{API}/analyses/{analysis['id']}/cancel", expect=200)

    def retry(self, analysis: dict[str, Any]) -> dict[str, Any]:
        return self.post(f"{API}/analyses/{analysis['id']}/retry", expect=200)

    def history(self, patient: dict[str, Any]) -> list[dict[str, Any]]:
        return self.get(f"{API}/patients/{patient['id']}/history")["results"]

    def get(self, path: str) -> Any:
        return self.call("GET", path, expect=200)

    def post(self, path: str, body: dict[str, Any] | None = None, expect: int = 201) -> Any:
        return self.call("POST", path, json.dumps(body or {}).encode(), expect=expect)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        expect: int = 201,
    ) -> Any:
        headers = {"Content-Type": content_type, "X-Session-Token": self.token}
        request = Request(self.address + path, body, headers, method=method)  # noqa: S310
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310
                status, content = answer.status, answer.read()
        except HTTPError as refused:
            status, content = refused.code, refused.read()
        assert status == expect, f"{method} {path}: {status} {content[:500]!r}"
        return json.loads(content)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310
            return isinstance(answer, HTTPResponse) and answer.status == 200
    except URLError:
        return False
