from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from accounts import services
from accounts.admin.sign_in import admin_of, second_factor_page
from accounts.models import User


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ("email", "first_name", "last_name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "first_name", "last_name", "licence_number")
    ordering = ("email",)
    readonly_fields = ("licence_approved_at", "last_login", "date_joined")
    actions = ("sign_out", "remove_second_factors")
    # Staff and superuser are no fields here: they follow the role.
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (
            "Person",
            {"fields": ("first_name", "last_name", "role", "specialty", "language", "is_active")},
        ),
        (
            "Licence",
            {
                "fields": (
                    "licence_number",
                    "licence_body",
                    "licence_country",
                    "licence_approved_at",
                )
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "role", "password1", "password2")}),
    )
    filter_horizontal = ()

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.second_factor)
        name = "accounts_user_second_factor"
        return [path("second-factor/", page, name=name), *super().get_urls()]

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Show the page where whoever is signed in sets up their own second factor."""
        return second_factor_page(request, admin_of(request), self.admin_site.each_context(request))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            obj.vouch_for_address()

    @admin.action(description="Sign out on every device")
    def sign_out(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            services.end_sessions(user)
        self.message_user(request, "Signed out.", messages.SUCCESS)

    @admin.action(description="Remove second factors (lost phone and codes), and sign out")
    def remove_second_factors(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            services.remove_second_factors(user)
        self.message_user(request, "Second factors removed.", messages.SUCCESS)
