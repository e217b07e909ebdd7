"""GET /video-jobs?before=ID: the next page without repeats, while jobs arrive and go."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.conftest import MakeUser, SignIn
from tests.fixtures.staff import failed
from tests.fixtures.video_jobs import MakeJob
from tests.videos.api.test_query_plans import EXPLAINED, history, scans
from tests.videos.api.test_read import ids
from videos.models import VideoJob
from videos.phases import Phase

__all__ = ["history"]  # a fixture
pytestmark = pytest.mark.django_db
URL = "/api/v1/video-jobs"


def load_all(client: Any, between: Any = lambda page: None, **query: Any) -> list[str]:
    """The ids of every page, as a client loads more until there is no more."""
    found = ids(client.get(URL, {"limit": 2, **query}))
    while page := ids(client.get(URL, {"limit": 2, "before": found[-1], **query})):
        found += page
        between(found)
    return found


def test_pages_repeat_nothing_while_jobs_arrive(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    jobs = [str(make_job(ann, phase=Phase.FAILED).pk) for _ in range(7)]

    found = load_all(sign_in(ann), between=lambda _: make_job(ann, phase=Phase.FAILED))

    assert found == jobs[::-1]


def test_jobs_of_one_moment_are_each_listed_once(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    jobs = [str(make_job(ann, phase=Phase.FAILED).pk) for _ in range(5)]
    VideoJob.objects.update(created_at=datetime.now(UTC))

    assert load_all(sign_in(ann)) == sorted(jobs, reverse=True)


def test_deleted_job_is_still_a_place_in_the_list(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    jobs = [str(failed(ann).pk) for _ in range(6)]

    found = load_all(client, between=lambda found: client.delete(f"{URL}/{found[-1]}"))

    assert found == jobs[::-1]


def test_filters_apply_to_the_page_and_not_to_its_place(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob
) -> None:
    ann = make_user()
    older = make_job(ann)
    place = make_job(ann, phase=Phase.FAILED)
    make_job(ann)

    response = sign_in(ann).get(URL, {"status": "PENDING", "before": str(place.pk)})

    assert (ids(response), response.json()["total"], response.json()["skip"]) == ([str(older.pk)], 2, 0)


def test_admin_loads_more_of_everybody(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    boss = make_user("boss@example.com", staff=True)
    jobs = [str(make_job(make_user(f"{n}@example.com"), phase=Phase.FAILED).pk) for n in range(5)]

    assert load_all(sign_in(boss), all="true") == jobs[::-1]


@pytest.mark.parametrize("whose", ["nobody", "another user", "another user, deleted"])
def test_unknown_place_is_refused(make_user: MakeUser, sign_in: SignIn, whose: str) -> None:
    ann, ben = make_user(), make_user("ben@example.com")
    job = failed(ben)
    if whose == "another user, deleted":
        sign_in(ben).delete(f"{URL}/{job.pk}")

    response = sign_in(ann).get(URL, {"before": str(uuid.uuid4() if whose == "nobody" else job.pk)})

    assert (response.status_code, response.json()["code"]) == (400, "unknown_cursor")
    assert list(response.json()["errors"]) == ["before"]


@pytest.mark.parametrize(("query", "field"), [({"skip": "1"}, "skip"), ({"before": "x"}, "before")])
def test_malformed_place_is_refused(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob, query: dict[str, str], field: str
) -> None:
    ann = make_user()

    response = sign_in(ann).get(URL, {"before": str(make_job(ann).pk), **query})

    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "&status=FAILED", "&all=true", "&mockMode=false"])
def test_next_page_is_found_by_an_index(sign_in: SignIn, history: tuple[User, User], query: str) -> None:
    many, _ = history
    User.objects.filter(pk=many.pk).update(is_staff=True)
    place = VideoJob.objects.filter(owner=many).order_by("-created_at", "-id")[400]
    client = sign_in(many)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(f"{URL}?before={place.pk}{query}")

    asked = [query["sql"] for query in queries if query["sql"].startswith(EXPLAINED) and "COUNT(" not in query["sql"]]
    assert (response.status_code, len(response.json()["items"])) == (200, 20)
    assert {sql: lines for sql in asked if (lines := scans(sql))} == {}
