"""What providers are paid for deleted jobs."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0021_plain_words'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DeletedJob',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('model', models.CharField(max_length=100)),
                ('provider', models.CharField(max_length=40)),
                ('upstream_model', models.CharField(blank=True, max_length=100)),
                ('resolution', models.CharField(max_length=20)),
                ('duration_seconds', models.PositiveSmallIntegerField()),
                ('generated_at', models.DateTimeField(help_text='When its cost was counted; empty while its submit has no response.', null=True)),
                ('completed_at', models.DateTimeField(help_text='When the job ended, or was deleted unfinished.')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-completed_at', '-id'),
                'indexes': [models.Index(fields=['completed_at'], name='deleted_jobs_by_end')],
            },
        ),
    ]
