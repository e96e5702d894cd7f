"""What all serializers of requests have in common."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class Strict(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelt one must not be lost in silence.

    A mixin, before the serializer class. What is read only may be sent back, and is ignored.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Check the names, then the values.

        Raises:
            ValidationError: `unknown_field`, for each of them.
        """
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError(
                    {name: ["There is no such field."] for name in unknown},
                    code="unknown_field",
                )
        return super().to_internal_value(data)
