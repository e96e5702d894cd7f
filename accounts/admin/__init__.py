"""The admin site's side of accounts: how one gets in, and who is let in."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin import invitations, sign_in, users

__all__ = ["invitations", "sign_in", "users"]

admin.site.login_form = sign_in.LoginForm
admin.site.login_template = "accounts/sign_in.html"

# One role and one address for each user, their devices and second factors belong to the user's own
# page; an authenticator's would show its secret.
admin.site.unregister([Group, EmailAddress, Authenticator, UserSession])
