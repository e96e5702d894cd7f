from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from backend.api.serializers import Strict
from inference.models import Label
from inference.progress.rano import Assessment, Category, Change
from inference.progress.timeline import Point, Progress
from inference.progress.wording import NO_CATEGORIES, OBSTACLES, RULE, cautions
from patients.models import Patient


class ProgressQuerySerializer(Strict, serializers.Serializer[Any]):
    baseline = serializers.DateField(
        required=False,
        help_text="Compare from this date on, e.g. the first scan after radiotherapy.",
    )


class SourceSerializer(serializers.Serializer[Any]):
    citation = serializers.CharField()
    doi = serializers.CharField()


class RuleSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    measure = serializers.CharField()
    measurable_from_mm = serializers.FloatField()
    partial_response_up_to = serializers.FloatField(help_text="Of the baseline's product.")
    progression_from = serializers.FloatField(help_text="Of the smallest product before.")
    sources = SourceSerializer(many=True)


class SaidSerializer(serializers.Serializer[Any]):
    """A stable code and a sentence."""

    code = serializers.CharField()
    message = serializers.CharField()


class SizeSerializer(serializers.Serializer[Any]):
    area_mm2 = serializers.FloatField()
    longest_diameter_mm = serializers.FloatField()
    perpendicular_diameter_mm = serializers.FloatField()
    product_mm2 = serializers.FloatField()
    measurable = serializers.BooleanField(help_text="Both diameters are 10 mm or more.")


class SizeChangeSerializer(serializers.Serializer[Any]):
    """Percent; null where the reference is 0."""

    area = serializers.FloatField(allow_null=True)
    longest_diameter = serializers.FloatField(allow_null=True)
    product = serializers.FloatField(allow_null=True)


class PointSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    dated_by = serializers.ChoiceField(["acquisition", "upload"])
    scans = serializers.IntegerField(help_text="Slices of this date; the largest counts.")
    scan = serializers.UUIDField(help_text="The one that counts.")
    analysis = serializers.UUIDField()
    series_uid = serializers.CharField()
    series_description = serializers.CharField()
    status = serializers.CharField(help_text="preliminary, signed or corrected")
    label = serializers.ChoiceField(Label.choices)  # type: ignore[assignment]
    area_px = serializers.IntegerField(allow_null=True, help_text="Of this slice alone.")
    comparable = serializers.BooleanField()
    reason = SaidSerializer(allow_null=True, help_text="Why it is not comparable.")
    size = SizeSerializer(allow_null=True)
    since_baseline = SizeChangeSerializer(allow_null=True)
    since_smallest = SizeChangeSerializer(allow_null=True)
    category = serializers.ChoiceField([c.value for c in Category], allow_null=True)
    no_category = SaidSerializer(allow_null=True, help_text="Why there is no category.")
    confirmation = serializers.ChoiceField(
        ["confirmed", "unconfirmed"],
        allow_null=True,
        help_text="Of a response: whether a scan four weeks later or more still shows it.",
    )


class ProgressSerializer(serializers.Serializer[Any]):
    patient = serializers.UUIDField()
    rule = RuleSerializer()
    cautions = SaidSerializer(many=True)
    baseline = serializers.DateField(allow_null=True)
    smallest = serializers.DateField(allow_null=True, help_text="The smallest product of all.")
    points = PointSerializer(many=True)


def progress_body(patient: Patient, progress: Progress) -> dict[str, Any]:
    compared = progress.compared
    smallest = min(compared, key=lambda p: p.size.product_mm2 if p.size else 0.0, default=None)
    body = {
        "patient": patient.id,
        "rule": RULE,
        "cautions": [said(code, text) for code, text in cautions(progress).items()],
        "baseline": compared[0].on if compared else None,
        "smallest": smallest.on if smallest else None,
        "points": [point_body(point) for point in progress.points],
    }
    return dict(ProgressSerializer(body).data)


def point_body(point: Point) -> dict[str, Any]:
    answer, size = point.answer, point.size
    return {
        "date": point.on,
        "dated_by": "acquisition" if point.dated else "upload",
        "scans": point.scans,
        "scan": answer.scan.id,
        "analysis": answer.analysis.id,
        "series_uid": answer.scan.series.uid,
        "series_description": answer.scan.series.description,
        "status": answer.status,
        "label": answer.label,
        "area_px": (answer.measurements or {}).get("area_px"),
        "comparable": size is not None,
        "reason": point.obstacle and said(point.obstacle, OBSTACLES[point.obstacle]),
        "size": size
        and {
            "area_mm2": size.area_mm2,
            "longest_diameter_mm": size.longest_mm,
            "perpendicular_diameter_mm": size.across_mm,
            "product_mm2": size.product_mm2,
            "measurable": size.measurable,
        },
    } | assessment_body(point.assessment)


def assessment_body(assessment: Assessment | None) -> dict[str, Any]:
    if assessment is None:
        names = ("since_baseline", "since_smallest", "category", "no_category", "confirmation")
        return dict.fromkeys(names)
    why = assessment.no_category
    confirmation = {None: None, True: "confirmed", False: "unconfirmed"}
    return {
        "since_baseline": change_body(assessment.since_baseline),
        "since_smallest": change_body(assessment.since_smallest),
        "category": assessment.category,
        "no_category": why and said(why, NO_CATEGORIES[why]),
        "confirmation": confirmation[assessment.confirmed],
    }


def change_body(change: Change | None) -> dict[str, Any] | None:
    return None if change is None else asdict(change)


def said(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
