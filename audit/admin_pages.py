"""The admin site's pages about patients' data, written down like the API's."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse

from audit import subjects
from audit.models import Why
from audit.services import note


class ChangesAuditedAdmin(admin.ModelAdmin):
    """Notes what is changed in rows of no patient that decide where patients' data come and go."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note_row(request, obj, "create")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note_row(request, obj, "edit")
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self.note_row(request, obj, "delete")
        return super().log_deletions(request, queryset)

    def note_row(self, request: HttpRequest, obj: Model, verb: str) -> None:
        """Write down what is done with one row, e.g. by an action of the list."""
        kind = str(obj._meta.model_name)
        subject = (kind, obj.pk)
        details = model_to_dict(obj)
        note(request, action=f"{kind}.{verb}", why=Why.ADMIN, subject=subject, details=details)


class AuditedAdmin(ChangesAuditedAdmin):
    """Notes what is looked at and what is changed; the model is registered in `audit.subjects`."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any | None:
        """Every page about one row begins here: its form, its history, asking to delete it."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method != "POST":
            self.note_row(request, found, "read")
        return found

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any | None = None,
    ) -> HttpResponse:
        if obj is not None and request.method == "POST":  # what was sent was not right: shown again
            self.note_row(request, obj, "read")
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        if page := (getattr(answer, "context_data", None) or {}).get("cl"):
            kind = subjects.kind_of(self.model)
            shown = sorted({str(kind.patient_of(row)) for row in page.result_list})
            details = {"patients": shown, "search": page.query}
            note(request, action=f"{kind.name}.list", why=Why.ADMIN, details=details)
        return answer

    def note_row(self, request: HttpRequest, obj: Model, verb: str) -> None:
        kind = subjects.kind_of(self.model)
        note(
            request,
            action=f"{kind.name}.{verb}",
            patient_id=kind.patient_of(obj),
            why=Why.ADMIN,
            subject=(kind.name, obj.pk),
        )
