"""What every operation of the OpenAPI schema has in common: the shape of its errors."""

from typing import Any

ERROR = {
    "type": "object",
    "required": ["code", "message", "field"],
    "properties": {
        "code": {"type": "string", "description": "Stable, for programs."},
        "message": {"type": "string", "description": "A sentence for people."},
        "field": {"type": "string", "nullable": True, "description": "The input it is about."},
        "errors": {
            "type": "array",
            "description": "Where several fields are wrong: one entry each.",
            "items": {"$ref": "#/components/schemas/Error"},
        },
    },
    "additionalProperties": True,
}
METHODS = {"get", "post", "patch", "put", "delete"}


def add_errors(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Postprocessing hook: give every operation the error answers that it can have."""
    result["components"]["schemas"]["Error"] = ERROR
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                continue
            answers = operation["responses"]
            answers.setdefault("default", _error("Anything else: `code` says what is wrong."))
            if not operation.get("security"):
                continue
            answers.setdefault("401", _error("Not signed in."))
            if "{" in path or "/patients" in path:
                answers.setdefault("404", _error("Not there, or not yours to see."))
            if "requestBody" in operation:
                answers.setdefault("400", _error("The input is not right."))
    return result


def _error(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
