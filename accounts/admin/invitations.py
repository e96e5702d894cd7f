"""Inviting, and deciding on applications, with the services that the API uses."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import applications, invitations, selectors
from accounts.admin.sign_in import admin_of
from accounts.models import DoctorApplication, Invitation
from accounts.services import account_exists
from backend.api.errors import ApiError

Status = DoctorApplication.Status


class InvitationForm(forms.ModelForm):
    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if account_exists(email):
            raise ValidationError("There is already an account with this address.")
        return email


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    form = InvitationForm
    fields = ("email", "role")
    list_display = ("email", "role", "status", "created_at", "expires_at", "accepted_at")
    search_fields = ("email",)
    actions = ("send_again", "revoke")

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        """What was mailed stays as it is; the actions do the rest."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        made = invitations.invite(email=obj.email, role=obj.role, by=admin_of(request))
        obj.pk = made.pk

    @admin.action(description="Mail a new key")
    def send_again(self, request: HttpRequest, chosen: QuerySet[Invitation]) -> None:
        each(request, chosen, invitations.send_again, "Sent again")

    @admin.action(description="Take back")
    def revoke(self, request: HttpRequest, chosen: QuerySet[Invitation]) -> None:
        each(request, chosen, invitations.revoke, "Taken back")


class DecisionForm(forms.ModelForm):
    """What an admin decides. The services write it down and mail it."""

    decision = forms.ChoiceField(
        choices=[("", "Not yet"), (Status.APPROVED, "Approve"), (Status.REFUSED, "Refuse")],
        required=False,
        help_text="The applicant gets a mail. It cannot be taken back.",
    )
    reason = forms.CharField(
        max_length=500, required=False, help_text="Why it is refused: the applicant reads it."
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("decision") == Status.REFUSED and not given.get("reason"):
            raise ValidationError({"reason": "Say why."})
        email = self.instance.email
        if given.get("decision") == Status.APPROVED and account_exists(email):
            raise ValidationError({"decision": "There is already an account with this address."})
        return given


@admin.register(DoctorApplication)
class DoctorApplicationAdmin(admin.ModelAdmin):
    form = DecisionForm
    list_display = ("email", "first_name", "last_name", "licence_number", "status", "created_at")
    list_filter = ("status",)
    search_fields = ("email", "last_name", "licence_number")
    readonly_fields = (
        "status",
        "email",
        "first_name",
        "last_name",
        "licence_number",
        "licence_body",
        "licence_country",
        "created_at",
        "decided_at",
        "decided_by",
        "refusal_reason",
    )
    fields = (*readonly_fields, "decision", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DoctorApplication]:
        return selectors.applications(admin_of(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: DoctorApplication | None = None
    ) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: DoctorApplication | None = None
    ) -> bool:
        return obj is None or obj.status == Status.WAITING

    def get_fields(self, request: HttpRequest, obj: DoctorApplication | None = None) -> Any:
        return self.fields if self.has_change_permission(request, obj) else self.readonly_fields

    def save_model(
        self, request: HttpRequest, obj: DoctorApplication, form: Any, change: bool
    ) -> None:
        caller, given = admin_of(request), form.cleaned_data
        if given["decision"] == Status.APPROVED:
            applications.approve(application=obj, by=caller)
        elif given["decision"] == Status.REFUSED:
            applications.refuse(application=obj, by=caller, reason=given["reason"])


def each(
    request: HttpRequest,
    chosen: QuerySet[Invitation],
    act: Callable[[Invitation], object],
    done: str,
) -> None:
    """Do the same to each, and tell what became of it."""
    for invitation in chosen:
        try:
            act(invitation)
        except ApiError as refused:
            messages.error(request, f"{invitation}: {refused.message}")
        else:
            messages.success(request, f"{done}: {invitation}")
