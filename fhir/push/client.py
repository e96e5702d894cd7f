"""Falx as a client of others' FHIR servers.

Only servers that admins entered are asked, at the addresses that they entered: redirects are not
followed, certificates are verified, proxies and passwords of the environment are not used.
"""

import json

import requests

from dicom.secrets import MissingSecret, secret_of
from fhir.api.outcomes import MEDIA_TYPE
from fhir.elements import Json
from fhir.models import Subscriber

TIMEOUT_S = (10, 30)
# What is wrong with a request stays wrong; these may pass, or somebody sets them right.
PASSING = {401, 403, 404, 408, 409, 412, 423, 425, 429}


class Unreachable(Exception):
    """The server did not take it; it may take it later. `message` is fit to be shown."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(Exception):
    """The server will not take it as it is."""


def send(subscriber: Subscriber, bundle: Json) -> None:
    """Send a transaction.

    Raises:
        Unreachable, Refused: it is not known to be there now.
    """
    headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
    try:
        secret = secret_of(subscriber.secret)
    except MissingSecret as missing:
        raise Unreachable(str(missing)) from missing
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    body = json.dumps(bundle, ensure_ascii=False).encode()
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.post(
                subscriber.base_url.rstrip("/"),
                data=body,
                headers=headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as answer:
                code = answer.status_code
        except requests.RequestException as error:
            raise Unreachable(f"It could not be reached ({type(error).__name__}).") from error
    if 200 <= code < 300:
        return
    if 300 <= code < 500 and code not in PASSING:
        raise Refused(f"It answered with HTTP {code}.")
    raise Unreachable(f"It answered with HTTP {code}.")
