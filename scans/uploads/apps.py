from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "scans.uploads"
    label = "uploads"
