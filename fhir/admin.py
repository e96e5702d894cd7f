from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin_pages import AuditedAdmin, ChangesAuditedAdmin
from backend.api.errors import Conflict
from fhir.models import Push, Subscriber
from fhir.push import services


@admin.register(Subscriber)
class SubscriberAdmin(ChangesAuditedAdmin):
    list_display = ("name", "base_url", "active", "issuer", "preliminary", "patients")
    readonly_fields = ("since",)


@admin.register(Push)
class PushAdmin(AuditedAdmin):
    """For looking and sending again: rows are written when reports are."""

    list_display = ("__str__", "status", "attempts", "due_at", "error", "finished_at")
    list_filter = ("status", "subscriber")
    list_select_related = ("subscriber", "analysis__scan", "series_analysis__series")
    exclude = ("run_id",)
    actions = ["send_again"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.action(description="Send again what was given up", permissions=["delete"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Push]) -> None:
        for push in queryset:
            try:
                services.retry(push=push)
            except Conflict as refused:
                self.message_user(request, refused.message, messages.ERROR)
            else:
                self.note_row(request, push, "retry")
