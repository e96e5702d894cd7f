from django.db import migrations


def name_senders(apps, schema_editor):
    """Keep of what peers sent who it was: until now their names said it.

    What an account sent is no peer's, whatever the account is called.
    """
    Peer, Instance = apps.get_model('dicom', 'Peer'), apps.get_model('scans', 'Instance')
    sent = Instance.objects.filter(sender_id=None, series__ours=False)
    for pk, name in Peer.objects.values_list('pk', 'name'):
        rows = sent.filter(source=name).exclude(received_by__role='system')
        Instance.objects.filter(pk__in=rows.values('pk')).update(sender_id=pk)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_systems'),
        ('dicom', '0005_secrets_of_peers'),
        ('scans', '0005_senders_of_instances'),
    ]

    operations = [
        migrations.RunPython(name_senders, migrations.RunPython.noop, elidable=True),
    ]
