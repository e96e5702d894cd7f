"""The patient's file: who the patient is, who cares for them, what happened, what changed."""

from patients.models.changes import Change
from patients.models.history import Attachment, HistoryEntry, HistoryVersion
from patients.models.patient import Patient, PatientIdentifier, PatientMerge
from patients.models.team import CareTeamMember, EmergencyAccess, Notice

__all__ = [
    "Attachment",
    "CareTeamMember",
    "Change",
    "EmergencyAccess",
    "HistoryEntry",
    "HistoryVersion",
    "Notice",
    "Patient",
    "PatientIdentifier",
    "PatientMerge",
]
