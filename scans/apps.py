from django.apps import AppConfig

from audit import subjects


class ScansConfig(AppConfig):
    name = "scans"

    def ready(self) -> None:
        from scans import merging  # noqa: F401  (registers itself)
        from scans.models import Opinion, Scan, Study
        from scans.uploads.models import ResumableUpload

        subjects.register("scan", Scan)
        subjects.register("study", Study)
        subjects.register("opinion", Opinion, "scan__patient_id")
        subjects.register("upload", ResumableUpload)
