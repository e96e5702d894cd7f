"""Makes a hospital's worth of records in PostgreSQL: `python -m benchmarks.population`.

One patient's file is written through the application's own services, then copied inside the
database: every column is copied as it is, but for ids, names, numbers and dates, so that the rows
are what the application would have written, at the speed of the database. The files of scans are
not copied: nothing that is measured opens one.
"""

import argparse
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import django
from django.conf import settings

django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from inference import runs  # noqa: E402
from inference.models import Analysis  # noqa: E402
from inference.services import upload_and_analyse  # noqa: E402
from patients.history.services import write  # noqa: E402
from patients.models import (  # noqa: E402
    CareTeamMember,
    Change,
    HistoryEntry,
    HistoryVersion,
    Patient,
    PatientIdentifier,
)
from patients.services import create_patient  # noqa: E402
from scans.models import Scan, Series, Study  # noqa: E402

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PATIENTS_PER_DOCTOR = 500  # whatever the size of the hospital
READINGS = 5  # per patient
ENTRIES = 17  # per patient, readings included
CHANGES = 10  # per patient, that nobody has asked for yet
LONG_FILES = 800  # one patient of so many has been ill for decades
LONG_ENTRIES = 2_500

FAMILY = [
    "Haddad",
    "Khoury",
    "Nasser",
    "Mansour",
    "Aziz",
    "Saleh",
]
GIVEN = [
    "Rana",
    "Omar",
    "Layla",
    "Karim",
    "Maya",
    "Samir",
    "Nour",
]

# In this order a row's parents are there before it.
COPIED: list[type[models.Model]] = [
    Patient,
    PatientIdentifier,
    CareTeamMember,
    Study,
    Series,
    Scan,
    Analysis,
    HistoryEntry,
    HistoryVersion,
    Change,
]


def populate(patients: int) -> None:
    """Fill an empty, migrated database with about 20 history entries per patient."""
    doctors = [
        User.objects.create_user(f"doctor{n}@falx.example", role=User.Role.DOCTOR)
        for n in range(max(1, patients // PATIENTS_PER_DOCTOR))
    ]
    User.objects.create_user("admin@falx.example", role=User.Role.ADMIN)
    template = write_template(doctors[0])
    newest = Change.objects.order_by("-id").values("id")[:CHANGES]
    Change.objects.exclude(id__in=newest).delete()
    with connection.cursor() as cursor:
        # What is copied from rows that are right is right: no need to look up every parent.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        for model in COPIED:
            copy(cursor, model, template.pk, patients - 1)
        lengthen(cursor, template.pk, max(1, patients // LONG_FILES))
        cursor.execute("ANALYZE")


def write_template(doctor: User) -> Patient:
    """One patient with some years of visits and of readings, as the application writes them."""
    number = {"kind": "medical_record", "issuer": "City hospital", "value": "0"}
    patient = create_patient(
        user=doctor, family_name="Haddad", given_name="Rana", identifiers=[number]
    )
    start = timezone.now() - timedelta(days=4 * 365)
    for turn in range(ENTRIES - READINGS):
        write(
            patient=patient,
            kind=HistoryEntry.Kind.NOTE,
            data={"text": "Headache since the summer, worse in the morning.\n" * 12},
            occurred_at=start + timedelta(days=90 * turn),
            author=doctor,
        )
    for turn, path in enumerate(sorted(SAMPLES.glob("*.jpg"))[:READINGS]):
        analysis = upload_and_analyse(
            user=doctor,
            patient=patient,
            file=SimpleUploadedFile(path.name, path.read_bytes()),
            acquired_at=start + timedelta(days=240 * turn),
        )
        runs.run(analysis.id)
    return patient


def copy(cursor: object, model: type[models.Model], patient_id: UUID, times: int) -> None:
    """Copy the template's rows of one model `times` times, each time for another patient."""
    own = rows_of(model, patient_id)
    columns = [field for field in model._meta.concrete_fields if not is_serial(field)]
    values = [expression(model, field) for field in columns]
    names = ", ".join(f'"{field.column}"' for field in columns)
    sql, params = own.values_list("pk").query.sql_with_params()
    table = model._meta.db_table
    cursor.execute(  # type: ignore[attr-defined]
        f'INSERT INTO "{table}" ({names}) SELECT {", ".join(values)} '  # noqa: S608 - names of ours
        f'FROM "{table}" t CROSS JOIN generate_series(1, {times:d}) n '
        f'WHERE t."{model._meta.pk.column}" IN ({sql})',
        params,
    )


def rows_of(model: type[models.Model], patient_id: UUID) -> "models.QuerySet[models.Model]":
    paths: Mapping[type[models.Model], str] = {
        Patient: "pk",
        Series: "study__patient_id",
        Analysis: "scan__patient_id",
        HistoryVersion: "entry__patient_id",
    }
    manager = model._base_manager
    return manager.filter(**{paths.get(model, "patient_id"): patient_id}).order_by()


def is_serial(field: "models.Field[object, object]") -> bool:
    return isinstance(field, models.AutoField | models.BigAutoField)


def expression(model: type[models.Model], field: "models.Field[object, object]") -> str:
    """SQL for a copied column; `t` is the template's row and `n` the number of the copy."""
    column = f't."{field.column}"'
    special = SPECIAL.get((model, field.name))
    if special:
        return special
    if isinstance(field, models.ForeignKey) and field.related_model is User:
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE {DOCTOR} END"
    if isinstance(field, models.UUIDField) or (
        isinstance(field, models.ForeignKey) and isinstance(field.target_field, models.UUIDField)
    ):
        return f"md5({column}::text || n)::uuid"  # the same id becomes the same id everywhere
    if isinstance(field, models.DateTimeField):
        return f"{column} - n * interval '7 minutes'"
    return column


def pick(words: list[str], every: int) -> str:
    listed = ", ".join(f"'{word}'" for word in words)
    return f"(ARRAY[{listed}])[1 + mod(n / {every}, {len(words)})]"


FAMILY_NAME, GIVEN_NAME = f"{pick(FAMILY, 1)} || '-' || mod(n, 997)", pick(GIVEN, 7)
COUNT = "(SELECT count(*)::int FROM accounts_user WHERE role = 'doctor')"
DOCTOR = (
    f"(SELECT id FROM accounts_user WHERE email = 'doctor' || mod(n, {COUNT}) || '@falx.example')"  # noqa: S608
)
SPECIAL: Mapping[tuple[type[models.Model], str], str] = {
    (Patient, "family_name"): FAMILY_NAME,
    (Patient, "given_name"): GIVEN_NAME,
    (Patient, "name_key"): "md5(n::text)",
    (Patient, "search_text"): f"lower({FAMILY_NAME} || ' ' || {GIVEN_NAME} || ' h' || n)",
    (PatientIdentifier, "value"): "'h' || n",
    (PatientIdentifier, "key"): "md5(n::text)",
    (Study, "uid"): "t.uid || '.' || n",
}


def lengthen(cursor: object, template: UUID, files: int) -> None:
    """Give some patients a history of thousands of entries."""
    entries = HistoryEntry._meta
    columns = [field.column for field in entries.concrete_fields]
    values = {
        "id": "gen_random_uuid()",
        "subject_id": "gen_random_uuid()",
        "patient_id": "p.id",
        "occurred_at": "t.occurred_at - n * interval '1 hour'",
    }
    names = ", ".join(f'"{column}"' for column in columns)
    chosen = ", ".join(values.get(str(column), f't."{column}"') for column in columns)
    cursor.execute(  # type: ignore[attr-defined]
        f'INSERT INTO "{entries.db_table}" ({names}) SELECT {chosen} '  # noqa: S608
        f'FROM (SELECT * FROM "{entries.db_table}" WHERE patient_id = %s LIMIT 1) t '
        f"CROSS JOIN (SELECT id FROM patients_patient ORDER BY created_at DESC LIMIT {files:d}) p "
        f"CROSS JOIN generate_series(1, {LONG_ENTRIES:d}) n",
        [template],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    options = parser.parse_args()
    if settings.EMBEDDED:
        parser.error("This needs PostgreSQL: set DATABASE_URL to an empty database.")
    call_command("migrate", verbosity=0)
    populate(options.patients)
    for model in COPIED:
        print(f"{model._meta.label:28} {model._base_manager.count():>10,}")


if __name__ == "__main__":
    main()
