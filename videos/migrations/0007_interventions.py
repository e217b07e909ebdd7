from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videos', '0006_poll_quota'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='videojob',
            options={
                'ordering': ('-created_at', '-id'),
                'permissions': (
                    ('refund_videojob', "Can give the tokens of a video job back, within a day's limit"),
                    ('operate_videojob', 'Can retry, stop, hurry and adopt video jobs, and refund them without limit'),
                ),
            },
        ),
        # Without a default first: what is there already stays unknown, and is never taken for a job without pictures.
        migrations.AddField(
            model_name='videojob',
            name='input_count',
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='videojob',
            name='input_count',
            field=models.PositiveSmallIntegerField(default=0, help_text='Pictures that it was created with; unknown for the oldest jobs.', null=True),
        ),
    ]
