"""The statements of the busiest requests: their number, and that none scans a large table."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import LedgerEntry, User
from looks.models import Look, LookEmailShare, LookShare, LookVideo, Product
from operations.video_health_checks import late_transfers
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from videos.engine import sweeper
from videos.limits import add_to_job_count
from videos.models import JobLog, VideoJob
from videos.phases import Phase

JOBS = "/api/v1/video-jobs"
LARGE = {
    "videos_videojob",
    "videos_joblog",
    "look_videos",
    "looks_look",
    "looks_product",
    "looks_lookshare",
    "looks_lookemailshare",
    "accounts_ledgerentry",
}
EXPLAINED = ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")
ROWS, MANY = 800, 750  # in all, and of the user with most of them


def statements(client: APIClient, path: str, method: str = "get") -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        response = getattr(client, method)(path)
    assert response.status_code == 200, response.json()
    return [query["sql"] for query in queries]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (JOBS, 3),  # the caller with the account; jobs; their looks
        (f"{JOBS}?skip=1&limit=1", 3),  # the account has the total
        (JOBS + "/{job}", 2),  # the caller; the job with its looks and its log
        ("/api/v1/looks/{look}", 4),  # the caller; the look with its readers; products; videos
        ("/api/v1/looks", 4),
        ("/api/v1/tokens", 1),
    ],
)
def test_statements_are_as_many_for_one_as_for_three(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob, path: str, expected: int
) -> None:
    ann = make_user()
    client = sign_in(ann)
    counts = []
    for number in range(4):
        job, look = make_job(ann, phase=Phase.FAILED), Look.objects.create(owner=ann, title=str(number))
        job.log("one more")
        LookVideo.objects.create(look=look, video=job)
        counts.append(len(statements(client, path.format(job=job.pk, look=look.pk))))

    assert set(counts[1:]) == {expected}  # the first one of a process also queries features of the database


def test_default_is_set_in_few_statements(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    client = sign_in(ann)
    look = Look.objects.create(owner=ann, title="A look")
    counts = []
    for _ in range(3):
        job = make_job(ann, phase=Phase.FAILED)
        LookVideo.objects.create(look=look, video=job)
        counts.append(len(statements(client, f"{JOBS}/{job.pk}/set-default-for-look/{look.pk}", "patch")))

    events = 1 if connection.vendor == "postgresql" else 2
    # the caller; in a savepoint the lock with both owners, two updates, the owners of both videos, and the events
    assert set(counts[1:]) == {7 + events}


def _plan_of(sql: str) -> str:
    prefix = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    with connection.cursor() as cursor:
        cursor.execute(prefix + sql)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def scans(sql: str) -> list[str]:
    """The lines of a statement's plan that scan a large table."""
    lines = [line.strip() for line in _plan_of(sql).splitlines()]
    if connection.vendor == "postgresql":
        return [line for line in lines if "Seq Scan on" in line and line.partition(" on ")[2].split()[0] in LARGE]
    return [line for line in lines if line.startswith("SCAN") and line.split()[1] in LARGE and "INDEX" not in line]


@pytest.fixture
def history(make_user: MakeUser, make_job: MakeJob) -> tuple[User, User]:
    """One user with nearly all jobs and entries, and one with a hundred; the planner sees 10,000 times as many."""
    many, few, other = (make_user(f"{name}@example.com") for name in ("many", "few", "other"))
    now = timezone.now()
    jobs = [
        VideoJob(
            owner=many if n < MANY else few, duration_seconds=8, phase=Phase.FAILED, completed_at=now, error_code="x"
        )
        for n in range(ROWS)
    ]
    VideoJob.objects.bulk_create(jobs)
    JobLog.objects.bulk_create(JobLog(job=job, level="info", message="one") for job in jobs)
    looks = Look.objects.bulk_create(
        Look(owner=job.owner, title="A look", visibility=("private", "shared", "public")[number % 3])
        for number, job in enumerate(jobs)
    )
    shares = [
        (look, reader)
        for look in looks
        if look.visibility == "shared"
        for reader in (few if look.owner == many else many, other)  # nobody has nearly all shares
    ]
    LookShare.objects.bulk_create(LookShare(look=look, user=reader) for look, reader in shares)
    LookEmailShare.objects.bulk_create(LookEmailShare(look=look, email=reader.email) for look, reader in shares)
    User.objects.update(email_verified_at=now)
    Product.objects.bulk_create(Product(look=look, position=0, name="Belt") for look in looks)
    LookVideo.objects.bulk_create(LookVideo(look=look, video=job) for look, job in zip(looks, jobs, strict=True))
    LedgerEntry.objects.bulk_create(
        LedgerEntry(account=job.owner.token_account, kind="charge", amount=0, balance_after=0, video_job_id=job.pk)
        for job in jobs
    )
    for user, number in ((many, MANY), (few, ROWS - MANY)):
        add_to_job_count(user_id=user.pk, more=number)
    for number, job in enumerate(jobs[::10]):
        VideoJob.objects.filter(pk=job.pk).update(created_at=now - timedelta(seconds=number))
    for _ in range(3):
        make_job(few, phase=Phase.GENERATING)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        if connection.vendor == "postgresql":  # which takes the rows a page from there; undone with the test
            cursor.execute("UPDATE pg_class SET reltuples = reltuples * 10000 WHERE relname = ANY(%s)", [sorted(LARGE)])
    return many, few


@pytest.mark.slow
def test_no_large_table_is_scanned(sign_in: SignIn, history: tuple[User, User]) -> None:
    found: dict[str, Any] = {}
    for user in history:
        client = sign_in(user)
        link = LookVideo.objects.filter(video__owner=user).order_by("id")[0]
        paths = [
            (JOBS, "get"),
            (f"{JOBS}?skip=60", "get"),
            (f"{JOBS}?status=RUNNING&limit=2", "get"),
            (f"{JOBS}/{link.video_id}", "get"),
            (f"{JOBS}/{link.video_id}/set-default-for-look/{link.look_id}", "patch"),
            (f"/api/v1/looks/{link.look_id}", "get"),
            ("/api/v1/looks", "get"),
            ("/api/v1/looks?view=shared", "get"),
            ("/api/v1/looks?view=public", "get"),
            ("/api/v1/tokens/ledger", "get"),
        ]
        for path, method in paths:
            asked = [sql for sql in statements(client, path, method) if sql.startswith(EXPLAINED)]
            found |= {f"{user.email} {path}: {sql}": lines for sql in asked if (lines := scans(sql))}

    # counting nearly all rows of a table takes as long by its index
    assert {name: lines for name, lines in found.items() if not ("many@" in name and "COUNT(*)" in name)} == {}


@pytest.mark.slow
def test_sweeper_finds_what_is_due_by_its_index(history: tuple[User, User]) -> None:
    with CaptureQueriesContext(connection) as queries:
        sweeper.resend_hints("submit", Phase.QUEUED)
        sweeper.settle_lost_submits()
        sweeper.claim_due_polls(100)
        late_transfers().first()

    asked = [query["sql"] for query in queries if query["sql"].startswith(EXPLAINED)]
    assert len(asked) >= 4
    assert [lines for sql in asked if (lines := scans(sql))] == []


@pytest.mark.slow
def test_creating_and_deleting_scan_no_large_table(sign_in: SignIn, history: tuple[User, User]) -> None:
    form = {"mockMode": "true", "prompt": "x", "durationSeconds": "4"}
    _, few = history
    VideoJob.objects.live().delete()
    client = sign_in(few)
    headers = {"Idempotency-Key": "a"}
    with CaptureQueriesContext(connection) as queries:
        made = client.post(JOBS, form, headers=headers)
        again = client.post(JOBS, form, headers=headers)
        deleted = client.delete(f"{JOBS}/{made.json()['id']}")

    assert (made.status_code, again.status_code, deleted.status_code) == (202, 202, 204)
    asked = [query["sql"] for query in queries if query["sql"].startswith(EXPLAINED)]
    assert {sql: lines for sql in asked if (lines := scans(sql))} == {}


@pytest.mark.slow
def test_rows_are_found_by_four_characters_of_an_id(client: Client, history: tuple[User, User]) -> None:
    _, few = history
    few.is_staff = few.is_superuser = True
    few.save()
    client.force_login(few)
    job = VideoJob.objects.filter(phase=Phase.FAILED).order_by("pk")[400]
    rows = {
        "videos/videojob": job,
        "looks/look": job.look_videos.get().look,
        "accounts/ledgerentry": LedgerEntry.objects.get(video_job_id=job.pk),
    }
    for page, row in rows.items():
        beginning = str(row.pk)[:4]
        text = str(row.pk)[:9] if beginning.isalpha() else beginning  # letters alone are searched as a word first
        with CaptureQueriesContext(connection) as queries:
            response = client.get(f"/admin/{page}/", {"q": text})

        asked = [query["sql"] for query in queries if query["sql"].startswith(EXPLAINED)]
        assert row in response.context["cl"].result_list
        assert {sql: lines for sql in asked if (lines := scans(sql))} == {}
