"""Care team and emergency accesses in the admin site."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import User
from audit.admin_pages import AuditedAdmin
from backend.api.errors import ApiError
from patients import changes
from patients.access import Level
from patients.models import CareTeamMember, EmergencyAccess, Patient
from patients.team import emergency
from patients.team.services import check_end, end_emergency, take_away, team_changed, via_of


class MemberForm(forms.ModelForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Another person is another row: somebody loses a file, and somebody gains one.
        self.fields["user"].disabled = not self.instance._state.adding

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("level") and "expires_at" in self.changed_data:
            try:
                check_end(given["level"], given.get("expires_at"))
            except ApiError as wrong:
                self.add_error("expires_at", ValidationError(wrong.message, code=wrong.code))
        return given


class TeamFormSet(BaseInlineFormSet):
    """Keeps what the API keeps: an owner, the feeds, and when emergency access was ended."""

    def clean(self) -> None:
        super().clean()
        if self.instance._state.adding or any(self.errors):
            return  # a new file is its maker's
        Patient.objects.select_for_update().get(pk=self.instance.pk)
        staying = [f for f in self.forms if f not in self.deleted_forms and f.cleaned_data]
        owners = [f for f in staying if f.cleaned_data["level"] == Level.OWNER]
        others = CareTeamMember.objects.filter(patient=self.instance).owners()
        shown = [form.instance.pk for form in self.initial_forms]
        if not owners and not others.exclude(pk__in=shown).exists() and self.has_changed():
            raise ValidationError("The file needs an owner.", code="last_owner")

    def save_new(self, form: Any, commit: bool = True) -> CareTeamMember:
        form.instance.via = via_of(form.instance.expires_at)
        member = super().save_new(form, commit)
        changes.grant(patient_id=member.patient_id, user=member.user)
        team_changed(member.patient)
        return member

    def save_existing(self, form: Any, obj: CareTeamMember, commit: bool = True) -> CareTeamMember:
        if "expires_at" in form.changed_data:
            obj.via = via_of(obj.expires_at)
            end_emergency(obj)
        member = super().save_existing(form, obj, commit)
        team_changed(member.patient)
        return member

    def delete_existing(self, obj: CareTeamMember, commit: bool = True) -> None:
        take_away(obj)


class CareTeamInline(admin.TabularInline):
    model = CareTeamMember
    form = MemberForm
    formset = TeamFormSet
    fk_name = "patient"
    extra = 0
    autocomplete_fields = ("user",)
    fields = ("user", "level", "via", "expires_at", "added_by", "added_at")
    readonly_fields = ("via", "added_by", "added_at")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user":
            options["queryset"] = User.objects.exclude(
                role__in=[User.Role.STUDENT, User.Role.SYSTEM]
            )
        return super().formfield_for_foreignkey(db_field, request, **options)


@admin.register(EmergencyAccess)
class EmergencyAccessAdmin(AuditedAdmin):
    """Those that nobody has reviewed come first. The review is all that can be written here."""

    list_display = ("state", "opened_at", "doctor", "file", "reason", "until", "reviewed_by")
    list_display_links = ("opened_at",)
    list_filter = (("reviewed_at", admin.EmptyFieldListFilter), "opened_at")
    list_select_related = ("doctor", "reviewed_by")
    search_fields = ("doctor__email", "doctor__last_name", "reason")
    date_hierarchy = "opened_at"
    fields = (
        "state",
        "doctor",
        "file",
        "reason",
        "opened_at",
        "until",
        "ended_at",
        "told_at",
        "reviewed_by",
        "reviewed_at",
        "review",
    )

    @admin.display(description="", ordering="reviewed_at")
    def state(self, access: EmergencyAccess) -> str:
        if access.is_open:
            return format_html('<strong style="color: #ba2121">{}</strong>', "⚠ open now")
        if access.reviewed_at is None:
            return format_html('<strong style="color: #b35900">{}</strong>', "⚠ not reviewed")
        return "reviewed"

    @admin.display(description="Patient")
    def file(self, access: EmergencyAccess) -> str:
        """By its id: the file may be gone, and a list of names is not needed here."""
        address = reverse("admin:patients_patient_change", args=[access.patient_id])
        return format_html('<a href="{}">{}</a>', address, access.patient_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmergencyAccess]:
        found = super().get_queryset(request)
        return found.order_by(F("reviewed_at").asc(nulls_first=True), "-opened_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: EmergencyAccess | None = None
    ) -> list[str]:
        fields = list(self.fields or ())
        return [name for name in fields if name != "review"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_dbfield(db_field, request, required=True, **options)

    def save_model(
        self, request: HttpRequest, obj: EmergencyAccess, form: Any, change: bool
    ) -> None:
        if isinstance(request.user, User):
            emergency.review(access=obj, by=request.user, comment=obj.review)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: EmergencyAccess | None = None
    ) -> bool:
        return obj is None or (obj.reviewed_at is None and obj.doctor_id != request.user.pk)

    def has_delete_permission(
        self, request: HttpRequest, obj: EmergencyAccess | None = None
    ) -> bool:
        return False
