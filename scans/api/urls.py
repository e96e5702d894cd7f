from django.urls import path

from scans.api.views import ScanFileView, ScanPreviewView

urlpatterns = [
    path("scans/<uuid:scan_id>/file", ScanFileView.as_view(), name="scan-file"),
    path("scans/<uuid:scan_id>/preview.png", ScanPreviewView.as_view(), name="scan-preview"),
]
