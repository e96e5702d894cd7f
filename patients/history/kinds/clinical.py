"""What doctors write: conditions, allergies, medication, procedures, family, symptoms, notes."""

from rest_framework import serializers

from backend.api.text import PlainText
from patients.history import dates, icd10
from patients.history.fields import ICD10Code, PartialDateField
from patients.history.kinds.base import Data, Values, WithComment, choice, joined, refuse, said

SEVERITIES = ("mild", "moderate", "severe")


class ConditionData(WithComment):
    """A diagnosis. Without `text` it is called what ICD-10 calls its code."""

    code = ICD10Code(required=False, help_text="ICD-10, e.g. C71.1.")
    text = PlainText(required=False)
    onset = PartialDateField(required=False)
    clinical_status = choice("active", "recurrence", "remission", "resolved", required=True)
    verification = choice("unconfirmed", "provisional", "differential", "confirmed", "refuted")
    code_unknown = serializers.SerializerMethodField(
        help_text="There is such a form of code, but Falx's own list does not have this one."
    )

    def validate(self, data: Values) -> Values:
        if "text" not in data and icd10.title_of(data.get("code", "")) is None:
            raise refuse("text", "Say which condition it is: its code is not known.", "required")
        return data

    def title(self, data: Values) -> str:
        code = data.get("code", "")
        return joined(code, data.get("text") or icd10.title_of(code), by=" ")

    def happened(self, data: Values) -> str | None:
        return data.get("onset")

    def to_representation(self, instance: Values) -> Values:
        shown = super().to_representation(instance)
        return shown | {"code_unknown": self.get_code_unknown(instance)}

    def get_code_unknown(self, data: Values) -> bool:
        return "code" in data and icd10.title_of(data["code"]) is None


class AllergyData(WithComment):
    substance = PlainText()
    reaction = PlainText(required=False)
    severity = choice(*SEVERITIES)
    criticality = choice("low", "high", "unable_to_assess")

    def title(self, data: Values) -> str:
        return joined(f"Allergy: {data['substance']}", data.get("reaction"))


class MedicationData(WithComment):
    name = PlainText()
    dose = PlainText(required=False, help_text="As it is said: 4 mg twice a day.")
    route = choice(
        "oral",
        "sublingual",
        "rectal",
        "intravenous",
        "intramuscular",
        "subcutaneous",
        "intrathecal",
        "inhaled",
        "nasal",
        "ophthalmic",
        "topical",
        "transdermal",
        "other",
    )
    start = PartialDateField(required=False)
    end = PartialDateField(required=False)
    status = choice("active", "on_hold", "stopped", "completed", required=True)

    def validate(self, data: Values) -> Values:
        if "start" in data and "end" in data and dates.is_before(data["end"], data["start"]):
            raise refuse("end", "It ends before it starts.", "end_before_start")
        return data

    def title(self, data: Values) -> str:
        status = data["status"]
        words = joined(data["name"], data.get("dose"), said(data.get("route")))
        return words if status == "active" else f"{words} ({said(status)})"

    def happened(self, data: Values) -> str | None:
        return data.get("start")


class ProcedureData(WithComment):
    """Surgery, biopsy, radiotherapy and the like."""

    text = PlainText()
    code = PlainText(required=False, max_length=20, help_text="In the code of your hospital.")
    outcome = PlainText(multiline=True, required=False)
    extent_of_resection = choice("gross_total", "near_total", "subtotal", "partial", "biopsy")

    def title(self, data: Values) -> str:
        extent = data.get("extent_of_resection")
        kind = said(extent) if extent in (None, "biopsy") else f"{said(extent)} resection"
        return joined(joined(data.get("code"), data["text"], by=" "), kind)


class FamilyHistoryData(WithComment):
    relation = choice(
        "mother",
        "father",
        "sister",
        "brother",
        "daughter",
        "son",
        "grandmother",
        "grandfather",
        "aunt",
        "uncle",
        "cousin",
        "niece",
        "nephew",
        "other",
        required=True,
    )
    condition = PlainText()

    def title(self, data: Values) -> str:
        relation = "relative" if data["relation"] == "other" else data["relation"]
        return f"{relation.capitalize()}: {data['condition']}"


class SymptomData(WithComment):
    text = PlainText()
    onset = PartialDateField(required=False)
    severity = choice(*SEVERITIES)

    def title(self, data: Values) -> str:
        return joined(data["text"], data.get("severity"))

    def happened(self, data: Values) -> str | None:
        return data.get("onset")


class NoteData(Data):
    """What was said, seen and decided at a visit."""

    text = PlainText(multiline=True)

    def title(self, data: Values) -> str:
        return str(data["text"]).split("\n", 1)[0]
