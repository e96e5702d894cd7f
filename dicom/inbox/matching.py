"""Whose object is it? By a number and who gave it, never by a name.

Names, birth dates and sexes are no keys: people share them, and they are misspelt. A birth date or
a sex that contradicts the owner of the number keeps an object out of that file, and that is all
they do.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pydicom

from accounts.models import User
from accounts.systems.selectors import issuers_of
from backend.api.text import printable
from dicom.models import Arrival, Peer
from patients.access import Level, patients_for
from patients.models import Patient, PatientIdentifier
from patients.models.patient import identifier_key
from scans.series.header import Header

Reason = Arrival.Reason
OID = "urn:oid:"
SEXES = {"M": Patient.Sex.MALE, "F": Patient.Sex.FEMALE}
NEEDED = ("birth_date", "sex", "merged_into")  # of a patient's long row, for each object
OPPOSITE = {Patient.Sex.MALE: Patient.Sex.FEMALE, Patient.Sex.FEMALE: Patient.Sex.MALE}


@dataclass(frozen=True)
class Source:
    """Who sent something.

    A peer is a system that an admin has made known: its word on whose an object is counts for all
    files. Without one, an account's counts for the files that it may write in. With neither, nobody
    vouches for the number, and a person decides.

    Attributes:
        user: Who is written down as having sent it.
        name: As it is shown, e.g. an AE title.
    """

    peer: Peer | None
    user: User | None
    name: str

    @property
    def issuer(self) -> str:
        """Who gives the numbers that it sends, where its objects do not say so."""
        if self.peer is not None:
            return self.peer.issuer
        issuers = issuers_of(self.user) if self.user is not None else ()
        return issuers[0] if len(issuers) == 1 else ""


def keys_of(issuer: str, number: str) -> list[str]:
    """The keys under which a number can be known: an OID is written with and without its scheme."""
    if not (issuer and number):
        return []
    spellings = [issuer, issuer.removeprefix(OID)]
    if all(part.isdigit() for part in issuer.split(".")):
        spellings = [issuer, OID + issuer]
    return list(dict.fromkeys(identifier_key(each, number) for each in spellings))


def other_keys(data: bytes, number: str) -> list[str]:
    """The keys of what else an object calls its patient.

    Its number under the issuer's universal id (0010,0024), and the Other Patient IDs (0010,1002) of
    those items that name an issuer: a number without one is nobody's.
    """
    tags = ["IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence"]
    try:
        found = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=tags)
        own = universal_ids(found)
        others = [
            (issuer, _text(item, "PatientID"))
            for item in found.get("OtherPatientIDsSequence") or ()
            for issuer in (_text(item, "IssuerOfPatientID"), *universal_ids(item))
        ]
    except Exception:  # pydicom raises nearly every built-in error on damaged sequences
        return []
    pairs = [*((issuer, number) for issuer in own), *others]
    return list(dict.fromkeys(key for pair in pairs for key in keys_of(*pair)))


def universal_ids(dataset: pydicom.Dataset) -> list[str]:
    items = dataset.get("IssuerOfPatientIDQualifiersSequence") or ()
    return [_text(item, "UniversalEntityID") for item in items]


def _text(dataset: pydicom.Dataset, keyword: str) -> str:
    value: Any = dataset.get(keyword)
    return printable(str(value or ""), 150).strip()


def owner(
    *, keys: Iterable[str], birth_date: date | None, sex: str, source: Source
) -> Patient | Arrival.Reason:
    """Return the patient whose number it is, or why there is none to file under.

    In a transaction: the patient's row is held, so that no merge can take the file away meanwhile.

    Args:
        keys: Of `keys_of`, `other_keys`.
        sex: As DICOM has it.
    """
    wanted = list(keys)
    if not wanted:
        return Reason.UNKNOWN_NUMBER
    rows = Patient.objects.select_for_update(of=("self",), no_key=True).only(*NEEDED)
    files = {row.pk: row for row in map(kept, rows.filter(identifiers__key__in=wanted))}
    allowed = [patient for patient in files.values() if vouches(source, patient)]
    if not allowed:
        return Reason.UNKNOWN_NUMBER
    if len(files) > 1:
        return Reason.TWO_PEOPLE
    (patient,) = allowed
    return Reason.OTHER_PERSON if differences(patient, birth_date, sex) else patient


def somebodys(keys: Iterable[str]) -> bool:
    """Whether one of these numbers is known, whoever may see whose it is."""
    return PatientIdentifier.objects.filter(key__in=list(keys)).exists()


def kept(patient: Patient) -> Patient:
    """The file that has taken this one up, if one has."""
    rows = Patient.objects.select_for_update(of=("self",), no_key=True)
    while (into := patient.merged_into_id) is not None:
        patient = rows.get(pk=into)
    return patient


def vouches(source: Source, patient: Patient) -> bool:
    """Whether the sender's word is enough to file under this patient."""
    if source.peer is not None:
        return True
    if source.user is None:
        return False
    seen = patients_for(source.user).filter(pk=patient.pk).first()
    return seen is not None and seen.access_level >= Level.WRITER


def differences(patient: Patient, birth_date: date | None, sex: str) -> list[str]:
    """What of a header contradicts the file: `birth_date`, `sex`. What is unknown does not."""
    found = []
    if birth_date and patient.birth_date and birth_date != patient.birth_date:
        found.append("birth_date")
    if (said := SEXES.get(sex.strip().upper())) and OPPOSITE[said] == patient.sex:
        found.append("sex")
    return found


def keys_of_header(header: Header, data: bytes, source: Source) -> Iterator[list[str]]:
    """Yield the keys of an object, the better ones first: its number's, then all others'.

    The others are in what `Header` does not read, and as a rule nobody asks for them.
    """
    yield keys_of(header.issuer or source.issuer, header.patient_number)
    yield other_keys(data, header.patient_number)
