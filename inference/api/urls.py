from django.urls import include, path

from inference.api import live, releases, uploads, views

urlpatterns = [
    path("patients/<uuid:patient_id>/scans", views.PatientScansView.as_view(), name="scans"),
    path(
        "patients/<uuid:patient_id>/uploads",
        uploads.PatientUploadsView.as_view(),
        name="patient-uploads",
    ),
    path("uploads/<uuid:upload_id>", uploads.UploadView.as_view(), name="upload"),
    path("scans/<uuid:scan_id>", views.ScanView.as_view(), name="scan"),
    path("scans/<uuid:scan_id>/analyses", views.ScanAnalysesView.as_view(), name="scan-analyses"),
    path("analyses/<uuid:analysis_id>", views.AnalysisView.as_view(), name="analysis"),
    path(
        "analyses/<uuid:analysis_id>/events",
        live.AnalysisEventsView.as_view(),
        name="analysis-events",
    ),
    path("analyses/<uuid:analysis_id>/cancel", views.CancelView.as_view(), name="analysis-cancel"),
    path("analyses/<uuid:analysis_id>/retry", views.RetryView.as_view(), name="analysis-retry"),
    path("analyses/<uuid:analysis_id>/mask.png", views.MaskView.as_view(), name="analysis-mask"),
    path(
        "analyses/<uuid:analysis_id>/overlay.png",
        views.OverlayView.as_view(),
        name="analysis-overlay",
    ),
    path(
        "analyses/<uuid:analysis_id>/heatmap.png",
        views.HeatmapView.as_view(),
        name="analysis-heatmap",
    ),
    path("releases", releases.ReleasesView.as_view(), name="releases"),
    path("", include("inference.series.api.urls")),
    path("", include("inference.reviews.api.urls")),
    path("", include("inference.progress.api.urls")),
]
