"""The export of the caller's own account."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccountTask, User
from accounts.own_account import exports
from operations import account_tasks
from tests.conftest import MakeUser
from tests.conftest import SignIn as SignInFixture
from tests.fixtures.looks import MakeLook
from tests.fixtures.video_jobs import MakeJob
from tests.videos.api.own_account.conftest import EXPORT
from videos.phases import Phase

pytestmark = pytest.mark.django_db


class TestExport:
    def test_first_request_begins_one_and_the_next_ones_wait_for_it(self, client: APIClient) -> None:
        responses = [client.get(EXPORT) for _ in range(2)]

        assert [(one.status_code, one.json(), one["Retry-After"]) for one in responses] == [
            (202, {"status": "preparing"}, "3")
        ] * 2
        assert AccountTask.objects.count() == 1

    def test_machine_whose_clock_is_ahead_does_not_delay_it(self, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
        ahead = timezone.now() + timedelta(minutes=1)
        with monkeypatch.context() as patch:
            patch.setattr(timezone, "now", lambda: ahead)
            exports.request(user=user, origin="http://testserver")

        account_tasks.run_others(_never())

        assert AccountTask.objects.filter(finished_at__isnull=False).count() == 1

    def test_finished_one_is_sent_as_a_file(
        self, client: APIClient, user: User, make_job: MakeJob, make_look: MakeLook, media: Any
    ) -> None:
        look = make_look(user)
        job = make_job(user, phase=Phase.SUCCEEDED, prompt="A red dress")
        look.look_videos.create(video=job)
        client.get(EXPORT)
        account_tasks.run_others(_never())

        response = client.get(EXPORT)

        assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
        day = timezone.now().date()
        assert response["Content-Disposition"] == f'attachment; filename="account-{day}.zip"'
        archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
        video = json.loads(archive.read("video-jobs.json"))[0]
        assert video["cloudinaryUrl"] == f"http://testserver/media/videos/{job.pk}.mp4"
        assert (video["prompt"], video["lookIds"]) == ("A red dress", [str(look.pk)])

    def test_failed_one_is_tried_again(self, client: APIClient) -> None:
        client.get(EXPORT)
        AccountTask.objects.update(failed_at=timezone.now(), last_error="OSError: disk")

        assert client.get(EXPORT).status_code == 202
        assert AccountTask.objects.filter(failed_at=None).count() == 1

    def test_too_large_one_is_refused_with_the_reason(self, client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.account_data.export.MIB_MAX", 0)
        client.get(EXPORT)
        account_tasks.run_others(_never())

        response = client.get(EXPORT)

        assert (response.status_code, response.json()["code"]) == (409, "export_too_large")
        assert AccountTask.objects.count() == 1

    def test_old_one_is_made_again(self, client: APIClient) -> None:
        client.get(EXPORT)
        account_tasks.run_others(_never())
        AccountTask.objects.update(finished_at=timezone.now() - exports.KEPT)

        assert client.get(EXPORT).status_code == 202

    def test_purged_one_is_made_again(self, client: APIClient) -> None:
        client.get(EXPORT)
        account_tasks.run_others(_never())
        AccountTask.objects.update(content=None)

        assert client.get(EXPORT).status_code == 202

    def test_others_do_not_get_it(self, client: APIClient, make_user: MakeUser, sign_in: SignInFixture) -> None:
        client.get(EXPORT)
        account_tasks.run_others(_never())

        assert sign_in(make_user("eve@example.com")).get(EXPORT).status_code == 202


def _never() -> Any:
    import threading  # noqa: PLC0415

    return threading.Event()
