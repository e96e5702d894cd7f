"""From a Patient as clients write it to the fields of our patient: checked, nothing lost."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers, status
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import get_error_detail

from accounts.models import User
from accounts.systems.selectors import issuers_of as own_issuers
from backend.api.errors import ApiError
from fhir.codes import IDENTIFIER_KINDS, LANGUAGE
from fhir.elements import Json
from fhir.resources.patient import issuers_of
from patients import services
from patients.api.serializers import PatientSerializer
from patients.models import Patient, PatientIdentifier
from patients.models.patient import identifier_key

KEPT = {
    "resourceType",
    "id",
    "identifier",
    "name",
    "telecom",
    "gender",
    "birthDate",
    "address",
    "contact",
    "active",
    "link",
}
UNKEPT = {
    "meta",
    "language",
    "text",
    "contained",
    "extension",
    "maritalStatus",
    "multipleBirthBoolean",
    "multipleBirthInteger",
    "photo",
    "communication",
    "generalPractitioner",
    "managingOrganization",
}
MODIFIERS = {"implicitRules", "modifierExtension", "deceasedBoolean", "deceasedDateTime"}
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_KINDS = {code.pair: kind for kind, code in IDENTIFIER_KINDS.items()}
EXPRESSIONS = {
    "family_name": "Patient.name.family",
    "given_name": "Patient.name.given",
    "family_name_arabic": "Patient.name.family",
    "given_name_arabic": "Patient.name.given",
    "birth_date": "Patient.birthDate",
    "age_years": "Patient.birthDate",
    "sex": "Patient.gender",
    "phone": "Patient.telecom.value",
    "email": "Patient.telecom.value",
    "address": "Patient.address.text",
    "emergency_contact_name": "Patient.contact.name",
    "emergency_contact_relation": "Patient.contact.relationship",
    "emergency_contact_phone": "Patient.contact.telecom.value",
    "identifiers": "Patient.identifier",
}


class Unprocessable(ApiError):
    """It is FHIR, but not what we can keep."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class Reader:
    """Reads JSON of unknown shape: whatever is not what it must be is named by its element."""

    def __init__(self, value: Any, path: str) -> None:
        self.value, self.path = value, path

    def get(self, name: str) -> "Reader":
        """Return an element of an object; nothing is an object without elements."""
        value = self.value
        if value is not None and not isinstance(value, dict):
            raise malformed(self.path, "an object")
        return Reader((value or {}).get(name), f"{self.path}.{name}")

    def each(self) -> "list[Reader]":
        if self.value is None:
            return []
        if not isinstance(self.value, list) or not self.value:
            raise malformed(self.path, "an array with something in it")
        return [Reader(value, f"{self.path}[{n}]") for n, value in enumerate(self.value)]

    def text(self) -> str:
        if self.value is None:
            return ""
        if not isinstance(self.value, str):
            raise malformed(self.path, "a string")
        return self.value


def malformed(path: str, must: str) -> ApiError:
    return ApiError("invalid", f"This must be {must}.", field=path)


def read_patient(
    body: Any, before: Patient | None = None, own: Sequence[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Return our fields of a Patient, and the names of the elements that are not kept.

    What FHIR can say and `body` does not is emptied; what it cannot say is not in the fields.

    Args:
        own: Issuers as whoever writes spells them.

    Raises:
        ApiError: 400: it is no Patient by its shape.
        Unprocessable: 422: it says what we cannot keep and must not ignore.
    """
    if not isinstance(body, Mapping) or body.get("resourceType") != "Patient":
        raise ApiError("invalid", "The body must be a Patient.", field="Patient.resourceType")
    dropped = check_elements(body, before)
    root = Reader(dict(body), "Patient")
    fields: dict[str, Any] = {
        "sex": root.get("gender").text() or Patient.Sex.UNKNOWN,
        "birth_date": birth_date(root.get("birthDate")),
        "address": address(root.get("address")),
        "identifiers": [identifier(each, own) for each in root.get("identifier").each()],
        **names(root.get("name")),
        **telecoms(root.get("telecom"), dropped),
        **contact(root.get("contact"), dropped),
    }
    if fields["birth_date"] and before is not None and before.age_years is not None:
        fields["age_years"] = None  # the day says it better
    return fields, dropped


def check_elements(body: Mapping[str, Any], before: Patient | None) -> list[str]:
    dropped = []
    for name in body:
        bare = str(name).removeprefix("_")
        if bare in MODIFIERS:
            raise unsupported(f"Patient.{bare}")
        if bare in UNKEPT or (str(name).startswith("_") and bare in KEPT):
            if bare not in ("meta", "text"):
                dropped.append(f"Patient.{name}")
        elif bare not in KEPT:
            raise ApiError("invalid", "A Patient has no such element.", field=f"Patient.{name}")
    if body.get("active", True) is not True:
        raise unsupported("Patient.active")
    links = [] if before is None else [str(row.pk) for row in before.absorbed.all()]
    for each in Reader(dict(body), "Patient").get("link").each():
        other = each.get("other").get("reference").text().removeprefix("Patient/")
        if each.get("type").text() != "replaces" or other not in links:
            raise unsupported("Patient.link")
    return dropped


def unsupported(path: str) -> Unprocessable:
    message = "This would change what the Patient means, and cannot be kept here."
    return Unprocessable("not_supported", message, field=path)


def names(element: Reader) -> dict[str, str]:
    """The first Latin and the first Arabic name; the only one there is stands for both."""
    found: dict[str, tuple[str, str]] = {}
    for each in element.each():
        family = each.get("family").text()
        given = " ".join(filter(None, (part.text() for part in each.get("given").each())))
        if not (family or given):
            family = each.get("text").text()
        marked = any(
            extension.get("url").text() == LANGUAGE
            and extension.get("valueCode").text().startswith("ar")
            for extension in each.get("extension").each()
        )
        script = "arabic" if marked or is_arabic(family + given) else "latin"
        if each.get("use").text() != "old":
            found.setdefault(script, (family, given))
    arabic = found.get("arabic", ("", ""))
    latin = found.get("latin", arabic)
    return {
        "family_name": latin[0],
        "given_name": latin[1],
        "family_name_arabic": arabic[0],
        "given_name_arabic": arabic[1],
    }


def is_arabic(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    arabic = sum("ARABIC" in unicodedata.name(letter, "") for letter in letters)
    return bool(letters) and arabic * 2 > len(letters)


def birth_date(element: Reader) -> str | None:
    text = element.text()
    if not text:
        return None
    if not _DATE.fullmatch(text):
        raise malformed(element.path, "a date: 1980-02-29")
    if len(text) < len("1980-02-29"):
        message = "Only whole days of birth are kept: a year alone would be lost."
        raise Unprocessable("not_supported", message, field=element.path)
    return text


def identifier(element: Reader, own: Sequence[str]) -> dict[str, str]:
    system, value = element.get("system").text(), element.get("value").text()
    named = element.get("assigner").get("display").text()
    issuer = issuer_of(system, named, own) if system else named
    if not issuer or not value:
        message = "An identifier needs a value, and a system that says who gave it."
        raise Unprocessable("required", message, field=element.path)
    kind: str = PatientIdentifier.Kind.OTHER
    for coding in element.get("type").get("coding").each():
        kind = _KINDS.get((coding.get("system").text(), coding.get("code").text()), kind)
    return {"kind": kind, "issuer": issuer, "value": value}


def issuer_of(system: str, named: str, own: Sequence[str]) -> str:
    """Return the issuer as it is written here: as its owner or the client spells it."""
    written = issuers_of(system)
    return next((each for each in (*own, named) if each in written), written[-1])


def telecoms(element: Reader, dropped: list[str]) -> dict[str, str]:
    found = {"phone": "", "email": ""}
    for each in element.each():
        system, value = each.get("system").text(), each.get("value").text()
        kind = "phone" if system == "sms" else system
        if kind in found and not found[kind]:
            found[kind] = value
        else:
            dropped.append(each.path)
    return found


def address(element: Reader) -> str:
    """All addresses as text, a line for each that is not written out already."""
    texts = []
    for each in element.each():
        lines = [line.text() for line in each.get("line").each()]
        rest = [each.get(n).text() for n in ("postalCode", "city", "district", "state", "country")]
        texts.append(each.get("text").text() or ", ".join(filter(None, [*lines, *rest])))
    return "\n".join(filter(None, texts))


def contact(element: Reader, dropped: list[str]) -> dict[str, str]:
    given = element.each()
    dropped += [each.path for each in given[1:]]
    first = given[0] if given else Reader(None, element.path)
    name = first.get("name")
    parts = [part.text() for part in name.get("given").each()] + [name.get("family").text()]
    relation = next(iter(first.get("relationship").each()), Reader(None, ""))
    coding = next(iter(relation.get("coding").each()), Reader(None, ""))
    shown = coding.get("display").text()
    phones = [
        each.get("value").text()
        for each in first.get("telecom").each()
        if each.get("system").text() in ("phone", "sms", "")
    ]
    return {
        "emergency_contact_name": name.get("text").text() or " ".join(filter(None, parts)),
        "emergency_contact_relation": relation.get("text").text()
        or (shown if coding.get("code").text() != "C" else ""),
        "emergency_contact_phone": next(iter(phones), ""),
    }


def write_patient(
    user: User, body: Any, before: Patient | None = None
) -> tuple[Patient, list[str]]:
    """Create or change a patient through the API's own rules.

    Returns:
        The patient, and what of the body was not kept.

    Raises:
        ApiError: as `read_patient`; 422 with all that the rules refuse, by element.
        Conflict: `identifier_taken`.
    """
    own = own_issuers(user)
    fields, dropped = read_patient(body, before, own)
    if user.is_system:
        fields["identifiers"] = within_own(fields["identifiers"], before, own, dropped)
    given = PatientSerializer(before, data=fields, partial=before is not None)
    try:
        given.is_valid(raise_exception=True)
        if before is None:
            return services.create_patient(user=user, **given.validated_data), dropped
        changed = services.update_patient(user=user, patient=before, **given.validated_data)
        return changed, dropped
    except serializers.ValidationError as refused:
        raise refused_by_rules(refused.detail) from refused
    except ValidationError as refused:
        raise refused_by_rules(get_error_detail(refused)) from refused
    except ApiError as refused:
        refused.field = element_of(refused.field)
        raise


def within_own(
    given: Sequence[Mapping[str, str]],
    before: Patient | None,
    own: Sequence[str],
    dropped: list[str],
) -> list[Mapping[str, str]]:
    """Return what a system may make a patient's numbers: those of others stay as they are.

    Whose number it is decides which file an object comes into and who sees that file: with a number
    of another hospital's, a system would get to see what that one sends. What it may not add is
    named in `dropped`.
    """
    rows = before.identifiers.exclude(issuer__in=own) if before is not None else ()
    others = {row.key: {"kind": row.kind, "issuer": row.issuer, "value": row.value} for row in rows}
    found = list(others.values())
    for n, each in enumerate(given):
        if identifier_key(each["issuer"], each["value"]) in others:
            continue
        if each["issuer"] in own:
            found.append(dict(each))
        else:
            dropped.append(f"Patient.identifier[{n}]")
    return list(found)


def refused_by_rules(detail: Any) -> Unprocessable:
    """Name each field that the rules refuse by its element."""
    errors: list[Json] = []
    for name, inner in detail.items() if isinstance(detail, dict) else [("", detail)]:
        errors += [
            {
                "code": getattr(one, "code", "invalid"),
                "message": str(one),
                "field": element_of(str(name)),
            }
            for one in leaves(inner)
        ]
    return Unprocessable("invalid", "The Patient breaks rules that hold here.", errors=errors)


def element_of(field: str | None) -> str | None:
    """Return the element that one of our fields is made of: `identifiers.0` is a place in one."""
    if field is None:
        return None
    name, _, place = field.partition(".")
    return EXPRESSIONS.get(name, "Patient") + (f"[{place}]" if place.isdigit() else "")


def leaves(detail: Any) -> list[ErrorDetail]:
    if isinstance(detail, dict):
        return [leaf for inner in detail.values() for leaf in leaves(inner)]
    if isinstance(detail, list):
        return [leaf for inner in detail for leaf in leaves(inner)]
    return [detail]
