from django.apps import AppConfig

from audit import subjects


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        from reports.models import Archive, LegalHold

        subjects.register("archive", Archive)
        subjects.register("legal_hold", LegalHold)
