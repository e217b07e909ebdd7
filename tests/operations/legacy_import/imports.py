"""Runs the import, and reads its report."""

import contextlib
import io
import json
from datetime import UTC
from typing import Any

from django.core.management import call_command

from accounts.models import LedgerEntry, TokenAccount, User
from looks.models import Look, LookShare, Product
from operations.reconciliation.comparison import reconcile
from tests.operations.legacy_import.legacy_tables import CREATED, LegacyDatabase
from videos.models import VideoJob

PASSWORD = "correct horse battery"
CREATED_AT = CREATED.replace(tzinfo=UTC)


def move(legacy: LegacyDatabase, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.suppress(SystemExit):  # status 1 where rows are left out
        call_command("import_legacy", "--source", legacy.url, "--json", *options, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def numbers(report: dict[str, Any]) -> dict[str, tuple[int, int, int, int]]:
    return {
        name: (counts["read"], counts["made"], counts["there"], counts["skipped"])
        for name, counts in report["tables"].items()
    }


def lines(report: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(line["table"], line["row"], line["outcome"], line["reason"]) for line in report["lines"]]


def disagreements() -> list[str]:
    """What `reconcile` finds, except files that other tests have left."""
    return [mismatch.sentence for mismatch in reconcile(fix=False) if mismatch.kind != "stray file"]


def counts_here() -> list[int]:
    return [model.objects.count() for model in (User, TokenAccount, LedgerEntry, Look, Product, LookShare, VideoJob)]
