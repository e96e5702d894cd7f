from django.urls import path

from patients.api.views import HistoryView, PatientsView, PatientView

urlpatterns = [
    path("patients", PatientsView.as_view(), name="patients"),
    path("patients/<uuid:patient_id>", PatientView.as_view(), name="patient"),
    path("patients/<uuid:patient_id>/history", HistoryView.as_view(), name="patient-history"),
]
