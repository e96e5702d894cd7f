"""What is in a patient's file, gathered once: the reports and `file.json` both say it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.models import User
from audit.models import Event
from audit.selectors import events_of_patient
from inference.models import Analysis
from inference.selectors import scans_of
from patients.history.selectors import history_of
from patients.models import CareTeamMember, HistoryEntry, Patient
from patients.selectors import ids_of_file
from patients.team.selectors import team_of
from scans.models import Scan, Study
from scans.series.selectors import counted, studies_for

REVIEWED = (
    "uploaded_by",
    "analyses__reviews",
    "analyses__comments",
    "opinions__asked_by",
    "opinions__colleague",
)


@dataclass(frozen=True)
class FileContents:
    """A file as its reader may see it, newest first. Pictures are named here, not read.

    `scans` come with their analyses, and these with reviews and comments; `history` with all
    versions, and with what was entered in error; `studies` with their series. `events` is read as
    it is gone through: of a file that is looked at every day there are many.
    """

    patient: Patient
    scans: list[Scan]
    studies: list[Study] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    members: list[CareTeamMember] = field(default_factory=list)
    events: Iterable[Event] = ()


def file_contents(user: User, patient: Patient) -> FileContents:
    """The whole file of a patient whom the user may see."""
    return FileContents(
        patient=patient,
        scans=list(scans_of(user, patient).prefetch_related(*REVIEWED)),
        studies=list(counted(studies_for(user).filter(patient=patient))),
        history=list(
            history_of(patient, statuses=HistoryEntry.Status.values).prefetch_related(
                "versions__author", "attachment"
            )
        ),
        members=list(team_of(patient)),
        events=events_of_patient(*ids_of_file(patient)).iterator(),
    )


def scan_contents(user: User, scan: Scan) -> FileContents:
    """One scan that the user may see, and whose it is."""
    found = scans_of(user, scan.patient).filter(pk=scan.pk)
    return FileContents(patient=scan.patient, scans=list(found.prefetch_related(*REVIEWED)))


def newest_reading(scan: Scan) -> Analysis | None:
    """The analysis that stands for the scan: the newest that is done, else the newest of all."""
    analyses = list(scan.analyses.all())
    done = (analysis for analysis in analyses if analysis.status == Analysis.Status.DONE)
    return next(done, next(iter(analyses), None))
