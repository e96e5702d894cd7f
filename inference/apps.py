from django.apps import AppConfig

from audit import subjects


class InferenceConfig(AppConfig):
    name = "inference"

    def ready(self) -> None:
        from inference.models import Analysis

        subjects.register("analysis", Analysis, "scan__patient_id")
