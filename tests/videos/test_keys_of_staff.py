"""The Idempotency-Key of "Retry" has a namespace of its own: a client's key never stands in for it."""

import importlib
from typing import Any

import pytest
from django.apps import apps

from studio.errors import Conflict
from tests.conftest import MakeUser, SignIn
from tests.fixtures.staff import failed
from videos import deletion
from videos.idempotency import retry_key
from videos.models import SpentKey, VideoJob
from videos.recovery import retry

pytestmark = pytest.mark.django_db
migration: Any = importlib.import_module("videos.migrations.0018_keys_of_staff")


@pytest.mark.parametrize("padding", ["", " ", "\t", "\u00a0"])
def test_client_cannot_take_the_key(make_user: MakeUser, sign_in: SignIn, padding: str) -> None:
    owner = make_user()
    job = failed(owner)
    key = padding + retry_key(job_id=job.pk)
    taken = sign_in(owner).post(
        "/api/v1/video-jobs", {"prompt": "A hat", "mockMode": True}, headers={"Idempotency-Key": key}
    )

    again = retry.retry_by_staff(job_id=job.pk, charge=False, actor=None)

    assert taken.status_code == 202
    assert (again.retry_of_id, str(again.pk) != taken.json()["id"]) == (job.pk, True)
    with pytest.raises(retry.AlreadyRetried):
        retry.retry_by_staff(job_id=job.pk, charge=False, actor=None)


def before_the_migration(job: VideoJob) -> VideoJob:
    again = retry.retry_by_staff(job_id=job.pk, charge=False, actor=None)
    VideoJob.objects.filter(pk=again.pk).update(idempotency_key=f"retry-{job.pk}")
    again.refresh_from_db()
    return again


@pytest.mark.parametrize("is_deleted", [False, True])
def test_job_made_again_before_the_migration_is_not_made_twice(make_user: MakeUser, is_deleted: bool) -> None:
    job = failed(make_user())
    again = before_the_migration(job)
    if is_deleted:
        deletion.delete(job_id=again.pk)

    migration.move(apps, None)

    with pytest.raises(Conflict):
        retry.retry_by_staff(job_id=job.pk, charge=False, actor=None)


def test_migration_goes_back(make_user: MakeUser) -> None:
    first, second = failed(make_user()), failed(make_user("bob@example.com"))
    again = before_the_migration(first)
    deletion.delete(job_id=before_the_migration(second).pk)

    migration.move(apps, None)
    moved = VideoJob.objects.get(pk=again.pk).idempotency_key
    migration.move_back(apps, None)

    assert (moved, VideoJob.objects.get(pk=again.pk).idempotency_key) == (f" retry-{first.pk}", f"retry-{first.pk}")
    assert list(SpentKey.objects.values_list("key", flat=True)) == [f"retry-{second.pk}"]
