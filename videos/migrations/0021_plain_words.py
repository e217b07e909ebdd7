"""Renames a field whose column keeps its name, and rewords help texts: only the state changes, and no SQL runs."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0020_growth'),
    ]

    operations = [
        migrations.AlterField(
            model_name='pollquota',
            name='next_look_at',
            field=models.DateTimeField(db_column='next_look_at'),
        ),
        migrations.RenameField(
            model_name='pollquota',
            old_name='next_look_at',
            new_name='next_poll_at',
        ),
        migrations.AlterField(
            model_name='jobinput',
            name='file_name',
            field=models.CharField(help_text='In the media storage.', max_length=300),
        ),
        migrations.AlterField(
            model_name='spentkey',
            name='used_at',
            field=models.DateTimeField(help_text='When it created the job.'),
        ),
        migrations.AlterField(
            model_name='upstream',
            name='note',
            field=models.TextField(blank=True, db_default='', default='', help_text='For staff: what is known of its future, with the source.'),
        ),
        migrations.AlterField(
            model_name='upstream',
            name='position',
            field=models.PositiveSmallIntegerField(default=0, help_text='The first one that supports a request serves it.'),
        ),
        migrations.AlterField(
            model_name='upstream',
            name='refusals',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False, help_text='Submits in a row that the provider refused for this model.'),
        ),
        migrations.AlterField(
            model_name='upstream',
            name='successor',
            field=models.CharField(blank=True, db_default='', default='', help_text="The provider's model that replaces it.", max_length=100),
        ),
        migrations.AlterField(
            model_name='upstream',
            name='upstream_model',
            field=models.CharField(help_text="The provider's name of the model.", max_length=100),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0, help_text='Failed tries in this phase.'),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='broken_result',
            field=models.JSONField(editable=False, help_text='The provider\'s file that cannot be played: {"sha256": …, "times": 2, "since": …}.', null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='delivered_aspect_ratio',
            field=models.CharField(blank=True, db_default='', default='', help_text="The video's aspect ratio, where it differs from the request.", max_length=20),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='delivered_seconds',
            field=models.FloatField(help_text="The video's length in seconds, where it differs from the request.", null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='doubtful_submits',
            field=models.SmallIntegerField(db_default=0, default=0, editable=False, help_text='Refused submits that may have been accepted.'),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='due_at',
            field=models.DateTimeField(help_text='When the sweeper handles it next.', null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='generated_at',
            field=models.DateTimeField(help_text='When the provider reported the finished video.', null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='input_count',
            field=models.PositiveSmallIntegerField(default=0, help_text='Pictures it was created with; unknown for the oldest jobs.', null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='lasting_refusals',
            field=models.SmallIntegerField(db_default=0, default=0, editable=False, help_text='Submits refused by a used-up quota since the last accepted one.'),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='lease',
            field=models.UUIDField(help_text='Token of the process that has claimed it; new with every claim.', null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='lease_until',
            field=models.DateTimeField(help_text='The end of a lease or a back-off; not claimed before.', null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='missing_tries',
            field=models.SmallIntegerField(db_default=0, default=0, editable=False, help_text='Polls or transfers that found nothing at the provider.'),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='storage_refusal',
            field=models.CharField(blank=True, db_default='', default='', editable=False, help_text='Why the storage refuses the video until an operator fixes the cause.', max_length=500),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='store_tries',
            field=models.SmallIntegerField(db_default=0, default=0, editable=False, help_text='Polls in a row whose result could not be stored.'),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='submit_attempts',
            field=models.SmallIntegerField(db_default=0, default=0, help_text='Tries of the submit step before the accepted one.'),
        ),
    ]
