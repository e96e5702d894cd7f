"""`Idempotency-Key` on every write of the API (draft-ietf-httpapi-idempotency-key-header)."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import APIView

from accounts.models import User
from backend.api.errors import error_body
from backend.idempotency.fingerprint import fingerprint
from backend.idempotency.services import answer_once

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotencyMiddleware:
    """Carry out a write of an API view once for each key of a user.

    The last of the middlewares: it calls the view itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        given = request.headers.get(HEADER)
        if given is None or request.method in SAFE_METHODS or not hasattr(view, "cls"):
            return None
        key = unquoted(given)
        if not KEY.fullmatch(key):
            message = "An Idempotency-Key has 1 to 255 visible ASCII characters."
            return JsonResponse(error_body("invalid_idempotency_key", message), status=400)
        asked = fingerprint(request)
        user = admitted(request, view, args, kwargs)
        if asked is None or user is None:
            return None

        def carry_out() -> HttpResponseBase:
            response = view(request, *args, **kwargs)
            render = getattr(response, "render", None)
            return render() if render else response

        return answer_once(user=user, key=key, fingerprint=asked, carry_out=carry_out)


def unquoted(key: str) -> str:
    """The draft writes keys as strings of structured fields (RFC 9651), most clients bare."""
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key


def admitted(
    request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> User | None:
    """Return whom the view would let in at its door; None leaves the answer to the view.

    This holds for repeated requests too: an answer is given again only to somebody who may still
    call the view.
    """
    door: APIView = view.cls(**view.initkwargs)  # type: ignore[attr-defined]
    door.setup(request, *args, **kwargs)
    if actions := getattr(view, "actions", None):
        door.action_map = actions  # type: ignore[attr-defined]  # of a viewset
    caller = door.initialize_request(request)
    door.request = caller
    try:
        door.perform_authentication(caller)
        door.check_permissions(caller)
    except (APIException, Http404, PermissionDenied):
        return None
    return caller.user if isinstance(caller.user, User) else None
