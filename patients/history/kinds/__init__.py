"""The kinds of entries: what each may say. This is the one list of them."""

from collections.abc import Mapping
from typing import Any

from patients.history.kinds.base import Data, Values
from patients.history.kinds.clinical import (
    AllergyData,
    ConditionData,
    FamilyHistoryData,
    MedicationData,
    NoteData,
    ProcedureData,
    SymptomData,
)
from patients.history.kinds.measured import LaboratoryData, PathologyData, VitalsData
from patients.history.kinds.written import AttachmentData, OpinionData, ReadingData
from patients.models import HistoryEntry, Patient

__all__ = ["BY_SYSTEM", "KINDS", "WRITABLE", "Data", "Values", "checked", "of"]

Kind = HistoryEntry.Kind

KINDS: dict[Kind, type[Data]] = {
    Kind.CONDITION: ConditionData,
    Kind.ALLERGY: AllergyData,
    Kind.MEDICATION: MedicationData,
    Kind.PROCEDURE: ProcedureData,
    Kind.FAMILY_HISTORY: FamilyHistoryData,
    Kind.SYMPTOM: SymptomData,
    Kind.NOTE: NoteData,
    Kind.VITALS: VitalsData,
    Kind.LABORATORY: LaboratoryData,
    Kind.PATHOLOGY: PathologyData,
    Kind.ATTACHMENT: AttachmentData,
    Kind.READING: ReadingData,
    Kind.OPINION: OpinionData,
}
BY_SYSTEM = (Kind.READING, Kind.OPINION)
"""The kinds that nobody writes or edits by hand."""

WRITABLE = [kind for kind in Kind if kind not in (*BY_SYSTEM, Kind.ATTACHMENT)]
"""The kinds that are written as JSON by people; attachments come with a file."""

_ALL = {kind: data() for kind, data in KINDS.items()}


def of(kind: str) -> Data:
    """Return what knows the kind: for titles and for showing, not for checking."""
    return _ALL[Kind(kind)]


def checked(
    kind: str, data: Mapping[str, Any], patient: Patient, *, before: Values | None = None
) -> Values:
    """Check what somebody says in an entry.

    Args:
        before: What the entry says now: what `data` does not name stays.

    Returns:
        What is to be kept: fit for JSON, without what is empty.

    Raises:
        ValidationError: what is wrong, by field.
    """
    given = dict(data)
    stays: Values = {}
    fields = of(kind).fields
    for name, value in (before or {}).items():
        if name in fields and fields[name].read_only:
            stays[name] = value
        else:
            given.setdefault(name, value)
    serializer = KINDS[Kind(kind)](data=given, context={"birth_date": patient.birth_date})
    serializer.is_valid(raise_exception=True)
    return stays | {name: value for name, value in serializer.validated_data.items() if value != ""}
