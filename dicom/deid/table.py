"""What the Basic Application Level Confidentiality Profile does to each attribute (PS3.15, table
E.1-1, edition 2026c), as dicom-anonymizer takes it from the standard.

Where the table leaves a choice that depends on the object's definition ("X/Z/D: remove unless the
attribute must be there"), what every definition allows is taken: Z for X/Z, D for the others,
but moments go, since a made-up one would be taken for the day of the scan.
"""

from enum import Enum

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as standard
from pydicom.datadict import dictionary_keyword, dictionary_VR
from pydicom.tag import BaseTag, Tag


class Action(Enum):
    KEEP = "K"
    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"  # a value that says nothing
    NEW_UID = "U"


_GROUPS = {
    Action.REMOVE: (standard.X_TAGS,),
    Action.EMPTY: (standard.Z_TAGS, standard.X_Z_TAGS),
    Action.DUMMY: (
        standard.D_TAGS,
        standard.Z_D_TAGS,
        standard.X_D_TAGS,
        standard.X_Z_D_TAGS,
    ),
    # Sequences of references stay, with new UIDs in them, so that they still lead somewhere.
    Action.KEEP: (standard.X_Z_U_STAR_TAGS,),
    Action.NEW_UID: (standard.U_TAGS,),
}
_ALL = 0xFFFF


def _tables() -> tuple[dict[BaseTag, Action], list[tuple[int, int, Action]]]:
    plain, masked = {}, []
    for action, lists in _GROUPS.items():
        for group, element, *masks in (entry for entries in lists for entry in entries):
            if masks:  # of groups that repeat: curves, overlays
                mask = masks[0] << 16 | masks[1]
                masked.append(((group << 16 | element) & mask, mask, action))
            else:
                plain[Tag(group, element)] = action
    return plain, masked


TABLE, _MASKED = _tables()
_BIRTH = {Tag("PatientBirthDate"), Tag("PatientBirthTime")}
_ZONE = Tag("TimezoneOffsetFromUTC")
_MAY_GO = {Tag(*entry) for entry in (*standard.X_D_TAGS, *standard.X_Z_D_TAGS)}
_TIMES = ("DA", "TM", "DT")
_LINKS = ("InstanceUID", "FrameOfReferenceUID", "ConcatenationSource")


def action_for(tag: BaseTag, *, keep_dates: bool, keep_uids: bool) -> Action:
    """Return what to do with an attribute under the profile and its options.

    Beyond the table: private attributes and such as the dictionary does not know go, and so do
    names and moments that the table has not (yet). "Retain Longitudinal Temporal Information With
    Full Dates" keeps every moment but those of birth, "Retain UIDs" every UID.
    """
    action = TABLE.get(tag) or next(
        (action for place, mask, action in _MASKED if int(tag) & mask == place), None
    )
    if tag.group < 0x0008:  # commands, file meta, directories: not of a data set
        return Action.REMOVE
    try:
        vr, keyword = dictionary_VR(tag), dictionary_keyword(tag)
    except KeyError:
        return Action.REMOVE
    if (vr in _TIMES or tag == _ZONE) and tag not in _BIRTH:
        if keep_dates:
            return Action.KEEP
        return Action.REMOVE if action is None or tag in _MAY_GO else action
    if action is None and vr == "PN":
        return Action.REMOVE
    if action is None and vr == "UI" and keyword.endswith(_LINKS):
        action = Action.NEW_UID
    if action is Action.NEW_UID and keep_uids:
        return Action.KEEP
    return action or Action.KEEP
