"""Validate a JSON array of resources from stdin with PyPI's fhir.resources; print what is wrong.

A program of its own, since that package is called `fhir` as ours is: run it with `python -I`.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

Body = dict[str, Any]


def problems(body: Body) -> Iterator[str]:
    kind = body["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        model.model_validate(body)
    except ValueError as error:
        yield f"fhir.resources: {kind}/{body.get('id')}: {str(error)[:500]}"


if __name__ == "__main__":
    found = [problem for body in json.load(sys.stdin) for problem in problems(body)]
    json.dump(found, sys.stdout)
