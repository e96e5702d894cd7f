from django.db import migrations

from patients.models.patient import identifier_key, name_key
from patients.search import fold


def forward(apps, schema_editor):
    """What one patient's record number was becomes an identifier; a number given twice, a note."""
    Patient = apps.get_model("patients", "Patient")
    Identifier = apps.get_model("patients", "PatientIdentifier")
    for patient in Patient.objects.order_by("created_at").iterator():
        number = patient.record_number
        if number:
            key = identifier_key("hospital", number)
            if Identifier.objects.filter(key=key).exists():
                patient.notes = f"Record number {number}, which another patient has too."
            else:
                Identifier.objects.create(
                    patient=patient, issuer="hospital", value=number, key=key
                )
        patient.name_key = name_key(patient.family_name, patient.given_name)
        patient.search_text = fold(f"{patient.family_name} {patient.given_name} {number}")
        patient.save(update_fields=["notes", "name_key", "search_text"])


class Migration(migrations.Migration):
    dependencies = [("patients", "0003_people")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
