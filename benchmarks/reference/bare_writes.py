"""What the bare function writes: the rows of the product, in one transaction each."""

import json
import uuid
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import LedgerEntry
from studio.models import Disposal
from videos.models import Event, JobLog, VideoJob, events

PRICE, SLOTS = 50, {1, 2, 3}


class _Insert:
    """An INSERT of a prototype, with some columns replaced."""

    def __init__(self, prototype: Any) -> None:
        fields = prototype._meta.concrete_fields
        self._columns = [field.column for field in fields]
        self._values = [field.get_db_prep_save(field.pre_save(prototype, True), connection) for field in fields]
        names, places = ", ".join(self._columns), ", ".join(["%s"] * len(fields))
        self._sql = f"INSERT INTO {prototype._meta.db_table} ({names}) VALUES ({places})"

    def run(self, database: Any, **columns: Any) -> None:
        values = list(self._values)
        now = timezone.now()
        for name, value in (columns | {"created_at": now, "updated_at": now}).items():
            values[self._columns.index(name)] = value
        database.execute(self._sql, values)


def create(database: Any, owner_id: uuid.UUID, job_id: uuid.UUID, prompt: str) -> None:
    """Charge the owner and create the job, with its line and its event."""
    account_id, balance = database.execute(
        "SELECT id, balance FROM accounts_tokenaccount WHERE user_id = %s FOR NO KEY UPDATE", [owner_id]
    ).fetchone()
    taken = database.execute(
        "SELECT slot FROM videos_videojob WHERE owner_id = %s AND slot IS NOT NULL", [owner_id]
    ).fetchall()
    slot = min(SLOTS - {row[0] for row in taken})
    balance -= PRICE
    database.execute(
        "UPDATE accounts_tokenaccount SET balance = %s, video_jobs = video_jobs + 1, updated_at = now() WHERE id = %s",
        [balance, account_id],
    )
    now = timezone.now()
    _job().run(database, id=job_id, owner_id=owner_id, prompt=prompt, slot=slot, due_at=now)
    _entry().run(database, id=uuid.uuid4(), account_id=account_id, balance_after=balance, video_job_id=job_id)
    _line().run(database, id=uuid.uuid4(), job_id=job_id, timestamp=now)
    _record(database, Event.Kind.CREATED, owner_id, job_id)


def set_default(database: Any, look_id: uuid.UUID, job_id: uuid.UUID) -> None:
    """Lock the look, and move the default."""
    owner_id = database.execute("SELECT owner_id FROM looks_look WHERE id = %s FOR NO KEY UPDATE", [look_id]).fetchone()
    changed = database.execute(
        "UPDATE look_videos SET is_default = false, updated_at = now()"
        " WHERE look_id = %s AND is_default AND video_id <> %s RETURNING video_id",
        [look_id, job_id],
    ).fetchall()
    changed += database.execute(
        "UPDATE look_videos SET is_default = true, updated_at = now()"
        " WHERE look_id = %s AND video_id = %s AND NOT is_default RETURNING video_id",
        [look_id, job_id],
    ).fetchall()
    for (changed_id,) in changed:
        _record(database, Event.Kind.UPDATED, owner_id[0], changed_id)


def delete(database: Any, owner_id: uuid.UUID, job_id: uuid.UUID) -> None:
    """Delete the job with what belongs to it, and register its files for removal."""
    video, poster = database.execute(
        "SELECT video, poster FROM videos_videojob WHERE id = %s FOR UPDATE", [job_id]
    ).fetchone()
    database.execute("UPDATE accounts_tokenaccount SET video_jobs = video_jobs - 1 WHERE user_id = %s", [owner_id])
    for name in filter(None, (video, poster)):
        _file().run(database, id=uuid.uuid4(), name=name, due_at=timezone.now())
    for table, column in (("look_videos", "video_id"), ("videos_joblog", "job_id"), ("videos_jobinput", "job_id")):
        database.execute(f"DELETE FROM {table} WHERE {column} = %s", [job_id])
    database.execute("DELETE FROM videos_videojob WHERE id = %s", [job_id])
    _record(database, Event.Kind.DELETED, owner_id, job_id)


def _record(database: Any, kind: Event.Kind, owner_id: uuid.UUID, job_id: uuid.UUID) -> None:
    listed = json.dumps([{"owner_id": owner_id.hex, "job_id": job_id.hex}])
    database.execute(events._STATEMENTS["postgresql"][0], {"jobs": listed, "kind": kind.value})


@cache
def _job() -> _Insert:
    return _Insert(
        VideoJob(
            model="veo-3.1-generate-preview",
            upstream_model="veo-3.1-generate-preview",
            resolution="720p",
            aspect_ratio="16:9",
            duration_seconds=8,
            mock_mode=True,
            provider="mock",
            phase="queued",
            tokens_charged=PRICE,
            input_count=0,
        )
    )


@cache
def _entry() -> _Insert:
    return _Insert(LedgerEntry(kind="charge", amount=-PRICE))


@cache
def _line() -> _Insert:
    return _Insert(JobLog(level="info", message="The job is accepted and waits for its turn."))


@cache
def _file() -> _Insert:
    return _Insert(Disposal())
