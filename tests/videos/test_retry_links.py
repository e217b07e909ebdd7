"""The migration that lets a job have one retry: links of before it, and the constraint."""

import importlib
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from tests.conftest import MakeUser
from tests.fixtures.staff import failed
from videos.models import VideoJob, from_now

migration: Any = importlib.import_module("videos.migrations.0024_retries_and_estimates")


def test_job_has_one_retry(make_user: MakeUser) -> None:
    ann = make_user()
    origin, first, second = failed(ann), failed(ann), failed(ann)
    VideoJob.objects.filter(pk=first.pk).update(retry_of_id=origin.pk)

    with pytest.raises(IntegrityError, match=r"one_retry_a_job|retry_of_id"), transaction.atomic():
        VideoJob.objects.filter(pk=second.pk).update(retry_of_id=origin.pk)


@pytest.mark.django_db(transaction=True)
def test_newest_retry_keeps_its_link(make_user: MakeUser) -> None:
    ann = make_user()
    origin, old, new, orphan = (failed(ann) for _ in range(4))
    with connection.schema_editor() as editor:
        editor.execute("DROP INDEX one_retry_a_job")
    try:
        VideoJob.objects.filter(pk__in=[old.pk, new.pk]).update(retry_of_id=origin.pk)
        VideoJob.objects.filter(pk=old.pk).update(created_at=from_now(-99))
        VideoJob.objects.filter(pk=orphan.pk).update(retry_of_id="00000000-0000-4000-8000-000000000000")

        migration.keep_one_link(apps, None)
    finally:
        with connection.schema_editor(atomic=False) as editor:
            migration.create_constraint(apps, editor)

    links = dict(VideoJob.objects.values_list("pk", "retry_of_id"))
    assert links == {origin.pk: None, old.pk: None, new.pk: origin.pk, orphan.pk: None}
