"""What a student may say about themselves when they sign up."""

from django import forms
from django.http import HttpRequest

from accounts.models import User
from accounts.validators import printable


class SignUpForm(forms.Form):
    """More fields for allauth's sign-up. Its adapter puts the names into the account."""

    first_name = forms.CharField(max_length=150, required=False, validators=[printable])
    last_name = forms.CharField(max_length=150, required=False, validators=[printable])

    def signup(self, request: HttpRequest, user: User) -> None:
        """Nothing is left to do; allauth wants this to be here."""
