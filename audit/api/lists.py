"""Lists of what belongs to patients."""

from collections.abc import Sequence
from typing import Any

from rest_framework.generics import ListAPIView

from accounts.api.permissions import user_of
from audit import subjects
from audit.models import Why
from audit.services import note


class NotedList(ListAPIView[Any]):
    """A list across patients' files: each page that is shown is one event.

    `noted_as` says what is listed; the rows' model is registered in `audit.subjects`. (It is not
    called `action`: the schema would take the view for a view set's, and the list for one thing.)
    """

    noted_as: str

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        note(
            self.request,
            action=self.noted_as,
            why=Why.ADMIN if user_of(self.request).is_admin else "",
            details=self.shown(page or []),
        )
        return page

    def shown(self, rows: Sequence[Any]) -> dict[str, Any]:
        """What the event says of a page: the patients on it."""
        ids = [str(subjects.kind_of(type(row)).patient_of(row)) for row in rows]
        return {"patients": list(dict.fromkeys(ids))}
