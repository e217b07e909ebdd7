"""The check that every test passes (`tests.fixtures.event_check`) finds a change without an event, and the reverse."""

import pytest

from tests.conftest import MakeUser
from tests.fixtures.event_check import EventCheck
from tests.fixtures.video_jobs import MakeJob
from videos import deletion
from videos.engine import outcomes, sweeper
from videos.models import VideoJob, events
from videos.models import queryset as queries
from videos.phases import Phase


@pytest.fixture
def job(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    return make_job(make_user(), phase=Phase.GENERATING)


def found(check: EventCheck) -> list[str]:
    """The faults, without what has changed; the test passes the check at its end."""
    faults = [fault.partition(":")[0] for fault in check.faults]
    check.faults.clear()
    return faults


def test_changes_without_an_event_are_found(
    event_check: EventCheck, job: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "record", lambda *args: None)
    monkeypatch.setattr(queries, "record", lambda *args: None)

    sweeper.claim_due_polls(1)
    outcomes.fail(job=job, code="provider_busy")
    deletion.delete(job_id=job.pk)

    assert found(event_check) == [
        "claim_polls recorded no job.updated",
        "fail recorded no job.updated",
        "_delete_rows and delete recorded no job.deleted",
    ]


def test_an_event_without_a_change_is_found(
    event_check: EventCheck, job: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_delete_rows", lambda job_id: None)

    deletion.delete(job_id=job.pk)

    assert found(event_check) == ["delete recorded job.deleted, but nothing that clients see has changed"]


def test_a_change_by_the_test_itself_needs_no_event(event_check: EventCheck, job: VideoJob) -> None:
    VideoJob.objects.filter(pk=job.pk).update(progress_percentage=50)

    outcomes.fail(job=job, code="provider_busy")

    assert found(event_check) == []
