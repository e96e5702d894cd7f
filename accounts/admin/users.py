from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group

from accounts.models import User


class LoginForm(AdminAuthenticationForm):
    """Signs in the way the app does, with the same limit on wrong passwords."""

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        self.user_cache = get_adapter().authenticate(
            self.request, email=given.get("username"), password=given.get("password")
        )
        if self.user_cache is None:
            raise self.get_invalid_login_error()
        self.confirm_login_allowed(self.user_cache)
        return given


admin.site.login_form = LoginForm

# One role and one address for each user stand in the user's own page.
admin.site.unregister([Group, EmailAddress])


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ("email", "first_name", "last_name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    # Staff and superuser are no fields here: they follow the role.
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "role", "is_active")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "role", "password1", "password2")}),
    )
    filter_horizontal = ()
