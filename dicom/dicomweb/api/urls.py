"""The resources of PS3.18, section 10, below `/dicomweb/`."""

from django.urls import path, register_converter
from django.views import View

from dicom.dicomweb.api import retrieve, search, store


class UidConverter:
    regex = "[0-9.]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(UidConverter, "uid")

STUDY = "studies/<uid:study_uid>"
SERIES = f"{STUDY}/series/<uid:series_uid>"
INSTANCE = f"{SERIES}/instances/<uid:instance_uid>"
FRAMES = f"{INSTANCE}/frames/<str:numbers>"

_ROUTES: list[tuple[str, type[View], str]] = [
    ("studies", store.StudiesView, "studies"),
    ("series", search.SearchSeries, "all-series"),
    ("instances", search.SearchInstances, "all-instances"),
    (STUDY, store.StudyView, "study"),
    (f"{STUDY}/metadata", retrieve.MetadataView, "study-metadata"),
    (f"{STUDY}/thumbnail", retrieve.ThumbnailView, "study-thumbnail"),
    (f"{STUDY}/series", search.SearchSeries, "study-series"),
    (f"{STUDY}/instances", search.SearchInstances, "study-instances"),
    (SERIES, retrieve.SeriesView, "series"),
    (f"{SERIES}/metadata", retrieve.MetadataView, "series-metadata"),
    (f"{SERIES}/thumbnail", retrieve.ThumbnailView, "series-thumbnail"),
    (f"{SERIES}/instances", search.SearchInstances, "series-instances"),
    (INSTANCE, retrieve.InstanceView, "instance"),
    (f"{INSTANCE}/metadata", retrieve.MetadataView, "instance-metadata"),
    (f"{INSTANCE}/rendered", retrieve.RenderedView, "instance-rendered"),
    (f"{INSTANCE}/thumbnail", retrieve.ThumbnailView, "instance-thumbnail"),
    (f"{INSTANCE}/bulkdata/<path:element>", retrieve.BulkDataView, "bulkdata"),
    (FRAMES, retrieve.FramesView, "frames"),
    (f"{FRAMES}/rendered", retrieve.RenderedView, "frame-rendered"),
    (f"{FRAMES}/thumbnail", retrieve.ThumbnailView, "frame-thumbnail"),
]

urlpatterns = [
    path(route, view.as_view(), name=f"dicomweb-{name}") for route, view, name in _ROUTES
]
