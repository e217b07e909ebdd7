"""Fills tables with millions of rows: the database copies a template row, some columns computed from a number.

Templates are made with the product's models, so a new column has the value that the product would write.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection, models
from django.utils import timezone

from accounts import tokens
from accounts.models import Session, User
from accounts.registration import create_user
from videos.models import VideoJob

TOKENS = 1_000_000_000


def user(name: str) -> User:
    """A user with more tokens than any benchmark spends."""
    return create_user(email=f"{name}@example.com", password="not used", tokens=TOKENS)


def users(name: str, count: int) -> list[User]:
    """Several users."""
    return [user(f"{name}-{number}") for number in range(count)]


def access_token(user: User) -> str:
    """A bearer token of a new session of the user."""
    now = timezone.now()
    session = Session.objects.create(
        user=user, refresh_id=uuid.uuid4(), refreshed_at=now, expires_at=now + tokens.refresh_lifetime()
    )
    return tokens.pair(session=session, user=user)["access"]


def copy(template: models.Model, numbers: tuple[int, int], **columns: str) -> None:
    """Insert a row for each number from the first to the last; `columns` are SQL that may use the number `n`."""
    table = template._meta.db_table
    names = [field.column for field in template._meta.concrete_fields]
    values = [columns.get(name, f't."{name}"') for name in names]
    listed = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({listed}) SELECT {", ".join(values)}'
            f" FROM \"{table}\" t, generate_series({numbers[0]}, {numbers[1]}) n WHERE t.id = '{template.pk}'"
        )


def key(kind: str, number: str = "n") -> str:
    """SQL for the id of the row of a kind with a number; as scattered as random ids."""
    return f"md5('{kind}' || ({number}))::uuid"


def key_of(kind: str, number: int) -> str:
    """The same id, as a string."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key(kind, str(number))}")
        return str(cursor.fetchone()[0])


def keys(kind: str, count: int) -> list[str]:
    """The ids of the rows with the numbers from 1."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key(kind)} FROM generate_series(1, {count}) n ORDER BY n")
        return [str(found) for (found,) in cursor.fetchall()]


def finished_job(owner: User, **fields: Any) -> VideoJob:
    """A template: a job with its video, as the product leaves it."""
    from django.utils import timezone

    now = timezone.now()
    values: dict[str, Any] = {
        "prompt": "A red dress in the wind, slow pan, evening light over the sea, filmed on 35 mm.",
        "model": "veo-3.1-generate-preview",
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "duration_seconds": 8,
        "mock_mode": True,
        "provider": "mock",
        "operation": "mock?began=1762079400.000&seconds=6&scenario=",
        "result": "mock",
        "phase": "succeeded",
        "progress_percentage": 100,
        "started_at": now,
        "generated_at": now,
        "completed_at": now,
        "video": "videos/template.mp4",
        "poster": "videos/template.jpg",
        "video_sha256": "0" * 64,
        "tokens_charged": 50,
    }
    return VideoJob.objects.create(owner=owner, **(values | fields))


def copy_jobs(template: VideoJob, numbers: tuple[int, int], *, kind: str = "job", **columns: str) -> None:
    """Jobs, the higher the number the older, a minute apart."""
    moment = "now() - interval '1 minute' * n"
    defaults = {
        "id": key(kind),
        "prompt": "'A dress, number ' || n || ', in the wind, slow pan, evening light over the sea.'",
        "video": f"'videos/' || {key(kind)} || '.mp4'",
        "poster": f"'videos/' || {key(kind)} || '.jpg'",
        "created_at": moment,
        "updated_at": moment,
        "started_at": moment,
        "generated_at": moment,
        "completed_at": moment,
    }
    copy(template, numbers, **(defaults | columns))


def among(owners: Sequence[User]) -> str:
    """SQL for the owner with the number n, in turn."""
    listed = ", ".join(f"'{owner.pk}'" for owner in owners)
    return f"(ARRAY[{listed}]::uuid[])[1 + n % {len(owners)}]"


def settle() -> None:
    """Count the jobs of each account, and do what autovacuum would do in time.

    That is the statistics, and the visibility map for index-only scans.
    """
    counted = "SELECT owner_id, count(*) AS number FROM videos_videojob GROUP BY owner_id"
    execute(f"UPDATE accounts_tokenaccount SET video_jobs = number FROM ({counted}) c WHERE owner_id = user_id")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def execute(sql: str) -> None:
    """Execute a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
