from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin_pages import AuditedAdmin
from backend.api.errors import Conflict
from dicom.deliveries import jobs
from dicom.deliveries import services as deliveries
from dicom.models import Delivery, Publication
from dicom.models.job import Job
from dicom.objects import services as objects


class JobAdmin(AuditedAdmin):
    """For looking and for doing again what was given up: workers do it."""

    task: str
    exclude = ("run_id",)
    actions = ["retry"]

    @admin.action(description="Do again what was given up", permissions=["delete"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        for job in queryset:
            try:
                with transaction.atomic():
                    jobs.again(job, self.task)
                    self.note_row(request, job, "retry")
            except Conflict as refused:
                self.message_user(request, f"{job}: {refused.message}", messages.WARNING)
            else:
                self.message_user(request, f"{job}: {job.get_status_display()}.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False


@admin.register(Publication)
class PublicationAdmin(JobAdmin):
    task = objects.TASK
    list_display = ("analysis", "version", "patient", "status", "attempts", "error", "created_at")
    list_filter = ("status", "created_at")
    list_select_related = ("analysis__series__study__patient",)
    search_fields = ("id", "analysis__id")

    @admin.display(description="Patient")
    def patient(self, publication: Publication) -> str:
        return str(publication.analysis.series.study.patient)


@admin.register(Delivery)
class DeliveryAdmin(JobAdmin):
    task = deliveries.TASK
    list_display = ("peer", "what", "patient", "status", "attempts", "error", "created_at")
    list_filter = ("status", "peer", "created_at")
    list_select_related = ("peer", "instance__series__study__patient")
    search_fields = ("id", "instance__uid", "peer__name")

    @admin.display(description="Object")
    def what(self, delivery: Delivery) -> str:
        return delivery.instance.series.description

    @admin.display(description="Patient")
    def patient(self, delivery: Delivery) -> str:
        return str(delivery.instance.series.study.patient)
