import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import User

pytestmark = pytest.mark.django_db


def test_only_admins_enter_the_admin_site(doctor: User, student: User, admin_site: Client) -> None:
    assert admin_site.get(reverse("admin:index")).status_code == 200
    for user in (doctor, student):
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(reverse("admin:index")).status_code == 302


def test_the_admin_site_stops_guessing(admin: User) -> None:
    url, right = reverse("admin:login"), "correct horse battery staple"
    guesses = [{"username": admin.email, "password": f"wrong {n}"} for n in range(12)]
    client = Client()
    for guess in guesses:
        client.post(url, guess)
    late = client.post(url, {"username": admin.email, "password": right})
    assert late.status_code == 200
    assert "Too many failed login attempts" in late.content.decode()


def test_an_admin_signs_in_to_the_admin_site(admin: User, doctor: User) -> None:
    url, password = reverse("admin:login"), "correct horse battery staple"
    for user, status in ((doctor, 200), (admin, 302)):
        answer = Client().post(url, {"username": user.email, "password": password})
        assert answer.status_code == status


def test_a_demoted_admin_loses_the_admin_site(admin: User, admin_site: Client) -> None:
    admin.role = User.Role.DOCTOR
    admin.save()
    assert admin_site.get(reverse("admin:index")).status_code == 302


def test_two_accounts_cannot_share_an_address(doctor: User) -> None:
    with pytest.raises(ValidationError, match="already an account"):
        User.objects.create_user(doctor.email.upper())


def test_an_admin_makes_a_doctor_who_can_sign_in(admin_site: Client) -> None:
    form = {
        "email": "New.Doctor@example.org",
        "first_name": "Lina",
        "last_name": "Saad",
        "role": "doctor",
        "password1": "correct horse battery staple",
        "password2": "correct horse battery staple",
    }
    answer = admin_site.post(reverse("admin:accounts_user_add"), form)
    assert answer.status_code == 302, answer.content
    made = User.objects.get(email="new.doctor@example.org")
    assert made.is_doctor
    assert made.check_password("correct horse battery staple")
