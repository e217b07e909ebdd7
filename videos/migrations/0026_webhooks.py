"""Two new tables: webhooks, and the messages that are sent to them."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0025_live_tickets'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('place', models.PositiveSmallIntegerField(help_text="Its place among the owner's webhooks; there are ten.")),
                ('url', models.CharField(max_length=1000)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('events', models.JSONField(help_text='The kinds of events that are sent.')),
                ('origin', models.CharField(help_text='Scheme and host of the links in messages.', max_length=300)),
                ('secret', models.CharField(editable=False, max_length=100)),
                ('previous_secret', models.CharField(blank=True, editable=False, max_length=100)),
                ('previous_valid_until', models.DateTimeField(editable=False, help_text='Until then, messages are signed with the previous secret, too.', null=True)),
                ('disabled_at', models.DateTimeField(null=True)),
                ('disabled_reason', models.CharField(blank=True, choices=[('owner', 'switched off by its owner'), ('staff', 'switched off by staff'), ('gone', 'the receiver responded 410 Gone'), ('failing', 'all attempts failed for five days')], max_length=20)),
                ('last_number', models.BigIntegerField(help_text="The owner's last event of which messages were made.")),
                ('failing_since', models.DateTimeField(help_text='The first failed attempt since the last success.', null=True)),
                ('owner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-created_at', '-id'),
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('number', models.BigIntegerField(help_text='Of its event; a test has none.', null=True)),
                ('kind', models.CharField(choices=[('job.created', 'Created'), ('job.updated', 'Updated'), ('job.deleted', 'Deleted'), ('webhook.test', 'webhook.test')], max_length=20)),
                ('job_id', models.UUIDField(null=True)),
                ('body', models.TextField(help_text='As it is sent, at each attempt.')),
                ('state', models.CharField(choices=[('pending', 'waiting, or will be tried again'), ('delivered', 'delivered'), ('failed', 'given up')], default='pending', max_length=10)),
                ('due_at', models.DateTimeField(help_text='When it is tried next, or when the lease ends.', null=True)),
                ('lease', models.UUIDField(help_text='Which claim is sending it.', null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('attempted_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('response_status', models.PositiveSmallIntegerField(help_text='Of the last attempt.', null=True)),
                ('last_error', models.CharField(blank=True, max_length=200)),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='videos.webhookendpoint')),
            ],
            options={
                'ordering': ('-created_at', '-id'),
            },
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.UniqueConstraint(fields=('owner', 'place'), name='one_webhook_a_place'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(('place__in', (1, 2, 3, 4, 5, 6, 7, 8, 9, 10))), name='webhook_place_is_known'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('disabled_at', None), ('disabled_reason', '')), models.Q(models.Q(('disabled_reason', ''), _negated=True), ('disabled_at__isnull', False)), _connector='OR'), name='webhook_disabled_for_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('previous_secret', ''), ('previous_valid_until', None)), models.Q(models.Q(('previous_secret', ''), _negated=True), ('previous_valid_until__isnull', False)), _connector='OR'), name='previous_webhook_secret_ends'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='webhooks_due'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('lease__isnull', False)), fields=['endpoint'], name='webhooks_being_sent'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['endpoint', '-created_at', '-id'], name='webhooks_of_endpoint'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['created_at'], name='webhooks_by_age'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(fields=('endpoint', 'number'), name='one_delivery_an_event'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('state', 'pending')), models.Q(('due_at__isnull', True), ('lease__isnull', True), ('state__in', ('delivered', 'failed'))), _connector='OR'), name='webhook_pending_if_and_only_if_due'),
        ),
    ]
