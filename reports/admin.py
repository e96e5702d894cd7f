from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.admin_pages import AuditedAdmin
from reports.models import LegalHold


@admin.register(LegalHold)
class LegalHoldAdmin(AuditedAdmin):
    """Placing a hold and lifting it, which is deleting it; the audit has both."""

    list_display = ("patient", "reason", "placed_by", "placed_at")
    list_select_related = ("patient", "placed_by")
    raw_id_fields = ("patient",)

    def save_model(self, request: HttpRequest, obj: LegalHold, form: Any, change: bool) -> None:
        if not change:
            obj.placed_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: LegalHold | None = None) -> bool:
        return False
