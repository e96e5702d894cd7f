"""What all serializers of requests have in common."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class Strict:
    """Refuses fields that it does not know: a misspelt one must not be lost in silence.

    A mixin, before the serializer class.
    """

    fields: Mapping[str, Any]

    def to_internal_value(self, data: Any) -> Any:
        """Check the names, then the values.

        Raises:
            ValidationError: `unknown_field`, for each of them.
        """
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [str(name) for name in data if name not in writable]
            if unknown:
                raise serializers.ValidationError(
                    dict.fromkeys(unknown, ["There is no such field to write."]),
                    code="unknown_field",
                )
        return super().to_internal_value(data)  # type: ignore[misc]
