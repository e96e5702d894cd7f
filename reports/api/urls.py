from django.urls import path

from reports.api import archives, erasure, views

urlpatterns = [
    path("scans/<uuid:scan_id>/report.pdf", views.ScanReportView.as_view(), name="scan-report"),
    path(
        "patients/<uuid:patient_id>/report.pdf",
        views.PatientReportView.as_view(),
        name="patient-report",
    ),
    path(
        "patients/<uuid:patient_id>/archive",
        archives.PatientArchiveView.as_view(),
        name="patient-archive",
    ),
    path("archives/<uuid:archive_id>", archives.ArchiveView.as_view(), name="archive"),
    path(
        "archives/<uuid:archive_id>/file", archives.ArchiveFileView.as_view(), name="archive-file"
    ),
    # In front of the one in `patients`: erasing reaches into every app, so it is done from above.
    path("patients/<uuid:patient_id>", erasure.PatientView.as_view(), name="patient"),
]
