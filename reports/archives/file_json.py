"""`file.json`: everything in a file, in the shapes that the API has for it."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from audit.api.serializers import FileEventSerializer
from inference.api.opinion_serializers import OpinionSerializer
from inference.api.serializers import AnalysisSerializer
from inference.models import Analysis, SeriesAnalysis
from inference.reviews.api.serializers import CommentSerializer, ReadingReviewWithOutlineSerializer
from inference.series.api.serializers import (
    SeriesAnalysisWithSlicesSerializer,
    SeriesReviewSerializer,
)
from inference.series.selectors import series_analyses_of
from patients.api.history_serializers import EntrySerializer, EntryVersionSerializer
from patients.api.serializers import PatientSerializer
from patients.models import Attachment, HistoryEntry
from patients.team.api.serializers import MemberSerializer
from reports.contents import FileContents
from scans.api.serializers import ScanSerializer
from scans.api.series_serializers import (
    InstanceSerializer,
    StudyWithSeriesSerializer,
    shown_series,
)
from scans.models import Instance, Scan, Study
from scans.series.selectors import instances_of

FORMAT = "falx-file-1"


def pieces(contents: FileContents, made_at: datetime) -> Iterator[str]:
    """Yield the JSON text bit by bit: what grows without end is never all in memory."""
    yield "{" + ",".join(
        f"\n{as_json(key)}: {as_json(value)}"
        for key, value in {
            "format": FORMAT,
            "made_at": made_at,
            "patient": PatientSerializer(contents.patient).data,
            "team": MemberSerializer(contents.members, many=True).data,
        }.items()
    )
    for key, values in (
        ("history", (entry_data(entry) for entry in contents.history)),
        ("scans", (scan_data(scan) for scan in contents.scans)),
        ("studies", (study_data(study) for study in contents.studies)),
        ("accesses", (FileEventSerializer(event).data for event in contents.events)),
    ):
        yield f",\n{as_json(key)}: ["
        yield from separated(as_json(value) for value in values)
        yield "]"
    yield "\n}\n"


def entry_data(entry: HistoryEntry) -> dict[str, Any]:
    versions = list(entry.versions.all())
    for version in versions:
        version.entry = entry  # asked for by each; it is at hand
    attached = getattr(entry, "attachment", None)
    # The serializer has a field of this name, and so its type.
    shown: dict[str, Any] = EntrySerializer(entry).data  # type: ignore[assignment]
    return shown | {
        "versions": EntryVersionSerializer(versions, many=True).data,
        "stored_as": attachment_name(attached) if attached else None,
    }


def attachment_name(attachment: Attachment) -> str:
    return f"attachments/{attachment.pk}.{attachment.format}"


def scan_data(scan: Scan) -> dict[str, Any]:
    return ScanSerializer(scan).data | {
        "uploaded_by": str(scan.uploaded_by) if scan.uploaded_by else None,
        "folder": f"scans/{scan.pk}",
        "analyses": [analysis_data(analysis) for analysis in scan.analyses.all()],
        "opinions": OpinionSerializer(scan.opinions.all(), many=True).data,
    }


def analysis_data(analysis: Analysis) -> dict[str, Any]:
    return AnalysisSerializer(analysis).data | {
        "folder": f"scans/{analysis.scan_id}/analyses/{analysis.pk}",
        "reviews": ReadingReviewWithOutlineSerializer(analysis.reviews.all(), many=True).data,
        "comments": CommentSerializer(analysis.comments.all(), many=True).data,
    }


def study_data(study: Study) -> dict[str, Any]:
    return StudyWithSeriesSerializer(study).data | {
        "instances": [
            InstanceSerializer(instance).data | {"stored_as": instance_name(instance)}
            for instance in study_instances(study)
        ],
        "readings": [series_reading_data(analysis) for analysis in study_readings(study)],
    }


def series_reading_data(analysis: SeriesAnalysis) -> dict[str, Any]:
    return SeriesAnalysisWithSlicesSerializer(analysis).data | {
        "folder": series_reading_folder(analysis),
        "reviews": SeriesReviewSerializer(analysis.reviews.all(), many=True).data,
    }


def series_reading_folder(analysis: SeriesAnalysis) -> str:
    return f"studies/{analysis.series_id}/readings/{analysis.pk}"


def study_readings(study: Study) -> Iterator[SeriesAnalysis]:
    """All readings of whole series of a study, series by series."""
    for series in shown_series(study):
        yield from series_analyses_of(series).iterator(chunk_size=20)


def study_instances(study: Study) -> Iterator[Instance]:
    """All objects of a study, series by series."""
    for series in shown_series(study):
        yield from instances_of(series).iterator(chunk_size=500)


def instance_name(instance: Instance) -> str:
    """Where an object stands in the archive; names are made of ids only."""
    suffix = str(instance.file.name).rpartition("/")[2].partition(".")[2]
    return f"studies/{instance.series_id}/{instance.pk}.{suffix}"


def separated(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield f",\n{text}" if number else f"\n{text}"


def as_json(value: object) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
