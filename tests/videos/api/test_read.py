"""GET /api/v1/video-jobs and /{id}: filters, pages, one job, and permissions."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext

from accounts.models import TokenAccount, User
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from videos.limits import add_to_job_count
from videos.models import VideoJob
from videos.phases import Phase

URL = "/api/v1/video-jobs"


def ids(response: Any) -> list[str]:
    return [item["id"] for item in response.json()["items"]]


def test_list_is_the_callers_own_newest_first(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann, ben = make_user(), make_user("ben@example.com")
    jobs = [make_job(ann, phase=Phase.FAILED) for _ in range(3)]
    make_job(ben)
    same = datetime.now(UTC)
    VideoJob.objects.filter(pk__in=[job.pk for job in jobs[:2]]).update(created_at=same)
    VideoJob.objects.filter(pk=jobs[2].pk).update(created_at=same - timedelta(seconds=1))

    response = sign_in(ann).get(URL)

    assert {name: response.json()[name] for name in ("total", "skip", "limit")} == {"total": 3, "skip": 0, "limit": 20}
    assert ids(response) == [*sorted([str(jobs[0].pk), str(jobs[1].pk)], reverse=True), str(jobs[2].pk)]


def test_pages_do_not_overlap(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    jobs = {str(make_job(ann, phase=Phase.FAILED).pk) for _ in range(5)}
    client = sign_in(ann)

    pages = [client.get(URL, {"skip": skip, "limit": 2}) for skip in (0, 2, 4, 6)]

    assert [len(ids(page)) for page in pages] == [2, 2, 1, 0]
    assert {job for page in pages for job in ids(page)} == jobs
    assert [page.json()["total"] for page in pages] == [5, 5, 5, 5]


def test_limit_is_capped(make_user: MakeUser, sign_in: SignIn) -> None:
    assert sign_in(make_user()).get(URL, {"limit": "5000"}).json()["limit"] == 100


@pytest.mark.parametrize(
    "query",
    [
        {"skip": "-1"},
        {"skip": "x"},
        {"skip": "1000001"},
        {"skip": ""},
        {"limit": "0"},
        {"limit": "-5"},
        {"limit": "1.5"},
        {"limit": "9" * 5000},
        {"limit": "٣"},
        {"status": "DONE"},
        {"status": ","},
        {"mockMode": "1"},
        {"all": "x"},
    ],
)
def test_malformed_query_is_a_400(make_user: MakeUser, sign_in: SignIn, query: dict[str, str]) -> None:
    response = sign_in(make_user()).get(URL, query)

    assert (response.status_code, list(response.json()["errors"])) == (400, list(query))


def test_filters(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    queued = str(make_job(ann).pk)
    running = str(make_job(ann, phase=Phase.GENERATING, mock_mode=False).pk)
    failed = str(make_job(ann, phase=Phase.FAILED).pk)
    client = sign_in(ann)

    found = {
        query: set(ids(client.get(f"{URL}?{query}")))
        for query in ("status=PENDING", "status=pending,FAILED", "status=RUNNING&status=FAILED", "mockMode=false")
    }

    assert found == {
        "status=PENDING": {queued},
        "status=pending,FAILED": {queued, failed},
        "status=RUNNING&status=FAILED": {running, failed},
        "mockMode=false": {running},
    }


def test_only_an_admin_lists_everybodys(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann, boss = make_user(), make_user("boss@example.com", staff=True)
    job = make_job(ann)

    refused = sign_in(ann).get(URL, {"all": "true"})
    everybodys = sign_in(boss).get(URL, {"all": "true"})

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert ids(everybodys) == [str(job.pk)]
    assert ids(sign_in(boss).get(URL)) == []


def test_list_costs_the_same_for_one_and_three(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    client = sign_in(ann)
    counts = []
    for more in (1, 2):
        for _ in range(more):
            make_job(ann, phase=Phase.SUCCEEDED)
        with CaptureQueriesContext(connection) as queries:
            client.get(URL)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 4


def test_item_has_both_spellings_and_never_a_missing_key(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob
) -> None:
    ann = make_user()
    job = make_job(ann, phase=Phase.SUCCEEDED, prompt="", resolution="1280x720", duration_seconds=5)

    item = sign_in(ann).get(URL).json()["items"][0]

    url = f"http://testserver/media/videos/{job.pk}.mp4"
    assert (item["cloudinaryUrl"], item["cloudinary_url"]) == (url, url)
    assert (item["progressPercentage"], item["progress_percentage"]) == (100, 100)
    assert (item["createdAt"], item["updatedAt"]) == (item["created_at"], item["updated_at"])
    assert (item["prompt"], item["resolution"], item["durationSeconds"]) == ("", "1280x720", 5)
    assert (item["errorCode"], item["errorMessage"], item["posterUrl"]) == (None, None, None)
    assert "logs" not in item


def test_detail_shows_the_timeline_oldest_first(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    job = make_job(ann, phase=Phase.FAILED)
    job.log("one")
    job.log("two")

    response = sign_in(ann).get(f"{URL}/{str(job.pk).upper()}/")

    body = response.json()
    assert [(line["level"], line["message"]) for line in body["logs"]] == [("info", "one"), ("info", "two")]
    assert (body["status"], body["errorCode"], body["errorMessage"]) == (
        "FAILED",
        "generation_failed",
        "The video could not be made. The attempt cost 50 tokens.",
    )


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize(
    ("who", "expected"), [("owner", {200, 204}), ("other", {403}), ("admin", {200, 204}), ("anonymous", {401})]
)
def test_permissions_on_a_job(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob, anonymous: Any, who: str, expected: set[int], method: str
) -> None:
    ann = make_user()
    job = make_job(ann)
    clients = {
        "owner": sign_in(ann),
        "other": sign_in(make_user("ben@example.com")),
        "admin": sign_in(make_user("boss@example.com", staff=True)),
        "anonymous": anonymous,
    }

    response = getattr(clients[who], method)(f"{URL}/{job.pk}", content_type="application/json")

    assert response.status_code in expected
    assert VideoJob.objects.exists() == (method == "get" or who in {"other", "anonymous"})


@pytest.mark.parametrize("path", ["no-uuid", "00000000-0000-4000-8000-000000000000", "%00", "a" * 5000])
@pytest.mark.parametrize("method", ["get", "delete"])
def test_unknown_job_is_a_404(make_user: MakeUser, sign_in: SignIn, path: str, method: str) -> None:
    response = getattr(sign_in(make_user()), method)(f"{URL}/{path}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_total_follows_what_is_made_and_deleted(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    form = {"mockMode": "true", "prompt": "x", "durationSeconds": "4"}

    totals = []
    for _ in range(3):
        made = client.post(URL, form).json()
        totals.append(client.get(URL, {"limit": 1}).json()["total"])
    client.delete(f"{URL}/{made['id']}")
    client.delete(f"{URL}/{made['id']}")

    assert [*totals, client.get(URL, {"limit": 1}).json()["total"]] == [1, 2, 3, 2]


def test_total_that_is_too_low_does_not_prevent_a_deletion(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob
) -> None:
    job = make_job(make_user(), phase=Phase.FAILED)
    add_to_job_count(user_id=job.owner_id, more=-1)

    assert sign_in(job.owner).delete(f"{URL}/{job.pk}").status_code == 204
    assert TokenAccount.objects.get(user=job.owner).video_job_count == 0


def test_user_without_an_account_has_an_empty_list(sign_in: SignIn, db: None) -> None:
    person = User.objects.bulk_create([User(email="ann@example.com")])[0]

    assert sign_in(person).get(URL).json()["total"] == 0


def test_jobs_from_before_they_were_counted_are_counted(make_user: MakeUser, make_job: MakeJob) -> None:
    ann, ben = make_user(), make_user("ben@example.com")
    for _ in range(2):
        make_job(ann)
    TokenAccount.objects.update(video_job_count=9)

    before = MigrationLoader(connection).project_state(("videos", "0010_count_jobs"))
    import_module("videos.migrations.0010_count_jobs").count(before.apps, None)

    assert dict(TokenAccount.objects.values_list("user", "video_job_count")) == {ann.pk: 2, ben.pk: 0}
