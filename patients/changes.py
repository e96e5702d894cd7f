"""Telling everyone who may see a patient's file that something in it changed."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection
from django.db.models import BigIntegerField, Value
from django.db.models.expressions import Combinable, RawSQL

from accounts.models import User
from patients.models import CareTeamMember, Change

Kind, Action = Change.Kind, Change.Action


def publish(
    *,
    patient_id: UUID,
    kind: Change.Kind,
    object_id: UUID,
    action: Change.Action,
    to: Iterable[UUID] | None = None,
) -> None:
    """Write a change into the feeds of the care team, in the caller's transaction.

    Args:
        to: Ids of the users to tell, if not everyone who now may see the file.
    """
    if to is None:
        members = CareTeamMember.objects.filter(patient_id=patient_id).current()
        to = members.values_list("user_id", flat=True)
    Change.objects.bulk_create(
        Change(
            user_id=user_id,
            patient_id=patient_id,
            kind=kind,
            object_id=object_id,
            action=action,
            transaction=this_transaction(),
        )
        for user_id in to
    )


def grant(*, patient_id: UUID, user: User) -> None:
    """Tell a new reader that the file is there; they fetch the whole of it."""
    publish(
        patient_id=patient_id,
        kind=Kind.PATIENT,
        object_id=patient_id,
        action=Action.CREATED,
        to=[user.pk],
    )


def withdraw(*, patient_id: UUID, user_id: UUID) -> None:
    """Tell a former reader that the file is gone, and nothing else about it any more."""
    Change.objects.filter(user_id=user_id, patient_id=patient_id).delete()
    publish(
        patient_id=patient_id,
        kind=Kind.PATIENT,
        object_id=patient_id,
        action=Action.DELETED,
        to=[user_id],
    )


def this_transaction() -> Combinable:
    """The running transaction's place in PostgreSQL's order; SQLite has one writer at a time."""
    if connection.vendor == "postgresql":
        return RawSQL("pg_current_xact_id()::text::bigint", ())
    return Value(0, output_field=BigIntegerField())
