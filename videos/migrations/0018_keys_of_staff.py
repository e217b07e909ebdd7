"""Puts the Idempotency-Keys of "Make again" into the namespace that clients cannot reach (`videos.idempotency`).

Only keys of the last day count. What a process of the release before makes meanwhile keeps its old key.
"""

from datetime import timedelta
from typing import Any

from django.db import migrations
from django.db.models import F, Value
from django.db.models.functions import Concat, Now, Substr

OLD, NEW = "retry-", " retry-"


def move(apps: Any, schema_editor: Any) -> None:
    jobs, spent = (apps.get_model("videos", name).objects for name in ("VideoJob", "SpentKey"))
    lately = Now() - timedelta(days=1)
    ours = jobs.filter(retry_of_id__isnull=False, created_at__gte=lately, idempotency_key__startswith=OLD)
    ours.update(idempotency_key=Concat(Value(" "), F("idempotency_key")))
    # The key of a deleted job does not say who gave it. It is kept under both: a repeat by either is refused as before.
    for row in spent.filter(used_at__gte=lately, key__startswith=OLD, key__regex=r"^retry-[0-9a-f-]{36}$"):
        values = {"request_digest": row.request_digest, "used_at": row.used_at}
        spent.get_or_create(owner_id=row.owner_id, key=f" {row.key}", defaults=values)


def move_back(apps: Any, schema_editor: Any) -> None:
    jobs, spent = (apps.get_model("videos", name).objects for name in ("VideoJob", "SpentKey"))
    for job in jobs.filter(retry_of_id__isnull=False, idempotency_key__startswith=NEW):
        old = job.idempotency_key.strip()
        taken = jobs.filter(owner_id=job.owner_id, idempotency_key=old).exists()  # by a client
        jobs.filter(pk=job.pk).update(idempotency_key="" if taken else old)
    for row in spent.filter(key__startswith=NEW):
        if not spent.filter(owner_id=row.owner_id, key=row.key.strip()).exists():
            spent.filter(pk=row.pk).update(key=Substr("key", 2))
    spent.filter(key__startswith=NEW).delete()


class Migration(migrations.Migration):
    dependencies = [("videos", "0017_retries_and_kinds")]
    operations = [migrations.RunPython(move, move_back)]
