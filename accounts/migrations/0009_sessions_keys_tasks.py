"""Verified addresses, names and Google ids of users; sessions, API keys, and tasks in the background."""


import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_names_of_sign_in_columns'),
    ]

    operations = [
        migrations.AddField(
            model_name='signin',
            name='method',
            field=models.CharField(choices=[('password', 'Password'), ('google', 'Google')], db_default='password', default='password', max_length=10),
        ),
        migrations.AddField(
            model_name='user',
            name='deleted_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When the user deleted the account; its ledger stays.', null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='email_verified_at',
            field=models.DateTimeField(blank=True, help_text='When a mailed link proved that the user reads this address.', null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='google_id',
            field=models.CharField(blank=True, editable=False, help_text="The `sub` of Google's ID tokens.", max_length=255, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='user',
            name='name',
            field=models.CharField(blank=True, db_default='', help_text='As the user wants to be called.', max_length=100),
        ),
        migrations.CreateModel(
            name='AccountTask',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('kind', models.CharField(choices=[('verify_email', 'mail: verify the address'), ('reset_password', 'mail: reset the password'), ('password_changed', 'mail: the password was changed'), ('export', "export the account's data"), ('deletion', "delete the account's data")], max_length=20)),
                ('email', models.EmailField(blank=True, db_index=True, help_text='Whom a mail is for, as it was typed.', max_length=254)),
                ('due_at', models.DateTimeField(help_text='When it is to be tried next.')),
                ('lease', models.UUIDField(blank=True, help_text='Which claim holds the task.', null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=500)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('failed_at', models.DateTimeField(blank=True, help_text='When the last attempt was given up.', null=True)),
                ('content', models.BinaryField(blank=True, help_text='The ZIP of an export.', null=True)),
                ('user', models.ForeignKey(blank=True, help_text='Empty for a mail: the address may have no account.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='account_tasks', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-created_at', '-id'),
                'indexes': [models.Index(condition=models.Q(('failed_at', None), ('finished_at', None)), fields=['due_at'], name='account_tasks_due'), models.Index(fields=['created_at'], name='account_tasks_by_age')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(help_text="What the key is for, in the user's words.", max_length=100)),
                ('prefix', models.CharField(help_text="The key's first characters, to recognise it.", max_length=20)),
                ('digest', models.CharField(editable=False, help_text='SHA-256 of the key, in hex.', max_length=64, unique=True)),
                ('scopes', models.JSONField(default=list, help_text='What the key may do, such as videos:read.')),
                ('expires_at', models.DateTimeField(blank=True, help_text='Empty: never.', null=True)),
                ('last_used_at', models.DateTimeField(blank=True, help_text='To the hour.', null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API key',
                'ordering': ('-created_at', '-id'),
                'indexes': [models.Index(fields=['user', '-created_at', '-id'], name='api_keys_of_user')],
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('method', models.CharField(choices=[('password', 'Password'), ('google', 'Google')], default='password', max_length=10)),
                ('signed_in_at', models.DateTimeField(blank=True, help_text='Empty: the session continues a sign-in to a release before 1.2.', null=True)),
                ('refresh_id', models.UUIDField(help_text='The `jti` of the valid refresh token.')),
                ('former_refresh_id', models.UUIDField(blank=True, help_text='The `jti` of the token before it, which works for some seconds more.', null=True)),
                ('refreshed_at', models.DateTimeField(help_text='When the valid refresh token was issued.')),
                ('expires_at', models.DateTimeField(help_text='When the valid refresh token expires.')),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('end_reason', models.CharField(blank=True, choices=[('signed_out', 'signed out'), ('ended', 'ended by the user from another session'), ('password_changed', 'the password was changed'), ('reused', 'a used refresh token was sent again: possibly stolen'), ('staff', 'ended by staff'), ('account_deleted', 'the account was deleted')], max_length=20)),
                ('client_ip', models.GenericIPAddressField(blank=True, help_text='Of the last sign-in or refresh.', null=True)),
                ('client', models.CharField(blank=True, help_text='The program, as it called itself last.', max_length=300)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-created_at', '-id'),
                'indexes': [models.Index(fields=['user', '-created_at', '-id'], name='sessions_of_user'), models.Index(fields=['expires_at'], name='sessions_by_expiry')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('end_reason', ''), ('ended_at', None)), models.Q(('ended_at__isnull', False), models.Q(('end_reason', ''), _negated=True)), _connector='OR'), name='session_end_has_a_reason')],
            },
        ),
    ]
