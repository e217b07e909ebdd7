"""`Idempotency-Key` of POST /api/v1/video-jobs: a repeat returns the first job, and charges nothing."""

import uuid
from datetime import timedelta

from django.utils import timezone

from looks.models import Look
from tests.conftest import MakeUser, SignIn
from videos.idempotency import forget_old_keys
from videos.models import SpentKey, VideoJob

URL = "/api/v1/video-jobs"
FORM = {"mockMode": "true", "prompt": "A red dress"}


def test_same_key_and_order_answers_the_same_job(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    key = str(uuid.uuid4())

    first = client.post(URL, FORM, format="multipart", headers={"Idempotency-Key": key})
    again = client.post(URL, FORM, format="multipart", headers={"Idempotency-Key": key})

    ann.token_account.refresh_from_db()
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert ann.token_account.balance == 950


def test_same_key_with_another_order_is_a_conflict(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    client.post(URL, FORM, format="multipart", headers={"Idempotency-Key": "k"})

    response = client.post(URL, {**FORM, "prompt": "other"}, format="multipart", headers={"Idempotency-Key": "k"})

    assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_reused")
    assert VideoJob.objects.count() == 1


def test_same_key_of_another_user_is_another_key(make_user: MakeUser, sign_in: SignIn) -> None:
    for email in ("ann@example.com", "ben@example.com"):
        response = sign_in(make_user(email)).post(URL, FORM, format="multipart", headers={"Idempotency-Key": "k"})
        assert response.status_code == 202

    assert VideoJob.objects.count() == 2


def test_key_is_free_again_after_a_day(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    client.post(URL, FORM, format="multipart", headers={"Idempotency-Key": "k"})
    VideoJob.objects.update(created_at="2020-01-01T00:00:00Z")

    response = client.post(URL, {**FORM, "prompt": "new"}, format="multipart", headers={"Idempotency-Key": "k"})

    assert (response.status_code, response.json()["prompt"]) == (202, "new")


def test_key_of_a_deleted_job_makes_no_second_one(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    headers = {"Idempotency-Key": "k"}
    first = client.post(URL, FORM, format="multipart", headers=headers).json()
    VideoJob.objects.update(phase="generating", operation="x")  # a deletion gives no tokens back then
    client.delete(f"{URL}/{first['id']}")

    again = client.post(URL, FORM, format="multipart", headers=headers)
    other = client.post(URL, {**FORM, "prompt": "other"}, format="multipart", headers=headers)
    neighbour = sign_in(make_user("ben@example.com")).post(URL, FORM, format="multipart", headers=headers)

    ann.token_account.refresh_from_db()
    assert (again.status_code, again.json()) == (
        409,
        {
            "detail": "The video job of this Idempotency-Key was deleted; send a new key for a new video.",
            "code": "idempotent_job_deleted",
        },
    )
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert neighbour.status_code == 202
    assert (ann.token_account.balance, VideoJob.objects.filter(owner=ann).count()) == (950, 0)


def test_key_of_a_deleted_job_is_free_again_after_a_day(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    headers = {"Idempotency-Key": "k"}
    for prompt in ("one", "two"):  # the second deletion replaces the first one's spent key
        job = client.post(URL, {**FORM, "prompt": prompt}, format="multipart", headers=headers)
        assert job.status_code == 202
        client.delete(f"{URL}/{job.json()['id']}")
        SpentKey.objects.update(used_at=timezone.now() - timedelta(hours=24, seconds=1))

    assert (SpentKey.objects.count(), forget_old_keys(), SpentKey.objects.count()) == (1, 1, 0)


def test_deletion_does_not_bring_an_old_key_back(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    headers = {"Idempotency-Key": "k"}
    job = client.post(URL, FORM, format="multipart", headers=headers).json()
    VideoJob.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    client.delete(f"{URL}/{job['id']}")

    response = client.post(URL, {**FORM, "prompt": "new"}, format="multipart", headers=headers)

    assert response.status_code == 202


def test_overlong_key_is_refused(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).post(URL, FORM, format="multipart", headers={"Idempotency-Key": "k" * 256})

    assert response.status_code == 400


def test_repeat_is_answered_whatever_has_become_of_the_look(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    look = Look.objects.create(owner=ann, title="Stone Essence")
    client = sign_in(ann)
    headers = {"Idempotency-Key": "k"}
    look_id = str(look.pk)
    first = client.post(URL, {**FORM, "lookId": look_id}, format="multipart", headers=headers)
    look.delete()

    again = client.post(URL, {**FORM, "lookId": look_id.upper()}, format="multipart", headers=headers)

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
