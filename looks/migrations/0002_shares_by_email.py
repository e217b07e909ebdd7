"""Shares of looks by e-mail address."""


import django.db.models.deletion
import django.db.models.functions.text
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('looks', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='LookEmailShare',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('email', models.EmailField(max_length=254)),
                ('look', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='email_shares', to='looks.look')),
            ],
            options={
                'ordering': ('email',),
                'indexes': [models.Index(fields=['email', 'look'], name='email_shares_of_address')],
                'constraints': [models.UniqueConstraint(fields=('look', 'email'), name='one_share_a_look_and_email'), models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='email_share_is_lower_case')],
            },
        ),
    ]
