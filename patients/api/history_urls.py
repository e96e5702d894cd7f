from django.urls import path

from patients.api.history import (
    AttachmentFileView,
    AttachmentsView,
    EntryView,
    HistoryView,
    ICD10View,
    VersionsView,
)

urlpatterns = [
    path("patients/<uuid:patient_id>/history", HistoryView.as_view(), name="patient-history"),
    path("patients/<uuid:patient_id>/attachments", AttachmentsView.as_view(), name="attachments"),
    path("history/<uuid:entry_id>", EntryView.as_view(), name="history-entry"),
    path("history/<uuid:entry_id>/versions", VersionsView.as_view(), name="history-versions"),
    path("history/<uuid:entry_id>/file", AttachmentFileView.as_view(), name="history-file"),
    path("icd10", ICD10View.as_view(), name="icd10"),
]
