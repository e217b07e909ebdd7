"""Has PostgreSQL tidy the tables that grow with every job sooner, and drops an index that another one contains.

Neither reads or writes a row, and rows are read and written meanwhile: on PostgreSQL the index goes concurrently, which
waits for transactions of before (a dump, say) and holds up none. The figures are explained in docs/decisions/17-growth.md.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# By default a table is tidied once a fifth of it is dead or new: at ten million jobs after two million. Shares of a
# table, of dead rows, new rows and changed rows: at ten million jobs daily, weekly and daily.
AUTOVACUUM = {
    "videos_videojob": {"vacuum": 0.02, "vacuum_insert": 0.05, "analyze": 0.02},
    "videos_joblog": {"vacuum": 0.02, "vacuum_insert": 0.05, "analyze": 0.05},
    "accounts_ledgerentry": {"vacuum": 0.02, "vacuum_insert": 0.05, "analyze": 0.05},
}
INDEX = "videos_joblog_job_id_1801518a"


def tidy_sooner(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, shares in AUTOVACUUM.items():
        options = ", ".join(f"autovacuum_{what}_scale_factor = {share}" for what, share in shares.items())
        schema_editor.execute(f"ALTER TABLE {table} SET ({options})")


def tidy_as_ever(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, shares in AUTOVACUUM.items():
        options = ", ".join(f"autovacuum_{what}_scale_factor" for what in shares)
        schema_editor.execute(f"ALTER TABLE {table} RESET ({options})")


def drop_index(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"DROP INDEX {_concurrently(schema_editor)} IF EXISTS {INDEX}")


def create_index(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(
        f"CREATE INDEX {_concurrently(schema_editor)} IF NOT EXISTS {INDEX} ON videos_joblog (job_id)"
    )


def _concurrently(schema_editor: Any) -> str:
    return "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""


class Migration(migrations.Migration):
    atomic = False  # nothing is done concurrently inside a transaction
    dependencies = [("videos", "0019_refusals_in_doubt"), ("accounts", "0006_one_spelling")]

    operations = [
        migrations.RunPython(tidy_sooner, tidy_as_ever),
        migrations.SeparateDatabaseAndState(
            # in words of its own: to SQLite, Django's would copy the table
            database_operations=[migrations.RunPython(drop_index, create_index)],
            state_operations=[
                migrations.AlterField(
                    "joblog",
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="logs",
                        to="videos.videojob",
                    ),
                )
            ],
        ),
    ]
