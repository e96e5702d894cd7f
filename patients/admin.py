from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

from audit.admin_pages import AuditedAdmin
from patients import services
from patients.access import Level
from patients.history.admin import HistoryEntryAdmin  # noqa: F401 (registers itself)
from patients.models import HistoryEntry, Patient, PatientIdentifier
from patients.search import fold
from patients.team.admin import CareTeamInline
from patients.team.notices import owners_of


class IdentifierInline(admin.TabularInline):
    model = PatientIdentifier
    extra = 0


@admin.register(Patient)
class PatientAdmin(AuditedAdmin):
    list_display = ("__str__", "birth_date", "sex", "created_by", "created_at")
    list_filter = ("sex", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("search_text",)
    readonly_fields = ("created_by", "created_at", "updated_at", "timeline")
    inlines = [IdentifierInline, CareTeamInline]

    @admin.display(description="History, the latest")
    def timeline(self, patient: Patient) -> str:
        entries = patient.history.filter(status=HistoryEntry.Status.CURRENT)[:12]
        return render_to_string("patients/timeline.html", {"entries": entries})

    def save_model(self, request: HttpRequest, obj: Patient, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change and not owners_of(form.instance):
            services.add_to_care_team(
                patient=form.instance, user=form.instance.created_by, level=Level.OWNER
            )
        services.index(form.instance)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Patient], search_term: str
    ) -> tuple[QuerySet[Patient], bool]:
        return super().get_search_results(request, queryset, fold(search_term))
