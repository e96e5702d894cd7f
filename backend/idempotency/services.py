"""Carrying a request out once, however often it comes.

The database's own locks do it, no lease and no clock. The first statement of the transaction in
which a request is carried out inserts its key, the last one its answer; a second request with the
same key waits at the unique constraint until that transaction has ended, however it ends. The
write and its answer are therefore both there or both not, and a process that dies releases the
key, because the database then rolls its transaction back.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.http import HttpResponseBase, JsonResponse
from django.utils import timezone
from rest_framework import status

from accounts.models import User
from backend.api.errors import error_body
from backend.idempotency.models import StoredAnswer

# These say something about the caller at this moment, not about the request: the next try runs.
NOT_KEPT = {
    status.HTTP_401_UNAUTHORIZED,
    status.HTTP_403_FORBIDDEN,
    status.HTTP_429_TOO_MANY_REQUESTS,
}
MAX_BODY_BYTES = 1024 * 1024
LOCK_NOT_AVAILABLE = "55P03"


def answer_once(
    *, user: User, key: str, fingerprint: str, carry_out: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Carry a request out, or answer as the first time.

    Args:
        carry_out: Runs the view and renders its answer. What it changes is rolled back when it
            raises or answers 5xx, and when the process dies.
    """
    try:
        with claimed(user, key, fingerprint) as stored:
            if stored.status is not None:
                return replay(stored, fingerprint)
            response = carry_out()
            if response.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
                transaction.set_rollback(True)
            elif response.status_code in NOT_KEPT:
                stored.delete()
            else:
                keep(stored, response)
            return response
    except RequestInProgress:
        return error(
            status.HTTP_409_CONFLICT,
            "request_in_progress",
            "The first request with this Idempotency-Key is still being carried out.",
            {"Retry-After": "1"},
        )


def purge() -> int:
    """Delete the answers that were kept long enough; return how many."""
    before = timezone.now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)
    return StoredAnswer.objects.filter(created_at__lt=before).delete()[0]


class RequestInProgress(Exception):
    """Another transaction holds the key for longer than we wait."""


@contextmanager
def claimed(user: User, key: str, fingerprint: str) -> Iterator[StoredAnswer]:
    """Hold the key until the transaction in the body has ended.

    Raises:
        RequestInProgress: somebody else has held it for `IDEMPOTENCY_WAIT_S` (on SQLite, where
            every transaction that writes holds everything, for the connection's `timeout`).
    """
    with ExitStack() as held:
        try:
            held.enter_context(transaction.atomic())
            set_local(
                lock_timeout=f"{max(1, round(settings.IDEMPOTENCY_WAIT_S * 1000))}ms",
                # The database may never hear that our machine is gone.
                idle_in_transaction_session_timeout=f"{settings.IDEMPOTENCY_LEASE_S}s",
            )
            stored, _ = StoredAnswer.objects.get_or_create(
                user=user, key=key, defaults={"fingerprint": fingerprint}
            )
            set_local(lock_timeout="DEFAULT")
        except OperationalError as refused:
            if is_lock_timeout(refused):
                raise RequestInProgress from refused
            raise
        yield stored


def set_local(**values: str) -> None:
    """Set parameters of PostgreSQL for the rest of the transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for name, value in values.items():
                shown = value if value == "DEFAULT" else f"'{value}'"
                cursor.execute(f"SET LOCAL {name} TO {shown}")


def is_lock_timeout(refused: OperationalError) -> bool:
    if connection.vendor == "sqlite":
        return "locked" in str(refused)
    return getattr(refused.__cause__, "pgcode", None) == LOCK_NOT_AVAILABLE


def replay(stored: StoredAnswer, fingerprint: str) -> HttpResponseBase:
    if stored.fingerprint != fingerprint:
        return error(
            status.HTTP_422_UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key belongs to another request. Make a new one for each request.",
        )
    if stored.body is None:
        return error(
            status.HTTP_409_CONFLICT,
            "answer_not_kept",
            "The request was carried out. Its answer was too large to be kept.",
            {"Idempotent-Replayed": "true"},
        )
    return stored.as_response()


def keep(stored: StoredAnswer, response: HttpResponseBase) -> None:
    content = getattr(response, "content", None)  # a stream has none
    stored.status = response.status_code
    stored.headers = dict(response.items())
    stored.body = content if content is not None and len(content) <= MAX_BODY_BYTES else None
    stored.save()


def error(
    code_of_http: int, code: str, message: str, headers: dict[str, str] | None = None
) -> JsonResponse:
    return JsonResponse(error_body(code, message), status=code_of_http, headers=headers)
