"""Renames two columns of sign-ins in the model, and rewords help texts. The database keeps its names: no SQL runs."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FIELDS = [
    migrations.AlterField(
        "signin",
        "door",
        models.CharField(choices=[("api", "API"), ("admin", "Back office")], db_column="door", max_length=10),
    ),
    migrations.RenameField("signin", "door", "channel"),
    migrations.AlterField(
        "signin",
        "address",
        models.GenericIPAddressField(
            blank=True, db_column="address", help_text="Of IPv6, the network of the household.", null=True
        ),
    ),
    migrations.RenameField("signin", "address", "client_ip"),
    migrations.AlterField(
        "signin",
        "user",
        models.ForeignKey(
            blank=True,
            db_index=False,
            help_text="Empty: no account has the e-mail address that was typed.",
            null=True,
            on_delete=django.db.models.deletion.CASCADE,
            related_name="sign_ins",
            to=settings.AUTH_USER_MODEL,
        ),
    ),
    migrations.AlterField(
        "user",
        "is_active",
        models.BooleanField(
            default=True, help_text="Unset to deactivate the user; their sign-in tokens stop at once."
        ),
    ),
    migrations.AlterField(
        "user",
        "signed_out_at",
        models.DateTimeField(
            blank=True, editable=False, help_text="Sessions and sign-in tokens from before are signed out.", null=True
        ),
    ),
]
INDEX = models.Index(fields=["client_ip", "-created_at"], name="sign_ins_of_address")
CONSTRAINT = models.CheckConstraint(
    condition=models.Q(("channel__in", ("api", "admin"))), name="sign_in_door_is_known"
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_video_job_count")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("signin", INDEX.name),
                migrations.RemoveConstraint("signin", CONSTRAINT.name),
                *FIELDS,
                migrations.AddIndex("signin", INDEX),
                migrations.AddConstraint("signin", CONSTRAINT),
            ]
        )
    ]
