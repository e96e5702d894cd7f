"""How the schema describes signing in, and what every caller may be refused with."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class SessionTokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.authentication.SessionTokenAuthentication"
    name = "sessionToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-Session-Token"}


REFUSALS = {
    "403": "`second_factor_required`: the session has not shown the one that the role must have.",
    "429": "`throttled`: ask again after as many seconds as `Retry-After` says.",
}


def add_refusals(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Postprocessing hook: give every operation the refusals that do not depend on it."""
    schema = {"$ref": "#/components/schemas/Error"}
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, description in REFUSALS.items():
                content = {"application/json": {"schema": schema}}
                answer = {"description": description, "content": content}
                operation["responses"].setdefault(status, answer)
    return result
