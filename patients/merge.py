"""Two files of one person become one, and two again if that was a mistake.

Everything that points to the absorbed patient is pointed to the kept one, whatever app it belongs
to; every change of a row is written down, and undoing goes through them backwards. The absorbed
patient's own row stays, out of everybody's sight.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import User
from backend.api.errors import ApiError, Conflict
from patients import changes
from patients.models import CareTeamMember, Change, Patient, PatientMerge
from patients.services import index

# What to do with a row that cannot just be moved because the kept patient has one like it.
Resolver = Callable[["Mover", Any], None]
RESOLVERS: dict[str, Resolver] = {}


def resolves(model: str) -> Callable[[Resolver], Resolver]:
    """Register how rows of `model` (`app.Model`) are merged where both patients have the same."""

    def register(resolver: Resolver) -> Resolver:
        RESOLVERS[model] = resolver
        return resolver

    return register


class Mover:
    """Changes rows and writes down what was there before."""

    def __init__(self, kept: Patient, absorbed: Patient) -> None:
        self.kept, self.absorbed = kept, absorbed
        self.moves: list[list[Any]] = []

    def point(self, rows: "models.QuerySet[Any]", field: str, to: Any) -> None:
        """Point the foreign key `field` of all rows to `to`.

        Raises:
            IntegrityError: one of them is there already; nothing has changed then.
        """
        attname = rows.model._meta.get_field(field).attname
        before = list(rows.values_list("pk", attname))
        with transaction.atomic():
            rows.model._base_manager.filter(pk__in=[pk for pk, _ in before]).update(**{field: to})
        label = rows.model._meta.label
        self.moves += [[label, str(pk), attname, str(old), str(to.pk)] for pk, old in before]

    def change(self, row: models.Model, **values: Any) -> None:
        """Give fields of one row new values."""
        for name, new in values.items():
            old = as_text(row, name)
            setattr(row, name, new)
            self.moves.append([row._meta.label, str(row.pk), name, old, as_text(row, name)])
        row.save(update_fields=list(values))


def as_text(row: models.Model, name: str) -> str | None:
    field: models.Field[Any, Any] = next(f for f in row._meta.fields if f.name == name)
    return None if getattr(row, name) is None else field.value_to_string(row)


@transaction.atomic
def merge(*, user: User, kept_id: UUID, absorbed_id: UUID, reason: str) -> PatientMerge:
    """Take one patient's file up into another's.

    Raises:
        Patient.DoesNotExist: one of them is not there (any more).
        ApiError: `same_patient`.
    """
    if kept_id == absorbed_id:
        raise ApiError("same_patient", "A file cannot take up itself.", field="absorb")
    kept, absorbed = locked(kept_id, absorbed_id)
    mover = Mover(kept, absorbed)
    for relation in pointers():
        move_rows(mover, relation)
    for member in CareTeamMember.objects.filter(patient=absorbed):
        move_member(mover, member)
    absorbed.merged_into = kept
    absorbed.save(update_fields=["merged_into", "updated_at"])
    index(kept)
    tell(gone=absorbed, there=[kept])
    return PatientMerge.objects.create(
        kept=kept, absorbed=absorbed, reason=reason, moves=mover.moves, merged_by=user
    )


@transaction.atomic
def undo(*, user: User, merge_id: UUID) -> PatientMerge:
    """Make two files of one again. What was written since the merge stays in the kept one.

    Raises:
        PatientMerge.DoesNotExist
        Conflict: `already_undone`; `merged_again` if the kept file has gone into another since.
    """
    merge = PatientMerge.objects.select_for_update().get(pk=merge_id)
    if merge.undone_at is not None:
        raise Conflict("already_undone", "This merge was undone before.")
    try:
        kept, absorbed = locked(merge.kept_id, merge.absorbed_id, merged=merge.kept_id)
    except Patient.DoesNotExist as gone:
        message = "The kept file was merged into another since. Undo that first."
        raise Conflict("merged_again", message) from gone
    for label, pk, attname, old, new in reversed(merge.moves):
        model = apps.get_model(label)
        field = model._meta.get_field(attname)
        still = {attname: new} if new is not None else {f"{attname}__isnull": True}
        value = field.to_python(old) if old is not None else None
        model._base_manager.filter(pk=pk, **still).update(**{attname: value})
    absorbed.merged_into = None
    absorbed.save(update_fields=["merged_into", "updated_at"])
    index(kept)
    index(absorbed)
    tell(gone=None, there=[kept, absorbed])
    merge.undone_at, merge.undone_by = timezone.now(), user
    merge.save(update_fields=["undone_at", "undone_by"])
    return merge


def locked(kept: UUID, absorbed: UUID, merged: UUID | None = None) -> tuple[Patient, Patient]:
    """Both rows, held, always in the same order; `merged` is where the absorbed one must stand."""
    rows = Patient.objects.select_for_update(of=("self",)).order_by("pk")
    found = {row.pk: row for row in rows.filter(pk__in=[kept, absorbed])}
    if len(found) < 2 or found[kept].merged_into_id or found[absorbed].merged_into_id != merged:
        raise Patient.DoesNotExist
    return found[kept], found[absorbed]


def pointers() -> "list[models.ForeignObject[Any, Any]]":
    """The foreign keys to a patient of all apps, but for those that a merge treats by itself."""
    own = {CareTeamMember, PatientMerge, Patient}
    relations = Patient._meta.related_objects
    return [
        relation.field
        for relation in relations
        if relation.one_to_many and relation.related_model not in own
    ]


def move_rows(mover: Mover, relation: "models.ForeignObject[Any, Any]") -> None:
    rows = relation.model._base_manager.filter(**{relation.name: mover.absorbed})
    try:
        mover.point(rows, relation.name, mover.kept)
        return
    except IntegrityError:
        pass  # some of them are in both files: one by one
    for row in rows:
        try:
            mover.point(rows.filter(pk=row.pk), relation.name, mover.kept)
        except IntegrityError:
            resolve = RESOLVERS.get(relation.model._meta.label)
            if resolve is not None:
                resolve(mover, row)
            # Else it is the same thing twice: the kept patient's stays, the other out of sight.


def move_member(mover: Mover, member: CareTeamMember) -> None:
    """Whoever could see either file sees the one.

    Of two ways in the better one holds, whole: a lasting one before one that ends, then the higher
    level. Nobody gains a level for longer than they had it.
    """
    other = CareTeamMember.objects.filter(patient=mover.kept, user=member.user_id).first()
    if other is None:
        mover.point(CareTeamMember.objects.filter(pk=member.pk), "patient", mover.kept)
    elif worth(member) > worth(other):
        mover.change(other, level=member.level, via=member.via, expires_at=member.expires_at)


def worth(member: CareTeamMember) -> tuple[bool, int, float]:
    ends = member.expires_at
    return (ends is None, member.level, ends.timestamp() if ends else 0)


def tell(*, gone: Patient | None, there: list[Patient]) -> None:
    """Tell everyone who may see these files to fetch them anew."""
    for patient in there:
        for member in CareTeamMember.objects.filter(patient=patient).current():
            if gone is not None:
                changes.withdraw(patient_id=gone.id, user_id=member.user_id)
            changes.publish(
                patient_id=patient.id,
                kind=Change.Kind.PATIENT,
                object_id=patient.id,
                action=Change.Action.CREATED,
                to=[member.user_id],
            )
