from django.db import migrations


def vouch(apps, schema_editor):
    """Until now admins made all accounts, and vouched for their addresses."""
    email_address = apps.get_model("account", "EmailAddress")
    for user in apps.get_model("accounts", "User").objects.filter(emailaddress=None).iterator():
        email_address.objects.create(user=user, email=user.email, verified=True, primary=True)


class Migration(migrations.Migration):

    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("accounts", "0002_invitations_applications_profiles"),
    ]

    operations = [migrations.RunPython(vouch, migrations.RunPython.noop)]
