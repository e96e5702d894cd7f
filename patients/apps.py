from django.apps import AppConfig

from audit import subjects


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        from patients.models import EmergencyAccess, HistoryEntry, Patient

        subjects.register("patient", Patient, "pk")
        subjects.register("entry", HistoryEntry)
        subjects.register("emergency", EmergencyAccess)
