"""What every request passes: limits by address, second factors of browsers, allauth's input."""

import traceback
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from accounts import second_factor
from accounts.api.throttling import PerAddress
from accounts.models import User
from backend.api.errors import error_body

GetResponse = Callable[[HttpRequest], HttpResponse]
# Half a character; JSON nested deeper than Python goes; ids that no column holds.
MALFORMED = (UnicodeEncodeError, RecursionError, OverflowError, DataError)
# What a browser's session reaches before it has shown a second factor.
OPEN_ROUTES = {
    "admin:login",
    "admin:logout",
    "admin:accounts_user_second_factor",
    "live",
    "ready",
}


def limit_by_address(get_response: GetResponse) -> GetResponse:
    """Answer 429 to an address that asks too often, whatever it asks for and as whom."""

    def answer(request: HttpRequest) -> HttpResponse:
        throttle = PerAddress()
        if request.path.startswith("/health/") or throttle.allow(request):
            return get_response(request)
        wait = throttle.wait()
        message = f"Too many requests. Ask again in {wait} s."
        refusal = JsonResponse(error_body("throttled", message), status=429)
        refusal["Retry-After"] = str(wait)
        return refusal

    return answer


class SecondFactor:
    """Keep a browser's session without its second factor from everything but setting one up.

    Sessions of the app come by token, which DRF's authentication looks at.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        route = request.resolver_match
        if route is None or route.view_name in OPEN_ROUTES or "headless" in route.namespaces:
            return None
        if getattr(getattr(view, "cls", None), "second_factor_optional", False):
            return None
        user = request.user
        if not isinstance(user, User) or not second_factor.is_missing(user, request.session):
            return None
        refusal = second_factor.SecondFactorRequired(user)
        if "admin" in route.namespaces:
            context = admin.site.each_context(request) | {"refusal": refusal}
            return render(request, "accounts/second_factor_required.html", context, status=403)
        body = error_body(refusal.code, refusal.message) | refusal.details
        return JsonResponse(body, status=403)


class AllauthInput:
    """Answer 400 where allauth and fido2 fall over what a client sent them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        route = request.resolver_match
        if route is None or "headless" not in route.namespaces:
            return None
        if not isinstance(exception, MALFORMED) and not _raised_by("fido2", exception):
            return None
        error = {"code": "invalid", "message": "The request cannot be understood."}
        return JsonResponse({"status": 400, "errors": [error]}, status=400)


def _raised_by(package: str, exception: Exception) -> bool:
    """Tell whether the exception comes out of a package, or of what it called."""
    frames = traceback.walk_tb(exception.__traceback__)
    return any(
        frame.f_globals.get("__name__", "").partition(".")[0] == package for frame, _ in frames
    )
