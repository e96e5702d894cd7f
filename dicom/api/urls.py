from django.urls import include, path

from dicom.api.export import DeidentifiedStudyView

urlpatterns = [
    path(
        "studies/<uuid:study_id>/deidentified.zip",
        DeidentifiedStudyView.as_view(),
        name="study-deidentified",
    ),
    path("", include("dicom.api.peers_urls")),
]
