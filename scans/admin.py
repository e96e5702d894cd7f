from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from audit.admin_pages import AuditedAdmin
from scans.models import Instance, Opinion, Scan, Series, Study


@admin.register(Scan)
class ScanAdmin(AuditedAdmin):
    """For looking and removing: scans come in through the API, where they are checked."""

    list_display = ("__str__", "patient", "format", "acquired_at", "created_at", "uploaded_by")
    list_filter = ("format", "created_at")
    list_select_related = ("patient", "uploaded_by")
    search_fields = ("original_name", "patient__family_name", "sha256", "instance_uid")
    exclude = ("original", "preview")
    readonly_fields = ("picture",)

    @admin.display(description="Preview")
    def picture(self, scan: Scan) -> str:
        return format_html(
            '<a href="{}"><img src="{}" alt="Preview of the slice" style="max-width: 24rem"></a>',
            reverse("scan-file", args=[scan.id]),
            reverse("scan-preview", args=[scan.id]),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Scan | None = None) -> bool:
        return False


class ForLooking(AuditedAdmin):
    """Comes in through the API and from other systems, where it is checked; may be removed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class SeriesInline(admin.TabularInline):
    model = Series
    fields = ("uid", "number", "modality", "description", "plane", "worth_reading", "chosen")
    extra = 0
    can_delete = False
    show_change_link = True


@admin.register(Study)
class StudyAdmin(ForLooking):
    list_display = ("__str__", "patient", "started_at", "created_at")
    list_select_related = ("patient",)
    search_fields = ("uid", "accession_number", "description", "patient__family_name")
    inlines = [SeriesInline]


@admin.register(Series)
class SeriesAdmin(ForLooking):
    list_display = ("__str__", "modality", "plane", "worth_reading", "chosen", "received_at")
    list_filter = ("modality", "worth_reading", "ours", "received_at")
    list_select_related = ("study__patient",)
    search_fields = ("uid", "description", "study__uid", "study__patient__family_name")


@admin.register(Instance)
class InstanceAdmin(ForLooking):
    list_display = ("uid", "series", "number", "frames", "source", "created_at")
    list_filter = ("format", "created_at")
    list_select_related = ("series__study",)
    search_fields = ("uid", "sha256", "series__uid", "series__study__patient__family_name")
    exclude = ("file",)
    readonly_fields = ("original",)

    @admin.display(description="Original")
    def original(self, instance: Instance) -> str:
        return format_html(
            '<a href="{}">Download</a>', reverse("instance-file", args=[instance.pk])
        )


@admin.register(Opinion)
class OpinionAdmin(AuditedAdmin):
    """For looking: who was asked what, and what was said."""

    list_display = ("created_at", "asked_by", "colleague", "status", "show_name", "expires_at")
    list_filter = ("status", "created_at")
    list_select_related = ("asked_by", "colleague")
    search_fields = ("asked_by__email", "colleague__email")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Opinion | None = None) -> bool:
        return False
