"""The OHIF viewer, served from the same origin as DICOMweb: a browser's session opens both.

`OHIF_DIR` names its built form. Its files have addresses from the root on, which is baked into
them; its pages are below `/viewer/`, with settings of ours.
"""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.admin.sign_in import LoginForm
from accounts.models import User

# Its own page and its own settings, which name a public server.
_OURS = ("/index.html", "/app-config.js")
_DICOMWEB = "@ohif/extension-default.dataSourcesModule.dicomweb"


class StaticFiles(WhiteNoiseMiddleware):
    """Static files as ever, and those of the viewer that are not made here."""

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: Any = None) -> None:
        if url not in _OURS:
            super().add_file_to_dictionary(url, path, stat_cache=stat_cache)


@require_safe
def page(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every page of the viewer is one page, which looks at its own address."""
    if not settings.OHIF_DIR:
        raise Http404
    if not request.user.is_authenticated:
        here = request.get_full_path()
        sign_in = reverse("viewer-sign-in", query={"next": here})
        return HttpResponseRedirect(sign_in)
    html = (Path(settings.OHIF_DIR) / "index.html").read_text()
    html = html.replace('src="/app-config.js"', f'src="{reverse("viewer-settings")}"')
    return HttpResponse(html)


@require_safe
def viewer_settings(request: HttpRequest) -> HttpResponse:
    """What the viewer reads at its start."""
    if not settings.OHIF_DIR:
        raise Http404
    root = reverse("dicomweb-studies").removesuffix("/studies")
    source = {
        "namespace": _DICOMWEB,
        "sourceName": "falx",
        "configuration": {
            "friendlyName": "Falx",
            "name": "falx",
            "wadoUriRoot": root,
            "qidoRoot": root,
            "wadoRoot": root,
            "qidoSupportsIncludeField": True,
            "imageRendering": "wadors",
            "thumbnailRendering": "wadors",
            "enableStudyLazyLoad": True,
            "supportsFuzzyMatching": False,
            "supportsWildcard": True,
            "singlepart": "bulkdata,pdf",
            "bulkDataURI": {"enabled": True},
            "omitQuotationForMultipartRequest": True,
        },
    }
    chosen = {
        "name": "falx",
        "routerBasename": reverse("viewer").rstrip("/"),
        "extensions": [],
        "modes": [],
        "customizationService": {},
        "showStudyList": True,
        "maxNumberOfWebWorkers": 3,
        "showLoadingIndicator": True,
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": True,
        "strictZSpacingForVolumeViewport": True,
        "groupEnabledModesFirst": True,
        "maxNumRequests": {"interaction": 100, "thumbnail": 5, "prefetch": 25},
        "investigationalUseDialog": {"option": "always"},
        "defaultDataSourceName": "falx",
        "dataSources": [source],
    }
    script = f"window.config = {json.dumps(chosen, indent=1)};\n"
    return HttpResponse(script, content_type="text/javascript")


class SignInForm(LoginForm):
    """The same doors as the admin site's, for those who may open patients' files."""

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_active or user.role not in (User.Role.DOCTOR, User.Role.ADMIN):
            raise ValidationError("This account opens no studies.", code="no_studies")


class SignInView(LoginView):
    """A session for a browser, by password and second factor."""

    authentication_form = SignInForm
    template_name = "dicom/sign_in.html"
    extra_context = {"site_header": "Falx"}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not settings.OHIF_DIR:
            raise Http404
        if request.user.is_authenticated:
            return redirect("viewer")
        return super().dispatch(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        return reverse("viewer")
