from django.apps import AppConfig


class DicomConfig(AppConfig):
    name = "dicom"
    verbose_name = "DICOM"

    def ready(self) -> None:
        from audit import subjects
        from dicom.deid import series  # noqa: F401  (registers itself)
        from dicom.deliveries import admin, tasks  # noqa: F401  (they register themselves)
        from dicom.dimse import tasks as dimse_tasks  # noqa: F401  (registers itself)
        from dicom.inbox import tasks as inbox_tasks  # noqa: F401  (registers itself)
        from dicom.models import Delivery, Publication, Retrieval
        from dicom.objects import receivers  # noqa: F401  (registers itself)

        subjects.register("retrieval", Retrieval)
        subjects.register("delivery", Delivery, "instance__series__study__patient_id")
        subjects.register("publication", Publication, "analysis__series__study__patient_id")
