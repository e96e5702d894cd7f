from django.apps import AppConfig

from audit import subjects


class FhirConfig(AppConfig):
    name = "fhir"
    verbose_name = "FHIR"

    def ready(self) -> None:
        from fhir.models import Push

        subjects.register("push", Push)
