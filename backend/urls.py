"""Every address of the server."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from backend import health
from fhir.api.views import NothingView

admin.site.site_header = "Falx"
admin.site.site_title = "Falx"
admin.site.index_title = "Records"


def nothing_here(request: HttpRequest, *args: str) -> HttpResponse:
    """Close what allauth offers and Falx does not: admins keep accounts and their addresses."""
    raise Http404


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="docs"), name="home"),
    path("admin/", admin.site.urls),
    re_path(r"^_allauth/app/v1/(account/(email|phone)|auth/phone/)", nothing_here, name="closed"),
    path("_allauth/", include("allauth.headless.urls")),
    path("oauth/", include("accounts.systems.urls")),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("audit.api.urls")),
    path("api/v1/", include("tumors.api.urls")),
    path("api/v1/", include("reports.api.urls")),
    path("api/v1/", include("patients.api.urls")),
    path("api/v1/", include("patients.team.api.urls")),
    path("api/v1/", include("scans.api.urls")),
    path("api/v1/", include("inference.api.urls")),
    path("api/v1/", include("inference.api.opinion_urls")),
    path("api/v1/", include("dicom.deliveries.api.urls")),
    path("api/v1/", include("dicom.api.urls")),
    path("dicomweb/", include("dicom.dicomweb.api.urls")),
    path("viewer/", include("dicom.dicomweb.viewer_urls")),
    path("fhir/R4/", include("fhir.api.urls")),
    re_path(r"^fhir/", NothingView.as_view(), name="fhir-nothing-here"),
    path("api/v1/", include("dicom.api.inbox_urls")),
    path("api/v1/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]

handler400 = "backend.api.errors.bad_request"
handler404 = "backend.api.errors.not_found"
handler500 = "backend.api.errors.server_error"
