"""What was measured: vital signs, laboratory values, what the pathologist found."""

from rest_framework import serializers

from backend.api.text import PlainText
from patients.history.fields import Number, PartialDateField, Whole
from patients.history.kinds.base import Values, WithComment, choice, joined, number, refuse, said

_LARGEST = 1e12


class VitalsData(WithComment):
    """At least one of them; the unit is in the name, and what no living adult or child has is a
    slip of the finger."""

    systolic_mmhg = Whole(required=False, min_value=30, max_value=300)
    diastolic_mmhg = Whole(required=False, min_value=10, max_value=200)
    pulse_bpm = Whole(required=False, min_value=10, max_value=300)
    temperature_c = Number(required=False, min_value=25, max_value=45)
    weight_kg = Number(required=False, min_value=0.3, max_value=500)
    height_cm = Number(required=False, min_value=20, max_value=260)
    spo2_percent = Number(required=False, min_value=30, max_value=100)
    karnofsky = Whole(required=False, min_value=0, max_value=100, step=10)
    ecog = Whole(required=False, min_value=0, max_value=5)

    def validate(self, data: Values) -> Values:
        if not data.keys() - {"comment"}:
            raise serializers.ValidationError("Give at least one value.", code="required")
        systolic, diastolic = data.get("systolic_mmhg"), data.get("diastolic_mmhg")
        if (systolic is None) != (diastolic is None):
            missing = "systolic_mmhg" if systolic is None else "diastolic_mmhg"
            raise refuse(missing, "A blood pressure has two values.", "required")
        if systolic is not None and diastolic is not None and systolic <= diastolic:
            raise refuse("diastolic_mmhg", "It lies below the systolic value.", "max_value")
        return data

    def title(self, data: Values) -> str:
        shown = {
            "systolic_mmhg": "BP {}/" + str(data.get("diastolic_mmhg")) + " mmHg",
            "pulse_bpm": "pulse {}/min",
            "temperature_c": "{} °C",
            "weight_kg": "{} kg",
            "height_cm": "{} cm",
            "spo2_percent": "SpO₂ {} %",
            "karnofsky": "Karnofsky {}",
            "ecog": "ECOG {}",
        }
        return joined(
            *(text.format(number(data[name])) for name, text in shown.items() if name in data)
        )


class LaboratoryData(WithComment):
    """One value: a number, with its reference range where known, or words (`positive`, `<0.5`)."""

    name = PlainText()
    value = Number(required=False, min_value=-_LARGEST, max_value=_LARGEST)
    value_text = PlainText(required=False, max_length=50)
    unit = PlainText(required=False, max_length=30, help_text="As printed; UCUM where you can.")
    reference_low = Number(required=False, min_value=-_LARGEST, max_value=_LARGEST)
    reference_high = Number(required=False, min_value=-_LARGEST, max_value=_LARGEST)

    def validate(self, data: Values) -> Values:
        if ("value" in data) == ("value_text" in data):
            raise refuse("value", "Give either a number or words.", "required")
        low, high = data.get("reference_low"), data.get("reference_high")
        if low is not None and high is not None and low > high:
            raise refuse("reference_high", "It lies below the lower bound.", "min_value")
        return data

    def title(self, data: Values) -> str:
        value = number(data["value"]) if "value" in data else data["value_text"]
        return joined(data["name"], value, data.get("unit"), outside(data), by=" ")


def outside(data: Values) -> str | None:
    """Say on which side of the reference range a value lies, if it does."""
    if "value" not in data:
        return None
    if data["value"] < data.get("reference_low", -_LARGEST):
        return "(low)"
    return "(high)" if data["value"] > data.get("reference_high", _LARGEST) else None


class PathologyData(WithComment):
    """What a pathologist found in a specimen, with the markers that WHO grades gliomas by."""

    diagnosis = PlainText()
    who_grade = Whole(required=False, min_value=1, max_value=4, help_text="WHO CNS grade.")
    idh = choice("mutant", "wildtype", "indeterminate")
    codeletion_1p19q = choice("codeleted", "intact", "indeterminate")
    mgmt = choice("methylated", "unmethylated", "indeterminate")
    specimen_date = PartialDateField(required=False)

    def title(self, data: Values) -> str:
        grade, idh = data.get("who_grade"), data.get("idh")
        codeletion, mgmt = data.get("codeletion_1p19q"), data.get("mgmt")
        return joined(
            data["diagnosis"],
            f"WHO grade {grade}" if grade else None,
            f"IDH-{idh}" if idh else None,
            f"1p/19q {said(codeletion)}" if codeletion else None,
            f"MGMT {said(mgmt)}" if mgmt else None,
        )

    def happened(self, data: Values) -> str | None:
        return data.get("specimen_date")
