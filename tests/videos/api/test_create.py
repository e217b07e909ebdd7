"""POST /api/v1/video-jobs: accepted forms, refusals and their order, and the rows that are written."""

import json
from typing import Any

import pytest

from accounts.models import LedgerEntry
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob, nothing_written
from videos.models import VideoJob
from videos.phases import Phase

URL = "/api/v1/video-jobs"
REGISTER = "/api/v1/auth/register"
FORM = {"mockMode": "true", "prompt": "A red dress"}


def test_documented_form_creates_a_pending_job(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    form = {
        "prompt": "Model wearing the dress",
        "model": "veo-3.1-generate-preview",
        "resolution": "720p",
        "aspectRatio": "16:9",
        "durationSeconds": "8",
        "generateAudio": "false",
        "mockMode": "true",
    }

    response = sign_in(ann).post(URL, form, format="multipart")

    job = VideoJob.objects.get()
    body = response.json()
    created, updated = body.pop("createdAt"), body.pop("updatedAt")
    logs = body.pop("logs")
    assert response.status_code == 202
    assert response["Location"] == f"http://testserver/api/v1/video-jobs/{job.pk}"
    assert body == {
        "id": str(job.pk),
        "status": "PENDING",
        "prompt": "Model wearing the dress",
        "model": "veo-3.1-generate-preview",
        "resolution": "720p",
        "aspectRatio": "16:9",
        "durationSeconds": 8,
        "generateAudio": False,
        "mockMode": True,
        "cloudinaryUrl": None,
        "cloudinary_url": None,
        "posterUrl": None,
        "progressPercentage": 0,
        "progress_percentage": 0,
        "errorCode": None,
        "errorMessage": None,
        "tokensCharged": 50,
        "tokensRefunded": 0,
        "associatedLooks": [],
        "retryOf": None,
        "retriedBy": None,
        "estimatedSecondsLeft": None,
        "startedAt": None,
        "completedAt": None,
        "created_at": created,
        "updated_at": updated,
    }
    assert created == job.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [line["message"] for line in logs] == ["The job is accepted and waits for its turn."]
    assert (job.phase, job.slot, job.provider) == (Phase.QUEUED, 1, "mock")
    assert list(LedgerEntry.objects.filter(kind="charge").values_list("amount", "video_job_id")) == [(-50, job.pk)]
    ann.token_account.refresh_from_db()
    assert ann.token_account.balance == 950


@pytest.mark.parametrize("format_", ["json", "urlencoded", "multipart"])
def test_every_encoding_means_the_same(make_user: MakeUser, sign_in: SignIn, format_: str) -> None:
    client = sign_in(make_user())
    fields = {
        "mockMode": "TRUE",
        "prompt": "x",
        "durationSeconds": "4",
        "generateAudio": "True",
        "model": "models/veo-3.1-generate-preview",
    }
    kinds = {"json": "application/json", "urlencoded": "application/x-www-form-urlencoded"}
    if format_ == "multipart":
        response = client.post(URL, fields, format="multipart")
    elif format_ == "json":
        response = client.post(URL, json.dumps(fields), content_type=kinds[format_])
    else:
        response = client.post(URL, "&".join(f"{k}={v}" for k, v in fields.items()), content_type=kinds[format_])

    job = VideoJob.objects.get()
    assert response.status_code == 202
    assert (job.mock_mode, job.duration_seconds, job.generate_audio, job.model) == (
        True,
        4,
        True,
        "veo-3.1-generate-preview",
    )


def test_json_null_means_not_given(make_user: MakeUser, sign_in: SignIn) -> None:
    body = {"mockMode": True, "prompt": "x", "resolution": None, "generateAudio": None, "durationSeconds": None}

    response = sign_in(make_user()).post(URL, body, format="json").json()

    assert (response["resolution"], response["generateAudio"], response["durationSeconds"]) == ("720p", False, 8)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mockMode": None}, "mockMode"),
        ({"mockMode": "1"}, "mockMode"),
        ({"mockMode": "yes"}, "mockMode"),
        ({"mockMode": ""}, "mockMode"),
        ({"resolution": "480p"}, "resolution"),
        ({"aspectRatio": "1:1"}, "aspectRatio"),
        ({"durationSeconds": "6"}, "durationSeconds"),
        ({"durationSeconds": "eight"}, "durationSeconds"),
        ({"generateAudio": "maybe"}, "generateAudio"),
        ({"model": "sora"}, "model"),
        ({"prompt": "x" * 4001}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
    ],
)
def test_bad_field_is_named_and_changes_nothing(
    make_user: MakeUser, sign_in: SignIn, change: dict[str, Any], field: str
) -> None:
    form = {name: value for name, value in {**FORM, **change}.items() if value is not None}

    response = sign_in(make_user()).post(URL, form, format="multipart")

    body = response.json()
    assert response.status_code == 400
    assert list(body["errors"]) == [field]
    assert body["code"] == "invalid"
    assert body["detail"] == f"{field}: {body['errors'][field][0]}"
    assert nothing_written()


def test_nothing_to_show_is_refused(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).post(URL, {"mockMode": "true", "prompt": "  "}, format="multipart")

    assert (response.status_code, response.json()) == (
        400,
        {"detail": "Give a prompt, an initial image, or a look with an image.", "code": "nothing_to_show"},
    )
    assert nothing_written()


def test_anonymous_is_refused_before_the_form_is_read(anonymous: Any, db: None) -> None:
    response = anonymous.post(URL, {}, format="multipart")

    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_empty_account_is_refused(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user(tokens=49)).post(URL, FORM, format="multipart")

    assert (response.status_code, response.json()) == (
        402,
        {"detail": "Insufficient tokens", "code": "insufficient_tokens", "balance": 49, "price": 50},
    )
    assert nothing_written()


def test_bad_form_comes_before_the_empty_account(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user(tokens=0)).post(URL, {**FORM, "mockMode": "x"}, format="multipart")

    assert response.status_code == 400


def test_fourth_job_is_refused(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    for phase in (Phase.QUEUED, Phase.GENERATING, Phase.STORING):
        make_job(ann, phase=phase)

    response = sign_in(ann).post(URL, FORM, format="multipart")

    assert (response.status_code, response.json(), response["Retry-After"]) == (
        429,
        {
            "detail": "Maximum 3 concurrent video jobs allowed. Please wait until one has finished.",
            "code": "too_many_jobs",
        },
        "10",
    )
    assert VideoJob.objects.count() == 3


def test_empty_account_comes_before_the_limit(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user(tokens=0)
    for _ in range(3):
        make_job(ann)

    assert sign_in(ann).post(URL, FORM, format="multipart").status_code == 402


def test_finished_jobs_do_not_count(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    for phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.GENERATING, Phase.QUEUED):
        make_job(ann, phase=phase)

    response = sign_in(ann).post(URL, FORM, format="multipart")

    assert response.status_code == 202
    assert sorted(ann.video_jobs.live().values_list("slot", flat=True)) == [1, 2, 3]


def test_unlimited_account_pays_nothing(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user(tokens=0)
    ann.token_account.unlimited = True
    ann.token_account.save(update_fields=["unlimited"])

    response = sign_in(ann).post(URL, FORM, format="multipart")

    assert (response.status_code, response.json()["tokensCharged"]) == (202, 0)
    assert list(LedgerEntry.objects.values_list("kind", "amount")) == [("charge", 0)]


def test_no_provider_is_unavailable_and_free(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).post(URL, {**FORM, "mockMode": "false"}, format="multipart")

    assert (response.status_code, response.json()["code"]) == (503, "no_provider")
    assert nothing_written()


@pytest.mark.parametrize(
    "body", ["[]", '"x"', "{", "[" * 100_000, '{"mockMode": NaN}', '{"prompt": "\\ud800", "mockMode": true}']
)
def test_hostile_json_is_a_400(make_user: MakeUser, sign_in: SignIn, body: str) -> None:
    response = sign_in(make_user()).post(URL, body, content_type="application/json")

    assert response.status_code == 400
    assert set(response.json()) >= {"detail", "code"}
    assert nothing_written()


def test_half_a_character_in_a_choice_is_a_400(make_user: MakeUser, sign_in: SignIn) -> None:
    body = '{"mockMode": true, "prompt": "x", "resolution": "\\ud800"}'

    response = sign_in(make_user()).post(URL, body, content_type="application/json")

    assert (response.status_code, list(response.json()["errors"])) == (400, ["resolution"])


@pytest.mark.parametrize("value", [5, 1.10, True, ["x"], {"x": 1}])
@pytest.mark.parametrize(("path", "field"), [(URL, "prompt"), ("/api/v1/looks", "title"), (REGISTER, "password")])
def test_what_is_no_text_is_not_made_one(
    make_user: MakeUser, sign_in: SignIn, path: str, field: str, value: Any
) -> None:
    rest = {URL: {"mockMode": True}, REGISTER: {"email": "ben@example.com"}}
    form = {**rest.get(path, {}), field: value}

    response = sign_in(make_user()).post(path, form, format="json")

    assert (response.status_code, response.json()["errors"][field]) == (400, ["Must be text."])
