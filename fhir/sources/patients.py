"""Patients."""

from django.db.models import (
    Q,
)

from fhir.resources.patient import issuers_of, patient
from fhir.search.params import (
    NOTHING,
    Day,
    Text,
    Tokens,
    choice,
    coded,
)
from fhir.search.values import Token
from fhir.sources.common import ANY, in_files
from fhir.types import Part, Source
from patients.models import Patient, PatientIdentifier
from patients.models.patient import identifier_key

GENDER = "http://hl7.org/fhir/administrative-gender"


def by_identifier(token: Token) -> Q:
    """A system and a value find by the key that is unique; a value alone by what it is."""
    found = PatientIdentifier.objects.all()
    if token.system == "":
        return NOTHING
    if token.system is not None:
        issuers = issuers_of(token.system)
        if token.code is None:
            found = found.filter(issuer__in=issuers)
        else:
            found = found.filter(key__in=[identifier_key(i, token.code) for i in issuers])
    else:
        found = found.filter(value__iexact=token.code)
    return Q(pk__in=found.values("patient"))


NAMES = ("family_name", "given_name", "family_name_arabic", "given_name_arabic")
PATIENTS = Source(
    kind="patient",
    rows=lambda: Patient.objects.filter(merged_into=None).prefetch_related(
        "identifiers", "absorbed"
    ),
    visible=in_files("pk"),
    patient_of=lambda row: row.pk,
    parts=(Part(lambda row, _: patient(row)),),
    params={
        "identifier": Tokens(by_identifier),
        "name": Text(NAMES, words=True),
        "family": Text(("family_name", "family_name_arabic")),
        "given": Text(("given_name", "given_name_arabic")),
        "birthdate": Day("birth_date"),
        "gender": choice(GENDER, "sex", {value: value for value in Patient.Sex.values}),
        "phone": Tokens(lambda token: Q(phone=token.code)),
        "email": Tokens(lambda token: Q(email__iexact=token.code)),
        "active": coded("", {"true": ANY}),
    },
    sorts={"family": "family_name"},
    changed="updated_at",
)
