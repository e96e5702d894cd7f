"""The pages of the viewer."""

from django.urls import path

from dicom.dicomweb import viewer

urlpatterns = [
    path("", viewer.page, name="viewer"),
    path("sign-in", viewer.SignInView.as_view(), name="viewer-sign-in"),
    path("settings.js", viewer.viewer_settings, name="viewer-settings"),
    path("<path:path>", viewer.page, name="viewer-page"),
]
