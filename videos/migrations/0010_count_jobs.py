"""Gives every account the number of its user's jobs."""

from typing import Any

from django.db import migrations
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce


def count(apps: Any, schema_editor: Any) -> None:
    jobs = apps.get_model("videos", "VideoJob").objects.filter(owner=OuterRef("user")).order_by().values("owner")
    number = Subquery(jobs.values(number=Count("pk")))
    apps.get_model("accounts", "TokenAccount").objects.update(video_jobs=Coalesce(number, 0))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_count_of_jobs"), ("videos", "0009_request_id")]
    run_before = [("accounts", "0007_video_job_count")]  # which gives the field another name
    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
