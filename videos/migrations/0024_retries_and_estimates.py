"""Lets a job have one retry, and keeps how long a job is expected to take.

Until now staff could retry a job again after a day. Of several retries the newest one keeps its link, and a link to a
deleted job goes. On PostgreSQL the indexes are created and dropped concurrently: jobs are written meanwhile.
"""

from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef, Q

CONSTRAINT = "one_retry_a_job"
INDEX = "jobs_retry_of"


def keep_one_link(apps: Any, schema_editor: Any) -> None:
    jobs = apps.get_model("videos", "VideoJob").objects
    retries = jobs.filter(retry_of_id__isnull=False)  # by staff only, so there are few
    newest: dict[Any, Any] = {}
    for job_id, origin_id in list(retries.order_by("created_at", "pk").values_list("pk", "retry_of_id")):
        jobs.filter(pk=newest.get(origin_id)).update(retry_of_id=None)
        newest[origin_id] = job_id
    retries.filter(~Exists(jobs.filter(pk=OuterRef("retry_of_id")))).update(retry_of_id=None)


def create_constraint(apps: Any, schema_editor: Any) -> None:
    how = _concurrently(schema_editor)
    schema_editor.execute(f"DROP INDEX {how} IF EXISTS {CONSTRAINT}")  # an interrupted creation leaves an invalid one
    schema_editor.execute(
        f"CREATE UNIQUE INDEX {how} {CONSTRAINT} ON videos_videojob (retry_of_id) WHERE retry_of_id IS NOT NULL"
    )


def drop_constraint(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"DROP INDEX {_concurrently(schema_editor)} IF EXISTS {CONSTRAINT}")


def drop_index(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"DROP INDEX {_concurrently(schema_editor)} IF EXISTS {INDEX}")


def create_index(apps: Any, schema_editor: Any) -> None:
    how = _concurrently(schema_editor)
    schema_editor.execute(
        f"CREATE INDEX {how} IF NOT EXISTS {INDEX} ON videos_videojob (retry_of_id) WHERE retry_of_id IS NOT NULL"
    )


def _concurrently(schema_editor: Any) -> str:
    return "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""


class Migration(migrations.Migration):
    atomic = False  # nothing is done concurrently inside a transaction
    dependencies = [("videos", "0022_events")]

    operations = [
        migrations.AddField(
            "videojob",
            "expected_seconds",
            models.IntegerField(
                editable=False,
                help_text="How long jobs like it took when it was created; unknown: null.",
                null=True,
            ),
        ),
        migrations.AlterField(
            "videojob",
            "retry_of_id",
            models.UUIDField(editable=False, help_text="The failed job that this one repeats.", null=True),
        ),
        migrations.RunPython(keep_one_link, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(create_constraint, drop_constraint),
                migrations.RunPython(drop_index, create_index),
            ],
            state_operations=[
                migrations.AddConstraint(
                    "videojob",
                    models.UniqueConstraint(
                        condition=Q(("retry_of_id__isnull", False)), fields=("retry_of_id",), name=CONSTRAINT
                    ),
                ),
                migrations.RemoveIndex("videojob", INDEX),
            ],
        ),
    ]
