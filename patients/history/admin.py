"""The history on the admin site: for looking only."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html

from audit.admin_pages import AuditedAdmin
from patients.history import dates, kinds
from patients.history.kinds import Values
from patients.models import HistoryEntry, HistoryVersion


class ReadOnly(admin.options.BaseModelAdmin):
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class VersionInline(ReadOnly, admin.TabularInline):
    model = HistoryVersion
    can_delete = False
    fields = ("version", "at", "author", "title", "when", "status", "reason", "said")
    readonly_fields = fields
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[HistoryVersion]:
        return super().get_queryset(request).select_related("author", "entry")

    @admin.display(description="When it happened")
    def when(self, version: HistoryVersion) -> str:
        return dates.written(version.occurred_at, version.precision)

    @admin.display(description="Data")
    def said(self, version: HistoryVersion) -> str:
        return table(version.entry.kind, version.data)


@admin.register(HistoryEntry)
class HistoryEntryAdmin(ReadOnly, AuditedAdmin):
    """What stands in a patient's history is written in the app, and kept.

    Only an admin can remove a row, with its versions; the audit says so.
    """

    list_display = ("occurred_at", "patient", "kind", "title", "status", "author")
    list_filter = ("kind", "status", "occurred_at")
    list_select_related = ("patient", "author")
    search_fields = ("title", "patient__search_text")
    fields = (
        "patient",
        "kind",
        "title",
        "when",
        "status",
        "said",
        "picture",
        "author",
        "recorded_at",
        "updated_at",
        "version",
    )
    readonly_fields = fields
    inlines = [VersionInline]

    @admin.display(description="When it happened")
    def when(self, entry: HistoryEntry) -> str:
        return dates.written(entry.occurred_at, entry.precision)

    @admin.display(description="Data")
    def said(self, entry: HistoryEntry) -> str:
        return table(entry.kind, entry.data)

    @admin.display(description="Overlay")
    def picture(self, entry: HistoryEntry) -> str:
        address = entry.data.get("overlay")
        return (
            format_html('<img src="{}" alt="" style="max-width: 32rem">', address)
            if address
            else ""
        )


def table(kind: str, data: Values) -> str:
    """Show an entry's data as its kind has them, a line each."""
    form = kinds.of(kind)
    shown = [
        (getattr(form.fields.get(name), "label", None) or name, value)
        for name, value in form.to_representation(data).items()
    ]
    return render_to_string("patients/entry_data.html", {"shown": shown})
