"""Observation: what a reading found, and what was measured at a visit."""

from dataclasses import dataclass
from typing import Any

from fhir import codes
from fhir.codes import Code, Unit, observation_category
from fhir.elements import Json, instant, person, reference
from fhir.resources.device import device_id
from fhir.resources.history import happened
from fhir.resources.readings import Found, found
from inference.models import Analysis, SeriesAnalysis
from patients.models import HistoryEntry

IMAGING = observation_category("imaging")
VITAL = observation_category("vital-signs")
SURVEY = observation_category("survey")
LABORATORY = observation_category("laboratory")


@dataclass(frozen=True)
class Size:
    field: str
    code: Code
    unit: Unit
    text: str


SIZES = {
    "long-axis": Size(
        "longest_diameter_mm", codes.LONG_AXIS, codes.MILLIMETRE, "Longest diameter of the tumour"
    ),
    "short-axis": Size(
        "perpendicular_diameter_mm",
        codes.SHORT_AXIS,
        codes.MILLIMETRE,
        "Longest diameter perpendicular to the longest",
    ),
    "area": Size("area_mm2", codes.AREA, codes.SQUARE_MILLIMETRE, "Area of the tumour"),
    "volume": Size("volume_ml", codes.VOLUME, codes.MILLILITRE, "Volume of the tumour"),
}
OBSERVED = {"entered-in-error", "final", "corrected", "preliminary"}


def label(row: Analysis | SeriesAnalysis) -> Json:
    """Build the Observation of what a reading says it is, with the model's probabilities."""
    reading = found(row)
    code = codes.LABELS[reading.label]
    return of_reading(reading, "label", reading.status, codes.TUMOUR_CLASS.concept()) | {
        "valueCodeableConcept": code.concept(reading.label_shown),
        "component": [
            {
                "code": codes.LABELS[name].concept(f"Probability: {codes.LABELS[name].display}"),
                "valueQuantity": codes.ONE.quantity(value),
            }
            for name, value in reading.probabilities.items()
            if name in codes.LABELS
        ]
        + side(reading),
    }


def side(reading: Found) -> list[Json]:
    """On which side of the patient it lies, where that is known."""
    found = codes.SIDES.get(reading.measured.get("side_patient") or "")
    if found is None:
        return []
    return [{"code": codes.LATERALITY.concept(), "valueCodeableConcept": found.concept()}]


def size(row: Analysis | SeriesAnalysis, name: str) -> Json:
    """Build the Observation of one size; what a doctor took away was in error."""
    reading, one = found(row), SIZES[name]
    value = reading.measured.get(one.field)
    status = reading.status
    if value is None:
        value, status = reading.model[one.field], "entered-in-error"
    return of_reading(reading, name, status, one.code.concept(one.text)) | {
        "valueQuantity": one.unit.quantity(value)
    }


def of_reading(reading: Found, name: str, status: str, code: Json) -> Json:
    return {
        "resourceType": "Observation",
        "id": f"{reading.id}.{name}",
        "status": status,
        "category": [IMAGING.concept()],
        "code": code,
        "subject": reference("Patient", reading.patient_id),
        "effectiveDateTime": instant(reading.taken_at),
        "issued": instant(reading.issued_at),
        "performer": [person(reading.reviewer)],
        "bodySite": codes.BRAIN.concept(),
        "device": reference("Device", device_id(reading.release)) if reading.release else None,
        "derivedFrom": [reference("ImagingStudy", reading.study.pk)],
    }


def blood_pressure(row: HistoryEntry) -> Json:
    pressures = (codes.SYSTOLIC, "systolic_mmhg"), (codes.DIASTOLIC, "diastolic_mmhg")
    return of_entry(row, "blood-pressure", VITAL, codes.BLOOD_PRESSURE.concept()) | {
        "component": [
            {"code": code.concept(), "valueQuantity": codes.MMHG.quantity(row.data[field])}
            for code, field in pressures
        ]
    }


def vital(row: HistoryEntry, field: str) -> Json:
    code, unit = codes.VITALS[field]
    return of_entry(row, vital_name(field), VITAL, code.concept()) | {
        "valueQuantity": unit.quantity(row.data[field])
    }


def score(row: HistoryEntry, field: str) -> Json:
    return of_entry(row, vital_name(field), SURVEY, codes.SCORES[field].concept()) | {
        "valueQuantity": codes.SCORE.quantity(row.data[field])
    }


def vital_name(field: str) -> str:
    return field.partition("_")[0]


def laboratory(row: HistoryEntry) -> Json:
    """A laboratory value; its unit stands as printed, since nobody here checks that it is UCUM."""
    data = row.data
    unit = data.get("unit")
    low, high = data.get("reference_low"), data.get("reference_high")
    bounds = {"low": low, "high": high}
    return of_entry(row, "value", LABORATORY, {"text": data["name"]}) | {
        "valueQuantity": {"value": data["value"], "unit": unit} if "value" in data else None,
        "valueString": data.get("value_text"),
        "referenceRange": [
            {
                side: {"value": value, "unit": unit}
                for side, value in bounds.items()
                if value is not None
            }
        ],
    }


def of_entry(row: HistoryEntry, name: str, category: Code, code: Json) -> Json:
    comment: Any = row.data.get("comment")
    return {
        "resourceType": "Observation",
        "id": f"{row.pk}.{name}",
        "status": "entered-in-error" if row.status == "entered_in_error" else "final",
        "category": [category.concept()],
        "code": code,
        "subject": reference("Patient", row.patient_id),
        "effectiveDateTime": happened(row),
        "issued": instant(row.updated_at),
        "performer": [person(row.author)],
        "note": [{"text": comment}] if comment else None,
    }
