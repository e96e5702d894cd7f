from django.urls import path

from reports.api import views

urlpatterns = [
    path("scans/<uuid:scan_id>/report.pdf", views.ScanReportView.as_view(), name="scan-report"),
    path(
        "patients/<uuid:patient_id>/report.pdf",
        views.PatientReportView.as_view(),
        name="patient-report",
    ),
]
