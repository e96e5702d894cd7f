from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from audit.admin_pages import AuditedAdmin
from backend.api.errors import Conflict
from inference import services
from inference.models import Analysis, Comment, Picture, Review, Run, SeriesAnalysis, SeriesReview


class SeenOnly(admin.TabularInline):
    """Doctors write these, through the API."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReviewInline(SeenOnly):
    model = Review
    fields = (
        "version",
        "decision",
        "label",
        "outline",
        "dice",
        "reason",
        "comment",
        "reviewer_name",
    )


class CommentInline(SeenOnly):
    model = Comment
    fields = ("created_at", "author_name", "text")
    readonly_fields = ("created_at",)


class RunAdmin(AuditedAdmin):
    """For looking, cancelling and retrying: results are written by workers, not by hand."""

    actions = ["cancel", "retry"]

    @admin.action(description="Cancel while queued", permissions=["delete"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._each(request, queryset, services.cancel, "cancel")

    @admin.action(description="Retry after failure", permissions=["delete"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._each(request, queryset, services.retry, "retry")

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Run], change: object, verb: str
    ) -> None:
        for analysis in queryset:
            try:
                with transaction.atomic():
                    change(analysis=analysis)  # type: ignore[operator]
                    self.note_row(request, analysis, verb)
            except Conflict as refused:
                self.message_user(request, f"{analysis}: {refused.message}", messages.WARNING)
            else:
                self.message_user(request, f"{analysis}: {analysis.get_status_display()}.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False


@admin.register(Analysis)
class AnalysisAdmin(RunAdmin):
    list_display = ("__str__", "status", "patient", "release", "attempts", "created_at")
    list_filter = ("status", "label", "release", "created_at")
    list_select_related = ("scan__patient",)
    search_fields = ("id", "scan__original_name", "scan__patient__family_name")
    exclude = ("mask", "overlay", "heatmap", "run_id")
    readonly_fields = ("pictures_shown",)
    inlines = [ReviewInline, CommentInline]

    @admin.display(description="Patient")
    def patient(self, analysis: Analysis) -> str:
        return str(analysis.scan.patient)

    @admin.display(description="Pictures")
    def pictures_shown(self, analysis: Analysis) -> str:
        shown = [
            format_html(
                '<img src="{}" alt="{}" style="max-width: 24rem; margin-right: .5rem">',
                reverse(f"analysis-{kind.value}", args=[analysis.id]),
                kind.label,
            )
            for kind in (Picture.OVERLAY, Picture.HEATMAP)
            if analysis.pictures[kind]
        ]
        return format_html("{}" * len(shown), *shown) if shown else "None yet"


class SeriesReviewInline(SeenOnly):
    model = SeriesReview
    fields = ("version", "decision", "label", "comment", "reviewer", "created_at")


@admin.register(SeriesAnalysis)
class SeriesAnalysisAdmin(RunAdmin):
    list_display = ("__str__", "status", "patient", "release", "attempts", "created_at")
    list_filter = ("status", "label", "release", "created_at")
    list_select_related = ("series__study__patient",)
    search_fields = ("id", "series__uid", "series__study__patient__family_name")
    exclude = ("masks", "overlay", "heatmap", "slices", "run_id")
    inlines = [SeriesReviewInline]

    @admin.display(description="Patient")
    def patient(self, analysis: SeriesAnalysis) -> str:
        return str(analysis.series.study.patient)
