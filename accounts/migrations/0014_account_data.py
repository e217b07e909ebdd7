"""Hashes of former addresses, one unfinished export a user, and what a deleted account cannot do."""

import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_roles_see_account_tasks'),
    ]

    operations = [
        migrations.CreateModel(
            name='FormerAddress',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('digest', models.CharField(editable=False, help_text='HMAC-SHA256 of it, in hex.', max_length=64, unique=True)),
                ('expires_at', models.DateTimeField(help_text='When the row is forgotten.')),
            ],
            options={
                'verbose_name_plural': 'former addresses',
                'ordering': ('expires_at', 'id'),
            },
        ),
        migrations.AddField(
            model_name='accounttask',
            name='origin',
            field=models.CharField(blank=True, db_default='', help_text='Scheme and host of the links in an export.', max_length=300),
        ),
        migrations.AddConstraint(
            model_name='accounttask',
            constraint=models.UniqueConstraint(condition=models.Q(('failed_at', None), ('finished_at', None), ('kind', 'export')), fields=('user',), name='one_unfinished_export_a_user'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('deleted_at', None), models.Q(('google_id', None), ('is_active', False), ('is_staff', False), ('is_superuser', False)), _connector='OR'), name='deleted_user_cannot_sign_in'),
        ),
        migrations.AddIndex(
            model_name='formeraddress',
            index=models.Index(fields=['expires_at'], name='former_addresses_by_expiry'),
        ),
    ]
