"""Finding words whatever their case, accents or Arabic spelling."""

import unicodedata
from hashlib import sha256

# One letter for the forms that people write for each other in Arabic names.
_SAME_LETTERS = str.maketrans("أإآٱىؤئةگکی", "اااايويهككي", "ـ")


def fold(text: str) -> str:
    """Return a text as it is compared: lower case, no accents, one space between words.

    Alef, hamza, yaa and taa marbuta are written in many ways in the same Arabic name; vowel signs
    and the stretching tatweel are left out more often than not. Half-width and other compatibility
    forms become the usual letters (NFKD).
    """
    # Composed first: an alef with hamza is one letter here, not an alef and a mark.
    letters = unicodedata.normalize("NFKC", text).translate(_SAME_LETTERS)
    folded = unicodedata.normalize("NFKD", letters).casefold()
    decomposed = unicodedata.normalize("NFKD", folded)
    kept = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(kept.split())


def digest(folded: str) -> str:
    """Return 64 characters that stand for a text: folding may make one long, an index may not."""
    return sha256(folded.encode()).hexdigest()
