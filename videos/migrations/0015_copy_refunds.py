"""Copies the refunds that are in the ledger to their jobs. Apart from 0014, whose lock would last as long as this.

A refund that the release before makes meanwhile is found by the sweeper's daily comparison (operations.reconciliation.comparison).
"""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery


def copy_refunds(apps: Any, schema_editor: Any) -> None:
    refunds = apps.get_model("accounts", "LedgerEntry").objects.filter(kind="refund").order_by()
    amount = refunds.filter(video_job_id=OuterRef("pk")).values("amount")
    jobs = apps.get_model("videos", "VideoJob").objects.filter(pk__in=refunds.values("video_job_id"))
    jobs.update(tokens_refunded=Subquery(amount))


class Migration(migrations.Migration):
    dependencies = [("videos", "0014_tokens_refunded"), ("accounts", "0005_count_of_jobs")]
    operations = [migrations.RunPython(copy_refunds, migrations.RunPython.noop)]
