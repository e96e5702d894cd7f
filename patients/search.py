"""Finding words whatever their case, accents or Arabic spelling."""

import unicodedata

# One letter for the forms that people write for each other in Arabic names.
_SAME_LETTERS = str.maketrans("أإآٱىؤئةگکی", "اااايويهككي", "ـ")


def fold(text: str) -> str:
    """Return a text as it is compared: lower case, no accents, one space between words.

    Alef, hamza, yaa and taa marbuta are written in many ways in the same Arabic name; vowel signs
    and the stretching tatweel are left out more often than not. Half-width and other compatibility
    forms become the usual letters (NFKD).
    """
    # Letters first: decomposition would split an alef with hamza into an alef and a mark.
    letters = unicodedata.normalize("NFC", text).translate(_SAME_LETTERS)
    decomposed = unicodedata.normalize("NFKD", letters.casefold())
    kept = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(kept.split())
