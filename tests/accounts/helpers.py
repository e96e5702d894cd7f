"""What tests of accounts do again and again, through HTTP as an app does."""

import json
import re
from typing import Any

import pyotp
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from rest_framework.test import APIClient

from accounts import second_factor
from accounts.models import User

AUTH = "/_allauth/app/v1/auth"
ACCOUNT = "/_allauth/app/v1/account"
PASSWORD = "correct horse battery staple"
CODE = re.compile(r"^[A-Z0-9]{3,}(-[A-Z0-9]{3,})?$", re.MULTILINE)
KEY = re.compile(r"^[\w-]{32}$", re.MULTILINE)


def sign_in(user: User, password: str = PASSWORD) -> APIClient:
    """Return a client that carries the session token of a fresh sign-in."""
    answer = APIClient().post(f"{AUTH}/login", {"email": user.email, "password": password})
    assert answer.status_code == 200, answer.content
    return with_token(answer)


def with_token(answer: Any) -> APIClient:
    """Return a client that goes on where an answer of the sign-in's left off."""
    return APIClient(headers={"X-Session-Token": answer.json()["meta"]["session_token"]})


def token_of(phone: APIClient) -> str:
    return str(phone.defaults["HTTP_X_SESSION_TOKEN"])


def post_anonymously(url: str, body: dict[str, Any]) -> Any:
    """Send JSON as any client may write it: half characters are escaped, not refused."""
    return APIClient().post(url, json.dumps(body), content_type="application/json")


def mailed(pattern: re.Pattern[str]) -> str:
    """Return what the newest mail says on a line of its own."""
    found = pattern.search(str(mail.outbox[-1].body))
    assert found is not None, mail.outbox[-1].body
    return found.group()


def set_up_totp(phone: APIClient, password: str = PASSWORD) -> pyotp.TOTP:
    """Enrol an authenticator app, as the app guides through it."""
    assert phone.post(f"{AUTH}/reauthenticate", {"password": password}).status_code == 200
    fresh = phone.get(f"{ACCOUNT}/authenticators/totp")
    assert fresh.status_code == 404  # none yet: the answer has the secret to set one up with
    app = pyotp.TOTP(fresh.json()["meta"]["secret"])
    done = phone.post(f"{ACCOUNT}/authenticators/totp", {"code": app.now()})
    assert done.status_code == 200, done.content
    return app


def start_sign_in(user: User) -> APIClient:
    """Return a client that has given the password and is asked for the second factor."""
    answer = APIClient().post(f"{AUTH}/login", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 401, answer.content
    pending = [flow["id"] for flow in answer.json()["data"]["flows"] if flow.get("is_pending")]
    assert pending == ["mfa_authenticate"]
    return with_token(answer)


def finish_sign_in(phone: APIClient, code: str) -> APIClient:
    """Give the second factor's code; return a client that is signed in."""
    answer = phone.post(f"{AUTH}/2fa/authenticate", {"code": code})
    assert answer.status_code == 200, answer.content
    return with_token(answer)


def forget_second_factor(phone: APIClient) -> None:
    """Make a session one that was begun before second factors were noted."""
    session = SessionStore(session_key=token_of(phone))
    session.pop(second_factor.SESSION_KEY, None)
    session.save()
