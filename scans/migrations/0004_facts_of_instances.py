import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('scans', '0003_instances'),
    ]

    operations = [
        migrations.AddField(
            model_name='instance',
            name='facts',
            field=models.JSONField(blank=True, default=dict, help_text='How its image was made.'),
        ),
        migrations.AddField(
            model_name='series',
            name='updated_at',
            field=models.DateTimeField(auto_now=True, default=django.utils.timezone.now),
            preserve_default=False,
        ),
    ]
