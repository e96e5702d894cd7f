from celery import shared_task

from accounts.systems import tokens


@shared_task(name="systems.forget_expired_tokens")
def forget_expired_tokens() -> None:
    tokens.forget_expired()
