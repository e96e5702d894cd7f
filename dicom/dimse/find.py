"""C-FIND at study level, study root (PS3.4, annex C.6.2)."""

from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom.valuerep import DA
from pynetdicom import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from pynetdicom.status import code_to_category

from backend.api.text import printable
from dicom.dimse.call import association, status_of, succeeded
from dicom.models import Peer
from scans.decoding.dicom import value_of

MOST = 100
_MOST_OBJECTS = 2**31 - 1  # IS, PS3.5, 6.2
ASKED = (
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyDate",
    "StudyDescription",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)


@dataclass(frozen=True)
class FoundStudy:
    """What a peer says of a study that it has; what it does not say is empty, or None."""

    study_uid: str
    patient_number: str
    issuer: str
    patient_name: str
    birth_date: str | None
    sex: str
    accession: str
    date: str | None
    description: str
    modalities: list[str]
    series: int | None
    instances: int | None


def find(peer: Peer, **wanted: str) -> list[FoundStudy]:
    """Search a peer's studies; at most `MOST`.

    Args:
        wanted: Attributes by keyword, with `*` and ranges as DICOM has them (C.2.2.2).

    Raises:
        DimseError: it cannot be asked, or does not answer.
    """
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    for keyword in ASKED:
        setattr(identifier, keyword, wanted.get(keyword, ""))
    if not all(value.isascii() for value in wanted.values()):
        identifier.SpecificCharacterSet = "ISO_IR 192"
    found: list[FoundStudy] = []
    model = StudyRootQueryRetrieveInformationModelFind
    with association(peer, [build_context(model)]) as opened:
        for answer, match in opened.send_c_find(identifier, model, msg_id=1):
            if code_to_category(status_of(answer)) != "Pending":
                if answer.Status != 0xFE00:  # cancelled, by us
                    succeeded(answer)
                break
            if match is not None and match.get("StudyInstanceUID") and len(found) < MOST:
                found.append(described(match))
                if len(found) == MOST:
                    opened.send_c_cancel(1, query_model=model)
    return found


def described(match: Dataset) -> FoundStudy:
    """Take from an answer (of C-FIND or QIDO-RS) what can be used of it."""
    return FoundStudy(
        study_uid=text(match, "StudyInstanceUID", 64),
        patient_number=text(match, "PatientID", 64),
        issuer=text(match, "IssuerOfPatientID", 150),
        patient_name=text(match, "PatientName", 324),
        birth_date=day(match, "PatientBirthDate"),
        sex=text(match, "PatientSex", 16),
        accession=text(match, "AccessionNumber", 64),
        date=day(match, "StudyDate"),
        description=text(match, "StudyDescription", 64),
        modalities=text(match, "ModalitiesInStudy", 200).split("\\"),
        series=number(match, "NumberOfStudyRelatedSeries"),
        instances=number(match, "NumberOfStudyRelatedInstances"),
    )


def text(match: Dataset, keyword: str, length: int) -> str:
    value: Any = value_of(match, keyword)
    if isinstance(value, (list, tuple)) or hasattr(value, "append"):
        value = "\\".join(map(str, value))
    return printable(str(value or ""), length)


def day(match: Dataset, keyword: str) -> str | None:
    try:
        date = DA(str(value_of(match, keyword) or ""))
    except ValueError:
        return None
    return date.isoformat() if date else None


def number(match: Dataset, keyword: str) -> int | None:
    try:
        found = int(value_of(match, keyword))
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0 <= found <= _MOST_OBJECTS else None
