from django.apps import AppConfig

from audit import subjects


class ScansConfig(AppConfig):
    name = "scans"

    def ready(self) -> None:
        from scans import merging  # noqa: F401  (registers itself)
        from scans.models import Instance, Opinion, Scan, Series, Study
        from scans.uploads.models import ResumableUpload

        subjects.register("scan", Scan)
        subjects.register("study", Study)
        subjects.register("series", Series, "study__patient_id")
        subjects.register("instance", Instance, "series__study__patient_id")
        subjects.register("opinion", Opinion, "scan__patient_id")
        subjects.register("upload", ResumableUpload)
