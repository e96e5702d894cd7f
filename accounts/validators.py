"""What may stand in text that people are shown."""

import unicodedata

from django.core.exceptions import ValidationError


def printable(text: str) -> None:
    """Refuse control characters and line breaks; every script and its direction marks may pass.

    Raises:
        ValidationError: `control_characters`.
    """
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        raise ValidationError("Leave out control characters.", code="control_characters")
