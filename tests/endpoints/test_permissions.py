"""Every endpoint, asked by everybody: anonymous, wrong role, other doctor, right doctor, admin."""

from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from inference.models import Analysis
from tests.endpoints.table import ENDPOINTS, Endpoint

PUBLIC_ROUTES = {"home", "schema", "docs", "live", "ready", "closed", "oauth-token"}
# Pages that show nothing themselves, and only where a viewer is set up.
PUBLIC_ROUTES |= {"viewer", "viewer-page", "viewer-sign-in", "viewer-settings"}
PUBLIC_ROUTES |= {"fhir-metadata", "fhir-smart", "fhir-nothing", "fhir-nothing-here"}
PROTOCOLS = ("api/", "oauth/", "dicomweb/", "viewer/", "fhir/")


def test_anonymous_is_asked_to_sign_in(ask: Any, endpoint: Endpoint) -> None:
    answer = ask(None)
    assert answer.status_code == endpoint.anonymous
    assert (code_of(answer.json()) == "not_authenticated") == (endpoint.anonymous == 401)


def code_of(body: Any) -> str:
    """Our stable code, which FHIR's errors have within."""
    if body.get("resourceType") == "OperationOutcome":
        return body["issue"][0]["details"]["coding"][0]["code"]
    return body["code"]


def test_student(ask: Any, endpoint: Endpoint, student: User) -> None:
    assert ask(student).status_code == endpoint.students


def test_doctor_of_other_patients(ask: Any, endpoint: Endpoint, other_doctor: User) -> None:
    assert ask(other_doctor).status_code == endpoint.other


def test_doctor_of_the_patient(ask: Any, endpoint: Endpoint, doctor: User) -> None:
    assert ask(doctor).status_code == endpoint.status


def test_admin(ask: Any, endpoint: Endpoint, admin: User) -> None:
    assert ask(admin).status_code == (endpoint.admin or endpoint.status)


def test_what_is_not_there_looks_like_what_one_may_not_see(
    endpoint: Endpoint, ask: Any, other_doctor: User, done: Analysis
) -> None:
    hidden = ask(other_doctor)
    done.scan.patient.delete()
    missing = ask(other_doctor)
    assert endpoint.other != 404 or (
        (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
    )


def test_every_route_of_the_api_is_listed_here() -> None:
    listed = {endpoint.route for endpoint in ENDPOINTS} | PUBLIC_ROUTES
    assert set(own_routes(get_resolver())) == listed


def own_routes(resolver: URLResolver) -> list[str]:
    """Names of all routes that are ours (Django's admin and allauth have their own tests)."""
    found: list[str] = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            found.append(str(entry.name))
        elif str(entry.pattern).startswith(PROTOCOLS) or not str(entry.pattern):
            found += own_routes(entry)
    return found
