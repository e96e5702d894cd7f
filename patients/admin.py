from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html

from patients.models import CareTeamMember, HistoryEntry, Patient


class CareTeamInline(admin.TabularInline):
    model = CareTeamMember
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("added_at",)


@admin.register(Patient)
class PatientAdmin(admin.ModelAdmin):
    list_display = ("__str__", "birth_date", "sex", "record_number", "created_by", "created_at")
    list_filter = ("sex", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("family_name", "given_name", "record_number")
    readonly_fields = ("created_by", "created_at", "updated_at", "timeline")
    inlines = [CareTeamInline]

    @admin.display(description="History, the latest")
    def timeline(self, patient: Patient) -> str:
        entries = patient.history.all()[:12]
        return render_to_string("patients/timeline.html", {"entries": entries})

    def save_model(self, request: HttpRequest, obj: Patient, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)


@admin.register(HistoryEntry)
class HistoryEntryAdmin(admin.ModelAdmin):
    """For looking: what stands in a patient's history is written by the system, not by hand."""

    readonly_fields = ("picture",)

    list_display = ("occurred_at", "patient", "kind", "title", "author")
    list_filter = ("kind", "occurred_at")
    list_select_related = ("patient", "author")
    search_fields = ("title", "patient__family_name", "patient__record_number")

    @admin.display(description="Overlay")
    def picture(self, entry: HistoryEntry) -> str:
        address = entry.data.get("overlay")
        return (
            format_html('<img src="{}" alt="" style="max-width: 32rem">', address)
            if address
            else ""
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: HistoryEntry | None = None) -> bool:
        return False
