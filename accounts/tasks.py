from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from accounts import applications, services


@shared_task(name="accounts.clear_expired_sessions")
def clear_expired_sessions() -> None:
    SessionStore.clear_expired()


@shared_task(name="accounts.forget_unverified")
def forget_unverified() -> None:
    services.forget_unproven_sign_ups()
    applications.forget_unverified()
