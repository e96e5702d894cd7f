"""What the values of an entry are made of: dates of unequal exactness, numbers, codes."""

import math
import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.api.text import PlainText
from patients.history import dates
from patients.models.history import Precision

_ICD10 = re.compile(r"[A-Z][0-9]{2}(\.[0-9]{1,2})?")


@extend_schema_field({"type": "string", "example": "2019-05-03T10:00:00Z"})
class WhenField(serializers.Field[dates.When, str, str, Any]):
    """A year, a month, a day or a moment, neither in the future nor before the patient's birth.

    The birth date is taken from the serializer's context, `birth_date`.
    """

    default_error_messages = {
        "invalid": "Give a year, a month, a day or a moment: 2019, 2019-05, 2019-05-03 or "
        "2019-05-03T10:00:00Z."
    }

    def to_internal_value(self, data: Any) -> dates.When:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            when = dates.parse(data.strip())
        except (ValueError, OverflowError):
            self.fail("invalid")
        dates.check(when, self.context.get("birth_date"))
        return when


@extend_schema_field(
    {"type": "string", "pattern": "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", "example": "2019-05"}
)
class PartialDateField(WhenField):
    """A year, a month or a day, kept as it was written."""

    default_error_messages = {
        "invalid": "Give a year, a month or a day: 2019, 2019-05, 2019-05-03."
    }

    def to_internal_value(self, data: Any) -> str:  # type: ignore[override]
        when = super().to_internal_value(data)
        if when.precision == Precision.TIME:
            self.fail("invalid")
        return when.day


class Number(serializers.FloatField):
    """A number that is one: no text, no truth value, neither infinite nor undefined."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        value: float = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class Whole(serializers.IntegerField):
    """A whole number, in steps where there are any."""

    default_error_messages = {"step": "Only every {step}th value is one: 0, {step}, …"}

    def __init__(self, *, step: int = 1, **kwargs: Any) -> None:
        self.step = step
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        value: int = super().to_internal_value(data)
        if value % self.step:
            self.fail("step", step=self.step)
        return value


class ICD10Code(PlainText):
    """A code of the form that ICD-10 has; whether there is such a code is not asked here."""

    default_error_messages = {"invalid_code": "An ICD-10 code looks like C71 or C71.1."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=10, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data).upper()
        if not _ICD10.fullmatch(code):
            self.fail("invalid_code")
        return code
