"""Second factors through allauth's headless API: setting up, signing in, and who must."""

import re
import time
from typing import Any

import pyotp
import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.helpers import (
    ACCOUNT,
    AUTH,
    PASSWORD,
    finish_sign_in,
    forget_second_factor,
    set_up_totp,
    sign_in,
    start_sign_in,
)

pytestmark = pytest.mark.django_db
# allauth tells of what was added when it is committed, so that these need real transactions.
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _required(settings: Any) -> None:
    settings.MFA_REQUIRED_ROLES = ["doctor", "admin"]


def later(app: pyotp.TOTP) -> str:
    """Return the code of the next half minute: one that was used works no second time."""
    return app.at(int(time.time()), counter_offset=1)


def test_a_user_with_an_authenticator_app_is_asked_for_its_code(doctor: User) -> None:
    app = set_up_totp(sign_in(doctor))
    phone = start_sign_in(doctor)
    assert phone.get(reverse("me")).status_code == 401
    wrong = phone.post(f"{AUTH}/2fa/authenticate", {"code": "000000"})
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["code"] == "incorrect_code"
    me = finish_sign_in(phone, app.now()).get(reverse("me"))
    assert me.json()["second_factor"] == {"mandatory": False, "enrolled": True}


def test_a_code_works_once(doctor: User) -> None:
    app = set_up_totp(sign_in(doctor))
    code = app.now()
    finish_sign_in(start_sign_in(doctor), code)
    again = start_sign_in(doctor).post(f"{AUTH}/2fa/authenticate", {"code": code})
    assert again.status_code == 400
    finish_sign_in(start_sign_in(doctor), later(app))


def test_codes_cannot_be_guessed_at_length(doctor: User) -> None:
    app = set_up_totp(sign_in(doctor))
    phone = start_sign_in(doctor)
    for _ in range(5):
        phone.post(f"{AUTH}/2fa/authenticate", {"code": "000000"})
    late = phone.post(f"{AUTH}/2fa/authenticate", {"code": app.now()})
    assert late.json()["errors"][0]["code"] == "too_many_login_attempts"


def test_a_recovery_code_stands_in_once(doctor: User) -> None:
    phone = sign_in(doctor)
    set_up_totp(phone)
    codes = phone.get(f"{ACCOUNT}/authenticators/recovery-codes").json()["data"]["unused_codes"]
    assert len(codes) == 10
    finish_sign_in(start_sign_in(doctor), codes[0])
    again = start_sign_in(doctor).post(f"{AUTH}/2fa/authenticate", {"code": codes[0]})
    assert again.status_code == 400


def test_setting_one_up_wants_the_password_again(doctor: User) -> None:
    phone = sign_in(doctor)
    secret = phone.get(f"{ACCOUNT}/authenticators/totp").json()["meta"]["secret"]
    answer = phone.post(f"{ACCOUNT}/authenticators/totp", {"code": pyotp.TOTP(secret).now()})
    assert answer.status_code == 401
    assert {"id": "reauthenticate"} in answer.json()["data"]["flows"]


@committed
def test_setting_one_up_signs_out_devices_that_showed_none(doctor: User) -> None:
    tablet, phone = sign_in(doctor), sign_in(doctor)
    set_up_totp(phone)
    assert tablet.get(reverse("me")).status_code == 401
    assert phone.get(reverse("me")).status_code == 200


@committed
def test_people_hear_of_changes_by_mail(doctor: User) -> None:
    phone = sign_in(doctor)
    set_up_totp(phone)
    phone.delete(f"{ACCOUNT}/authenticators/totp")
    assert [message.to for message in mail.outbox] == [[doctor.email]] * 2


# --- Roles that must have one -----------------------------------------------------------


@committed
@pytest.mark.usefixtures("_required")
def test_without_one_the_app_reaches_only_sign_in_account_and_set_up(doctor: User) -> None:
    phone = sign_in(doctor)
    for route in ("patients", "tumor-list"):
        answer = phone.get(reverse(route))
        assert answer.status_code == 403, route
        assert answer.json() == {
            "code": "second_factor_required",
            "message": "Set up a second factor first.",
            "field": None,
            "enrolled": False,
        }
    assert phone.get(reverse("me")).json()["second_factor"]["mandatory"]
    assert phone.get(f"{AUTH}/sessions").status_code == 200
    set_up_totp(phone)
    assert phone.get(reverse("patients")).status_code == 200


@pytest.mark.usefixtures("_required")
def test_a_session_that_showed_it_reaches_everything(doctor: User) -> None:
    app = set_up_totp(sign_in(doctor))
    phone = finish_sign_in(start_sign_in(doctor), app.now())
    assert phone.get(reverse("patients")).status_code == 200


@pytest.mark.usefixtures("_required")
def test_a_session_from_before_confirms_with_a_code(doctor: User) -> None:
    """An enrolled user's session that was begun where nothing noted the second factor."""
    phone = sign_in(doctor)
    app = set_up_totp(phone)
    forget_second_factor(phone)
    refused = phone.get(reverse("patients"))
    assert (refused.status_code, refused.json()["enrolled"]) == (403, True)
    assert phone.post(f"{AUTH}/2fa/reauthenticate", {"code": later(app)}).status_code == 200
    assert phone.get(reverse("patients")).status_code == 200


@pytest.mark.usefixtures("_required")
def test_more_recovery_codes_are_no_second_factor(doctor: User) -> None:
    """A password alone must not lift a session over the bar by adding to what is set up."""
    phone = sign_in(doctor)
    set_up_totp(phone)
    forget_second_factor(phone)
    phone.post(f"{AUTH}/reauthenticate", {"password": PASSWORD})
    assert phone.post(f"{ACCOUNT}/authenticators/recovery-codes", {}).status_code == 200
    assert phone.get(reverse("patients")).status_code == 403


@committed
@pytest.mark.usefixtures("_required")
def test_removing_the_last_one_takes_what_it_opened(doctor: User) -> None:
    phone = sign_in(doctor)
    set_up_totp(phone)
    assert phone.delete(f"{ACCOUNT}/authenticators/totp").status_code == 200
    assert phone.get(reverse("patients")).status_code == 403


@pytest.mark.usefixtures("_required")
def test_roles_that_need_none_go_on_without(student: User) -> None:
    assert sign_in(student).get(reverse("tumor-list")).status_code == 200


@pytest.mark.usefixtures("_required")
def test_a_browsers_session_needs_it_for_the_api_too(admin: User) -> None:
    browser = Client()
    browser.post(reverse("admin:login"), {"username": admin.email, "password": PASSWORD})
    refused = browser.get(reverse("patients"))
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
    assert browser.get(reverse("me")).status_code == 200


# --- The admin site ---------------------------------------------------------------------


def test_the_admin_site_asks_for_the_code_that_the_app_asks_for(admin: User) -> None:
    app = set_up_totp(sign_in(admin))
    url = reverse("admin:login")
    given = {"username": admin.email, "password": PASSWORD}
    browser = Client()
    for code in ({}, {"code": "000000"}, {"code": "\0"}):
        answer = browser.post(url, given | code)
        assert answer.status_code == 200
        assert browser.get(reverse("admin:index")).status_code == 302
    assert browser.post(url, given | {"code": app.now()}).status_code == 302
    assert browser.get(reverse("admin:index")).status_code == 200


def test_the_code_without_the_password_opens_nothing(admin: User) -> None:
    app = set_up_totp(sign_in(admin))
    given = {"username": admin.email, "password": "wrong", "code": app.now()}
    browser = Client()
    assert browser.post(reverse("admin:login"), given).status_code == 200
    assert browser.get(reverse("admin:index")).status_code == 302


def test_the_admin_site_stops_guessing_codes(admin: User) -> None:
    app = set_up_totp(sign_in(admin))
    given = {"username": admin.email, "password": PASSWORD}
    browser = Client()
    for _ in range(5):
        browser.post(reverse("admin:login"), given | {"code": "000000"})
    late = browser.post(reverse("admin:login"), given | {"code": app.now()})
    assert "Too many failed login attempts" in late.content.decode()


@committed
@pytest.mark.usefixtures("_required")
def test_an_admin_sets_one_up_in_the_admin_site(admin: User) -> None:
    browser = Client()
    browser.post(reverse("admin:login"), {"username": admin.email, "password": PASSWORD})
    refused = browser.get(reverse("admin:accounts_user_changelist"))
    assert refused.status_code == 403
    page = reverse("admin:accounts_user_second_factor")
    assert page in refused.content.decode()

    secret = re.search(r"<code>(\w+)</code>", browser.get(page).content.decode())
    assert secret is not None
    app = pyotp.TOTP(secret.group(1))
    for wrong in ({"password": "no", "code": app.now()}, {"password": PASSWORD, "code": "1"}):
        assert "errorlist" in browser.post(page, wrong).content.decode()
    done = browser.post(page, {"password": PASSWORD, "code": app.now()})
    assert done.content.decode().count("<li><code>") == 10
    assert browser.get(reverse("admin:index")).status_code == 200


def test_whoever_lost_everything_gets_in_again_by_an_admin(
    doctor: User, admin_site: Client
) -> None:
    phone = sign_in(doctor)
    set_up_totp(phone)
    action = {"action": "remove_second_factors", "_selected_action": [str(doctor.pk)]}
    assert admin_site.post(reverse("admin:accounts_user_changelist"), action).status_code == 302
    assert phone.get(reverse("me")).status_code == 401
    assert sign_in(doctor).get(reverse("me")).status_code == 200
