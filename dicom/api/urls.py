from django.urls import include, path

urlpatterns = [
    path("", include("dicom.api.peers_urls")),
]
