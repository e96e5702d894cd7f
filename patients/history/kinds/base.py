"""What the data of every kind of entry have in common."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from backend.api.serializers import Strict
from backend.api.text import PlainText

Values = dict[str, Any]


class Data(Strict, serializers.Serializer[Values]):
    """What an entry of one kind says: which fields, what may stand in them, and its title.

    What is null or empty is not said, and is not kept. Context: `birth_date` of the patient.
    """

    def title(self, data: Values) -> str:
        """Say in a line what the entry says; empty where whoever writes it must."""
        return ""

    def happened(self, data: Values) -> str | None:
        """When it happened, where the data say so."""
        return None

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            data = {
                name: value
                for name, value in data.items()
                if name not in self.fields or value not in (None, "")
            }
        return super().to_internal_value(data)

    def to_representation(self, instance: Values) -> Values:
        """Return what is kept, in the order of the fields."""
        return {
            str(name): instance[str(name)] for name in self.fields if name in instance
        } | instance


class WithComment(Data):
    comment = PlainText(multiline=True, required=False)


def refuse(field: str, message: str, code: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [serializers.ErrorDetail(message, code)]})


def choice(*values: str, required: bool = False) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=values, required=required)


def joined(*parts: str | None, by: str = ", ") -> str:
    return by.join(part for part in parts if part)


def said(value: str | None) -> str:
    """Return a value of a choice as words."""
    return (value or "").replace("_", " ")


def number(value: float) -> str:
    """Write a number as short as it is exact: 36.6, 70."""
    return f"{value:.15g}"
