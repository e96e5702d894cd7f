"""A passkey in software: what a phone's own does when an app asks it (WebAuthn level 2, section 6).

`soft-webauthn` would do, but for the version of fido2 that allauth uses.
"""

import json
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

ORIGIN = "https://testserver"
Flag = AuthenticatorData.FLAG


class Passkey:
    """One credential for one site, which asks its owner's finger each time."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = token_bytes(16)
        self.owner = ""
        self.used = 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        options = options["publicKey"]
        self.owner = options["user"]["id"]
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(bytes(16), self.id, public)
        data = self._data(options["rp"]["id"], Flag.UP | Flag.UV | Flag.AT, credential)
        client = self._client("webauthn.create", options["challenge"])
        attestation = AttestationObject.create("none", data, {})
        response = {"clientDataJSON": client, "attestationObject": bytes(attestation)}
        return self._answer(response) | {"clientExtensionResults": {"credProps": {"rk": True}}}

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        options = options["publicKey"]
        data = self._data(options["rpId"], Flag.UP | Flag.UV)
        client = self._client("webauthn.get", options["challenge"])
        signed = bytes(data) + sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        answer = self._answer(response)
        answer["response"]["userHandle"] = self.owner
        return answer

    def _data(self, site: str, flags: Flag, *credential: Any) -> AuthenticatorData:
        self.used += 1
        return AuthenticatorData.create(
            sha256(site.encode()).digest(), flags, self.used, *credential
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": ORIGIN}).encode()

    def _answer(self, response: dict[str, bytes]) -> dict[str, Any]:
        encoded = {name: websafe_encode(bytes(value)) for name, value in response.items()}
        own_id = websafe_encode(self.id)
        return {"id": own_id, "rawId": own_id, "type": "public-key", "response": encoded}
