from django.urls import path

from inference.progress.api import views

urlpatterns = [
    path("patients/<uuid:patient_id>/progress", views.ProgressView.as_view(), name="progress"),
    path(
        "patients/<uuid:patient_id>/progress.svg",
        views.ProgressSvgView.as_view(),
        name="progress-svg",
    ),
    path(
        "patients/<uuid:patient_id>/progress.png",
        views.ProgressPngView.as_view(),
        name="progress-png",
    ),
]
