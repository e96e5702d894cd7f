"""Every code that our resources carry, with its display, once.

Where each was looked up, and which could not be, stands in docs/fhir.md.
"""

from typing import Any, NamedTuple

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
URI = "urn:ietf:rfc:3986"
TERMS = "http://terminology.hl7.org/CodeSystem"
OURS = "urn:falx:code"
"""Our own words, for what no terminology that we know has one."""


class Code(NamedTuple):
    system: str
    code: str
    display: str

    @property
    def coding(self) -> dict[str, str]:
        return {"system": self.system, "code": self.code, "display": self.display}

    @property
    def pair(self) -> tuple[str, str]:
        return self.system, self.code

    def concept(self, text: str = "") -> dict[str, Any]:
        said = {"text": text} if text else {}
        return {"coding": [self.coding], **said}


class Unit(NamedTuple):
    """A unit as people write it, and as UCUM does."""

    shown: str
    code: str

    def quantity(self, value: float) -> dict[str, Any]:
        return {"value": value, "unit": self.shown, "system": UCUM, "code": self.code}


MILLIMETRE = Unit("mm", "mm")
SQUARE_MILLIMETRE = Unit("mm²", "mm2")
MILLILITRE = Unit("mL", "mL")
MMHG = Unit("mmHg", "mm[Hg]")
PER_MINUTE = Unit("/min", "/min")
CELSIUS = Unit("°C", "Cel")
KILOGRAM = Unit("kg", "kg")
CENTIMETRE = Unit("cm", "cm")
PERCENT = Unit("%", "%")
SCORE = Unit("score", "{score}")
ONE = Unit("1", "1")

# --- Readings -------------------------------------------------------------------------------

BRAIN_MRI = Code(LOINC, "24590-2", "MR Brain")
IMAGING_STUDY = Code(LOINC, "18748-4", "Diagnostic imaging study")
RADIOLOGY = Code(f"{TERMS}/v2-0074", "RAD", "Radiology")
TUMOUR_CLASS = Code(OURS, "tumour-class", "Class of brain tumour")
PROBABILITY = Code(DICOM, "122157", "Probability")
LONG_AXIS = Code(SNOMED, "103339001", "Long axis")
SHORT_AXIS = Code(SNOMED, "103340004", "Short axis")
AREA = Code(SNOMED, "42798000", "Area")
VOLUME = Code(SNOMED, "118565006", "Volume")
LATERALITY = Code(SNOMED, "272741003", "Laterality")
SIDES = {
    "left": Code(SNOMED, "7771000", "Left"),
    "right": Code(SNOMED, "24028007", "Right"),
    "middle": Code(DICOM, "130290", "Median"),
}
BRAIN = Code(SNOMED, "12738006", "Brain")
HEAD = Code(SNOMED, "69536005", "Head")
BODY_PARTS = {"BRAIN": BRAIN, "HEAD": HEAD}

LABELS = {
    "glioma": Code(SNOMED, "393564001", "Glioma"),
    "meningioma": Code(SNOMED, "302820008", "Intracranial meningioma"),
    "pituitary": Code(SNOMED, "127024001", "Neoplasm of pituitary gland"),
    # SNOMED's "no abnormality detected" would say more than that no tumour was found.
    "no_tumor": Code(OURS, "no-tumour", "No tumour found"),
}

# --- Vital signs ----------------------------------------------------------------------------

BLOOD_PRESSURE = Code(LOINC, "85354-9", "Blood pressure panel with all children optional")
SYSTOLIC = Code(LOINC, "8480-6", "Systolic blood pressure")
DIASTOLIC = Code(LOINC, "8462-4", "Diastolic blood pressure")
VITALS = {
    "pulse_bpm": (Code(LOINC, "8867-4", "Heart rate"), PER_MINUTE),
    "temperature_c": (Code(LOINC, "8310-5", "Body temperature"), CELSIUS),
    "weight_kg": (Code(LOINC, "29463-7", "Body weight"), KILOGRAM),
    "height_cm": (Code(LOINC, "8302-2", "Body height"), CENTIMETRE),
    "spo2_percent": (Code(LOINC, "2708-6", "Oxygen saturation in Arterial blood"), PERCENT),
}
SCORES = {
    "karnofsky": Code(LOINC, "89243-0", "Karnofsky Performance Status score"),
    "ecog": Code(LOINC, "89247-1", "ECOG Performance Status score"),
}


def observation_category(code: str) -> Code:
    display = {
        "vital-signs": "Vital Signs",
        "laboratory": "Laboratory",
        "imaging": "Imaging",
        "survey": "Survey",
    }[code]
    return Code(f"{TERMS}/observation-category", code, display)


# --- What is written in histories -----------------------------------------------------------


def clinical_status(code: str) -> Code:
    return Code(f"{TERMS}/condition-clinical", code, code.capitalize())


def verification_status(code: str) -> Code:
    display = "Entered in Error" if code == "entered-in-error" else code.capitalize()
    return Code(f"{TERMS}/condition-ver-status", code, display)


PROBLEM = Code(f"{TERMS}/condition-category", "problem-list-item", "Problem List Item")
ALLERGY_ACTIVE = Code(f"{TERMS}/allergyintolerance-clinical", "active", "Active")
ALLERGY_ERROR = Code(
    f"{TERMS}/allergyintolerance-verification", "entered-in-error", "Entered in Error"
)

ROUTES = {
    "oral": Code(SNOMED, "26643006", "Oral route"),
    "sublingual": Code(SNOMED, "37839007", "Sublingual route"),
    "rectal": Code(SNOMED, "37161004", "Rectal route"),
    "intravenous": Code(SNOMED, "47625008", "Intravenous route"),
    "intramuscular": Code(SNOMED, "78421000", "Intramuscular route"),
    "subcutaneous": Code(SNOMED, "34206005", "Subcutaneous route"),
    "intrathecal": Code(SNOMED, "72607000", "Intrathecal route"),
    "inhaled": Code(SNOMED, "447694001", "Respiratory tract route"),
    "nasal": Code(SNOMED, "46713006", "Nasal route"),
    "ophthalmic": Code(SNOMED, "54485002", "Ophthalmic route"),
    "topical": Code(SNOMED, "6064005", "Topical route"),
    "transdermal": Code(SNOMED, "45890007", "Transdermal route"),
}

_ROLE = f"{TERMS}/v3-RoleCode"
RELATIVES = {
    "mother": Code(_ROLE, "MTH", "mother"),
    "father": Code(_ROLE, "FTH", "father"),
    "sister": Code(_ROLE, "SIS", "sister"),
    "brother": Code(_ROLE, "BRO", "brother"),
    "daughter": Code(_ROLE, "DAUC", "daughter"),
    "son": Code(_ROLE, "SONC", "son"),
    "grandmother": Code(_ROLE, "GRMTH", "grandmother"),
    "grandfather": Code(_ROLE, "GRFTH", "grandfather"),
    "aunt": Code(_ROLE, "AUNT", "aunt"),
    "uncle": Code(_ROLE, "UNCLE", "uncle"),
    "cousin": Code(_ROLE, "COUSN", "cousin"),
    "niece": Code(_ROLE, "NIECE", "niece"),
    "nephew": Code(_ROLE, "NEPHEW", "nephew"),
    "other": Code(_ROLE, "FAMMEMB", "family member"),
}

# --- Who and what ---------------------------------------------------------------------------

IDENTIFIER_KINDS = {
    "medical_record": Code(f"{TERMS}/v2-0203", "MR", "Medical record number"),
    "national_id": Code(f"{TERMS}/v2-0203", "NI", "National unique individual identifier"),
    "insurance": Code(f"{TERMS}/v2-0203", "MB", "Member Number"),
}
ACCESSION = Code(f"{TERMS}/v2-0203", "ACSN", "Accession ID")
EMERGENCY_CONTACT = Code(f"{TERMS}/v2-0131", "C", "Emergency Contact")
DICOM_UID = "urn:dicom:uid"
WADO_RS = Code(f"{TERMS}/endpoint-connection-type", "dicom-wado-rs", "DICOM WADO-RS")
REST = Code(f"{TERMS}/audit-event-type", "rest", "RESTful Operation")
BREAK_THE_GLASS = Code(f"{TERMS}/v3-ActReason", "BTG", "break the glass")

LANGUAGE = "http://hl7.org/fhir/StructureDefinition/language"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
