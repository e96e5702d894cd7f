"""De-identification of DICOM objects: PS3.15, annex E, Basic Application Level Confidentiality
Profile, with the options Retain UIDs and Retain Longitudinal Temporal Information With Full Dates.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from backend.api.errors import ApiError
from dicom.deid.pseudonyms import new_uid, pseudonym
from dicom.deid.table import Action, action_for
from dicom.models import Peer

_BASIC = ("113100", "Basic Application Confidentiality Profile")  # PS3.16, CID 7050
_FULL_DATES = ("113106", "Retain Longitudinal Temporal Information Full Dates Option")
_UIDS = ("113110", "Retain UIDs Option")
_NOTHING = "ANONYMIZED"
_NUMBERS = ("DA", "TM", "DT", "UI")
_ZONE = Tag("TimezoneOffsetFromUTC")
_DIGITS = re.compile(r"[0-9+.: -]*")
_DUMMIES: dict[str, Any] = {
    **dict.fromkeys(("LO", "SH", "ST", "LT", "UT", "UC", "PN"), _NOTHING),
    **dict.fromkeys(("AE", "CS"), _NOTHING),
    **dict.fromkeys(("DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"), 0),
    **dict.fromkeys(("OB", "OW", "OL", "OF", "OD", "OV"), bytes(8)),
    "AS": "000Y",
    "DA": "19000101",
    "TM": "000000",
    "DT": "19000101000000",
    "UR": "https://anonymized.invalid",
}


@dataclass(frozen=True)
class Profile:
    """The basic profile and its options."""

    keep_dates: bool = False
    keep_uids: bool = False


def profile_for(value: str) -> Profile | None:
    """Return the profile that a `Peer.Deidentify` stands for; None: keep objects as they are."""
    if value == Peer.Deidentify.NO:
        return None
    both = value == Peer.Deidentify.KEEP_BOTH
    return Profile(
        keep_dates=both or value == Peer.Deidentify.KEEP_DATES,
        keep_uids=both or value == Peer.Deidentify.KEEP_UIDS,
    )


def deidentified_file(data: bytes, profile: Profile, *, number: str | None = None) -> bytes:
    """Return a DICOM file de-identified; the same file always gives the same bytes.

    Raises:
        ApiError: `cannot_deidentify`: it cannot be read to the last attribute.
    """
    try:
        dataset = pydicom.dcmread(BytesIO(data))
        clean = deidentify(
            dataset, keep_dates=profile.keep_dates, keep_uids=profile.keep_uids, number=number
        )
        out = BytesIO()
        clean.save_as(out, enforce_file_format=True)
    except Exception as error:  # pydicom raises nearly every built-in error on damaged values
        raise ApiError(
            "cannot_deidentify", "The object is damaged and cannot be de-identified."
        ) from error
    return out.getvalue()


def deidentify(
    dataset: Dataset,
    *,
    keep_dates: bool = False,
    keep_uids: bool = False,
    number: str | None = None,
) -> Dataset:
    """Return a copy of a data set without what could identify the patient. Pixels stay as they are.

    Args:
        number: The patient's number in the copy; None: a pseudonym that is the same in all objects
            that name the same number and issuer.
    """
    profile = Profile(keep_dates=keep_dates, keep_uids=keep_uids)
    clean = _cleaned(dataset, profile)
    if number is None:
        issuer = str(dataset.get("IssuerOfPatientID") or "")
        number = pseudonym(str(dataset.get("PatientID") or ""), issuer)
    clean.PatientID = clean.PatientName = number
    clean.PatientIdentityRemoved = "YES"
    applied = [_BASIC, *[_FULL_DATES] * keep_dates, *[_UIDS] * keep_uids]
    clean.DeidentificationMethod = "PS3.15 annex E, 2026c"
    clean.DeidentificationMethodCodeSequence = Sequence(_code(*code, "DCM") for code in applied)
    clean.LongitudinalTemporalInformationModified = "UNMODIFIED" if keep_dates else "REMOVED"
    if hasattr(dataset, "file_meta"):
        # Nothing else of it: it can name who sent the object, and hold private information.
        clean.file_meta = FileMetaDataset()
        clean.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        clean.file_meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
        clean.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    return clean


def _cleaned(dataset: Dataset, profile: Profile) -> Dataset:
    clean = Dataset()
    for tag in sorted(dataset.keys()):
        action = action_for(tag, keep_dates=profile.keep_dates, keep_uids=profile.keep_uids)
        if action is not Action.REMOVE:
            element = _element(dataset[tag], action, profile)
            if element is not None:
                clean.add(element)
    return clean


def _element(element: DataElement, action: Action, profile: Profile) -> DataElement | None:
    vr = element.VR
    if vr == "UN" or (vr == "SQ") != (dictionary_VR(element.tag) == "SQ"):
        return None  # not what the table has in mind: who knows what is in it
    if action is Action.KEEP:
        if vr != "SQ":
            return element if _is_what_it_should_be(element) else None
        return DataElement(element.tag, vr, Sequence(_cleaned(i, profile) for i in element.value))
    if action is Action.EMPTY:
        return DataElement(element.tag, vr, Sequence() if vr == "SQ" else None)
    if action is Action.NEW_UID:
        uids = element.value if element.VM > 1 else [element.value or ""]
        return DataElement(element.tag, vr, [new_uid(str(uid)) for uid in uids])
    if vr == "SQ":
        return DataElement(element.tag, vr, Sequence([_dummy_item(element.tag)]))
    if vr == "UI":
        return DataElement(element.tag, vr, new_uid(str(element.value or "")))
    return DataElement(element.tag, vr, _DUMMIES[vr])


def _is_what_it_should_be(element: DataElement) -> bool:
    """Whether a moment or a UID, which options keep, is one: scanners let people type names."""
    if dictionary_VR(element.tag) not in _NUMBERS and element.tag != _ZONE:
        return True
    values = element.value if element.VM > 1 else [element.value or ""]
    return all(_DIGITS.fullmatch(str(value)) for value in values)


def _dummy_item(tag: Any) -> Dataset:
    if pydicom.datadict.keyword_for_tag(Tag(tag)).endswith(
        ("CodeSequence", "IdentificationSequence")
    ):
        return _code(_NOTHING, "Anonymized", "99FALX")
    return Dataset()


def _code(value: str, meaning: str, scheme: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
