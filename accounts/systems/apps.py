from django.apps import AppConfig


class SystemsConfig(AppConfig):
    name = "accounts.systems"
    label = "systems"
    verbose_name = "Hospital systems"

    def ready(self) -> None:
        from accounts.systems import schema  # noqa: F401 - drf-spectacular finds it by its import
