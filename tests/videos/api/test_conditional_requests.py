"""GET /video-jobs/{id} with ETag, If-None-Match, Retry-After and ?wait: polling that costs next to nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from looks.models import Look, LookVideo
from tests.conftest import MakeUser, SignIn
from tests.fixtures.staff import failed
from tests.fixtures.video_jobs import MakeJob
from tests.videos.api.test_videos_of_looks import make_look
from videos import creation
from videos.engine import outcomes, quota
from videos.models import JobLog, VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.recovery import retry

pytestmark = pytest.mark.django_db
URL = "/api/v1/video-jobs/{}"


class World:
    """A live job with two looks and a log, and its owner's client."""

    def __init__(self, owner: User, job: VideoJob, client: APIClient) -> None:
        self.owner, self.job, self.client = owner, job, client
        self.look, self.other = make_look(owner), make_look(owner)
        for look in (self.look, self.other):
            LookVideo.objects.create(look=look, video=job)
        job.log("The first line.")

    def row(self, **fields: Any) -> None:
        VideoJob.objects.filter(pk=self.job.pk).update(**fields)

    def link(self, **fields: Any) -> None:
        LookVideo.objects.filter(look=self.look, video=self.job).update(**fields)

    def look_row(self, **fields: Any) -> None:
        Look.objects.filter(pk=self.look.pk).update(**fields)


@pytest.fixture
def world(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> World:
    ann = make_user()
    return World(ann, make_job(ann, phase=Phase.GENERATING, expected_seconds=60), sign_in(ann))


CHANGES: dict[str, Callable[[World], Any]] = {
    "nothing": lambda world: None,
    "claimed for a poll": lambda world: quota.claim_polls(limit=9),
    "progress": lambda world: VideoJob.objects.show_progress(world.job, 50),
    "due again": lambda world: world.row(due_at=from_now(99)),
    "lease": lambda world: world.row(lease=new_lease(), lease_until=from_now(9)),
    "reply of the provider": lambda world: world.row(provider_reply="words"),
    "touched": lambda world: world.row(updated_at=Now()),
    "failed": lambda world: outcomes.fail(job=world.job, code="content_filtered"),
    "refunded": lambda world: world.row(tokens_refunded=50),
    "generated": lambda world: VideoJob.objects.transition(world.job, Phase.STORING, result="x", due_at=Now()),
    "poster": lambda world: world.row(poster="videos/x.jpg"),
    "video": lambda world: world.row(video="videos/x.mp4"),
    "delivered length": lambda world: world.row(delivered_seconds=6.4),
    "same length in whole seconds": lambda world: world.row(delivered_seconds=4.1),
    "delivered shape": lambda world: world.row(delivered_aspect_ratio="1:1"),
    "estimate": lambda world: world.row(expected_seconds=90),
    "line": lambda world: world.job.log("Another line."),
    "line removed": lambda world: JobLog.objects.filter(job=world.job).delete(),
    "line replaced": lambda world: JobLog.objects.filter(job=world.job).update(message="Other words."),
    "default": lambda world: world.link(is_default=True),
    "link removed": lambda world: LookVideo.objects.filter(video=world.job).first().delete(),  # type: ignore[union-attr]
    "look deleted": lambda world: world.look.delete(),
    "title": lambda world: world.look_row(title="Other title"),
    "notes": lambda world: world.look_row(notes="Not shown with the job"),
    "picture": lambda world: world.look_row(image="looks/other.png"),
    "thumbnail": lambda world: world.look_row(thumbnail="looks/other.png"),
    "order of the looks": lambda world: world.link(created_at=F("created_at") + (from_now(9) - Now())),
    "another job": lambda world: failed(world.owner),
    "own balance": lambda world: creation.create(
        owner=world.owner, job_request=retry._request_of(VideoJob.objects.get(pk=world.job.pk))
    ),
    "retried": lambda world: VideoJob.objects.filter(pk=failed(world.owner).pk).update(retry_of_id=world.job.pk),
    "retry of": lambda world: world.row(retry_of_id=failed(world.owner).pk),
}


@pytest.mark.parametrize("change", CHANGES)
def test_tag_changes_if_and_only_if_the_body_does(world: World, change: str) -> None:
    url = URL.format(world.job.pk)
    before = world.client.get(url)

    CHANGES[change](world)
    conditional = world.client.get(url, headers={"If-None-Match": before["ETag"]})
    after = world.client.get(url)

    is_same = before.json() == after.json()
    assert (before["ETag"] == after["ETag"]) == is_same
    assert (conditional.status_code, conditional["ETag"]) == (304 if is_same else 200, after["ETag"])
    assert conditional.content == b"" if is_same else conditional.json() == after.json()


def test_changes_above_are_of_both_kinds(world: World) -> None:
    quiet = {"nothing", "due again", "lease", "reply of the provider", "same length in whole seconds", "notes"}
    for change in sorted(quiet):
        before = world.client.get(URL.format(world.job.pk)).json()
        CHANGES[change](world)
        assert world.client.get(URL.format(world.job.pk)).json() == before


def test_tag_depends_on_the_urls_of_files(world: World, settings: Any) -> None:
    url = URL.format(world.job.pk)
    tags = [world.client.get(url)["ETag"], world.client.get(url, headers={"Host": "localhost:8000"})["ETag"]]
    settings.MEDIA_URL = "/elsewhere/"
    tags.append(world.client.get(url)["ETag"])

    assert len(set(tags)) == 3


@pytest.mark.parametrize("sent", ["{}", "{strong}", '"a", {}', "*"])
def test_client_that_has_the_job_gets_no_body(world: World, sent: str) -> None:
    url = URL.format(world.job.pk)
    tag = world.client.get(url)["ETag"]

    response = world.client.get(url, headers={"If-None-Match": sent.format(tag, strong=tag.removeprefix("W/"))})

    assert (response.status_code, response.content, response["ETag"]) == (304, b"", tag)
    assert response["Cache-Control"] == "no-store"


def test_head_has_the_same_headers(world: World) -> None:
    url = URL.format(world.job.pk)

    got, head = world.client.get(url), world.client.head(url)
    unchanged = world.client.head(url, headers={"If-None-Match": got["ETag"]})

    assert (head.status_code, head.content, head["ETag"]) == (200, b"", got["ETag"])
    assert unchanged.status_code == 304


def test_compressed_response_has_the_same_tag(world: World) -> None:
    for number in range(20):
        world.job.log(f"Line {number} of a job that is long enough to be worth compressing.")
    url = URL.format(world.job.pk)

    plain, small = world.client.get(url), world.client.get(url, headers={"Accept-Encoding": "gzip"})

    assert (small["Content-Encoding"], small["ETag"]) == ("gzip", plain["ETag"])


def test_stranger_gets_no_tag(world: World, make_user: MakeUser, sign_in: SignIn) -> None:
    tag = world.client.get(URL.format(world.job.pk))["ETag"]

    response = sign_in(make_user("ben@example.com")).get(URL.format(world.job.pk), headers={"If-None-Match": tag})

    assert (response.status_code, "ETag" in response) == (403, False)


def test_job_is_read_in_two_statements(world: World) -> None:
    url = URL.format(world.job.pk)
    tag = world.client.get(url)["ETag"]
    counts = []
    for headers in ({}, {"If-None-Match": tag}):
        with CaptureQueriesContext(connection) as queries:
            world.client.get(url, headers=headers)
        counts.append(len(queries))

    assert counts == [2, 2]  # the caller; the job with its looks and its log


def test_lines_and_looks_are_in_order(world: World) -> None:
    for number in range(12):
        JobLog.objects.create(job=world.job, level="info", message=str(number), timestamp=from_now(100 - number))
    body = world.client.get(URL.format(world.job.pk)).json()

    lines = JobLog.objects.filter(job=world.job).order_by("timestamp", "id")
    looks = LookVideo.objects.filter(video=world.job).order_by("created_at", "id")
    assert [line["message"] for line in body["logs"]] == [line.message for line in lines]
    assert [line["timestamp"] for line in body["logs"]] == [
        line.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z") for line in lines
    ]
    assert [look["id"] for look in body["associatedLooks"]] == [str(link.look_id) for link in looks]
    assert json.dumps(body)


@pytest.mark.parametrize(
    ("phase", "fields", "expected"),
    [
        (Phase.QUEUED, {"due_at": from_now(15)}, range(5, 6)),
        (Phase.QUEUED, {"due_at": from_now(12), "lease_until": from_now(12)}, range(12, 15)),
        (Phase.QUEUED, {"due_at": from_now(300), "lease_until": from_now(300)}, range(30, 31)),
        (Phase.SUBMITTING, {"due_at": from_now(120), "lease_until": from_now(120)}, range(5, 6)),
        (Phase.GENERATING, {"due_at": from_now(4)}, range(4, 7)),
        (Phase.GENERATING, {"due_at": from_now(60)}, range(30, 31)),
        (Phase.GENERATING, {"due_at": from_now(-60)}, range(1, 2)),
        (Phase.STORING, {"due_at": from_now(29), "lease_until": from_now(29)}, range(5, 6)),
        (Phase.STORING, {"due_at": from_now(900), "lease_until": from_now(900)}, range(30, 31)),
        (Phase.SUCCEEDED, {}, None),
        (Phase.FAILED, {}, None),
    ],
)
def test_live_job_says_when_to_ask_again(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob, phase: Phase, fields: dict[str, Any], expected: Any
) -> None:
    ann = make_user()
    job = make_job(ann, phase=phase, **fields)
    client = sign_in(ann)

    response = client.get(URL.format(job.pk))
    unchanged = client.get(URL.format(job.pk), headers={"If-None-Match": response["ETag"]})

    for each in (response, unchanged):
        if expected is None:
            assert "Retry-After" not in each
        else:
            assert int(each["Retry-After"]) in expected


@pytest.mark.parametrize(("wait", "status"), [("0", 200), ("60", 200), ("61", 400), ("-1", 400), ("x", 400)])
def test_wait_is_checked_and_the_response_comes_at_once(world: World, wait: str, status: int) -> None:
    response = world.client.get(URL.format(world.job.pk), {"wait": wait})

    assert response.status_code == status
    assert "Retry-After" in response if status == 200 else list(response.json()["errors"]) == ["wait"]


def test_tag_is_exposed_to_other_origins(world: World, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]

    response = world.client.get(URL.format(world.job.pk), headers={"Origin": "https://app.example.com"})

    assert "ETag" in response["Access-Control-Expose-Headers"]
