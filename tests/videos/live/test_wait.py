"""GET /video-jobs/{id}?wait= in the live process: the response comes with the next change of the job."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import ApiKey, Session
from accounts.sign_in import api_keys
from tests.conftest import MakeUser, tokens_of
from tests.fixtures.video_jobs import MakeJob
from tests.videos.live.conftest import Live
from videos.live import hub
from videos.models import Event, VideoJob
from videos.models.events import record
from videos.phases import Phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def url_of(job: VideoJob, wait: str = "20") -> str:
    return f"/api/v1/video-jobs/{job.pk}?wait={wait}"


def change(job: VideoJob, *, progress: int) -> None:
    with transaction.atomic():
        VideoJob.objects.filter(pk=job.pk).update(progress_percentage=progress)
        record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])


def when_a_request_waits(action: Callable[[], Any]) -> threading.Thread:
    """Run the action in a thread once a request waits for a change."""

    def run() -> None:
        while not len(hub.HUB):
            threading.Event().wait(0.01)
        action()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_response_comes_with_the_change(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    changer = when_a_request_waits(lambda: change(job, progress=40))

    status, body, _ = live.get(url_of(job), user=job.owner)
    changer.join()

    assert (status, body["progressPercentage"], len(hub.HUB)) == (200, 40, 0)


def test_change_of_another_job_does_not_end_the_wait(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job, other = (make_job(owner, phase=Phase.GENERATING) for owner in [make_user()] * 2)

    def change_both() -> None:
        change(other, progress=10)
        while next(iter(hub.HUB._listeners)).position < 1:
            threading.Event().wait(0.01)
        change(job, progress=40)

    changer = when_a_request_waits(change_both)
    _, body, _ = live.get(url_of(job), user=job.owner)
    changer.join()

    assert body["progressPercentage"] == 40


def test_response_comes_when_the_time_is_up(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    status, body, headers = live.get(url_of(job, "1"), user=job.owner)

    assert (status, body["status"], "Retry-After" in headers) == (200, "RUNNING", True)


def test_client_that_has_this_state_waits_and_gets_304(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    _, _, headers = live.get(url_of(job, "0"), user=job.owner)

    status, body, _ = live.get(url_of(job, "1"), user=job.owner, If_None_Match=headers["ETag"])

    assert (status, body) == (304, None)


def test_client_that_has_an_older_state_does_not_wait(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    _, _, headers = live.get(url_of(job, "0"), user=job.owner)
    change(job, progress=40)

    status, body, _ = live.get(url_of(job, "60"), user=job.owner, If_None_Match=headers["ETag"])

    assert (status, body["progressPercentage"]) == (200, 40)


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_finished_job_is_not_waited_for(live: Live, make_user: MakeUser, make_job: MakeJob, phase: Phase) -> None:
    job = make_job(make_user(), phase=phase)

    status, body, _ = live.get(url_of(job, "60"), user=job.owner)

    assert (status, body["id"]) == (200, str(job.pk))


def test_job_that_is_deleted_meanwhile_is_404(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    def remove() -> None:
        with transaction.atomic():
            record(Event.Kind.DELETED, [(job.owner_id, job.pk)])
            VideoJob.objects.filter(pk=job.pk).delete()

    remover = when_a_request_waits(remove)
    status, body, _ = live.get(url_of(job), user=job.owner)
    remover.join()

    assert (status, body["code"]) == (404, "not_found")


def test_refusals_are_those_of_the_api(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    bob = make_user("bob@example.com")
    asked: dict[str, dict[str, Any]] = {
        url_of(job): {"user": bob},
        f"/api/v1/video-jobs/{uuid.uuid4()}?wait=20": {"user": bob},
        "/api/v1/video-jobs/7?wait=20": {"user": bob},
        url_of(job, "61"): {"user": job.owner},
        url_of(job, "soon"): {"user": job.owner},
        url_of(job, "20&x=1"): {},
    }

    statuses = [live.get(path, **who)[0] for path, who in asked.items()]

    assert statuses == [403, 404, 404, 400, 400, 401]


def test_admin_waits_for_the_job_of_another(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    changer = when_a_request_waits(lambda: change(job, progress=40))

    _, body, _ = live.get(url_of(job), user=make_user("admin@example.com", staff=True))
    changer.join()

    assert body["progressPercentage"] == 40


def test_wait_counts_once_against_the_rate(live: Live, make_user: MakeUser, make_job: MakeJob, settings: Any) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"request": "1/day"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    job = make_job(make_user(), phase=Phase.GENERATING)

    statuses = [live.get(url_of(job, "1"), user=job.owner)[0] for _ in range(2)]

    assert statuses == [200, 429]


@pytest.mark.parametrize("has_key", [False, True])
def test_wait_ends_with_its_session_or_key(
    live: Live, make_user: MakeUser, make_job: MakeJob, quick_checks: None, has_key: bool
) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    key, text = api_keys.create(user=job.owner, name="CI", scopes=["videos:read"])
    token = text if has_key else tokens_of(job.owner)["access"]

    def end() -> None:
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
        Session.objects.filter(user=job.owner).end(Session.End.SIGNED_OUT)

    ender = when_a_request_waits(end)
    status, body, _ = live.get(url_of(job, "60"), token=token)
    ender.join()

    assert (status, body["code"]) == (401, "key_revoked" if has_key else "session_ended")
