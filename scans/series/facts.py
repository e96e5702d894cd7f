"""What decides whether a series is worth reading, as its headers have it."""

import math
from collections.abc import Callable
from typing import Any

import pydicom

from scans.series.frames import find, lifted

_LONGEST = 64
_MOST = 10


def facts_of(dataset: pydicom.Dataset) -> dict[str, Any]:
    """Return what an object says of how its image was made; what it does not say is not there.

    Of an enhanced object: of its first frame. Times are in milliseconds, angles in degrees, b
    values in s/mm2, the field in tesla.
    """
    groups = lifted(dataset)
    found = {name: read(find(groups, keyword)) for name, (keyword, read) in _FACTS.items()}
    if "ContrastBolusAgentSequence" in dataset:  # what enhanced objects have instead
        agents = [_text(find([item], "CodeMeaning")) for item in dataset.ContrastBolusAgentSequence]
        found["contrast_agent"] = found["contrast_agent"] or ", ".join(filter(None, agents))
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _words(value: Any) -> list[str]:
    many = value if isinstance(value, list | pydicom.multival.MultiValue) else [value]
    return [text for text in map(_text, list(many)[:_MOST]) if text]


def _text(value: Any) -> str:
    kept = "".join(c for c in str("" if value is None else value) if c.isprintable())
    return kept.strip()[:_LONGEST].strip()


def _float(value: Any) -> float | None:
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _yes_or_no(value: Any) -> bool | None:
    return {"YES": True, "NO": False}.get(_text(value))


_FACTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "image_type": ("ImageType", _words),
    "frame_type": ("FrameType", _words),
    "scanning_sequence": ("ScanningSequence", _words),
    "sequence_variant": ("SequenceVariant", _words),
    "scan_options": ("ScanOptions", _words),
    "sequence_name": ("SequenceName", _text),
    "pulse_sequence": ("PulseSequenceName", _text),
    "protocol": ("ProtocolName", _text),
    "acquisition_contrast": ("AcquisitionContrast", _text),
    "contrast_agent": ("ContrastBolusAgent", _text),
    "contrast_given": ("ContrastBolusAgentAdministered", _yes_or_no),
    "repetition_time_ms": ("RepetitionTime", _float),
    "echo_time_ms": ("EchoTime", _float),
    "effective_echo_time_ms": ("EffectiveEchoTime", _float),
    "inversion_time_ms": ("InversionTime", _float),
    "flip_angle_deg": ("FlipAngle", _float),
    "b_value": ("DiffusionBValue", _float),
    "echo": ("EchoNumbers", _float),
    "time_point": ("TemporalPositionIdentifier", _float),
    "acquisition": ("AcquisitionNumber", _float),
    "field_t": ("MagneticFieldStrength", _float),
    "manufacturer": ("Manufacturer", _text),
    "model": ("ManufacturerModelName", _text),
    "burned_in": ("BurnedInAnnotation", _text),
    "frame_of_reference": ("FrameOfReferenceUID", _text),
}
