"""From the result's URL to the stored video: playable files are delivered with their true properties."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from operations import video_health_checks
from studio.observability import counters
from studio.observability.health import Depth, Finding, Health, run_checks
from tests.conftest import MakeUser, SignIn
from tests.fakes.google import FakeGoogle
from tests.fakes.google_account import video_of_length
from tests.fixtures.video_jobs import ORDER, MakeJob, make_due
from tests.videos.engine.test_paid_path import drive
from videos import creation
from videos.engine import inputs, transfer
from videos.media import mp4
from videos.models import VideoJob
from videos.phases import Phase
from videos.providers.google_client import GEMINI_URL
from videos.providers.google_download import MISSING_TRIES
from videos.providers.mock_video import render
from videos.recovery import retry

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
URL = "/api/v1/video-jobs"
PAID = replace(ORDER, mock_mode=False, generate_audio=True)
FACTS = mp4.VideoFacts(
    width=1280, height=720, duration_seconds=8, fps=24, codec="h264", has_audio=True, has_provenance=False, size_bytes=9
)
MANIFEST = (
    b"\0\0\0\x2cuuid" + bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"\0\0\0\0manifest\0".ljust(20, b"\0")
)


@pytest.fixture
def upright(tmp_path: Path) -> bytes:
    """A video of two seconds, 9:16."""
    path = tmp_path / "upright.mp4"
    size: dict[str, Any] = {"width": 72, "height": 128, "duration_seconds": 2, "generate_audio": True}
    render(destination=path, prompt="upright", first_frame=None, seed="transfer", **size)
    return path.read_bytes()


def timeline(job: VideoJob) -> list[tuple[str, str]]:
    return list(job.logs.order_by("timestamp", "id").values_list("level", "message"))[2:]


def stored(job: VideoJob) -> bytes:
    return Path(default_storage.path(str(job.video.name))).read_bytes()


def differences() -> dict[tuple[str, ...], float]:
    counters.flush()
    with counters.connect() as client:
        sums = counters.sums(client)
    return {key[1]: number for key, number in sums.items() if key[0] == "studio_delivered_differently_total"}


def storing(make_job: MakeJob, make_user: MakeUser, result: str, *, seconds: int = 0, **fields: Any) -> VideoJob:
    """A job whose video Omni finished this long ago."""
    made_at = timezone.now() - timedelta(seconds=seconds)
    named = {"provider": "google_omni", "upstream_model": "gemini-omni-1.2-flash", "mock_mode": False, "result": result}
    return make_job(make_user(), phase=Phase.STORING, generated_at=made_at, **named, **fields)


def test_video_behind_a_gateway_is_stored_as_google_has_made_it(google: FakeGoogle, make_user: MakeUser) -> None:
    job = drive(creation.create(owner=make_user(), job_request=PAID))

    assert (job.phase, job.provider, job.result.startswith(GEMINI_URL)) == (Phase.SUCCEEDED, "google_omni", True)
    assert stored(job) == video_of_length(4)
    assert (job.delivered_seconds, job.delivered_aspect_ratio) == (None, "")
    assert timeline(job) == [("info", "The video is finished; storing it."), ("info", "The video is ready.")]
    assert len(google.calls("submit")) == 1


@pytest.mark.django_db(transaction=True)
def test_video_of_another_length_and_shape_is_delivered_and_shown_as_it_is(
    google: FakeGoogle, upright: bytes, make_user: MakeUser, sign_in: SignIn, client: Client
) -> None:
    google.account.video = upright
    ann, boss = make_user(), make_user("boss@example.com", staff=True)
    boss.is_superuser = True
    boss.save(update_fields=["is_superuser"])
    before = differences()

    job = drive(creation.create(owner=ann, job_request=PAID, idempotency_key="once"))

    assert (job.phase, stored(job)) == (Phase.SUCCEEDED, upright)
    assert (job.duration_seconds, job.delivered_seconds, job.delivered_aspect_ratio) == (4, pytest.approx(2), "9:16")
    assert timeline(job)[1:] == [
        ("warning", "The video is 2 seconds long instead of 4."),
        ("warning", "The video's aspect ratio is 9:16 instead of 16:9."),
        ("info", "The video is ready."),
    ]
    # as it is, wherever it is shown
    api = sign_in(ann)
    again = creation.create(owner=ann, job_request=PAID, idempotency_key="once")
    form = {"prompt": PAID.prompt, "durationSeconds": "4", "generateAudio": "true", "mockMode": "false"}
    shown = [
        api.get(f"{URL}/{job.pk}").json(),
        api.get(URL).json()["items"][0],
        api.post(URL, form, headers={"Idempotency-Key": "once"}).json(),
    ]
    assert [(body["id"], body["durationSeconds"], body["aspectRatio"]) for body in shown] == [
        (str(job.pk), 2, "9:16")
    ] * 3
    client.force_login(boss)
    page = client.get(f"/admin/videos/videojob/{job.pk}/change/").content.decode()
    assert ("Delivered seconds" in page, "9:16" in page) == (True, True)
    console = StringIO()
    call_command("jobs", "show", str(job.pk), "--json", stdout=console)
    row = json.loads(console.getvalue())["job"]
    assert (row["delivered_seconds"], row["delivered_aspect_ratio"]) == (job.delivered_seconds, "9:16")
    # what was requested stays: for a repeat, and for a retry
    assert again.pk == job.pk
    request, order = inputs.spec_of(job), retry._request_of(job)
    assert {(each.duration_seconds, each.aspect_ratio) for each in (request, order)} == {(4, "16:9")}
    after = differences()
    assert {what: after[what] - before.get(what, 0) for what in after} == {
        ("google_omni", "length"): 1,
        ("google_omni", "aspect_ratio"): 1,
    }


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"duration_seconds": 8.5}, []),
        ({"duration_seconds": 7.5}, []),
        ({"width": 1280, "height": 736}, []),
        ({"duration_seconds": 8.51}, ["The video is 9 seconds long instead of 8."]),
        ({"duration_seconds": 6.04}, ["The video is 6 seconds long instead of 8."]),
        ({"duration_seconds": 1.2}, ["The video is 1 second long instead of 8."]),
        ({"width": 1024, "height": 1024}, ["The video's aspect ratio is 1:1 instead of 16:9."]),
    ],
)
def test_difference_has_a_sentence(
    make_user: MakeUser, make_job: MakeJob, facts: dict[str, Any], expected: list[str]
) -> None:
    job = make_job(make_user(), duration_seconds=8)

    assert list(transfer._differences(job, replace(FACTS, **facts)).values()) == expected


@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("manifest", [MANIFEST, b""])
def test_provenance_goes_with_the_sound_and_the_timeline_says_so(
    google: FakeGoogle, make_user: MakeUser, manifest: bytes, sound: bool
) -> None:
    video = google.account.video = video_of_length(4) + manifest

    job = drive(creation.create(owner=make_user(), job_request=replace(PAID, generate_audio=sound)))

    lines = [transfer.PROVENANCE_LOST] if manifest and not sound else []
    assert timeline(job)[1:] == [("info", line) for line in [*lines, "The video is ready."]]
    assert (stored(job) == video, MANIFEST in stored(job)) == (sound, sound and bool(manifest))
    facts = mp4.inspect(path=Path(default_storage.path(str(job.video.name))))
    assert (facts.has_audio, facts.has_provenance) == (sound, sound and bool(manifest))


def test_file_at_another_host_ends_the_job_at_once(google: FakeGoogle, make_user: MakeUser, make_job: MakeJob) -> None:
    job = storing(make_job, make_user, "https://videos.example/video.mp4")

    transfer.transfer(job_id=str(job.pk))

    job.refresh_from_db()
    assert (job.phase, job.error_code, job.slot) == (Phase.FAILED, "result_unreadable", None)
    assert job.provider_reply == "download: led to https://videos.example, which is not Google's"
    assert google.account.calls == []


@pytest.mark.parametrize("fault", ["empty", "garbage", "redirect"])
def test_response_that_is_no_video_ends_the_job_after_some_tries(
    google: FakeGoogle, make_user: MakeUser, fault: str
) -> None:
    google.script("download", fault, times=99)
    ann = make_user()
    job = creation.create(owner=ann, job_request=PAID)

    phases = [drive(job, rounds=1).phase for _ in range(3 + MISSING_TRIES)]

    assert phases == ["generating", *["storing"] * (1 + MISSING_TRIES), "failed"]
    ann.token_account.refresh_from_db()
    assert (VideoJob.objects.get().error_code, ann.token_account.balance) == ("result_unreadable", 1000)


def test_response_that_is_no_video_for_once_costs_a_try(google: FakeGoogle, make_user: MakeUser) -> None:
    google.script("download", "empty", times=2)

    job = drive(creation.create(owner=make_user(), job_request=PAID))

    assert (job.phase, stored(job)) == (Phase.SUCCEEDED, video_of_length(4))


def test_transfer_that_fails_for_ten_minutes_is_a_finding(
    google: FakeGoogle, make_user: MakeUser, make_job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    google.script("download", "403", message="api_key:gemini-key of https://x.example/?sig=secret is out", times=99)
    job = storing(make_job, make_user, f"{GEMINI_URL}/v1beta/files/film1:download?alt=media", seconds=60)
    errors, findings = [], []
    for waited, lease_until in ((60, None), (700, 599), (2000, 1700)):  # seconds since the video was made
        made_at = timezone.now() - timedelta(seconds=waited)
        make_due(job)
        moment = made_at + timedelta(seconds=lease_until) if lease_until else None
        VideoJob.objects.update(generated_at=made_at, lease_until=moment)
        caplog.clear()
        transfer.transfer(job_id=str(job.pk))
        errors.append([record.message for record in caplog.records if record.levelname == "ERROR"])
        findings.append(run_checks(depth=Depth.QUICK)["transfers"])

    words = "Generated videos not stored for more than 10 minutes: 1. The oldest, "
    assert errors == [[], ["transfer.late"], []]
    assert findings[0] == Finding(Health.OK, "Generated videos are stored in time.")
    assert findings[1].health == findings[2].health == Health.DEGRADED
    assert findings[1].sentence.startswith(f"{words}{job.pk}, has waited 12 minutes. Its last failure: download: 403")
    assert findings[2].sentence.startswith(f"{words}{job.pk}, has waited 33 minutes. Its last failure: download: 403")
    assert not any(secret in findings[2].sentence for secret in ("gemini-key", "sig=secret"))


def test_oldest_of_the_late_transfers_is_named(
    make_user: MakeUser, make_job: MakeJob, django_assert_num_queries: Any
) -> None:
    ann = make_user()
    now = timezone.now()
    late = {"attempts": 4, "provider_reply": "no host"}
    old, older = (
        make_job(ann, phase=Phase.STORING, generated_at=now - timedelta(minutes=minutes), **late)
        for minutes in (20, 30)
    )
    make_job(ann, phase=Phase.STORING, generated_at=now - timedelta(minutes=40), attempts=0)  # not tried yet

    with django_assert_num_queries(3):  # refused, late, and failed jobs
        found = video_health_checks.transfers().sentence

    assert f"10 minutes: 2. The oldest, {older.pk}, has waited 30 minutes. Its last failure: no host" in found
    assert str(old.pk) not in found
