"""De-identification: nothing of the patient survives, and what belongs together stays together."""

from io import BytesIO
from typing import Any

import pydicom
import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from backend.api.errors import ApiError
from dicom.deid.profile import Profile, deidentified_file, deidentify, profile_for
from dicom.deid.table import TABLE, Action, action_for
from dicom.models import Peer
from scans.decoding import decode
from tests.samples import sample

REAL = sample("dicom").read_bytes()
MARK = "MUSTERMANN"
MOMENTS = ("DA", "TM", "DT")
VALUES: dict[str, Any] = {
    **dict.fromkeys(("LO", "SH", "ST", "LT", "UT", "UC", "PN", "AE", "CS"), MARK),
    **dict.fromkeys(("DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"), 77),
    **dict.fromkeys(("OB", "OW", "OL", "OF", "OD", "UN"), MARK.encode()),
    "AS": "077Y",
    "DA": "19770707",
    "TM": "070707",
    "DT": "19770707070707",
    "UI": "1.2.77",
    "UR": f"https://{MARK}.test",
}


def element(tag: int, within: Dataset | None = None) -> DataElement:
    """An attribute with a value that can be found again."""
    vr = dictionary_VR(tag).split(" or ")[-1]
    if vr != "SQ":
        return DataElement(tag, vr, VALUES[vr])
    item = within or Dataset()
    item.PatientName = MARK
    return DataElement(tag, vr, Sequence([item]))


def identified(*tags: int) -> Dataset:
    dataset = pydicom.dcmread(BytesIO(REAL))
    for tag in tags:
        dataset.add(element(tag))
    return dataset


KNOWN = sorted(tag for tag in TABLE if keyword_for_tag(tag) and tag.group >= 8)
IDENTIFYING = sorted(
    tag for tag in KNOWN if action_for(tag, keep_dates=False, keep_uids=False) is not Action.KEEP
)
CARRIERS = [  # sequences that stay
    Tag(name)
    for name in (
        "ReferencedImageSequence",
        "ProcedureCodeSequence",
        "SharedFunctionalGroupsSequence",
    )
]


def test_each_attribute_is_treated_as_the_table_says() -> None:
    assert len(KNOWN) > 500
    for tag in KNOWN:
        check_treatment(tag)


def check_treatment(tag: BaseTag) -> None:
    before = Dataset()
    before.add(element(tag))
    after = deidentify(before, number="N1")
    action = action_for(tag, keep_dates=False, keep_uids=False)
    if keyword_for_tag(tag) in ("PatientID", "PatientName"):
        assert after[tag].value == "N1"
    elif tag.group == 0x0012 and tag.element in (0x62, 0x63, 0x64):
        assert tag in after
    elif action is Action.REMOVE or dictionary_VR(tag) == "UN":
        assert tag not in after
    elif action is Action.EMPTY:
        assert after[tag].is_empty
    elif action is not Action.KEEP:
        assert not after[tag].is_empty
        assert after[tag].value != before[tag].value, tag
    assert MARK not in str(after)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_nothing_of_the_patient_survives_at_any_depth(data: st.DataObject) -> None:
    inner = identified(*data.draw(st.lists(st.sampled_from(IDENTIFYING), max_size=8)))
    inner.add_new(0x00091001, "LO", MARK)
    for carrier in data.draw(st.lists(st.sampled_from(CARRIERS), max_size=4)):
        outer = identified(*data.draw(st.lists(st.sampled_from(IDENTIFYING), max_size=3)))
        outer.add(DataElement(carrier, "SQ", Sequence([inner])))
        inner = outer
    dates, uids = data.draw(st.booleans()), data.draw(st.booleans())
    stream = BytesIO()
    inner.save_as(stream)
    clean = deidentified_file(stream.getvalue(), Profile(keep_dates=dates, keep_uids=uids))
    # Moments and UIDs are numbers that pixels may hold by chance; text is looked for in all bytes.
    assert MARK.encode() not in clean
    header = str(pydicom.dcmread(BytesIO(clean), stop_before_pixels=True))
    assert ("1977" in header) <= dates
    assert ("1.2.77" in header) <= uids


def test_names_where_moments_and_uids_are_kept_are_not() -> None:
    before = identified()
    before.TimezoneOffsetFromUTC = MARK
    before.add_new("StudyDate", "LO", MARK)
    before.add_new("FrameOfReferenceUID", "UI", MARK)
    before.SeriesTime = "101500.5"
    after = deidentify(before, keep_dates=True, keep_uids=True)
    assert MARK not in str(after)
    assert after.SeriesTime == "101500.5"


def test_a_file_keeps_its_pixels_and_says_what_was_done() -> None:
    clean = deidentified_file(REAL, Profile(keep_dates=True, keep_uids=True))
    after, before = (pydicom.dcmread(BytesIO(file)) for file in (clean, REAL))
    assert after.PixelData == before.PixelData
    assert decode(clean).spacing_mm == decode(REAL).spacing_mm
    assert after.PatientIdentityRemoved == "YES"
    assert after.LongitudinalTemporalInformationModified == "UNMODIFIED"
    codes = [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113106", "113110"]
    assert (after.StudyDate, after.StudyInstanceUID) == (before.StudyDate, before.StudyInstanceUID)
    assert after.PatientBirthDate == ""


def test_what_is_sent_again_becomes_the_same_and_a_study_stays_together() -> None:
    first = pydicom.dcmread(BytesIO(REAL))
    second = pydicom.dcmread(BytesIO(REAL))
    second.SOPInstanceUID = "1.2.3.4"
    second.ReferencedImageSequence = Sequence([Dataset()])
    second.ReferencedImageSequence[0].ReferencedSOPInstanceUID = first.SOPInstanceUID
    one, other = deidentify(first), deidentify(second)
    assert deidentified_file(REAL, Profile()) == deidentified_file(REAL, Profile())
    assert one.StudyInstanceUID == other.StudyInstanceUID != first.StudyInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert other.ReferencedImageSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert one.PatientID == other.PatientID != first.PatientID
    assert one.SOPClassUID == first.SOPClassUID
    with override_settings(DEIDENTIFICATION_KEY="another installation"):
        assert deidentify(first).StudyInstanceUID != one.StudyInstanceUID


def test_private_and_unknown_attributes_and_what_the_file_says_of_its_sender_go() -> None:
    dataset = pydicom.dcmread(BytesIO(REAL))
    dataset.private_block(0x0029, "ACME", create=True).add_new(1, "LO", MARK)
    dataset.add_new(0x00087777, "LO", MARK)
    dataset.add_new(0x60003000, "OW", MARK.encode())  # an overlay
    dataset.file_meta.SendingApplicationEntityTitle = MARK
    dataset.preamble = MARK.encode().ljust(128, b"\0")
    stream = BytesIO()
    dataset.save_as(stream)
    assert MARK.encode() not in deidentified_file(stream.getvalue(), Profile())


def test_a_damaged_object_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        deidentified_file(b"no DICOM", Profile())
    assert caught.value.code == "cannot_deidentify"


def test_every_choice_for_a_system_is_a_profile() -> None:
    profiles = {choice: profile_for(choice) for choice in Peer.Deidentify.values}
    assert profiles.pop("no") is None
    assert len(set(profiles.values())) == len(profiles) == 4
