"""The patient's file: who the patient is, who cares for them, what happened, what changed."""

from patients.models.changes import Change
from patients.models.history import HistoryEntry
from patients.models.patient import Patient
from patients.models.team import CareTeamMember

__all__ = ["CareTeamMember", "Change", "HistoryEntry", "Patient"]
