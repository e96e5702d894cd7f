"""The token endpoint, in OAuth's own terms (RFC 6749, section 5)."""

import logging

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.clients import address_of
from accounts.systems.limits import TooManyFailures, count_failure, refuse_too_many
from accounts.systems.tokens import InvalidClient, Issued, OAuthError, claimed_by, issue

logger = logging.getLogger(__name__)


@csrf_exempt  # no cookie counts here
@require_POST
def token(request: HttpRequest) -> JsonResponse:
    """Answer `grant_type=client_credentials` with an access token."""
    try:
        issued = issued_to(request)
    except OAuthError as refused:
        logger.warning("No token for a system at %s: %s", address_of(request), refused)
        body = {"error": refused.error, "error_description": refused.description}
        answer = JsonResponse(body, status=refused.status)
        if refused.status == 401:
            answer["WWW-Authenticate"] = 'Basic realm="falx"'
        if isinstance(refused, TooManyFailures):
            answer["Retry-After"] = str(refused.wait_s)
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


def issued_to(request: HttpRequest) -> Issued:
    """Look at what a client proves, unless it has failed to too often.

    Raises:
        OAuthError
    """
    form, authorization = form_of(request), request.headers.get("Authorization", "")
    client_id = claimed_by(form, authorization)
    refuse_too_many(request, client_id)
    try:
        return issue(
            form=form,
            authorization=authorization,
            endpoint=request.build_absolute_uri(reverse("oauth-token")),
        )
    except InvalidClient:
        count_failure(request, client_id)
        raise


def form_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters, none of which may come twice (RFC 6749, section 3.2)."""
    for name, values in request.POST.lists():
        if len(values) > 1:
            raise OAuthError("invalid_request", f"{name[:50]} is there twice.")
    return {name: str(value) for name, value in request.POST.items() if value}
