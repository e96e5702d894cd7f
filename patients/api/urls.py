from django.urls import path

from patients.api import history_urls
from patients.api.audit import PatientAuditView
from patients.api.changes import ChangesView, EventsView
from patients.api.merges import MergePatientView, MergesView, UndoMergeView
from patients.api.views import PatientsView, PatientView

urlpatterns = [
    path("changes", ChangesView.as_view(), name="changes"),
    path("events", EventsView.as_view(), name="events"),
    path("patients", PatientsView.as_view(), name="patients"),
    path("patients/<uuid:patient_id>", PatientView.as_view(), name="patient"),
    path("patients/<uuid:patient_id>/merge", MergePatientView.as_view(), name="patient-merge"),
    path("patients/<uuid:patient_id>/audit", PatientAuditView.as_view(), name="patient-audit"),
    path("merges", MergesView.as_view(), name="merges"),
    path("merges/<uuid:merge_id>/undo", UndoMergeView.as_view(), name="merge-undo"),
    *history_urls.urlpatterns,
]
