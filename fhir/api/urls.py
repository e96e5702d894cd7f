"""Every route of the FHIR server, made of `fhir.table`."""

from django.urls import path, re_path, register_converter

from fhir.api.binary import BinaryView
from fhir.api.views import (
    CapabilityView,
    EverythingView,
    NothingView,
    PatientReadView,
    PatientsView,
    PostedSearchView,
    ReadView,
    SearchView,
    SmartView,
)
from fhir.table import TYPES
from fhir.types import ResourceType


class ResourceId:
    """An id of a resource (R4, section 2.24.0.1)."""

    regex = r"[A-Za-z0-9\-.]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(ResourceId, "fhir_id")


def routes_of(each: ResourceType) -> list[object]:
    is_patient = each.name == "Patient"
    read = PatientReadView if is_patient else ReadView
    search = PatientsView if is_patient else SearchView
    name = f"fhir-{each.slug}"
    found: list[object] = [
        path(
            f"{each.name}/<fhir_id:{each.slug}_id>",
            read.as_view(resource=each),
            name=f"{name}-read",
        )
    ]
    if each.sources:
        posted = PostedSearchView.as_view(resource=each)
        found += [
            path(each.name, search.as_view(resource=each), name=name),
            path(f"{each.name}/_search", posted, name=f"{name}-search"),
        ]
    return found


urlpatterns = [
    path("metadata", CapabilityView.as_view(), name="fhir-metadata"),
    path(".well-known/smart-configuration", SmartView.as_view(), name="fhir-smart"),
    path(
        "Patient/<fhir_id:patient_id>/$everything",
        EverythingView.as_view(),
        name="fhir-everything",
    ),
    path("Binary/<fhir_id:documentreference_id>", BinaryView.as_view(), name="fhir-binary"),
    *(route for each in TYPES.values() for route in routes_of(each)),
    re_path(r"^.*$", NothingView.as_view(), name="fhir-nothing"),
]
