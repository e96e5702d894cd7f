from django.apps import AppConfig

from audit import subjects


class InferenceConfig(AppConfig):
    name = "inference"

    def ready(self) -> None:
        from inference.models import Analysis, SeriesAnalysis
        from inference.series.services import read_settled
        from scans.models import Series
        from scans.series.signals import series_settled

        subjects.register("analysis", Analysis, "scan__patient_id")
        subjects.register("series_analysis", SeriesAnalysis, "series__study__patient_id")
        series_settled.connect(read_settled, sender=Series, dispatch_uid="inference.read_settled")
