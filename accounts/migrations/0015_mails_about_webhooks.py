"""A new kind of mail: a webhook was disabled."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0014_account_data'),
    ]

    operations = [
        migrations.AlterField(
            model_name='accounttask',
            name='kind',
            field=models.CharField(choices=[('verify_email', 'mail: verify the address'), ('reset_password', 'mail: reset the password'), ('password_changed', 'mail: the password was changed'), ('webhook_disabled', 'mail: a webhook was disabled'), ('export', "export the account's data"), ('deletion', "delete the account's data")], max_length=20),
        ),
    ]
