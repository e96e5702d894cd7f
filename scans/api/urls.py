from django.urls import path

from scans.api import series
from scans.api.views import ScanFileView, ScanPreviewView

urlpatterns = [
    path("scans/<uuid:scan_id>/file", ScanFileView.as_view(), name="scan-file"),
    path("scans/<uuid:scan_id>/preview.png", ScanPreviewView.as_view(), name="scan-preview"),
    path("patients/<uuid:patient_id>/studies", series.PatientStudiesView.as_view(), name="studies"),
    path("studies/<uuid:study_id>", series.StudyView.as_view(), name="study"),
    path("series/<uuid:series_id>", series.SeriesView.as_view(), name="series"),
    path(
        "series/<uuid:series_id>/instances",
        series.SeriesInstancesView.as_view(),
        name="series-instances",
    ),
    path(
        "series/<uuid:series_id>/thumbnail.png",
        series.SeriesThumbnailView.as_view(),
        name="series-thumbnail",
    ),
    path(
        "instances/<uuid:instance_id>/file", series.InstanceFileView.as_view(), name="instance-file"
    ),
]
