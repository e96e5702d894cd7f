"""The codes of our objects, and which of the standard's context groups has them (PS3.16)."""

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

BRAIN = codes.SCT.Brain  # CID 4031
# CID 244; it has none for what lies across the middle.
SIDES = {"left": codes.SCT.Left, "right": codes.SCT.Right}
MORPHOLOGY = codes.SCT.MorphologicallyAbnormalStructure  # CID 7150, a segment's category
NEOPLASM = codes.SCT.Neoplasm  # CID 7151, 7159, a segment's type

# What a label says, in SNOMED CT: none of the standard's context groups has these tumours.
FINDINGS = {
    "glioma": Code("393564001", "SCT", "Glioma"),
    "meningioma": Code("393566004", "SCT", "Meningioma"),
    "pituitary": Code("127024001", "SCT", "Neoplasm of pituitary gland"),
    "no_tumor": NEOPLASM,
}

PRESENCE = codes.DCM.PresenceOfProperty
PRESENT = codes.SCT.Present  # CID 241
ABSENT = codes.SCT.Absent
CERTAINTY = codes.DCM.CertaintyOfFinding  # CID 6048: how sure a device is, in percent

VOLUME = codes.SCT.Volume  # CID 7472
AREA = codes.SCT.Area  # CID 7471
LONG_AXIS = codes.SCT.LongAxis  # CID 7470
PERPENDICULAR_AXIS = codes.SCT.PerpendicularAxis  # CID 7470

PERCENT = codes.UCUM.Percent
CUBIC_CENTIMETRE = codes.UCUM.CubicCentimeter  # CID 7462
SQUARE_MILLIMETRE = codes.UCUM.SquareMillimeter  # CID 7461
MILLIMETRE = codes.UCUM.Millimeter  # CID 7460
PIXELS = Code("{pixels}", "UCUM", "pixels")

PROCEDURE = codes.cid100.MRIUnspecifiedBodyRegion  # it has none of the head
ALGORITHM_FAMILY = codes.cid7162.ArtificialIntelligence
COMMENT = codes.DCM.Comment
SOURCE = Code("260753009", "SCT", "Source")
OTHER = Code("OT", "DCM", "Other")

# A scheme of our own begins with 99 (PS3.16, section 8.2).
SCHEME = "99FALX"
REVIEW = Code("review", SCHEME, "Decision of the reviewer")
REVIEWS = {
    "confirmed": Code("confirmed", SCHEME, "Reading confirmed"),
    "corrected": Code("corrected", SCHEME, "Reading corrected"),
    "rejected": Code("rejected", SCHEME, "Reading rejected"),
}
