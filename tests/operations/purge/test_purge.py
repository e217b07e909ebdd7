"""`manage.py purge`: what it removes of jobs and what it keeps, and interruptions."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import LedgerEntry
from operations import retention
from operations.housekeeping import Stopped
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from tests.operations.purge.conftest import age, left, run
from videos.models import JobLog, VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def test_dry_run_counts_and_removes_nothing(jobs: dict[str, VideoJob]) -> None:
    found = run()
    out = io.StringIO()
    call_command("purge", stdout=out)

    assert found == dict.fromkeys(found, 0) | {"mock": 2, "log": 3, "reply": 2}
    kinds = [
        "mock",
        "log",
        "reply",
        "sign-in",
        "audit",
        "input",
        "key",
        "webhook",
        "event",
        "export",
        "task",
        "expired",
    ]
    assert list(found) == kinds
    assert "        2  finished mock videos, older than 30 days\n" in out.getvalue()
    assert out.getvalue().endswith("Nothing was removed; add --yes to remove it.\n")
    assert (left(jobs), JobLog.objects.count()) == (set(jobs), 5)


def test_old_mock_videos_and_lines_are_removed(jobs: dict[str, VideoJob]) -> None:
    ledger = list(LedgerEntry.objects.values_list("pk", flat=True))

    found = run("--yes")

    assert (found["mock"], found["log"]) == (2, 1)
    assert left(jobs) == {"fresh mock", "live mock", "real"}
    assert set(JobLog.objects.values_list("job_id", flat=True)) == {jobs["fresh mock"].pk, jobs["live mock"].pk}
    assert set(Disposal.objects.values_list("name", flat=True)) == {jobs["mock"].video.name, "videos/poster.jpg"}
    assert list(LedgerEntry.objects.values_list("pk", flat=True)) == ledger
    assert run("--yes") == {
        "mock": 0,
        "log": 0,
        "reply": 0,
        "sign-in": 0,
        "audit": 0,
        "input": 0,
        "key": 0,
        "webhook": 0,
        "event": 0,
        "export": 0,
        "task": 0,
        "expired": 0,
    }


def test_job_keeps_what_a_refund_dispute_needs(jobs: dict[str, VideoJob]) -> None:
    job = jobs["real"]
    VideoJob.objects.filter(pk=job.pk).update(operation="operations/1", tokens_refunded=50, started_at=timezone.now())
    before = VideoJob.objects.filter(pk=job.pk).values().get()

    run("--yes")

    after = VideoJob.objects.filter(pk=job.pk).values().get()
    assert {name: value for name, value in before.items() if after[name] != value}.keys() == {
        "provider_reply",
        "updated_at",
    }
    assert (after["provider_reply"], JobLog.objects.filter(job=job).exists()) == ("", False)
    assert VideoJob.objects.get(pk=jobs["fresh mock"].pk).provider_reply == "fresh"


def test_paid_videos_are_removed_only_on_request(jobs: dict[str, VideoJob]) -> None:
    found = run("--yes", "--real-days", "300", "--mock-days", "0", "--log-days", "0")

    assert ("mock" in found, "log" in found, found["real"]) == (False, False, 1)
    assert left(jobs) == set(jobs) - {"real"}


def test_it_works_in_batches_and_can_be_interrupted(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    ann = make_user()
    for _ in range(5):
        age(make_job(ann, phase=Phase.FAILED), 365, "created_at", "completed_at")
    calls: list[int] = []

    def check_stopped() -> None:
        calls.append(VideoJob.objects.count())
        if len(calls) == 5:
            raise Stopped

    with pytest.raises(Stopped):
        list(retention.purge(days=retention.default_days(), check_stopped=check_stopped))

    assert (calls, VideoJob.objects.count()) == ([5, 5, 4, 3, 3], 3)
    assert run("--yes")["mock"] == 3


def test_ctrl_c_is_one_sentence(jobs: dict[str, VideoJob], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retention.deletion, "delete", interrupted)

    with pytest.raises(CommandError, match="Stopped; run it again to remove the rest"):
        run("--yes")


def test_job_that_was_resumed_meanwhile_keeps_its_reply(
    jobs: dict[str, VideoJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    def resumed() -> None:
        VideoJob.objects.filter(pk=jobs["real"].pk).update(
            phase=Phase.QUEUED, completed_at=None, error_code="", slot=3, due_at=timezone.now()
        )

    rule = next(rule for rule in retention.rules(days=retention.default_days()) if rule.name == "reply")

    assert rule.remove(retention.span(rule), resumed) == 1
    assert VideoJob.objects.get(pk=jobs["real"].pk).provider_reply == "no"


@pytest.mark.parametrize("value", ["-1", "many", "36501"])
def test_invalid_days_are_refused(value: str) -> None:
    with pytest.raises(CommandError, match="is not a whole number of days from 0 to 36,500"):
        call_command("purge", f"--mock-days={value}")
