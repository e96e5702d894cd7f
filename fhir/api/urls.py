"""Every route of the FHIR server, made of `fhir.table`."""

from django.urls import path, re_path, register_converter

from fhir.api.binary import BinaryView
from fhir.api.views import (
    CapabilityView,
    EverythingView,
    NothingView,
    PostedSearchView,
    ResourceView,
    SmartView,
    TypeView,
)
from fhir.table import TYPES


class ResourceId:
    """An id of a resource (R4, section 2.24.0.1)."""

    regex = r"[A-Za-z0-9\-.]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


class ResourceTypeName(ResourceId):
    regex = "|".join(TYPES)


register_converter(ResourceId, "fhir_id")
register_converter(ResourceTypeName, "fhir_type")

urlpatterns = [
    path("metadata", CapabilityView.as_view(), name="fhir-metadata"),
    path(".well-known/smart-configuration", SmartView.as_view(), name="fhir-smart"),
    path("Binary/<fhir_id:document_id>", BinaryView.as_view(), name="fhir-binary"),
    path(
        "Patient/<fhir_id:resource_id>/$everything",
        EverythingView.as_view(),
        name="fhir-everything",
    ),
    path("<fhir_type:resource_type>", TypeView.as_view(), name="fhir-type"),
    path("<fhir_type:resource_type>/_search", PostedSearchView.as_view(), name="fhir-search"),
    path(
        "<fhir_type:resource_type>/<fhir_id:resource_id>",
        ResourceView.as_view(),
        name="fhir-resource",
    ),
    re_path(r"^.*$", NothingView.as_view(), name="fhir-nothing"),
]
