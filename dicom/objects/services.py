"""Readings become objects that other systems understand, in the same study: each once."""

from io import BytesIO

from django.db.models import Exists, OuterRef
from pydicom import Dataset

from backend.api.errors import Conflict
from dicom.deliveries import jobs
from dicom.deliveries.services import deliver_to_all
from dicom.models import Publication
from dicom.objects.document import document
from dicom.objects.picture import heatmap
from dicom.objects.report import report
from dicom.objects.result import MANUFACTURER, Result
from dicom.objects.segmentation import segmentations
from dicom.objects.sources import heatmap_of, overlay_of, result_of
from inference.models import SeriesAnalysis, SeriesReview
from patients.models import Patient
from scans.models import Instance
from scans.series.services import file_instance, settle

TASK = "dicom.publish"
MOST_AT_ONCE = 100


def publish_later(*, analysis: SeriesAnalysis, version: int) -> Publication:
    """Have a version of a reading made into objects, once, by a worker.

    Args:
        version: 0 for the reading itself, else that of the review.
    """
    publication, is_new = Publication.objects.get_or_create(analysis=analysis, version=version)
    if is_new:
        jobs.send(TASK, publication)
    return publication


def publish_missing() -> None:
    """Have everything published of which nobody was told: a worker may die before it tells."""
    done = SeriesAnalysis.objects.filter(status=SeriesAnalysis.Status.DONE)
    known = Publication.objects.filter(analysis=OuterRef("pk"), version=0)
    for analysis in done.filter(~Exists(known)).order_by("created_at")[:MOST_AT_ONCE]:
        publish_later(analysis=analysis, version=0)
    known = Publication.objects.filter(analysis=OuterRef("analysis"), version=OuterRef("version"))
    reviews = SeriesReview.objects.filter(~Exists(known)).select_related("analysis")
    for review in reviews.order_by("created_at")[:MOST_AT_ONCE]:
        publish_later(analysis=review.analysis, version=review.version)


def publish(publication: Publication) -> None:
    """Make, file and send what a publication is of. Doing it again makes nothing again."""
    analysis = publication.analysis
    for instance in publish_results(analysis=analysis, version=publication.version):
        deliver_to_all(instance=instance, series=analysis.series)


def publish_results(*, analysis: SeriesAnalysis, version: int = 0) -> list[Instance]:
    """File the objects of one version of a reading in its study; return them.

    Version 0 is the outline, the measurements, the heat map and a page for people; a review is a
    new version of the measurements and of the page. A series that did not come as DICOM has none:
    they would refer to nothing.

    Raises:
        OSError: a stored file could not be read.
        TypesetError: the page could not be set.
    """
    result = result_of(analysis, version)
    if result is None:
        return []
    patient = analysis.series.study.patient
    filed = [_file(patient, made) for made in _objects(result, analysis)]
    for series in {instance.series_id: instance.series for instance in filed}.values():
        settle(series)
    return filed


def _objects(result: Result, analysis: SeriesAnalysis) -> list[Dataset]:
    outlines = segmentations(result)
    measured = report(result, outlines)
    page = document(result, overlay_of(analysis))
    if result.version:
        return [measured, page]
    pictures = []
    if result.shown is not None and (pixels := heatmap_of(analysis)) is not None:
        pictures.append(heatmap(result, result.shown, pixels))
    return [*outlines, measured, *pictures, page]


def _file(patient: Patient, made: Dataset) -> Instance:
    out = BytesIO()
    made.save_as(out, enforce_file_format=True)
    try:
        return file_instance(
            patient=patient, data=out.getvalue(), source=MANUFACTURER, ours=True
        ).instance
    except Conflict:
        # The same UID, made by another release of the software: the first one stays.
        return Instance.objects.get(uid=made.SOPInstanceUID, series__study__patient=patient)
