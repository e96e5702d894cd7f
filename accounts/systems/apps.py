from django.apps import AppConfig


class SystemsConfig(AppConfig):
    name = "accounts.systems"
    label = "systems"
    verbose_name = "Hospital systems"
