"""The token endpoint, in OAuth's own terms (RFC 6749, section 5)."""

import logging

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.clients import address_of
from accounts.systems.tokens import OAuthError, issue

logger = logging.getLogger(__name__)


@csrf_exempt  # no cookie counts here
@require_POST
def token(request: HttpRequest) -> JsonResponse:
    """Answer `grant_type=client_credentials` with an access token."""
    try:
        issued = issue(
            form=form_of(request),
            authorization=request.headers.get("Authorization", ""),
            endpoint=request.build_absolute_uri(reverse("oauth-token")),
        )
    except OAuthError as refused:
        logger.warning("No token for a system at %s: %s", address_of(request), refused)
        body = {"error": refused.error, "error_description": refused.description}
        answer = JsonResponse(body, status=refused.status)
        if refused.status == 401:
            answer["WWW-Authenticate"] = 'Basic realm="falx"'
    else:
        answer = JsonResponse(
            {
                "access_token": issued.token,
                "token_type": "Bearer",
                "expires_in": issued.lifetime_s,
                "scope": " ".join(issued.scopes),
            }
        )
    answer["Cache-Control"] = "no-store"
    answer["Pragma"] = "no-cache"
    return answer


def form_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters, none of which may come twice (RFC 6749, section 3.2)."""
    for name, values in request.POST.lists():
        if len(values) > 1:
            raise OAuthError("invalid_request", f"{name[:50]} is there twice.")
    return {name: str(value) for name, value in request.POST.items() if value}
