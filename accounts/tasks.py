from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore


@shared_task(name="accounts.clear_expired_sessions")
def clear_expired_sessions() -> None:
    SessionStore.clear_expired()
