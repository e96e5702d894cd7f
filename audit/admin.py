from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from audit.models import Event, Why
from audit.services import note


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    """For looking: the audit is written by what happens, this too, and changed by nobody."""

    list_display = ("at", "user", "role", "action", "patient", "reason", "address", "sealed")
    list_display_links = ("at",)
    list_filter = ("why", "at", "role", "action")
    date_hierarchy = "at"
    search_fields = ("user_label",)
    search_help_text = "Part of a user's name, or the id of a user, a patient or a subject"
    show_full_result_count = False
    actions = None

    @admin.display(description="User", ordering="user_label")
    def user(self, event: Event) -> str:
        return filtered_by("user_id", event.user_id, event.user_label) if event.user_id else "Falx"

    @admin.display(description="Patient")
    def patient(self, event: Event) -> str:
        return (
            filtered_by("patient_id", event.patient_id, event.patient_id)
            if event.patient_id
            else ""
        )

    @admin.display(description="Why", ordering="why")
    def reason(self, event: Event) -> str:
        if event.why != Why.EMERGENCY:
            return event.get_why_display()
        return format_html(
            '<strong style="background: #ba2121; color: #fff; padding: .1rem .4rem">{}</strong>',
            event.get_why_display(),
        )

    @admin.display(description="Sealed", boolean=True)
    def sealed(self, event: Event) -> bool:
        return event.sequence is not None

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Event | None:
        note(request, action="audit.read", why=Why.ADMIN, details={"event": object_id})
        return super().get_object(request, object_id, from_field)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        note(request, action="audit.read", why=Why.ADMIN, details=request.GET.dict())
        return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        about = Q(user_id=wanted) | Q(patient_id=wanted) | Q(subject_id=wanted)
        return queryset.filter(about), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False


def filtered_by(name: str, value: Any, label: object) -> str:
    """A link to the list of all events with the same value."""
    address = reverse("admin:audit_event_changelist", query={name: value})
    return format_html('<a href="{}">{}</a>', address, label)
