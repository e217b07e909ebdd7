"""A failed job is retried by staff."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from accounts.models import User
from looks.models import LookVideo
from operations.reconciliation.comparison import reconcile
from studio.errors import (
    Conflict,
    InsufficientFunds,
    LimitReached,
    Unavailable,
)
from tests.conftest import MakeUser
from tests.fixtures.staff import entries_of, failed
from tests.fixtures.video_jobs import MakeJob, facts
from tests.studio.media.pictures import read
from tests.threads import at_once
from tests.videos.api.test_videos_of_looks import make_look
from videos import deletion, staff_actions
from videos.engine import inputs, outcomes
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.recovery import retry
from videos.recovery.adoption import adopt_operation


@pytest.fixture
def crimson() -> bytes:
    """A picture, as a client uploads it."""
    data = io.BytesIO()
    Image.new("RGB", (90, 160), "crimson").save(data, "PNG")
    return data.getvalue()


def content(name: str) -> bytes:
    with default_storage.open(name) as file:
        return bytes(file.read())


@pytest.mark.parametrize(("charge", "tokens", "terms"), [(True, 50, "again"), (False, 0, "again, free of charge")])
def test_failed_job_is_made_again(make_user: MakeUser, operator: User, charge: bool, tokens: int, terms: str) -> None:
    ann = make_user()
    job = failed(ann)

    again = retry.retry_by_staff(job_id=job.pk, charge=charge, actor=operator)

    assert facts(job)[:3] == ("failed", None, "content_filtered")
    assert facts(again)[:3] == ("queued", 1, "")
    assert (again.pk != job.pk, again.owner, again.prompt, again.model, again.tokens_charged) == (
        True,
        ann,
        job.prompt,
        job.model,
        tokens,
    )
    assert entries_of(again) == [("charge", -tokens, f"video job {job.pk} made {terms}", "staff@example.com")]
    ann.token_account.refresh_from_db()
    assert ann.token_account.balance == 950 - tokens
    assert [found.kind for found in reconcile(fix=False) if found.kind != "stray file"] == []


def test_job_is_made_again_from_the_same_pictures_for_the_same_look(
    make_user: MakeUser, operator: User, crimson: bytes
) -> None:
    ann = make_user()
    look = make_look(ann)
    end, reference = read(crimson), read(crimson)
    job = failed(ann, look_id=str(look.pk), end_frame=end, reference_images=(reference,))
    look_image = content(str(look.image.name))
    look.image.name = look.thumbnail.name = "looks/another.png"
    look.save(update_fields=["image", "thumbnail"])

    again = retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)

    pictures = [(row.role, content(row.file_name)) for row in again.inputs.all()]
    assert pictures == [("first_frame", look_image), ("last_frame", crimson), ("reference", crimson)]
    assert again.input_count == 3
    assert {row.file_name for row in again.inputs.all()}.isdisjoint(row.file_name for row in job.inputs.all())
    assert set(LookVideo.objects.filter(look=look).values_list("video_id", flat=True)) == {job.pk, again.pk}


def test_second_click_makes_no_second_job(make_user: MakeUser, operator: User) -> None:
    ann = make_user()
    job = failed(ann)

    first = retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)
    with pytest.raises(retry.AlreadyRetried) as refused:
        retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)

    ann.token_account.refresh_from_db()
    assert (refused.value.job, first.retry_of_id) == (first, job.pk)
    assert (VideoJob.objects.count(), ann.token_account.balance) == (2, 900)


def test_free_job_gives_nothing_back(make_user: MakeUser, operator: User) -> None:
    again = retry.retry_by_staff(job_id=failed(make_user()).pk, charge=False, actor=operator)

    with pytest.raises(Conflict, match="cost nothing"):
        staff_actions.refund(job_id=again.pk, reason="x", actor=operator)


def test_poor_owner_has_a_job_made_again_for_nothing_only(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user(tokens=50))

    with pytest.raises(InsufficientFunds):
        retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)
    retry.retry_by_staff(job_id=job.pk, charge=False, actor=operator)

    assert VideoJob.objects.live().count() == 1


def test_job_is_not_made_again_beyond_the_slots(make_user: MakeUser, make_job: MakeJob, operator: User) -> None:
    ann = make_user()
    job = failed(ann)
    for _ in range(3):
        make_job(ann)

    with pytest.raises(LimitReached):
        retry.retry_by_staff(job_id=job.pk, charge=False, actor=operator)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.FAILED])
def test_only_a_failed_job_is_made_again(make_user: MakeUser, make_job: MakeJob, operator: User, phase: Phase) -> None:
    job = make_job(make_user(), phase=phase)

    with pytest.raises(Conflict, match="failed job"):
        retry.retry_by_staff(job_id=job.pk, charge=False, actor=operator)

    assert VideoJob.objects.count() == 1


def test_job_whose_pictures_are_gone_is_not_made_again(make_user: MakeUser, operator: User, crimson: bytes) -> None:
    job = failed(make_user(), initial_image=read(crimson))
    VideoJob.objects.update(completed_at=from_now(-31 * 24 * 3600))
    inputs.drop_old_inputs()

    with pytest.raises(Conflict, match="kept for 30 days"):
        retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)

    VideoJob.objects.update(input_count=None)  # a row from before they were counted
    with pytest.raises(Conflict, match="kept for 30 days"):
        retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)


def test_picture_that_cannot_be_read_stops_the_retry(make_user: MakeUser, operator: User, crimson: bytes) -> None:
    job = failed(make_user(), initial_image=read(crimson))
    default_storage.delete(job.inputs.get().file_name)

    with pytest.raises(Unavailable, match="cannot be read"):
        retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)

    assert VideoJob.objects.count() == 1


def test_retry_that_was_deleted_is_not_repeated_at_once(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user())
    deletion.delete(job_id=retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator).pk)

    with pytest.raises(Conflict, match="deleted since"):
        retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)


def test_job_that_was_made_again_is_not_adopted(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user(), code="submission_unknown")
    again = retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)
    outcomes.fail(job=again, code="content_filtered")
    deletion.delete(job_id=again.pk)

    with pytest.raises(Conflict, match="was retried"):
        adopt_operation(job_id=job.pk, operation="mock?began=7&seconds=1&scenario=", actor=None)

    assert facts(job)[:3] == ("failed", None, "submission_unknown")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_retry_and_adoption_at_once_make_one_video(make_user: MakeUser) -> None:
    ann = make_user()

    def outcome_of(call: Callable[..., Any], **arguments: Any) -> str:
        try:
            call(**arguments)
        except Conflict as exc:
            return str(exc)
        return "done"

    for number in range(6):
        job = failed(ann, code="submission_unknown")
        answers = at_once(
            [
                partial(outcome_of, retry.retry_by_staff, job_id=job.pk, charge=False, actor=None),
                partial(
                    outcome_of,
                    adopt_operation,
                    job_id=job.pk,
                    operation=f"mock?began={number}&seconds=1&scenario=",
                    actor=None,
                ),
            ]
        )

        assert answers in (
            ["done", "This job was retried; its owner would get two videos."],
            ["Only a failed job can be retried.", "done"],
        )
        live = VideoJob.objects.live()
        assert live.count() == 1
        for row in live:
            outcomes.fail(job=row, code="content_filtered")
