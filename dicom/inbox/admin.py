"""The inbox in the admin site: for looking, and seeing why. Deciding is done in the app."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from audit.models import Why
from audit.services import note
from dicom.models import Arrival


@admin.register(Arrival)
class ArrivalAdmin(admin.ModelAdmin):
    """Written down like the inbox of the API: an arrival is of no patient yet."""

    list_display = (
        "created_at",
        "reason",
        "source",
        "patient_number",
        "issuer",
        "patient_name",
        "birth_date",
        "modality",
        "study_description",
    )
    list_filter = ("reason", "modality", "peer", "created_at")
    search_fields = ("patient_number", "patient_name", "study_uid", "instance_uid")
    date_hierarchy = "created_at"
    exclude = ("file",)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any | None:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            subject = ("inbox", found.group)
            note(request, action="inbox.read", why=Why.ADMIN, subject=subject)
        return found

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        if page := (getattr(answer, "context_data", None) or {}).get("cl"):
            shown = sorted({str(arrival.group) for arrival in page.result_list})
            details = {"groups": shown, "search": page.query}
            note(request, action="inbox.list", why=Why.ADMIN, details=details)
        return answer

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Arrival | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Arrival | None = None) -> bool:
        return False
