"""Hospital systems sign in, and get to see what is theirs to see."""

import json
import time
from base64 import b64encode
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from accounts.api.throttling import Window
from accounts.models import User
from accounts.systems.authentication import Access, BearerAuthentication
from accounts.systems.models import AccessToken, SystemAccount
from accounts.systems.scopes import allows, granted
from accounts.systems.services import create_system, new_secret, update_system
from accounts.systems.tasks import forget_expired_tokens
from audit.models import Event
from backend.api.errors import Forbidden
from patients.access import Level, patients_for
from patients.models import CareTeamMember, Patient
from patients.services import create_patient

ENDPOINT = "http://testserver/oauth/token"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP384R1())
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Form = dict[str, str]


def public(key: Any, kid: str) -> dict[str, Any]:
    algorithm = jwt.algorithms.RSAAlgorithm if key is RSA else jwt.algorithms.ECAlgorithm
    known = json.loads(algorithm.to_jwk(key.public_key()))
    return {**known, "kid": kid, "use": "sig", "alg": "RS384" if key is RSA else "ES384"}


@pytest.fixture
def system(db: None) -> SystemAccount:
    return create_system(
        by=None,
        name="St. Mary's RIS",
        issuers=["St. Mary"],
        scopes=["system/Patient.rs", "system/DICOM.read"],
        jwks={"keys": [public(RSA, "a"), public(EC, "b")]},
    )


@pytest.fixture
def secret(system: SystemAccount) -> str:
    return new_secret(by=None, system=system)


def assertion(system: SystemAccount, *, key: Any = RSA, kid: str = "a", **changes: Any) -> Form:
    """What the system sends; None leaves a claim out."""
    claims = {
        "iss": system.client_id,
        "sub": system.client_id,
        "aud": ENDPOINT,
        "exp": int(time.time()) + 120,
        "jti": str(uuid4()),
        **changes,
    }
    signed = jwt.encode(
        {name: value for name, value in claims.items() if value is not None},
        key,
        algorithm="RS384" if key is RSA else "ES384",
        headers={"kid": kid},
    )
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
    }


def ask(client: Client, form: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = client.post(reverse("oauth-token"), form, headers=headers)
    assert answer["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()


@pytest.mark.parametrize(("key", "kid"), [(RSA, "a"), (EC, "b")], ids=["RS384", "ES384"])
def test_a_key_pair_gets_a_token(client: Client, system: SystemAccount, key: Any, kid: str) -> None:
    status, token = ask(client, assertion(system, key=key, kid=kid))
    assert (status, token["token_type"], token["expires_in"]) == (200, "Bearer", 300)
    assert token["scope"] == "system/Patient.rs system/DICOM.read"
    assert not AccessToken.objects.filter(digest=token["access_token"]).exists()
    system.refresh_from_db()
    assert system.last_used_at is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 3600},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": str(int(time.time()) + 3600)},
        {"jti": None},
        {"aud": "https://elsewhere.example/oauth/token"},
        {"sub": "another"},
        {"iss": "nobody"},
        {"kid": "c"},
        {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
        {"key": EC, "kid": "a"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_assertion_that_is_not_right_gets_none(
    client: Client, system: SystemAccount, changes: dict[str, Any]
) -> None:
    key = changes.pop("key", RSA)
    with patch(f"{__name__}.RSA", key if isinstance(key, rsa.RSAPrivateKey) else RSA):
        status, error = ask(client, assertion(system, key=key, **changes))
    assert (status, error["error"]) == (401, "invalid_client")
    assert not AccessToken.objects.exists()


STRANGERS_KEY = ec.generate_private_key(ec.SECP384R1())


@pytest.fixture
def _one_minute() -> Any:
    """Let a test not run across the end of a window."""
    with patch.object(Window, "timer", staticmethod(lambda: 1_700_000_010.5)):
        yield


@pytest.mark.usefixtures("_one_minute")
def test_who_fails_too_often_is_not_looked_at_until_the_window_ends(
    client: Client, system: SystemAccount, settings: Any
) -> None:
    settings.RATE_TOKEN_FAILURES_PER_CLIENT = "3/min"
    other = create_system(by=None, name="PACS", issuers=["PACS"], scopes=["system/DICOM.read"])
    right = {"client_id": other.client_id, "client_secret": new_secret(by=None, system=other)}
    assert ask(client, assertion(system))[0] == 200  # counts for nothing
    for _ in range(3):
        wrong = assertion(system, key=STRANGERS_KEY, kid="b")
        text = "The client did not prove who it is."
        assert ask(client, wrong) == (401, problem("invalid_client", text))
    refused = client.post(reverse("oauth-token"), assertion(system))
    assert (refused.status_code, refused["Retry-After"]) == (429, "30")
    text = "Too many failures. Ask again in 30 s."
    assert refused.json() == problem("temporarily_unavailable", text)
    # Neither another client there nor the same one elsewhere is kept out by that.
    assert ask(client, {"grant_type": "client_credentials", **right})[0] == 200
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert ask(elsewhere, assertion(system))[0] == 200
    with patch.object(Window, "timer", staticmethod(lambda: 1_700_000_041.0)):
        assert ask(client, assertion(system))[0] == 200


@pytest.mark.usefixtures("_one_minute")
def test_an_address_that_tries_client_after_client_is_stopped(
    client: Client, secret: str, system: SystemAccount, settings: Any
) -> None:
    settings.RATE_TOKEN_FAILURES_PER_ADDRESS = "3/min"
    form = {"grant_type": "client_credentials", "client_secret": secret}
    told = [ask(client, {**form, "client_id": f"client-{n}"})[0] for n in range(5)]
    assert told == [401, 401, 401, 429, 429]
    basic = "Basic " + b64encode(f"{system.client_id}:{secret}".encode()).decode()
    body = {"grant_type": "client_credentials"}
    assert ask(client, body, Authorization=basic)[0] == 429
    assert ask(Client(REMOTE_ADDR="203.0.113.9"), body, Authorization=basic)[0] == 200


def problem(code: str, text: str) -> dict[str, str]:
    return {"error": code, "error_description": text}


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256"])
def test_another_algorithm_gets_none(client: Client, system: SystemAccount, algorithm: str) -> None:
    claims = {"iss": system.client_id, "sub": system.client_id, "aud": ENDPOINT}
    key = {"none": None, "HS256": "x" * 32, "RS256": RSA}[algorithm]
    signed = jwt.encode(claims, key, algorithm=algorithm)  # type: ignore[arg-type]
    form = {**assertion(system), "client_assertion": signed}
    assert ask(client, form)[0] == 401


def test_an_assertion_is_good_once(client: Client, system: SystemAccount) -> None:
    form = assertion(system)
    assert ask(client, form)[0] == 200
    status, error = ask(client, form)
    assert (status, error["error"]) == (401, "invalid_client")
    assert AccessToken.objects.count() == 1


def test_keys_can_be_at_an_address(client: Client, system: SystemAccount) -> None:
    address = f"https://ris.example/{uuid4()}"
    update_system(by=None, system=system, jwks=None, jwks_url=address)
    with patch("jwt.PyJWKClient.fetch_data", return_value={"keys": [public(RSA, "a")]}) as fetch:
        assert ask(client, assertion(system))[0] == 200
        assert ask(client, assertion(system))[0] == 200
    assert fetch.call_count == 1
    with patch("jwt.PyJWKClient.fetch_data", side_effect=jwt.PyJWKClientError("down")):
        assert ask(client, assertion(system, kid="new"))[0] == 401


def test_a_secret_gets_a_token_both_ways(
    client: Client, system: SystemAccount, secret: str
) -> None:
    form = {"grant_type": "client_credentials", "scope": "system/Patient.r"}
    posted = {"client_id": system.client_id, "client_secret": secret}
    assert ask(client, form | posted)[1]["scope"] == "system/Patient.r"
    basic = b64encode(f"{system.client_id}:{secret}".encode()).decode()
    assert ask(client, form, Authorization=f"Basic {basic}")[0] == 200
    assert new_secret(by=None, system=system) != secret
    assert ask(client, form | posted)[0] == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials"] * 2}, 400, "invalid_request"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"client_id": "\0", "client_secret": "x"}, 401, "invalid_client"),
        ({"client_id": "{}", "client_secret": ""}, 401, "invalid_client"),
        ({"client_assertion": "x"}, 400, "invalid_request"),
        ({"client_assertion": "x.y.z", "client_secret": "x"}, 400, "invalid_request"),
        (
            {"client_assertion": "e30.e30.", "client_assertion_type": ASSERTION_TYPE},
            401,
            "invalid_client",
        ),
        ({"scope": "system/Observation.read", "secret": "yes"}, 400, "invalid_scope"),
        ({"scope": "user/Patient.read", "secret": "yes"}, 400, "invalid_scope"),
    ],
    ids=str,
)
def test_errors_are_oauths(
    client: Client, system: SystemAccount, secret: str, form: Any, status: int, error: str
) -> None:
    if form and "grant_type" not in form:
        form = {"grant_type": "client_credentials"} | form
    if form.pop("secret", None):
        form |= {"client_id": system.client_id, "client_secret": secret}
    assert ask(client, form)[0] == status
    assert ask(client, form)[1]["error"] == error


def test_a_closed_account_has_neither_tokens_nor_gets_any(
    client: Client, system: SystemAccount
) -> None:
    token = ask(client, assertion(system))[1]["access_token"]
    assert signed_in(token) == system.user
    update_system(by=None, system=system, active=False)
    with pytest.raises(Exception, match="not good"):
        signed_in(token)
    assert ask(client, assertion(system))[0] == 401


def signed_in(token: str, path: str = "/fhir/R4/Patient") -> User:
    request = APIRequestFactory().get(path, headers={"Authorization": f"Bearer {token}"})
    found = BearerAuthentication().authenticate(Request(request))
    assert found is not None
    return found[0]


def test_a_token_opens_the_protocols_and_nothing_of_the_api(
    client: Client, system: SystemAccount
) -> None:
    token = ask(client, assertion(system))[1]["access_token"]
    bearing = {"Authorization": f"Bearer {token}"}
    for path in ("/api/v1/patients", "/api/v1/me", "/api/v1/changes"):
        answer = APIClient().get(path, headers=bearing)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_for_systems")
    with pytest.raises(Forbidden):
        signed_in(token, "/api/v1/fhir/")


def test_a_bad_token_is_told_in_the_header(client: Client, db: None) -> None:
    answer = client.get("/api/v1/patients", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="falx", error="invalid_token"'
    assert client.get("/api/v1/patients")["WWW-Authenticate"] == "X-Session-Token"


def test_tokens_end(client: Client, system: SystemAccount) -> None:
    form = assertion(system)
    token = ask(client, form)[1]["access_token"]
    AccessToken.objects.update(expires_at=timezone.now())
    with pytest.raises(Exception, match="not good"):
        signed_in(token)
    forget_expired_tokens()
    assert ask(client, form)[0] == 401  # its id is kept for as long as it could be tried again
    AccessToken.objects.update(expires_at=timezone.now() - timezone.timedelta(hours=1))  # type: ignore[attr-defined]
    forget_expired_tokens()
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    ("scope", "resource", "action", "allowed"),
    [
        ("system/Patient.read", "Patient", "search", True),
        ("system/Patient.read", "Patient", "update", False),
        ("system/Patient.rs", "Patient", "read", True),
        ("system/Patient.s", "Patient", "read", False),
        ("system/*.read", "ImagingStudy", "read", True),
        ("system/DICOM.write", "DICOM", "write", True),
        ("system/DICOM.write", "DICOM", "read", False),
        ("system/Patient.*", "Observation", "read", False),
    ],
)
def test_scopes(scope: str, resource: str, action: str, allowed: bool) -> None:
    request = Request(APIRequestFactory().get("/"))
    request.auth = Access((scope,))
    assert allows(request, resource=resource, action=action) == allowed


def test_no_scope_is_granted_that_is_not_held() -> None:
    held = ["system/Patient.read", "system/DICOM.cruds"]
    wanted = ["system/*.read", "system/Patient.s", "system/Patient.cruds", "system/DICOM.write"]
    assert granted(wanted, held) == ["system/Patient.s", "system/DICOM.write"]


ISSUERS = st.lists(st.sampled_from(["A", "B", "a", "C"]), max_size=3, unique=True)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(numbers=st.lists(ISSUERS, min_size=1, max_size=4), theirs=ISSUERS)
def test_a_system_never_sees_a_patient_without_a_number_of_its_issuers(
    doctor: User, system: SystemAccount, numbers: list[list[str]], theirs: list[str]
) -> None:
    Patient.objects.all().delete()
    update_system(by=None, system=system, issuers=theirs)
    expected = set()
    for place, issuers in enumerate(numbers):
        # Each number is its patient's own: of `A` and `a`, which are one issuer, the last stays.
        given = [{"issuer": issuer, "value": f"{place}"} for issuer in issuers]
        patient = create_patient(user=doctor, family_name="X", identifiers=given)
        if {i.issuer for i in patient.identifiers.all()} & set(theirs):
            expected.add(patient)
    seen = patients_for(User.objects.get(pk=system.user_id))
    assert set(seen) == expected
    assert {(p.access_level, p.access_via) for p in seen} <= {(Level.READER, "system")}


def test_a_scope_to_write_makes_a_writer(doctor: User, system: SystemAccount) -> None:
    update_system(by=None, system=system, scopes=["system/DICOM.write"])
    number = {"issuer": "St. Mary", "value": "1"}
    create_patient(user=doctor, family_name="X", identifiers=[number])
    (seen,) = patients_for(User.objects.get(pk=system.user_id))
    assert seen.access_level == Level.WRITER


def test_a_file_that_a_system_opens_is_admins_until_they_say_whose(
    system: SystemAccount, admin: User, doctor: User
) -> None:
    user = User.objects.get(pk=system.user_id)
    number = {"issuer": "St. Mary", "value": "1"}
    patient = create_patient(user=user, family_name="Haddad", identifiers=[number])
    assert not CareTeamMember.objects.filter(patient=patient).exists()
    assert patients_for(user).get() == patients_for(admin).get() == patient
    assert not patients_for(doctor).exists()
    with pytest.raises(Forbidden, match="issuers"):
        create_patient(user=user, family_name="Haddad", identifiers=[])
    assert Patient.objects.count() == 1


def test_nobody_signs_in_as_a_system(system: SystemAccount, admin_site: Client) -> None:
    user = User.objects.get(pk=system.user_id)
    user.set_password("correct horse battery staple")
    user.save()
    assert not user.has_usable_password()
    assert not user.is_staff
    page = reverse("admin:accounts_user_change", args=[user.pk])
    answer = admin_site.post(page, {"email": user.email, "role": "doctor", "language": "en"})
    assert "Systems have accounts of their own kind" in answer.content.decode()
    body = {"email": "new@example.org", "role": "system"}
    refused = APIClient()
    refused.force_authenticate(User.objects.get(role=User.Role.ADMIN))
    assert refused.post(reverse("invitations"), body).json()["code"] == "invalid_choice"


def test_admins_keep_systems(admin_site: Client, admin: User, client: Client) -> None:
    add = reverse("admin:systems_systemaccount_add")
    fields = {
        "name": "PACS",
        "active": "on",
        "issuers": "St. Mary\nSt. Joseph",
        "scopes": "system/*.read",
        "jwks": "null",
    }
    assert admin_site.post(add, fields).status_code == 302
    system = SystemAccount.objects.get()
    assert system.issuers == ["St. Mary", "St. Joseph"]

    page = reverse("admin:systems_systemaccount_secret", args=[system.pk])
    assert "Make a new secret" in admin_site.get(page).content.decode()
    shown = admin_site.post(page).content.decode()
    secret = shown.partition('<code id="secret">')[2].partition("<")[0]
    form = {"grant_type": "client_credentials", "client_id": system.client_id}
    assert ask(client, form | {"client_secret": secret})[0] == 200

    change = reverse("admin:systems_systemaccount_change", args=[system.pk])
    assert secret not in admin_site.get(change).content.decode()
    assert admin_site.post(change, {**fields, "active": ""}).status_code == 302
    assert ask(client, form | {"client_secret": secret})[0] == 401
    events = Event.objects.filter(action__startswith="system.", user_id=admin.pk).order_by("at")
    assert [event.action for event in events] == ["system.create", "system.secret", "system.close"]


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": ["system/Patient.sr"]},
        {"scopes": []},
        {"scopes": ["system/Patient."]},
        {"issuers": [" "]},
        {"jwks_url": "http://ris.example/keys"},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{**public(RSA, "a"), "d": "secret"}]}},
    ],
    ids=["letters", "none", "no_action", "blank", "plain_http", "no_keys", "private_key"],
)
def test_what_is_not_right_is_refused(db: None, fields: dict[str, Any]) -> None:
    right = {"name": "RIS", "scopes": ["system/Patient.rs"]}
    with pytest.raises(ValidationError):
        create_system(by=None, **(right | fields))
    assert not SystemAccount.objects.exists()
    assert not User.objects.exists()
