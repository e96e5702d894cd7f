"""Everything that reads analyses, limited to what the caller may see."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from inference.models import Analysis
from patients.models import Patient
from scans.models import Scan
from scans.selectors import scans_for


def with_analyses(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    """Fetch the analyses of all these scans at once, newest first."""
    return scans.prefetch_related(Prefetch("analyses", Analysis.objects.all()))


def scans_of(user: User, patient: Patient) -> QuerySet[Scan]:
    return with_analyses(scans_for(user).filter(patient=patient))


def scan_with_analyses(user: User, scan_id: UUID) -> Scan:
    """Return one scan.

    Raises:
        Scan.DoesNotExist: also when it exists but is not for this user.
    """
    return with_analyses(scans_for(user)).get(pk=scan_id)


def analyses_of(scan: Scan) -> QuerySet[Analysis]:
    """The analyses of a scan that the caller may see, newest first."""
    return Analysis.objects.filter(scan=scan)


def analysis_for(user: User, analysis_id: UUID) -> Analysis:
    """Return one analysis.

    Raises:
        Analysis.DoesNotExist: also when it exists but is not for this user.
    """
    visible = scans_for(user).select_related(None).order_by()
    return Analysis.objects.filter(scan__in=visible).get(pk=analysis_id)
