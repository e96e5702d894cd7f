"""What the OpenAPI schema says about `Idempotency-Key`."""

from typing import Any

from backend.idempotency.middleware import HEADER

WRITES = {"post", "put", "patch", "delete"}
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": (
        "Made by the client, a new one for each request, e.g. a UUID. The same request with the "
        "same key is carried out once and answered the same each time, marked "
        "`Idempotent-Replayed: true`."
    ),
}


def add_idempotency_key(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Postprocessing hook: every write that somebody signed in can ask for takes the header."""
    for operations in result["paths"].values():
        for method, operation in operations.items():
            if method in WRITES and operation.get("security"):
                operation.setdefault("parameters", []).append(PARAMETER)
                operation["responses"].setdefault(
                    "422", _error("The Idempotency-Key belongs to another request.")
                )
    return result


def _error(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
