"""Restored jobs are settled so that nothing is paid for twice."""

import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from accounts import ledger
from operations.backup import settle
from studio.models import Heartbeat
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import MakeJob
from tests.operations.backup.archives import pack
from tests.running import RunningStudio, manage, wait_for
from videos.engine import schedule, sweeper
from videos.models import Event, EventsExpired, VideoJob, events, from_now
from videos.phases import Phase

JOBS = "/api/v1/video-jobs"
once = pytest.mark.once  # a backup has SQLite's file


def settle_jobs() -> dict[str, int]:
    out = io.StringIO()
    call_command("restore", settle=True, json=True, stdout=out)
    settled: dict[str, int] = json.loads(out.getvalue())["settled"]
    return settled


@pytest.mark.django_db
def test_paid_job_that_waited_is_never_submitted_again(make_user: MakeUser, make_job: MakeJob) -> None:
    ann, ben = make_user(), make_user("ben@example.com")
    paid = {"mock_mode": False, "provider": "google_veo"}
    queued, submitting = make_job(ann, **paid), make_job(ann, phase=Phase.SUBMITTING, **paid)
    generating = make_job(ann, phase=Phase.GENERATING, **paid)
    gone = make_job(ben, mock_mode=False, provider="of_a_former_version")
    for job in (queued, submitting, generating, gone):
        ledger.charge(account=job.owner.token_account, job_id=job.pk, tokens=50)

    settled = settle_jobs()

    ann.token_account.refresh_from_db()
    facts = {pk: (phase, code) for pk, phase, code in VideoJob.objects.values_list("pk", "phase", "error_code")}
    assert settled == {"failed": 3, "requeued": 0, "go on": 1, "messages dropped": 0}
    assert facts == {
        queued.pk: (Phase.FAILED, "submission_unknown"),
        submitting.pk: (Phase.FAILED, "submission_unknown"),
        gone.pk: (Phase.FAILED, "submission_unknown"),
        generating.pk: (Phase.GENERATING, ""),
    }
    assert ann.token_account.balance == 1000 - 50
    # should its operation end uncharged, another one may have been bought since the backup
    assert VideoJob.objects.get(pk=generating.pk).submit_attempts == schedule.NO_MORE_SUBMITS


@pytest.mark.django_db
def test_free_job_that_waited_starts_again(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    later = from_now(600)
    make_job(ann, due_at=later, lease_until=later)
    make_job(ann, phase=Phase.SUBMITTING, due_at=later, lease_until=later)

    settled = settle_jobs()

    assert settled == {"failed": 0, "requeued": 2, "go on": 0, "messages dropped": 0}
    assert VideoJob.objects.due(Phase.QUEUED).claimable().count() == 2


@pytest.mark.django_db
def test_client_of_a_restored_database_lists_its_jobs_again(make_user: MakeUser, make_job: MakeJob) -> None:
    ann, ben = make_user(), make_user("ben@example.com")  # ben's first event is younger than the backup
    job = make_job(ann)
    events.record(Event.Kind.CREATED, [(ann.pk, job.pk)])

    settle_jobs()
    for owner in (ann, ben):
        events.record(Event.Kind.UPDATED, [(owner.pk, job.pk)] * 30)

    for owner in (ann, ben):
        for seen in (0, 1, 20):
            with pytest.raises(EventsExpired):
                events.read(owner_id=owner.pk, after=seen, limit=100)
        last = events.last_numbers([owner.pk])[owner.pk]
        assert len(events.read(owner_id=owner.pk, after=last - 30, limit=100)) == 30


@pytest.mark.django_db
def test_settle_refuses_while_a_sweeper_runs(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(make_user(), mock_mode=False, provider="google_veo")
    sweeper.beat()
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        Heartbeat.objects.update(beat_at=Now())

    monkeypatch.setattr(settle, "sleep", sleep)
    with pytest.raises(CommandError, match="A sweeper runs on this database"):
        settle_jobs()

    job.refresh_from_db()
    assert (job.phase, len(waited), 0 < waited[0] <= settle.ALIVE_SECONDS) == (Phase.QUEUED, 1, True)


@pytest.mark.parametrize("options", [{}, {"file": Path("x"), "settle": True}])
def test_archive_and_settle_exclude_each_other(options: dict[str, Any]) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("restore", **options)

    assert (str(raised.value), raised.value.returncode) == ("Name the archive or add --settle, not both.", 2)


# Everything in one process, because each start of one takes seconds.
PAY_AND_RESTORE = """
import json
from pathlib import Path
from django.core.management import call_command
from accounts.models import TokenAccount
from accounts.registration import create_user
from tests.fixtures.video_jobs import ORDER
from dataclasses import replace
from videos import creation
from videos.engine import submit, sweeper
from videos.models import VideoJob

archive = {archive!r}
call_command("migrate", verbosity=0)
ann = create_user(email="ann@example.com", password="x", tokens=1000)
job = creation.create(owner=ann, job_request=replace(ORDER, mock_mode=False))
call_command("backup", archive)
submit.submit(job_id=str(job.pk))  # paid for after the backup was taken
paid = VideoJob.objects.get().phase
call_command("restore", archive, replace=True)
restored = VideoJob.objects.get()
submit.submit(job_id=str(job.pk))  # a hint that Redis has kept
sweeper.settle_lost_submits()
after = VideoJob.objects.get()
print(json.dumps([paid, restored.phase, restored.error_code, after.phase, TokenAccount.objects.get().balance]))
"""


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(video=b"never downloaded", work_seconds=600) as fake:
        yield fake


@once
@pytest.mark.slow
def test_restore_never_pays_twice(tmp_path: Path, google: FakeGoogle) -> None:
    script = PAY_AND_RESTORE.format(archive=str(tmp_path / "b.tar.gz"))

    done = manage(
        "shell",
        "--no-imports",
        "-c",
        script,
        DATA_DIR=str(tmp_path / "data"),
        GEMINI_API_KEY="gemini-key",
        GOOGLE_GEMINI_BASE_URL=google.url,
    )

    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts == ["generating", "failed", "submission_unknown", "failed", 1000]
    assert "Jobs: 1 may have been paid for since and failed as submission_unknown" in done.stdout
    assert len(google.calls("submit")) == 1


@once
@pytest.mark.slow
@pytest.mark.product
@pytest.mark.timeout(600)  # two systems and six commands are started; each start takes seconds
def test_backup_of_a_running_system_is_restored_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    archive = str(tmp_path / "b.tar.gz")
    first = RunningStudio(tmp_path / "first", MOCK_VIDEO_SECONDS="1")
    try:
        with first.client("ann@example.com") as client:
            made = client.post(JOBS, data={"mockMode": "true", "prompt": "x", "durationSeconds": "4"}).json()
            wait_for(client, [made["id"]], seconds=60)
            video = client.get(f"{JOBS}/{made['id']}/download").content
            slow = client.post(JOBS, data={"mockMode": "true", "prompt": "[mock:slow=5]", "durationSeconds": "4"})
            output = first.manage("backup", archive)
            client.delete(f"{JOBS}/{made['id']}")
            refused = manage("restore", archive, "--replace", **first.environment)
            headers = {"Authorization": client.headers["Authorization"]}
    finally:
        first.stop()

    there = {"DATA_DIR": str(tmp_path / "second"), "DATABASE_URL": ""}
    settle = manage("restore", archive, **there)
    (tmp_path / "second").mkdir(exist_ok=True)
    second = RunningStudio(tmp_path / "second", MOCK_VIDEO_SECONDS="1")
    try:
        with httpx.Client(base_url=second.url, headers=headers, timeout=30) as client:  # the secrets came along
            jobs = wait_for(client, [made["id"], slow.json()["id"]], seconds=60)
            downloaded = client.get(f"{JOBS}/{made['id']}/download").content
    finally:
        second.stop()

    assert "2 video jobs" in output
    assert (refused.returncode, refused.stderr) == (
        1,
        f"The system runs with its data in {tmp_path / 'first'}; stop it first (Ctrl+C, or its service).\n",
    )
    assert (settle.returncode, settle.stderr) == (0, "")
    assert [job["status"] for job in jobs] == ["SUCCEEDED", "SUCCEEDED"]
    assert downloaded == video


@once
@pytest.mark.slow
def test_archive_with_a_damaged_or_newer_database_changes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    database = tmp_path / "newer.sqlite3"
    with sqlite3.connect(database) as newer:
        newer.execute("CREATE TABLE django_migrations (app TEXT, name TEXT)")
        newer.execute("INSERT INTO django_migrations VALUES ('videos', '0999_better')")
    newer.close()
    damaged = pack(tmp_path / "damaged", {"db.sqlite3": b"no database" * 100})
    lying = pack(tmp_path / "lying", {"db.sqlite3": database.read_bytes()})

    refused = [manage("restore", str(path), DATA_DIR=str(data), DATABASE_URL="") for path in (damaged, lying)]

    assert [done.returncode for done in refused] == [1, 1]
    assert refused[0].stderr.startswith("The backup's database is damaged: ")
    assert refused[1].stderr.startswith("The backup is of a newer version: videos.0999_better is unknown here.")
    assert sorted(path.name for path in data.iterdir()) == ["secrets", "up.lock"]
