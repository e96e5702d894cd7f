"""Everything that reads analyses, limited to what the caller may see."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from inference.models import Analysis
from inference.reviews.selectors import with_reviews
from patients.access import Level
from patients.models import HistoryEntry, Patient
from scans.models import Opinion, Scan
from scans.selectors import scan_for, scans_for


def with_analyses(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    """Fetch the analyses of all these scans at once, newest first, and what doctors say."""
    return scans.prefetch_related(Prefetch("analyses", with_reviews(Analysis.objects.all())))


def scans_of(user: User, patient: Patient) -> QuerySet[Scan]:
    return with_analyses(scans_for(user).filter(patient=patient))


def analyses_of(scan: Scan) -> QuerySet[Analysis]:
    """The analyses of a scan that the caller may see, newest first."""
    return with_reviews(Analysis.objects.filter(scan=scan))


def analysis_for(
    user: User, analysis_id: UUID, *, level: int = Level.READER, opinion: bool = False
) -> Analysis:
    """Return one analysis; its `scan.patient` says what the user may do, and why.

    Arguments as `scan_for`'s.

    Raises:
        Analysis.DoesNotExist: also when it exists but is not for this user.
        Forbidden: when the user may see it, but not do what needs this level.
    """
    analysis = Analysis.objects.get(pk=analysis_id)
    try:
        analysis.scan = scan_for(user, analysis.scan_id, level=level, opinion=opinion)
    except Scan.DoesNotExist as hidden:
        raise Analysis.DoesNotExist from hidden
    return analysis


@dataclass(frozen=True)
class Contents:
    """What an opinion is about, as one person sees it."""

    scan: Scan
    analyses: list[Analysis]
    entries: list[HistoryEntry]

    @property
    def patient(self) -> Patient:
        return self.scan.patient

    @property
    def name(self) -> str | None:
        return str(self.patient) if self.scan.shows_name else None


def contents_of(opinion: Opinion, user: User) -> Contents | None:
    """Return what the opinion is about; None for a colleague once it is closed."""
    try:
        scan = scan_for(user, opinion.scan_id, opinion=True)
    except Scan.DoesNotExist:
        return None
    return Contents(
        scan=scan,
        analyses=list(analyses_of(scan)),
        entries=list(opinion.entries.select_related("author")),
    )
