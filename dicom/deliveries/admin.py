from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin_pages import AuditedAdmin
from backend.api.errors import Conflict
from dicom.deliveries import services
from dicom.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(AuditedAdmin):
    """For looking and for sending again: workers send."""

    list_display = ("peer", "what", "patient", "status", "attempts", "error", "created_at")
    list_filter = ("status", "peer", "created_at")
    list_select_related = ("peer", "instance__series__study__patient")
    search_fields = ("id", "instance__uid", "peer__name")
    exclude = ("run_id",)
    actions = ["retry"]

    @admin.display(description="Object")
    def what(self, delivery: Delivery) -> str:
        return delivery.instance.series.description

    @admin.display(description="Patient")
    def patient(self, delivery: Delivery) -> str:
        return str(delivery.instance.series.study.patient)

    @admin.action(description="Send again what was given up", permissions=["delete"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        for delivery in queryset:
            try:
                with transaction.atomic():
                    services.retry(delivery=delivery)
                    self.note_row(request, delivery, "retry")
            except Conflict as refused:
                self.message_user(request, f"{delivery}: {refused.message}", messages.WARNING)
            else:
                self.message_user(request, f"{delivery}: {delivery.get_status_display()}.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False
