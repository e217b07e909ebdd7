"""A page of videos on which the storage always fails must not hide the pages after it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations.reconciliation import daily, lost_files
from operations.reconciliation.daily import resume_run
from studio.models import TaskState
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def _make_due(*, began_hours_ago: float = 0) -> None:
    """Make the run due now; date an unfinished one back by so many hours."""
    for row in TaskState.objects.all():
        if row.state.get("current"):
            began_at = timezone.now() - timedelta(hours=began_hours_ago)
            row.state["current"]["began_at"] = began_at.isoformat()
        row.due_at = timezone.now() - timedelta(seconds=1)
        row.save(update_fields=["state", "due_at"])


@pytest.mark.parametrize("days", [9, 0])  # one that takes its turn, one that is new
def test_page_that_fails_all_day_is_skipped(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, days: float, caplog: Any
) -> None:
    monkeypatch.setattr(lost_files, "FAILURES_MAX", 1)
    monkeypatch.setattr(daily, "PAGE", 1)
    ann = make_user()
    ended_at = timezone.now() - timedelta(days=days)
    jobs = [
        make_job(ann, phase=Phase.SUCCEEDED, completed_at=ended_at + timedelta(seconds=number)) for number in range(3)
    ]
    refused = min(jobs, key=lambda job: job.pk) if days else jobs[0]  # the first that is asked for
    VideoJob.objects.filter(pk=refused.pk).update(video="../outside.mp4")

    for _ in range(3):
        _make_due()
        resume_run(check_stopped=lambda: None)
        _make_due(began_hours_ago=25)
        resume_run(check_stopped=lambda: None)

    sentences = [record.sentence for record in caplog.records if record.message == "mismatch.found"]
    named = [sentence for sentence in sentences if sentence.startswith("The storage failed to check")]
    gone = {sentence.split()[1] for sentence in sentences if sentence.endswith(" is gone.")}
    assert gone == {str(job.pk) for job in jobs if job != refused}
    assert named[0].startswith(f"The storage failed to check ../outside.mp4, the video of job {refused.pk}: ")
