"""Two new tables: the events of jobs, and the number of each owner's newest one."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0022_deleted_jobs'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EventCounter',
            fields=[
                ('owner', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('last_number', models.BigIntegerField()),
            ],
            options={
                'ordering': ('owner',),
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('number', models.BigIntegerField()),
                ('job_id', models.UUIDField()),
                ('kind', models.CharField(choices=[('job.created', 'Created'), ('job.updated', 'Updated'), ('job.deleted', 'Deleted')], max_length=20)),
                ('owner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('owner', 'number'),
                'indexes': [models.Index(fields=['created_at'], name='events_by_age')],
                'constraints': [models.UniqueConstraint(fields=('owner', 'number'), name='one_event_a_number'), models.CheckConstraint(condition=models.Q(('kind__in', ('job.created', 'job.deleted', 'job.updated'))), name='event_kind_is_known')],
            },
        ),
    ]
