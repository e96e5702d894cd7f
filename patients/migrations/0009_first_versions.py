"""Every entry so far is its own first version, and is found by its title and its reasons."""

from django.db import migrations

from patients.search import fold


def write_first_versions(apps, schema_editor):
    Entry = apps.get_model("patients", "HistoryEntry")
    Version = apps.get_model("patients", "HistoryVersion")
    for entry in Entry.objects.iterator():
        said = [reason["message"] for reason in entry.data.get("reasons", [])]
        said += [entry.data.get(name, "") for name in ("question", "answer")]
        entry.search_text = fold(" ".join([entry.title, *said]))
        entry.updated_at = entry.recorded_at
        entry.save(update_fields=["search_text", "updated_at"])
        Version.objects.create(
            entry=entry,
            version=1,
            author_id=entry.author_id,
            at=entry.recorded_at,
            title=entry.title,
            data=entry.data,
            occurred_at=entry.occurred_at,
        )


class Migration(migrations.Migration):

    dependencies = [("patients", "0008_history")]

    operations = [migrations.RunPython(write_first_versions, migrations.RunPython.noop)]
