"""What every kind of source says of its rows."""

from collections.abc import Callable

from django.db.models import (
    Q,
)

from accounts.models import User
from fhir.search.params import (
    NOTHING,
    Ref,
)
from patients.access import patients_for
from patients.models import HistoryEntry

Kind = HistoryEntry.Kind
ANY = ~NOTHING


def in_files(path: str) -> Callable[[User], Q]:
    """Rows of the patients whose file somebody may see."""
    return lambda user: Q(**{f"{path}__in": patients_for(user).order_by().values("pk")})


def of_patient(path: str) -> dict[str, Ref]:
    return {name: Ref("Patient", path) for name in ("patient", "subject")}
