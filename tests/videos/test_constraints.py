"""Writes that the database itself refuses."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import JobInput, JobLog, SpentKey, VideoJob
from videos.phases import Phase

NOW = timezone.now()


@pytest.mark.parametrize(
    ("name", "phase", "change"),
    [
        ("_if_and_only_if_", Phase.QUEUED, {"phase": "lost"}),
        ("live_if_and_only_if_due", Phase.QUEUED, {"due_at": None}),
        ("live_if_and_only_if_due", Phase.FAILED, {"due_at": NOW}),
        ("live_if_and_only_if_in_a_slot", Phase.QUEUED, {"slot": None}),
        ("live_if_and_only_if_in_a_slot", Phase.QUEUED, {"slot": 4}),
        ("live_if_and_only_if_in_a_slot", Phase.FAILED, {"slot": 1}),
        ("finished_if_and_only_if_terminal", Phase.QUEUED, {"completed_at": NOW}),
        ("finished_if_and_only_if_terminal", Phase.FAILED, {"completed_at": None}),
        ("full_progress_if_and_only_if_succeeded", Phase.SUCCEEDED, {"progress_percentage": 99}),
        ("full_progress_if_and_only_if_succeeded", Phase.STORING, {"progress_percentage": 100}),
        ("video_when_succeeded", Phase.SUCCEEDED, {"video": ""}),
        ("error_code_if_and_only_if_failed", Phase.FAILED, {"error_code": ""}),
        ("error_code_if_and_only_if_failed", Phase.QUEUED, {"error_code": "x"}),
        ("operation_before_generating", Phase.GENERATING, {"operation": ""}),
    ],
)
def test_impossible_row_is_refused(
    make_user: MakeUser, make_job: MakeJob, name: str, phase: Phase, change: dict[str, Any]
) -> None:
    job = make_job(make_user(), phase=phase)

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        VideoJob.objects.filter(pk=job.pk).update(**change)


def test_slot_has_one_job(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    make_job(ann, slot=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        make_job(ann, slot=1)


def test_idempotency_key_has_one_job(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    make_job(ann, idempotency_key="k")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_job(ann, idempotency_key="k")


def test_spent_key_is_kept_once(make_user: MakeUser) -> None:
    ann = make_user()
    SpentKey.objects.create(owner=ann, key="k", used_at=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        SpentKey.objects.create(owner=ann, key="k", used_at=NOW)
    with pytest.raises(IntegrityError, match="spent_key_is_not_blank"), transaction.atomic():
        SpentKey.objects.create(owner=ann, key="", used_at=NOW)


def test_input_place_has_one_picture(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())
    JobInput.objects.create(job=job, role="reference", position=0, file_name="a")

    with pytest.raises(IntegrityError), transaction.atomic():
        JobInput.objects.create(job=job, role="reference", position=0, file_name="b")
    with pytest.raises(IntegrityError, match="input_role_is_known"), transaction.atomic():
        JobInput.objects.create(job=job, role="other", position=0, file_name="b")


def test_log_level_is_known(make_user: MakeUser, make_job: MakeJob) -> None:
    with pytest.raises(IntegrityError, match="log_level_is_known"), transaction.atomic():
        JobLog.objects.create(id=uuid.uuid4(), job=make_job(make_user()), level="shout", message="x")
