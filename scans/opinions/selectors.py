"""Everything that reads opinions, limited to what the caller may see."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from patients.access import patients_for
from scans.opinions.models import Opinion


def opinions_for(user: User) -> QuerySet[Opinion]:
    """Opinions about scans in the files that the user may see, and those asked of them."""
    files = patients_for(user).order_by()
    visible = Opinion.objects.filter(Q(scan__patient__in=files) | Q(colleague=user))
    return visible.select_related("asked_by", "colleague", "scan")


def asked_of(user: User) -> QuerySet[Opinion]:
    return opinions_for(user).filter(colleague=user)


def asked_by(user: User) -> QuerySet[Opinion]:
    """What the user asked, about files that they still may see."""
    return opinions_for(user).filter(asked_by=user)


def asked_of_or_by(user: User) -> QuerySet[Opinion]:
    return opinions_for(user).filter(Q(colleague=user) | Q(asked_by=user))


def opinion_for(user: User, opinion_id: UUID) -> Opinion:
    """Return one opinion; its `file` says what the user may do in the patient's file, if anything.

    Raises:
        Opinion.DoesNotExist: also when it exists but is not for this user.
    """
    opinion = opinions_for(user).get(pk=opinion_id)
    opinion.file = patients_for(user).filter(pk=opinion.scan.patient_id).first()
    return opinion


def open_question(user: User, scan_id: UUID) -> Opinion | None:
    """Return what this doctor is being asked about a scan: it opens the scan to them."""
    if not user.is_doctor:
        return None
    return Opinion.objects.open().filter(colleague=user, scan=scan_id).first()
