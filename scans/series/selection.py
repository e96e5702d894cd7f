"""Whether a series is worth reading: the model knows brain MR, T1-weighted, best after contrast.

Decided by the headers alone. What is not worth reading is read where a doctor chooses it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydicom.uid import (
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from scans.series import words

Kind = Literal["t1c", "t1", ""]

LEAST_SLICES = 3
DYNAMIC = 4  # times that a slice is taken: beyond echoes and two directions
MR_CLASSES = (MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage)

AFTER_CONTRAST = "T1-weighted, after contrast."
WITHOUT_CONTRAST = "T1-weighted; the study has none after contrast."
ANOTHER = "T1-weighted without contrast; the study has a series after contrast, which is read."

# Image Type (PS3.3, C.7.6.1.1.2 and C.8.3.1.1.1, and what vendors add).
_TYPES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"LOCALIZER", "SCOUT", "SURVEY"}), "It is a localizer."),
    (
        frozenset({"DIFFUSION", "ADC", "FA", "TRACEW", "TENSOR", "TENSOR_B0", "DIRECTIONALITY"}),
        "It shows diffusion.",
    ),
    (
        frozenset({"PERFUSION", "ASL", "RCBF", "RCBV", "MTT", "TTP", "CBF", "CBV", "RELCBF"}),
        "It shows perfusion.",
    ),
    (
        frozenset({"PROJECTION IMAGE", "MIP", "MNIP", "MINIP", "MIN IP", "VOLUME_RENDER"}),
        "It is a projection of other slices.",
    ),
    (frozenset({"SUBTRACT", "SUBTRACTION", "SUB"}), "It is a difference of other series."),
    (
        frozenset({"PHASE", "P", "PHASE MAP", "B0", "B0 MAP", "FIELD_MAP", "IMAGINARY", "I", "R"}),
        "It shows phases, not brightness.",
    ),
    (
        frozenset({"T1 MAP", "T2 MAP", "T2_STAR MAP", "R2 MAP", "T1_MAP", "T2_MAP"}),
        "It is a map, not a picture.",
    ),
    (frozenset({"FAT", "FAT_FRACTION", "F"}), "It shows fat alone."),
    (
        frozenset({"SCREEN SAVE", "SCREENSAVE", "REPORT", "CSA REPORT", "SECONDARY CAPTURE"}),
        "It is a picture of a screen or a report.",
    ),
    (frozenset({"FMRI", "BOLD", "T_TEST"}), "It shows function."),
)
# What a body part (CS, free on many scanners) has in it if the brain can be on the pictures.
_HEAD = ("HEAD", "BRAIN", "SKULL", "SELLA", "PITUIT", "CRAN", "CEREBR", "ENCEPH", "KOPF", "CABEZA")
_NO_AGENT = (
    "",
    "no",
    "none",
    "n",
    "0",
    "ohne",
    "nein",
    "non",
    "null",
    "nil",
    "n a",
    "na",
    "unknown",
)


@dataclass(frozen=True)
class About:
    """What the headers of a series say together.

    `facts` as `scans.series.facts` names them, as far as all instances agree; `image_types` are all
    that there are. `slices` are places, `frames` the pictures taken of them.
    """

    modality: str
    description: str = ""
    body_part: str = ""
    sop_classes: Iterable[str] = ()
    image_types: Iterable[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    slices: int = 0
    frames: int = 0
    mixed: bool = False


@dataclass(frozen=True)
class Verdict:
    """`kind`: what it is, of what can be read; empty for the rest. `reason`: a sentence."""

    kind: Kind
    reason: str

    @property
    def worth(self) -> bool:
        return self.kind != "" and self.reason != ANOTHER


def judge(about: About) -> Verdict:
    """Say whether a series is T1-weighted brain MR, and whether contrast had been given."""
    if (reason := _not_brain_mr(about) or _other_kind(about)) is not None:
        return Verdict("", reason)
    if not _is_t1(about):
        return Verdict("", "Nothing says that it is T1-weighted.")
    return (
        Verdict("t1c", AFTER_CONTRAST) if after_contrast(about) else Verdict("t1", WITHOUT_CONTRAST)
    )


def preferred(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Weigh the series of one study: where one was taken after contrast, none without is read."""
    found = list(verdicts)
    if all(verdict.kind != "t1c" for verdict in found):
        return found
    return [Verdict("t1", ANOTHER) if verdict.kind == "t1" else verdict for verdict in found]


def after_contrast(about: About) -> bool:
    """Whether contrast had been given.

    Scanners keep the agent's name for a whole examination: a series' own name counts for more.
    """
    name = _name(about)
    if words.NATIVE.search(name):
        return False
    agent = words.folded(str(about.facts.get("contrast_agent", "")))
    given = about.facts.get("contrast_given")
    if given is not None:
        return bool(given)
    return agent not in _NO_AGENT or words.CONTRAST.search(name) is not None


def _not_brain_mr(about: About) -> str | None:
    if about.modality not in ("MR", ""):
        return f"It is {about.modality[:16]}, not MR."
    if any(sop_class not in MR_CLASSES for sop_class in about.sop_classes):
        return "It holds other objects than MR images."
    body_part = about.body_part.upper()
    if body_part and not any(head in body_part for head in _HEAD):
        return f"It shows {about.body_part}, not the brain."
    if about.mixed:
        return "Its slices lie in several orientations, as a localizer's do."
    if about.slices < LEAST_SLICES:
        return f"It has fewer than {LEAST_SLICES} slices."
    if about.frames >= DYNAMIC * about.slices:
        return f"It shows each slice {about.frames // about.slices} times."
    return None


def _other_kind(about: About) -> str | None:
    types = {word.upper() for word in about.image_types}
    for unwanted, reason in _TYPES:
        if types & unwanted:
            return reason
    if (about.facts.get("b_value") or 0) > 0:
        return "It shows diffusion."
    texts = (_name(about), words.folded(str(about.facts.get("sequence_name", ""))))
    for pattern, reason in words.OTHERS:
        if any(pattern.search(text) for text in texts):
            return reason
    return None


def _is_t1(about: About) -> bool:
    name = _name(about)
    called_t1 = words.T1.search(name) is not None
    if words.T2.search(name) or (words.FLAIR.search(name) and not called_t1):
        return False
    contrast = about.facts.get("acquisition_contrast")
    if contrast not in (None, "UNKNOWN"):
        return contrast == "T1"
    return called_t1 or _times_are_t1(about.facts)


def _times_are_t1(facts: Mapping[str, Any]) -> bool:
    """Judge by repetition, echo and inversion times, in ms, where no name helps."""
    repetition, echo = facts.get("repetition_time_ms"), facts.get("echo_time_ms")
    echo = echo if echo is not None else facts.get("effective_echo_time_ms")
    if repetition is None or echo is None or echo <= 0:
        return False
    sequence, variant = facts.get("scanning_sequence", []), facts.get("sequence_variant", [])
    if "EP" in sequence:
        return False
    inversion = facts.get("inversion_time_ms") or 0
    if "GR" in sequence:
        if "MP" in variant or inversion:  # magnetization prepared
            return echo < 8 and 500 <= inversion <= 1300
        return echo < 12 and repetition < 400 and (facts.get("flip_angle_deg") or 0) >= 10
    if "SE" in sequence:
        return echo <= 30 and repetition <= 1000
    return False


def _name(about: About) -> str:
    """What people called the series; on some scanners the protocol is that of all series."""
    return words.folded(about.description or str(about.facts.get("protocol", "")))
