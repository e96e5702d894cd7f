"""Into the admin site with password and second factor, and how to get the second.

allauth's own way, `secure_admin_login`, sends to its sign-in pages, which do not exist where
allauth is headless only. These forms ask its checks, with its limits on wrong tries.
"""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.flows import activate_totp
from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe

from accounts import second_factor
from accounts.models import User

LONGEST_CODE = 32


class LoginForm(AdminAuthenticationForm):
    """Signs in the way the app does, second factor included."""

    code = forms.CharField(
        label="Code",
        required=False,
        max_length=LONGEST_CODE,
        help_text="From your authenticator app, or a recovery code. Empty if you have neither.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        user = get_adapter().authenticate(
            self.request, email=given.get("username"), password=given.get("password")
        )
        if user is None:
            raise self.get_invalid_login_error()
        self.confirm_login_allowed(user)
        if second_factor.is_enrolled(user):
            show_second_factor(user, given.get("code") or "")
        self.user_cache = user
        return given


class SetUpForm(ActivateTOTPForm):
    """A first code of the new authenticator app, and the password once more.

    allauth adds second factors only for whoever has just given their password.
    """

    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "off"}))
    field_order = ("password", "code")

    def clean_password(self) -> None:
        if not get_adapter().reauthenticate(self.user, self.cleaned_data["password"]):
            raise ValidationError("This is not your password.", code="incorrect_password")


def admin_of(request: HttpRequest) -> User:
    """Return who is signed in to the admin site, which lets nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def show_second_factor(user: User, code: str) -> None:
    """Check a code against what the user has set up, and note it in the session.

    Raises:
        ValidationError: wrong, or tried too often.
    """
    form = AuthenticateForm({"code": code}, user=user)
    if not form.is_valid():
        raise _first_error(form)
    form.save()


def second_factor_page(request: HttpRequest, user: User, frame: dict[str, Any]) -> HttpResponse:
    """Set up an authenticator app, or show a code of what is set up.

    Args:
        frame: What the admin site's pages have around them.
    """
    page = _confirm if second_factor.is_enrolled(user) else _set_up
    return page(request, user, frame)


def _confirm(request: HttpRequest, user: User, frame: dict[str, Any]) -> HttpResponse:
    error = None
    if request.method == "POST":
        try:
            show_second_factor(user, request.POST.get("code", "")[:LONGEST_CODE])
            return redirect("admin:index")
        except ValidationError as refused:
            error = refused.messages[0]
    return render(request, "accounts/second_factor_confirm.html", frame | {"error": error})


def _set_up(request: HttpRequest, user: User, frame: dict[str, Any]) -> HttpResponse:
    form = SetUpForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        reauthenticate_by_password(request)
        _, recovery = activate_totp(request, form)
        codes = recovery.wrap().get_unused_codes() if recovery else []
        return render(request, "accounts/second_factor_codes.html", frame | {"codes": codes})
    mfa = get_mfa_adapter()
    picture = mark_safe(mfa.build_totp_svg(mfa.build_totp_url(user, form.secret)))  # noqa: S308
    context = frame | {"form": form, "secret": form.secret, "picture": picture}
    return render(request, "accounts/second_factor_set_up.html", context)


def _first_error(form: forms.Form) -> ValidationError:
    errors: list[ValidationError] = next(iter(form.errors.as_data().values()))
    return errors[0]
