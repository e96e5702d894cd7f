from django.db import migrations


def index_trigrams(apps, schema_editor):
    """A word is found anywhere in a name; PostgreSQL needs trigrams for that (a trusted extension).

    SQLite is for one small practice and reads them all.
    """
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        schema_editor.execute(
            "CREATE INDEX patient_search ON patients_patient USING gin (search_text gin_trgm_ops)"
        )


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX patient_search")


class Migration(migrations.Migration):
    dependencies = [("patients", "0004_record_numbers_become_identifiers")]
    operations = [
        migrations.RemoveField(model_name="patient", name="record_number"),
        migrations.RunPython(index_trigrams, drop_index),
    ]
