"""Opening, changing and closing systems' accounts, with the services that write it down."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts.admin.sign_in import admin_of
from accounts.systems import services
from accounts.systems.models import SystemAccount

ROWS = {"rows": 4, "cols": 80}


class Lines(forms.CharField):
    """A list of texts, one on each line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class SystemForm(forms.ModelForm):
    issuers = Lines(
        required=False,
        widget=forms.Textarea(ROWS),
        help_text="One on each line: it sees the patients with a number of one of these, spelt as "
        "in the patients' files.",
    )
    scopes = Lines(
        widget=forms.Textarea(ROWS),
        help_text="One on each line, e.g. system/Patient.rs or system/DICOM.read.",
    )
    jwks_url = forms.URLField(
        label="Address of its public keys", required=False, assume_scheme="https"
    )

    class Meta:
        model = SystemAccount
        fields = ("name", "active", "issuers", "scopes", "jwks", "jwks_url")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("jwks") is not None:
            services.check_keys(given["jwks"])
        return given


@admin.register(SystemAccount)
class SystemAccountAdmin(admin.ModelAdmin):
    form = SystemForm
    fields = ("name", "client_id", *SystemForm.Meta.fields[1:], "secret", "last_used_at")
    readonly_fields = ("client_id", "secret", "last_used_at")
    list_display = ("name", "client_id", "active", "scopes", "last_used_at")
    list_filter = ("active",)
    search_fields = ("name", "client_id")

    def has_delete_permission(self, request: HttpRequest, obj: SystemAccount | None = None) -> bool:
        """What it sent and saw names it: it is closed."""
        return False

    def save_model(self, request: HttpRequest, obj: SystemAccount, form: Any, change: bool) -> None:
        given, by = form.cleaned_data, admin_of(request)
        if change:
            services.update_system(by=by, system=obj, **given)
            return
        made = services.create_system(by=by, **given)
        obj.pk, obj.user_id, obj.client_id = made.pk, made.user_id, made.client_id

    @admin.display(description="Secret")
    def secret(self, system: SystemAccount) -> str:
        if system._state.adding:
            return "Can be made when the account is there."
        page = reverse("admin:systems_systemaccount_secret", args=[system.pk])
        has = "It has one. " if system.secret_digest else "It has none. "
        return format_html('{}<a href="{}">Make a new one</a>', has, page)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.secret_page)
        name = "systems_systemaccount_secret"
        return [path("<uuid:system_id>/secret/", page, name=name), *super().get_urls()]

    def secret_page(self, request: HttpRequest, system_id: Any) -> HttpResponse:
        """Ask first; then show a new secret, this once."""
        system = get_object_or_404(self.get_queryset(request), pk=system_id)
        if not self.has_change_permission(request, system):
            raise PermissionDenied
        secret = None
        if request.method == "POST":
            secret = services.new_secret(by=admin_of(request), system=system)
        frame = self.admin_site.each_context(request)
        context = frame | {"system": system, "secret": secret, "opts": self.opts}
        answer = render(request, "systems/secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer
