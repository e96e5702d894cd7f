"""A reading or a review is done: have it published."""

from typing import Any

from django.dispatch import receiver

from dicom.objects.services import publish_later
from inference.models import SeriesAnalysis, SeriesReview
from inference.series.signals import series_read, series_reviewed


@receiver(series_read)
def publish_reading(analysis: SeriesAnalysis, **_: Any) -> None:
    publish_later(analysis=analysis, version=0)


@receiver(series_reviewed)
def publish_review(analysis: SeriesAnalysis, review: SeriesReview, **_: Any) -> None:
    publish_later(analysis=analysis, version=review.version)
