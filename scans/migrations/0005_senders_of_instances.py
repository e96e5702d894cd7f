from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('scans', '0004_facts_of_instances'),
    ]

    operations = [
        migrations.AddField(
            model_name='instance',
            name='sender_id',
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
    ]
