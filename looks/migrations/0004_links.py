"""Links under which everyone can see a look, and the size of its picture."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('looks', '0003_roles_see_email_shares'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='look',
            name='image_height',
            field=models.IntegerField(editable=False, help_text='In pixels.', null=True),
        ),
        migrations.AddField(
            model_name='look',
            name='image_width',
            field=models.IntegerField(editable=False, help_text='In pixels.', null=True),
        ),
        migrations.CreateModel(
            name='LookLink',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('token', models.CharField(editable=False, help_text='The secret part of the address.', max_length=26, unique=True)),
                ('expires_at', models.DateTimeField(blank=True, help_text='Empty: never.', null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_viewed_at', models.DateTimeField(blank=True, help_text='To the hour.', null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('look', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='links', to='looks.look')),
            ],
            options={
                'ordering': ('-created_at', '-id'),
                'indexes': [models.Index(fields=['look', '-created_at', '-id'], name='links_of_look')],
            },
        ),
    ]
