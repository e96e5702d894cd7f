"""Patient: who the patient is."""

import re
from urllib.parse import quote, unquote

from fhir.codes import EMERGENCY_CONTACT, IDENTIFIER_KINDS, LANGUAGE
from fhir.elements import Json, day, reference
from patients.models import Patient, PatientIdentifier

ISSUERS = "urn:falx:issuer:"
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f<>\"{}|\\^`]+")


def system_of(issuer: str) -> str:
    """Return the issuer of a number as a URI: its own, an OID's, else one of ours."""
    if _OID.fullmatch(issuer):
        return f"urn:oid:{issuer}"
    return issuer if _URI.fullmatch(issuer) else ISSUERS + quote(issuer, safe="")


def issuers_of(system: str) -> list[str]:
    """Return how the issuer that `system` stands for can be written here."""
    if system.startswith(ISSUERS):
        return [unquote(system.removeprefix(ISSUERS))]
    oid = system.removeprefix("urn:oid:")
    return [system, oid] if oid != system else [system]


def patient(row: Patient) -> Json:
    """Build a Patient. `identifiers` and `absorbed` are prefetched."""
    return {
        "resourceType": "Patient",
        "identifier": [identifier(each) for each in row.identifiers.all()],
        "active": True,
        "name": names(row),
        "telecom": [
            {"system": "phone", "value": row.phone} if row.phone else None,
            {"system": "email", "value": row.email} if row.email else None,
        ],
        "gender": row.sex,
        "birthDate": day(row.birth_date),
        "address": [{"text": row.address}] if row.address.strip() else None,
        "contact": [emergency_contact(row)],
        "link": [
            {"other": reference("Patient", absorbed.pk), "type": "replaces"}
            for absorbed in row.absorbed.all()
        ],
    }


def identifier(row: PatientIdentifier) -> Json:
    system = system_of(row.issuer)
    kind = IDENTIFIER_KINDS.get(row.kind)
    return {
        "type": kind.concept() if kind else None,
        "system": system,
        "value": row.value,
        "assigner": {"display": row.issuer},
    }


def names(row: Patient) -> list[Json]:
    """The Latin name first; the Arabic one is marked by its language."""
    latin: Json = {"use": "official", "family": row.family_name, "given": [row.given_name]}
    if not (row.family_name_arabic or row.given_name_arabic):
        return [latin]
    arabic: Json = {
        "extension": [{"url": LANGUAGE, "valueCode": "ar"}],
        "use": "official",
        "family": row.family_name_arabic,
        "given": [row.given_name_arabic],
    }
    same = (row.family_name, row.given_name) == (row.family_name_arabic, row.given_name_arabic)
    return [arabic] if same else [latin, arabic]


def emergency_contact(row: Patient) -> Json | None:
    named = row.emergency_contact_name or row.emergency_contact_phone
    if not named:
        return None
    phone = row.emergency_contact_phone
    relation = row.emergency_contact_relation
    return {
        "relationship": [EMERGENCY_CONTACT.concept(relation)],
        "name": {"text": row.emergency_contact_name} if row.emergency_contact_name else None,
        "telecom": [{"system": "phone", "value": phone}] if phone else None,
    }
