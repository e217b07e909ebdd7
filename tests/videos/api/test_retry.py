"""POST /video-jobs/{id}/retry: a new job from a failed one, charged, and linked both ways."""

import io
from functools import partial
from typing import Any

import pytest
from auditlog.models import LogEntry
from PIL import Image

from studio.media.storage import media_storage
from tests.conftest import MakeUser, SignIn
from tests.fixtures.staff import entries_of, failed
from tests.fixtures.video_jobs import MakeJob, balance, facts
from tests.studio.media.pictures import read
from tests.threads import at_once
from tests.videos.api.test_videos_of_looks import make_look
from videos.engine import inputs, outcomes
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.recovery import retry as retries

pytestmark = pytest.mark.django_db
JOBS = "/api/v1/video-jobs"


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (90, 160), "crimson").save(data, "PNG")
    return data.getvalue()


def links(client: Any) -> dict[str, tuple[str | None, str | None]]:
    """`retryOf` and `retriedBy` of each job, in the list and in the detail alike."""
    found = {}
    for item in client.get(JOBS).json()["items"]:
        detail = client.get(f"{JOBS}/{item['id']}").json()
        found[item["id"]] = (item["retryOf"], item["retriedBy"])
        assert (detail["retryOf"], detail["retriedBy"]) == found[item["id"]]
    return found


def test_retry_is_a_new_job_with_the_same_inputs(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    look = make_look(ann)
    job = failed(ann, look_id=str(look.pk), end_frame=read(picture()))
    client = sign_in(ann)

    response = client.post(f"{JOBS}/{job.pk}/retry")

    new = response.json()
    again = VideoJob.objects.get(pk=new["id"])
    assert (response.status_code, response["Location"]) == (202, f"http://testserver{JOBS}/{again.pk}")
    assert (new["status"], new["prompt"], new["model"], new["retryOf"]) == (
        "PENDING",
        job.prompt,
        job.model,
        str(job.pk),
    )
    assert [item["id"] for item in new["associatedLooks"]] == [str(look.pk)]
    assert list(again.inputs.values_list("role", flat=True)) == ["first_frame", "last_frame"]
    assert entries_of(again) == [("charge", -50, f"retry of video job {job.pk}", None)]
    assert balance(ann) == 900
    assert links(client) == {str(again.pk): (str(job.pk), None), str(job.pk): (None, str(again.pk))}
    assert not LogEntry.objects.exists()


def test_chain_of_retries(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    ids = [str(failed(ann).pk)]
    for _ in range(2):
        ids.append(client.post(f"{JOBS}/{ids[-1]}/retry").json()["id"])
        assert outcomes.fail(job=VideoJob.objects.get(pk=ids[-1]), code="content_filtered")

    assert links(client) == {ids[0]: (None, ids[1]), ids[1]: (ids[0], ids[2]), ids[2]: (ids[1], None)}


def test_second_retry_is_refused_until_the_first_is_deleted(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    job = failed(ann)
    first = client.post(f"{JOBS}/{job.pk}/retry").json()["id"]

    refused = client.post(f"{JOBS}/{job.pk}/retry")
    client.delete(f"{JOBS}/{first}")
    second = client.post(f"{JOBS}/{job.pk}/retry")

    assert (refused.status_code, refused.json()["code"], refused.json()["retriedBy"]) == (409, "already_retried", first)
    assert (second.status_code, links(client)[str(job.pk)]) == (202, (None, second.json()["id"]))


def test_deletion_of_the_failed_job_unlinks_its_retry(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    job = failed(ann)
    again = client.post(f"{JOBS}/{job.pk}/retry").json()["id"]

    client.delete(f"{JOBS}/{job.pk}")

    assert links(client) == {again: (None, None)}


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.FAILED])
def test_only_a_failed_job_is_retried(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob, phase: Phase) -> None:
    ann = make_user()
    job = make_job(ann, phase=phase)

    response = sign_in(ann).post(f"{JOBS}/{job.pk}/retry")

    assert (response.status_code, response.json()["code"], VideoJob.objects.count()) == (409, "not_failed", 1)


def test_retry_pays_like_a_creation(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    poor, busy = make_user(tokens=50), make_user("ben@example.com")
    unpayable, crowded = failed(poor), failed(busy)
    for _ in range(3):
        make_job(busy)

    refusals = [sign_in(poor).post(f"{JOBS}/{unpayable.pk}/retry"), sign_in(busy).post(f"{JOBS}/{crowded.pk}/retry")]

    assert [(response.status_code, response.json()["code"]) for response in refusals] == [
        (402, "insufficient_tokens"),
        (429, "too_many_jobs"),
    ]
    assert (refusals[0].json()["price"], refusals[1]["Retry-After"]) == (50, "10")
    assert [facts(job)[0] for job in (unpayable, crowded)] == ["failed", "failed"]
    assert not VideoJob.objects.filter(retry_of_id__isnull=False).exists()


def test_retry_without_its_pictures_is_refused(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    job = failed(ann, initial_image=read(picture()))
    VideoJob.objects.update(completed_at=from_now(-31 * 24 * 3600))
    inputs.drop_old_inputs()

    response = sign_in(ann).post(f"{JOBS}/{job.pk}/retry")

    assert (response.status_code, response.json()["code"], balance(ann)) == (409, "pictures_gone", 950)


def test_retry_whose_pictures_cannot_be_read_is_unavailable(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    job = failed(ann, initial_image=read(picture()))
    media_storage().delete(job.inputs.get().file_name)

    response = sign_in(ann).post(f"{JOBS}/{job.pk}/retry")

    assert (response.status_code, response.json()["code"], balance(ann)) == (503, "input_unreadable", 950)


def test_job_with_values_of_the_previous_system_is_refused(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob
) -> None:
    ann = make_user()
    job = make_job(ann, phase=Phase.FAILED, resolution="1280x720")

    response = sign_in(ann).post(f"{JOBS}/{job.pk}/retry")

    assert (response.status_code, list(response.json()["errors"])) == (400, ["resolution"])


def test_key_makes_a_repeat_safe(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    job, other = failed(ann), failed(ann)
    send = partial(client.post, f"{JOBS}/{job.pk}/retry", headers={"Idempotency-Key": "k"})

    first, second = send(), send()
    of_another = client.post(f"{JOBS}/{other.pk}/retry", headers={"Idempotency-Key": "k"})
    client.delete(f"{JOBS}/{first.json()['id']}")
    after_deletion = send()

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert (of_another.status_code, of_another.json()["code"]) == (409, "idempotency_key_reused")
    assert (after_deletion.status_code, after_deletion.json()["code"]) == (409, "idempotent_job_deleted")
    assert balance(ann) == 900  # the deleted one was still PENDING


def test_admin_retries_at_the_owners_cost_and_is_recorded(make_user: MakeUser, sign_in: SignIn) -> None:
    ann, boss = make_user(), make_user("boss@example.com", staff=True)
    job = failed(ann)

    response = sign_in(boss).post(f"{JOBS}/{job.pk}/retry")

    again = VideoJob.objects.get(pk=response.json()["id"])
    [entry] = LogEntry.objects.all()
    assert (response.status_code, again.owner) == (202, ann)
    assert entries_of(again) == [("charge", -50, f"retry of video job {job.pk}", "boss@example.com")]
    assert (entry.actor, entry.object_pk, entry.changes["action"][1]) == (boss, str(job.pk), "Retry")


def test_retry_by_staff_counts_as_the_one_retry(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    job = failed(ann)
    again = retries.retry_by_staff(job_id=job.pk, charge=False, actor=None)
    VideoJob.objects.update(created_at=from_now(-25 * 3600))

    response = sign_in(ann).post(f"{JOBS}/{job.pk}/retry")

    assert (response.status_code, response.json()["retriedBy"]) == (409, str(again.pk))
    with pytest.raises(retries.AlreadyRetried):
        retries.retry_by_staff(job_id=job.pk, charge=False, actor=None)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_key", [False, True])
def test_retries_at_once_make_one_job(make_user: MakeUser, sign_in: SignIn, with_key: bool) -> None:
    ann = make_user()
    job = failed(ann)
    headers = {"Idempotency-Key": "k"} if with_key else {}

    responses = at_once([lambda: sign_in(ann).post(f"{JOBS}/{job.pk}/retry", headers=headers) for _ in range(6)])

    again = VideoJob.objects.get(retry_of_id=job.pk)
    seen = sorted((each.status_code, each.json().get("id", each.json().get("retriedBy"))) for each in responses)
    others = (202, str(again.pk)) if with_key else (409, str(again.pk))
    assert seen == sorted([(202, str(again.pk)), *[others] * 5])
    assert (VideoJob.objects.count(), balance(ann)) == (2, 900)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_deletions_of_both_jobs_at_once_succeed(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    for _ in range(5):
        job = failed(ann)
        again = client.post(f"{JOBS}/{job.pk}/retry").json()["id"]

        responses = at_once([partial(client.delete, f"{JOBS}/{job_id}") for job_id in (job.pk, again)])

        assert [response.status_code for response in responses] == [204, 204]
    assert not VideoJob.objects.exists()
